//! The tag: which version of which config produced a result. Copy, one word, may cross awaits and threads.

use crate::score::Score;
use firstbad_protocol::Hash;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Served.
    Ok = 1,
    /// Failed without a panic.
    Error = 2,
    /// Ended in a panic.
    Panic = 3,
}

/// The version that produced a result. What is recorded through it counts under that version, whatever is active by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tag(pub(crate) u64);

impl Tag {
    /// No version: recording through it does nothing.
    pub const NONE: Self = Self(0);

    /// Whether there is a version behind the tag.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Counts one request of this config under this version. For a proxy with several configs, see
    /// [`crate::record_request`], which also counts the total.
    pub fn record(self, outcome: Outcome) {
        let _ = outcome;
    }

    /// Counts one score given under this version.
    pub fn score(self, score: &Score, value: u8) {
        let _ = (score, value);
    }

    /// Counts one score, cut into the buckets that `score` declares; NaN, below and above are counted as such.
    pub fn score_f64(self, score: &Score, value: f64) {
        let _ = (score, value);
    }

    /// The version's hash, while the recorder still knows the version.
    #[must_use]
    pub fn hash(self) -> Option<Hash> {
        None
    }
}

pub(crate) fn record_total(outcome: Outcome) {
    let _ = outcome;
}

pub(crate) fn count_dropped() {}
