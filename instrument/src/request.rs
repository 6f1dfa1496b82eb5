//! One request that may use several configs: counted once in the total and once under each version it used.

use crate::live::{Live, Pin};
use crate::tag::{Outcome, Tag};
use std::cell::Cell;

/// Versions that one request can be counted under; more are counted as dropped.
const TAGS_MAX: usize = 8;

/// Counts one request: once in the total, and once under each version in `tags` (one tag for each config it used).
#[inline]
pub fn record_request(outcome: Outcome, tags: &[Tag]) {
    if outcome.is_failure() {
        return record_failed(outcome, tags);
    }
    crate::tag::record_total(outcome);
    for tag in tags {
        tag.record(outcome);
    }
}

/// As [`record_request`], for several tags. It checks once for a request whether it failed, not once for each tag.
#[cold]
fn record_failed(outcome: Outcome, tags: &[Tag]) {
    crate::tag::record_total(outcome);
    for tag in tags {
        tag.record(outcome);
    }
}

/// A request under way. [`Self::finish`] counts it; dropped in a panic, it counts the outcome `panic`; dropped without
/// either (the client went away), it counts nothing. Holds only tags, so it may cross awaits and threads.
#[derive(Debug, Default)]
pub struct Request {
    tags: [Cell<Option<Tag>>; TAGS_MAX],
    finished: Cell<bool>,
}

impl Request {
    /// A request that has used nothing so far.
    #[must_use]
    pub fn start() -> Self {
        Self::default()
    }

    /// The request uses this version. The same tag twice counts once.
    pub fn uses(&self, tag: Tag) {
        if tag.is_none() || self.tags.iter().any(|known| known.get() == Some(tag)) {
            return;
        }
        match self.tags.iter().find(|place| place.get().is_none()) {
            Some(place) => place.set(Some(tag)),
            None => crate::tag::count_dropped(),
        }
    }

    /// Pins the active version of `live` and counts this request under it.
    #[must_use]
    pub fn pin<T>(&self, live: &Live<T>) -> Option<Pin<T>> {
        let pin = live.pin()?;
        pin.disarm();
        self.uses(pin.tag());
        Some(pin)
    }

    /// Counts the request.
    pub fn finish(self, outcome: Outcome) {
        self.count(outcome);
    }

    fn count(&self, outcome: Outcome) {
        if self.finished.replace(true) {
            return;
        }
        crate::tag::record_total(outcome);
        for tag in self.tags.iter().filter_map(Cell::get) {
            match outcome {
                Outcome::Panic => crate::tag::record_panic(tag),
                _ => tag.record(outcome),
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.count(Outcome::Panic);
        }
    }
}
