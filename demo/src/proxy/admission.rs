//! How many requests a process takes: a token bucket, as every proxy has one. What a refused request gets is decided by
//! the caller.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Requests per second that a process admits: three times the mean, a third of a surge.
const RATE: f64 = 75.0;
/// Requests that may come at once.
const BURST: f64 = 40.0;

/// The bucket.
#[derive(Debug)]
pub(super) struct Admission {
    state: Mutex<(f64, Instant)>,
}

impl Admission {
    /// A full bucket.
    pub(super) fn new(now: Instant) -> Self {
        Self { state: Mutex::new((BURST, now)) }
    }

    /// Whether a request that comes `now` is admitted.
    pub(super) fn admits(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (tokens, since) = *state;
        let tokens = (tokens + now.saturating_duration_since(since).as_secs_f64() * RATE).min(BURST);
        let admitted = tokens >= 1.0;
        *state = (if admitted { tokens - 1.0 } else { tokens }, now);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_rate_is_kept_over_time() {
        let start = Instant::now();
        let admission = Admission::new(start);
        let admitted = (0..2000_u64).filter(|tick| admission.admits(start + Duration::from_millis(tick * 5))).count();
        assert!((780..=800).contains(&admitted), "{admitted} of 2000 in ten seconds");
    }
}
