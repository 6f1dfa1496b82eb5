//! One line in the log when a sender begins to be refused for a reason, and none while that goes on: the metric counts.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// After so long without a refusal of the kind, the next one is logged again.
const QUIET: Duration = Duration::from_secs(600);
/// Senders and reasons that are remembered. Beyond it the reason alone is.
const KINDS_MAX: usize = 256;

/// What is one kind of refusal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    reason: &'static str,
    /// None: an address of a sender beyond [`KINDS_MAX`], or none is known.
    from: Option<IpAddr>,
}

/// When each kind was seen last.
#[derive(Debug, Default)]
pub(crate) struct RefusalLog(Mutex<BTreeMap<Kind, Instant>>);

impl RefusalLog {
    /// Logs the first refusal for `reason` of a sender at `from`. `why` is called only then.
    pub(crate) fn note(&self, reason: &'static str, from: Option<IpAddr>, why: &dyn Fn() -> String) {
        if self.is_first(reason, from, Instant::now()) {
            let from = from.map_or_else(|| "unknown".to_owned(), |from| from.to_string());
            tracing::warn!(reason, from, why = why(), "refused; more of the same is counted and not logged");
        }
    }

    fn is_first(&self, reason: &'static str, from: Option<IpAddr>, now: Instant) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= KINDS_MAX {
            seen.retain(|_, at| now.saturating_duration_since(*at) < QUIET);
        }
        let mut kind = Kind { reason, from };
        if seen.len() >= KINDS_MAX && !seen.contains_key(&kind) {
            kind.from = None;
        }
        let before = seen.insert(kind, now);
        before.is_none_or(|before| now.saturating_duration_since(before) >= QUIET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(n: u32) -> Option<IpAddr> {
        Some(IpAddr::from(n.to_be_bytes()))
    }

    #[test]
    fn each_sender_and_reason_has_one_line_until_it_was_quiet_for_a_while() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        assert!(log.is_first("malformed", sender(1), start));
        assert!(!log.is_first("malformed", sender(1), start + QUIET / 2));
        assert!(log.is_first("slow", sender(1), start), "another reason");
        assert!(log.is_first("malformed", sender(2), start), "another sender");
        assert!(!log.is_first("malformed", sender(1), start + QUIET), "it was refused half of that time ago");
        assert!(log.is_first("malformed", sender(1), start + QUIET * 3));
    }

    #[test]
    fn senders_without_number_make_no_storm() {
        let (log, start) = (RefusalLog::default(), Instant::now());
        let lines = (0..10_000).filter(|n| log.is_first("malformed", sender(*n), start)).count();
        assert_eq!(lines, KINDS_MAX + 1, "one for each that is remembered, and one for all others");
    }
}
