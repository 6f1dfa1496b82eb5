//! Which delta points of a series were seen: repeats are recognised by start and time, and what comes later than the
//! memory reaches is not counted, because it can't be told from a repeat.

use super::keys;
use super::number::PointSpan;
use firstbad_protocol::time::SECOND_NS;
use serde::{Deserialize, Serialize};

/// Points remembered per series: the engine's lateness of 18 report intervals, and two to spare.
pub(super) const POINTS_MAX: usize = 20;
/// The same for an aggregate, behind which many processes may send, each at its own time.
pub(super) const POINTS_MANY_MAX: usize = 1024;

/// The points seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Repeats {
    /// (fingerprint of start and time, second of the time), oldest first.
    seen: Vec<(u32, u32)>,
    /// Latest second that was forgotten.
    forgotten: u32,
}

/// What is known of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is new.
    New,
    /// It was counted.
    Repeat,
    /// It is older than what is remembered.
    TooLate,
}

impl Repeats {
    /// Whether the point with these times was seen; a new one is remembered.
    pub(super) fn see(&mut self, span: PointSpan, most: usize) -> Seen {
        let [a, b] = [span.start.to_le_bytes(), span.end.to_le_bytes()];
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(a.into_iter().chain(b)).for_each(|(to, from)| *to = from);
        #[expect(clippy::cast_possible_truncation, reason = "a fingerprint")]
        let fingerprint = keys::short(&bytes, 0) as u32;
        let second = u32::try_from(span.end / SECOND_NS).unwrap_or(u32::MAX);
        if self.seen.contains(&(fingerprint, second)) {
            return Seen::Repeat;
        }
        if second < self.forgotten && self.forgotten != u32::MAX {
            return Seen::TooLate;
        }
        if self.seen.len() >= most {
            let oldest = self.seen.iter().enumerate().min_by_key(|(_, (_, second))| *second).map(|(index, _)| index);
            let (_, second) = self.seen.remove(oldest.unwrap_or(0));
            self.forgotten = self.forgotten.max(second);
        }
        self.seen.push((fingerprint, second));
        Seen::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_counts_once_in_whatever_order_it_comes() {
        let mut repeats = Repeats::default();
        let at = |k: i64| PointSpan { start: k * 10 * SECOND_NS, end: (k + 1) * 10 * SECOND_NS };
        for k in [3, 1, 2] {
            assert_eq!(repeats.see(at(k), POINTS_MAX), Seen::New);
        }
        for k in 1..=3 {
            assert_eq!(repeats.see(at(k), POINTS_MAX), Seen::Repeat);
        }
        for k in 4..=40 {
            assert_eq!(repeats.see(at(k), POINTS_MAX), Seen::New);
        }
        assert_eq!(repeats.see(at(3), POINTS_MAX), Seen::TooLate);
    }

    #[test]
    fn many_processes_behind_one_resource_are_all_counted() {
        let mut repeats = Repeats::default();
        let at = |process: i64, k: i64| PointSpan {
            start: 10 * k * SECOND_NS + process,
            end: 10 * (k + 1) * SECOND_NS + process,
        };
        for (k, process) in (0..5).flat_map(|k| (0..100).map(move |process| (k, process))) {
            assert_eq!(repeats.see(at(process, k), POINTS_MANY_MAX), Seen::New, "process {process} at {k}");
        }
        assert_eq!(repeats.see(at(7, 4), POINTS_MANY_MAX), Seen::Repeat);
        let mut few = Repeats::default();
        assert!((0..100).all(|process| few.see(at(process, 0), POINTS_MAX) == Seen::New), "one second is not late");
    }
}
