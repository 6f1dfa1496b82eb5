//! The new engine: room for 200 features is set aside in advance, and the request path unwraps when more are appended.
//! That is the published code of 18 November 2025 in shape (incidents.md 1): the file loads, each request then panics.

use super::features;
use super::rules::{self, Rules};
use super::{BOT, Proxy, short, tell};
use crate::http::Answer;
use crate::processes::Report;
use crate::truth::{GUILTY_CONFIG, INNOCENT_CONFIG, ROWS_LIMIT};
use firstbad_instrument::{Hash, Live, LoadOutcome, Origin, Outcome, Pin, Request};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static FEATURES: Live<Vec<String>> = Live::new(GUILTY_CONFIG).limit("rows", ROWS_LIMIT as u64).score(&BOT);
static RULES: Live<Rules> = Live::new(INNOCENT_CONFIG);

/// What a request's features are computed in: its memory is set aside in advance, so the request path never allocates.
#[derive(Debug)]
struct Arena {
    values: Vec<f64>,
}

/// More features than memory was set aside for.
#[derive(Debug)]
#[expect(dead_code, reason = "its fields are what the panic message shows")]
struct OutOfSpace {
    features: usize,
    limit: usize,
}

impl Arena {
    fn new() -> Self {
        Self { values: Vec::with_capacity(ROWS_LIMIT) }
    }

    fn append_with_names(&mut self, path: &str, names: &[String]) -> Result<&[f64], OutOfSpace> {
        self.values.clear();
        if names.len() > ROWS_LIMIT {
            return Err(OutOfSpace { features: names.len(), limit: ROWS_LIMIT });
        }
        self.values.extend(names.iter().map(|name| features::value(path, name)));
        Ok(&self.values)
    }
}

/// The engine.
#[derive(Debug)]
pub(super) struct Fl2 {
    arenas: Mutex<Vec<Arena>>,
    /// A lost arena is replaced by a new one.
    replaces: bool,
    ran_dry: AtomicBool,
}

impl Fl2 {
    /// An engine with a fixed number of arenas, or with as many as it takes.
    pub(super) fn new(arenas: Option<u32>) -> Self {
        let pool = (0..arenas.unwrap_or(1)).map(|_| Arena::new()).collect();
        Self { arenas: Mutex::new(pool), replaces: arenas.is_none(), ran_dry: AtomicBool::new(false) }
    }

    fn take_arena(&self) -> Option<Arena> {
        let taken = self.arenas.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let arena = taken.or_else(|| self.replaces.then(Arena::new));
        if arena.is_none() && !self.ran_dry.swap(true, Ordering::Relaxed) {
            tell(&Report::Poisoned);
        }
        arena
    }

    fn give_back(&self, arena: Arena) {
        self.arenas.lock().unwrap_or_else(PoisonError::into_inner).push(arena);
    }

    /// The bots module. Its arena comes back unless it panics; without one there is no score.
    fn bot_score(&self, path: &str, names: &Pin<Vec<String>>) -> Option<u8> {
        let mut arena = self.take_arena()?;
        #[expect(clippy::unwrap_used, reason = "the mistake that is staged: Cloudflare's unwrap of 18 November 2025")]
        let values = arena.append_with_names(path, names).unwrap();
        let score = features::score(values);
        names.score(&BOT, score);
        self.give_back(arena);
        Some(score)
    }

    fn handle(&self, path: &str) -> Answer {
        let request = Request::start();
        let blocked = request.pin(&RULES).is_some_and(|rules| rules.blocks(path));
        let used = if blocked || path.starts_with("/static/") { None } else { request.pin(&FEATURES) };
        let Some(names) = used else {
            request.finish(Outcome::Ok);
            return Answer::bare(if blocked { 403 } else { 200 });
        };
        let score = self.bot_score(path, &names);
        request.finish(if score.is_some() { Outcome::Ok } else { Outcome::Error });
        Answer { status: if score.is_some() { 200 } else { 507 }, score, input: short(names.tag()) }
    }
}

impl Proxy for Fl2 {
    fn load(&self, config: &str, bytes: &[u8], origin: &Origin) -> (Hash, usize) {
        let outcome = if config == GUILTY_CONFIG {
            FEATURES.load_bytes(bytes, origin, features::parse)
        } else {
            RULES.load_bytes(bytes, origin, rules::parse)
        };
        if let LoadOutcome::KeptLastGood(refusal) | LoadOutcome::Rejected(refusal) = &outcome {
            tell(&Report::Trouble(format!("{config} was refused: {}", refusal.error)));
        }
        let rows = features::parse(bytes).unwrap_or_default().len();
        (outcome.hash().unwrap_or_else(|| Hash::of(bytes)), rows)
    }

    /// A panic ends the request and nothing else, as it does in any server that catches it.
    fn answer(&self, path: &str) -> Answer {
        catch_unwind(AssertUnwindSafe(|| self.handle(path))).unwrap_or(Answer::bare(500))
    }
}
