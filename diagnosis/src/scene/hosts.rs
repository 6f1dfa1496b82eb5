//! Hosts that are counted: all that were seen, and of them those that fail.

use crate::numerics::math::{fisher, ratio};

/// Hosts of one side of a comparison.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts {
    pub seen: u64,
    /// Of them failing.
    pub failing: u64,
}

impl Hosts {
    /// Counts one host if `seen`, and as failing if `failing`.
    pub(crate) fn count(&mut self, seen: bool, failing: bool) {
        self.seen += u64::from(seen);
        self.failing += u64::from(failing);
    }

    /// Share of them that fails.
    pub(crate) fn share(self) -> f64 {
        ratio(self.failing, self.seen)
    }

    /// Those of `all` that are not among these.
    pub(crate) fn others_of(self, all: Self) -> Self {
        Self { seen: all.seen - self.seen, failing: all.failing - self.failing }
    }

    /// ln of the probability that as many of these fail by chance, where those `outside` do.
    pub(crate) fn ln_p(self, outside: Self) -> f64 {
        fisher(self.failing, self.seen - self.failing, outside.failing, outside.seen - outside.failing)
    }

    /// All of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { seen: self.seen + other.seen, failing: self.failing + other.failing }
    }
}
