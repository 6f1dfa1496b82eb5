//! Since when the fleet is observed: a process that started later is known from its start. It is the middle of when the
//! first senders were first seen, so that one clock that stands in 1972 does not make everything later seem observed.

use super::keys::Key;
use serde::{Deserialize, Serialize};

/// Senders that decide.
const SENDERS_MAX: usize = 33;

/// When the first senders were first seen.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Observed {
    first: Vec<(Key, i64)>,
    from: Option<i64>,
}

impl Observed {
    /// Notes that `sender` was seen at `time`.
    pub(super) fn note(&mut self, sender: Key, time: i64) {
        if self.first.len() >= SENDERS_MAX || self.first.iter().any(|(known, _)| *known == sender) {
            return;
        }
        self.first.push((sender, time));
        let mut times: Vec<i64> = self.first.iter().map(|(_, time)| *time).collect();
        times.sort_unstable();
        self.from = times.get(times.len() / 2).copied();
    }

    /// Since when; never, before anything was seen.
    pub(super) fn from(&self) -> i64 {
        self.from.unwrap_or(i64::MAX)
    }
}
