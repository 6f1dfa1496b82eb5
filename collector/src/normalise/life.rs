//! What one cumulative point adds to the one before: a pure decision over start times, end times and the direction of the
//! value (contract.md section 2, temporality). It never guesses a baseline: an unknown one gives no count.

use firstbad_protocol::time::SECOND_NS;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Greatest report interval of the contract. A process that started no longer than this before its first report is
/// counted from its start, even if it started before anything else was seen.
const REPORT_INTERVAL_MAX_NS: i64 = 60 * SECOND_NS;

/// The last point of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Life {
    /// Start time; 0 is "not told".
    start: i64,
    /// Start time of the life before; its late points are not counted again.
    start_before: i64,
    /// Time of the last point.
    end: i64,
}

/// What is known around a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// When the resource reported before this report, if it did: a series that was not there then stood at 0.
    pub(super) previous_report: Option<i64>,
    /// Earliest start among the series of this report. Where a sender starts each series with its first count, a later
    /// start beside an earlier one is a new series and not a new process.
    pub(super) oldest_start: i64,
    /// Earliest event time seen.
    pub(super) observed_from: i64,
}

/// What a point adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: it is known already.
    Repeat,
    /// Nothing: how much of it is new is unknown.
    Baseline,
    /// All of it, since `from`.
    Whole {
        /// First nanosecond covered.
        from: i64,
        /// Whether the process restarted.
        restarted: bool,
    },
    /// What it has more than the last one, since `from`.
    Difference {
        /// First nanosecond covered.
        from: i64,
    },
}

impl Life {
    pub(super) fn new(start: i64, end: i64) -> Self {
        Self { start, start_before: 0, end }
    }

    /// The life after a point that was not a repeat.
    pub(super) fn after(self, start: i64, end: i64) -> Self {
        if start == self.start || start == 0 {
            Self { end, ..self }
        } else {
            Self { start, start_before: self.start, end }
        }
    }

    /// What a point (start, end) adds whose value stands to the last one as `value` says.
    pub(super) fn step(self, (start, end): (i64, i64), value: Ordering, context: Context) -> Step {
        let same_life = start == self.start || start == 0 || self.start == 0;
        if same_life {
            return self.same_life(end, value);
        }
        if start > self.start {
            // A start time that creeps while the count goes on is an adjusted clock, not a restart: a process that
            // started before its predecessor's last report would have to have overtaken it as well.
            let crept = start <= self.end && end > self.end && value != Ordering::Less;
            return if crept {
                Step::Difference { from: self.end }
            } else {
                Step::Whole { from: start, restarted: true }
            };
        }
        if start == self.start_before {
            return Step::Repeat;
        }
        // An earlier start than known: the sender's clock went back, or two processes share an identity.
        if is_recent(start, end, context) { Step::Whole { from: start, restarted: true } } else { Step::Baseline }
    }

    fn same_life(self, end: i64, value: Ordering) -> Step {
        if end <= self.end {
            // Only a clock that went back shows more at an earlier time; what is late or repeated shows no more.
            let went_back = end < self.end && self.start != 0 && value == Ordering::Greater;
            return if went_back { Step::Difference { from: end } } else { Step::Repeat };
        }
        if value == Ordering::Less {
            Step::Whole { from: self.end, restarted: true }
        } else {
            Step::Difference { from: self.end }
        }
    }
}

/// What the first point of a series adds.
pub(super) fn first((start, end): (i64, i64), context: Context) -> Step {
    match context.previous_report {
        Some(before) if start > before && context.oldest_start > before => Step::Whole { from: start, restarted: true },
        Some(before) => Step::Whole { from: before, restarted: false },
        None if start != 0 && is_recent(start, end, context) => Step::Whole { from: start, restarted: false },
        None => Step::Baseline,
    }
}

fn is_recent(start: i64, end: i64, context: Context) -> bool {
    start >= context.observed_from || end.saturating_sub(start) <= REPORT_INTERVAL_MAX_NS
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Equal, Greater, Less};

    const DAY: i64 = 86_400 * SECOND_NS;

    fn at(seconds: i64) -> i64 {
        DAY + seconds * SECOND_NS
    }

    #[test]
    fn a_first_point_counts_only_from_a_known_beginning() {
        let unknown = Context { previous_report: None, oldest_start: at(25), observed_from: at(0) };
        assert_eq!(first((1, at(10)), unknown), Step::Baseline, "it started long before anything was seen");
        assert_eq!(first((0, at(10)), unknown), Step::Baseline);
        assert_eq!(first((at(5), at(900)), unknown), Step::Whole { from: at(5), restarted: false });
        assert_eq!(first((at(-30), at(10)), unknown), Step::Whole { from: at(-30), restarted: false });
        let known = Context { previous_report: Some(at(20)), ..unknown };
        assert_eq!(first((1, at(30)), known), Step::Whole { from: at(20), restarted: false }, "it stood at 0 at 20");
        assert_eq!(first((at(25), at(30)), known), Step::Whole { from: at(25), restarted: true });
        let beside_older = Context { oldest_start: at(-900), ..known };
        let new_series = Step::Whole { from: at(20), restarted: false };
        assert_eq!(first((at(25), at(30)), beside_older), new_series, "its process went on");
    }

    #[test]
    fn a_later_point_adds_the_difference_and_a_reset_adds_all() {
        let life = Life::new(at(0), at(10));
        let context = Context::default();
        let step = |start, end, value| life.step((at(start), at(end)), value, context);
        assert_eq!(step(0, 20, Greater), Step::Difference { from: at(10) });
        assert_eq!(step(0, 10, Equal), Step::Repeat);
        assert_eq!(step(0, 5, Less), Step::Repeat, "a late point");
        assert_eq!(step(0, 5, Greater), Step::Difference { from: at(5) }, "the clock went back");
        assert_eq!(step(0, 20, Less), Step::Whole { from: at(10), restarted: true }, "the value fell");
        assert_eq!(step(15, 20, Greater), Step::Whole { from: at(15), restarted: true }, "a new start");
        assert_eq!(step(1, 20, Greater), Step::Difference { from: at(10) }, "the start crept");
        let second = life.after(at(15), at(20));
        assert_eq!(second.step((at(0), at(10)), Less, context), Step::Repeat, "a late point of the life before");
    }
}
