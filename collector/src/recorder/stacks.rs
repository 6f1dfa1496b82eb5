//! Stacks of panics in names, worked out by the agent and beside its reports: each stack of a binary once, one binary at a time,
//! and for at most a tenth of the time. What is not known in time is shipped as addresses.

use super::symbols::Symbols;
use firstbad_protocol::recorder::{RecorderImage, SiteImage};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long one report waits for names.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rest after the work on a binary, in multiples of what it took.
const REST: u32 = 9;
/// Stacks that are remembered.
const STACKS_MAX: usize = 1024;

/// The addresses of one stack within its binary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stack {
    build_id: Vec<u8>,
    addresses: Vec<u64>,
}

impl Stack {
    fn of(image: &RecorderImage, site: &SiteImage) -> Self {
        let addresses = site.frames.iter().map(|frame| frame.wrapping_sub(image.load_bias)).collect();
        Self { build_id: image.build_id.clone(), addresses }
    }
}

/// Names of stacks.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    /// None: its binary is not at hand.
    known: BTreeMap<Stack, Option<Vec<String>>>,
    working: Option<Working>,
    rest_until: Option<Instant>,
    give_up: Option<Instant>,
}

/// The work on one binary.
#[derive(Debug)]
struct Working {
    begun: Instant,
    stacks: Vec<Stack>,
    answer: Receiver<Option<Vec<Vec<String>>>>,
}

impl Stacks {
    /// A report begins.
    pub(super) fn begin(&mut self) {
        self.give_up = Some(Instant::now() + PATIENCE);
        self.wait(Duration::ZERO);
    }

    /// Names the stacks of `sites`, as far as the report can wait for it.
    pub(super) fn name<'a>(
        &mut self,
        image: &RecorderImage,
        sites: impl Iterator<Item = &'a SiteImage>,
        binary: impl FnOnce() -> Option<File>,
    ) {
        let stacks = sites.map(|site| Stack::of(image, site)).filter(|stack| !self.known.contains_key(stack));
        let stacks: BTreeSet<Stack> = stacks.filter(|stack| !stack.addresses.is_empty()).collect();
        let rests = self.rest_until.is_some_and(|until| Instant::now() < until);
        if stacks.is_empty() || rests || self.working.is_some() {
            return;
        }
        self.begin_work(stacks.into_iter().collect(), binary());
        let left = self.give_up.map(|give_up| give_up.saturating_duration_since(Instant::now()));
        self.wait(left.unwrap_or_default());
    }

    /// The names of a stack, if they are known.
    pub(super) fn names(&self, image: &RecorderImage, site: &SiteImage) -> Option<&[String]> {
        self.known.get(&Stack::of(image, site))?.as_deref()
    }

    fn begin_work(&mut self, stacks: Vec<Stack>, binary: Option<File>) {
        let Some(binary) = binary else { return self.remember(stacks, None) };
        let (sender, answer) = channel();
        let wanted = stacks.clone();
        let work = move || {
            let build_id = wanted.first().map(|stack| stack.build_id.as_slice()).unwrap_or_default();
            let symbols = Symbols::of_file(build_id, binary);
            if let Err(why) = &symbols {
                tracing::debug!(%why, "a stack is shipped as addresses");
            }
            let lines = |symbols: Symbols| wanted.iter().map(|stack| symbols.lines(&stack.addresses)).collect();
            let _ = sender.send(symbols.ok().map(lines));
        };
        // A thread of its own: nothing that is wrong with a binary harms the report.
        if std::thread::Builder::new().name("firstbad-symbols".to_owned()).spawn(work).is_ok() {
            self.working = Some(Working { begun: Instant::now(), stacks, answer });
        }
    }

    fn wait(&mut self, longest: Duration) {
        let Some(working) = &self.working else { return };
        let found = match working.answer.recv_timeout(longest) {
            Err(RecvTimeoutError::Timeout) => return,
            Err(RecvTimeoutError::Disconnected) => None,
            Ok(found) => found,
        };
        if let Some(working) = self.working.take() {
            self.rest_until = Some(Instant::now() + working.begun.elapsed().saturating_mul(REST));
            self.remember(working.stacks, found);
        }
    }

    fn remember(&mut self, stacks: Vec<Stack>, found: Option<Vec<Vec<String>>>) {
        if self.known.len() + stacks.len() > STACKS_MAX {
            self.known.clear();
        }
        let mut names = found.into_iter().flatten();
        self.known.extend(stacks.into_iter().map(|stack| (stack, names.next())));
    }
}
