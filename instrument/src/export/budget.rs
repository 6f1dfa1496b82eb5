//! How much may be sent, and when the next report is due. Pure: time comes in as an argument.

use std::time::{Duration, Instant};

/// Longest pause between two attempts.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Seconds of the budget that may be sent at once.
const BURST_SECONDS: u64 = 30;

/// Bytes that may be sent: so many a second, and a burst. A body larger than the rest is sent and paid off afterwards, so
/// that no body is too large for ever.
#[derive(Debug)]
pub(super) struct Budget {
    per_second: u64,
    rest: i128,
    at: Instant,
}

impl Budget {
    pub(super) fn new(per_second: u64, now: Instant) -> Self {
        Self { per_second, rest: i128::from(per_second) * i128::from(BURST_SECONDS), at: now }
    }

    /// Takes `bytes`, or says no.
    pub(super) fn take(&mut self, bytes: usize, now: Instant) -> bool {
        let elapsed = now.saturating_duration_since(self.at);
        self.at = self.at.max(now);
        let earned = i128::from(self.per_second) * i128::try_from(elapsed.as_millis()).unwrap_or(0) / 1000;
        let full = i128::from(self.per_second) * i128::from(BURST_SECONDS);
        self.rest = (self.rest + earned).min(full);
        let allowed = self.rest > 0;
        if allowed {
            self.rest -= i128::try_from(bytes).unwrap_or(i128::MAX / 2);
        }
        allowed
    }
}

/// Pause before the next attempt after `failures` in a row, spread by `random` so that a fleet does not come all at once. What
/// the receiver asks for (`retry_after`) is the least.
pub(super) fn pause(every: Duration, failures: u32, retry_after: Option<Duration>, random: u64) -> Duration {
    let doubled = every.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX.max(every));
    // Four fifths to six fifths.
    let spread = doubled.mul_f64(0.8 + 0.4 * f64::from(u32::try_from(random >> 32).unwrap_or(0)) / f64::from(u32::MAX));
    spread.max(retry_after.unwrap_or(Duration::ZERO).min(PAUSE_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_too_much_is_paid_off_before_more_is_sent() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut budget = Budget::new(100, start);
        assert!(budget.take(5000, start), "a body larger than the burst of 3000");
        assert!(!budget.take(1, at(19)) && budget.take(1, at(21)));
        assert!(
            !budget.take(0, at(21) - Duration::from_secs(30)) || budget.rest > 0,
            "a clock that goes back earns nothing"
        );
    }

    #[test]
    fn pauses_double_are_bounded_and_spread() {
        let ten = Duration::from_secs(10);
        assert_eq!(pause(ten, 0, None, 0), Duration::from_secs(8));
        assert_eq!(pause(ten, 0, None, u64::MAX), Duration::from_secs(12));
        assert_eq!(pause(ten, 2, None, 0), Duration::from_secs(32));
        assert_eq!(pause(ten, 40, None, 0), Duration::from_secs(240));
        assert_eq!(pause(ten, 0, Some(Duration::from_secs(77)), 0), Duration::from_secs(77));
        assert_eq!(pause(ten, 0, Some(Duration::from_secs(9999)), 0), PAUSE_MAX, "nobody silences a proxy for long");
    }
}
