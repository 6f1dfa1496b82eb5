//! Event time in nanoseconds, and what it is in seconds and in parts of a report. Nothing is decided here.

use serde::{Deserialize, Serialize};

/// Nanoseconds of event time.
pub(crate) type Ns = i64;

/// A stretch of event time, such as that of a report, by the corrected clock of its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Window {
    pub start: Ns,
    pub end: Ns,
}

impl Window {
    #[inline]
    pub(crate) fn length(self) -> Ns {
        self.end - self.start
    }

    /// Whether a time lies in it; the end does not.
    #[inline]
    pub(crate) fn contains(self, at: Ns) -> bool {
        self.start <= at && at < self.end
    }
}

/// Where something most likely lies, and the standard deviation of that, ns; the deviation is zero where it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub at: Ns,
    pub deviation: Ns,
}

#[expect(clippy::cast_precision_loss, reason = "seconds need no nanosecond precision")]
pub(crate) fn seconds(ns: Ns) -> f64 {
    ns as f64 / 1e9
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of one incident")]
pub(crate) fn from_seconds(seconds: f64) -> Ns {
    (seconds * 1e9) as Ns
}

/// Some reports' length.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a few reports' length")]
pub(crate) fn part_of(span: Ns, part: f64) -> Ns {
    (span as f64 * part) as Ns
}
