//! The old engine: it keeps its own loader and only reports what it did. A file with too many features leaves its module
//! without any, and then every request scores 0, without an error (incidents.md 1, "FL vs FL2").

use super::features;
use super::rules::{self, Rules};
use super::{BOT, Proxy, short};
use crate::http::Answer;
use crate::truth::{GUILTY_CONFIG, INNOCENT_CONFIG, ROWS_LIMIT};
use firstbad_instrument::{Config, Hash, Origin, Outcome, Request, Tag, record_load};
use std::sync::{Arc, PoisonError, RwLock};

static FEATURES: Config = Config::new(GUILTY_CONFIG).limit("rows", ROWS_LIMIT as u64).score(&BOT);
static RULES: Config = Config::new(INNOCENT_CONFIG);

/// A parsed version and the tag of what was recorded about it.
type Loaded<T> = RwLock<Option<(Arc<T>, Tag)>>;

/// The engine.
#[derive(Debug, Default)]
pub(super) struct Fl {
    features: Loaded<Vec<String>>,
    rules: Loaded<Rules>,
}

fn active<T>(loaded: &Loaded<T>) -> Option<(Arc<T>, Tag)> {
    loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
}

fn replace<T>(loaded: &Loaded<T>, value: T, tag: Tag) {
    *loaded.write().unwrap_or_else(PoisonError::into_inner) = Some((Arc::new(value), tag));
}

/// The table has 200 places. What does not fit leaves it empty, and nobody is told: the mistake of the old engine.
fn table(bytes: &[u8]) -> Vec<String> {
    features::parse(bytes).ok().filter(|names| names.len() <= ROWS_LIMIT).unwrap_or_default()
}

impl Proxy for Fl {
    fn load(&self, config: &str, bytes: &[u8], origin: &Origin) -> (Hash, usize) {
        if config == GUILTY_CONFIG {
            replace(&self.features, table(bytes), record_load(&FEATURES, bytes, origin, Ok(())));
        } else {
            let parsed = rules::parse(bytes).unwrap_or_default();
            replace(&self.rules, parsed, record_load(&RULES, bytes, origin, Ok(())));
        }
        (Hash::of(bytes), features::parse(bytes).unwrap_or_default().len())
    }

    fn answer(&self, path: &str) -> Answer {
        let request = Request::start();
        if let Some((rules, tag)) = active(&self.rules) {
            request.uses(tag);
            if rules.blocks(path) {
                request.finish(Outcome::Ok);
                return Answer::bare(403);
            }
        }
        let used = if path.starts_with("/static/") { None } else { active(&self.features) };
        let Some((names, tag)) = used else {
            request.finish(Outcome::Ok);
            return Answer::bare(200);
        };
        request.uses(tag);
        let values: Vec<f64> = names.iter().map(|name| features::value(path, name)).collect();
        let score = if values.is_empty() { 0 } else { features::score(&values) };
        tag.score(&BOT, score);
        request.finish(Outcome::Ok);
        Answer { status: 200, score: Some(score), input: short(tag) }
    }
}
