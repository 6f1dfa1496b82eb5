//! The wall clock, which all processes of a run share.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the time in nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Returns the seconds from one time to another; negative if the other is earlier.
#[expect(clippy::cast_precision_loss, reason = "seconds of a run that lasts minutes")]
pub(crate) fn seconds_between(from_ns: u64, to_ns: u64) -> f64 {
    (i128::from(to_ns) - i128::from(from_ns)) as f64 / 1e9
}
