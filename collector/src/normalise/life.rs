//! What one cumulative point adds to those before: a pure decision over start times, end times and the direction of the
//! value (contract.md section 2, temporality). A series has a life per start time: where start times alternate, several
//! processes report under one identity, and each is counted from its own last point (section 1). It never guesses a
//! baseline: an unknown one gives no count.

use firstbad_protocol::time::SECOND_NS;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Greatest report interval of the contract. A process that started no longer than this before its first report is
/// counted from its start, even if it started before anything else was seen.
const REPORT_INTERVAL_MAX_NS: i64 = 60 * SECOND_NS;
/// Start times this far apart may be one: a start that is worked out from an uptime moves with every adjustment of the
/// clock. The boot time that Linux tells moves by up to a second.
pub(super) const START_JITTER_NS: i64 = SECOND_NS;
/// A life that was silent for so long has ended: five of the greatest report intervals.
pub(super) const LIFE_KEPT_NS: i64 = 5 * REPORT_INTERVAL_MAX_NS;
/// Lives of one series; of more the one that was silent longest goes.
pub(super) const LIVES_MAX: usize = 1024;

/// The last point of a series in one life, and what it told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Life<T> {
    /// Start time; 0 is "not told".
    start: i64,
    /// Time of the last point.
    end: i64,
    value: T,
}

/// The lives of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lives<T> {
    /// The one that reported last.
    newest: Life<T>,
    /// Others that may report yet; nearly always there is none.
    #[expect(clippy::box_collection, reason = "a word in millions of series")]
    others: Option<Box<Vec<Life<T>>>>,
}

/// What came of a point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Added<T> {
    /// What it adds.
    pub(super) step: Step,
    /// What its life told before.
    pub(super) before: Option<T>,
    /// Whether its life had begun before the life of the last point: several processes report.
    pub(super) returned: bool,
}

/// What is known around a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// When the process reported before this report, if it did: a series that was not there then stood at 0.
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
    /// What it has more than the last one of its life, since `from`.
    Difference {
        /// First nanosecond covered.
        from: i64,
    },
}

impl<T> Lives<T> {
    /// The first point of a series.
    pub(super) fn begin((start, end): (i64, i64), value: T) -> Self {
        Self { newest: Life { start, end, value }, others: None }
    }

    /// Takes a point (start, end) that tells `value`. `order` says how a value stands to an earlier one.
    pub(super) fn take(
        &mut self,
        (start, end): (i64, i64),
        value: T,
        (order, context): (impl Fn(&T, &T) -> Ordering, Context),
    ) -> Added<T> {
        let newest = &mut self.newest;
        if start == newest.start || start == 0 || newest.start == 0 {
            return newest.go_on((start, end), value, order);
        }
        if let Some(place) = self.place_of(start) {
            return self.alternate(place, (start, end), value, order);
        }
        let newest = &mut self.newest;
        let crept = start.abs_diff(newest.start) <= START_JITTER_NS.unsigned_abs()
            && end > newest.end
            && order(&value, &newest.value) != Ordering::Less;
        if crept {
            return newest.go_on((start, end), value, order);
        }
        // One that began after the last report is the successor; one that was there before it is another process.
        let step = if start.saturating_add(START_JITTER_NS) > newest.end {
            Step::Whole { from: start, restarted: true }
        } else if is_recent(start, end, context) {
            Step::Whole { from: start, restarted: end <= newest.start }
        } else {
            Step::Baseline
        };
        self.add(Life { start, end, value });
        Added { step, before: None, returned: false }
    }

    fn place_of(&self, start: i64) -> Option<usize> {
        self.others.as_ref()?.iter().position(|life| life.start == start)
    }

    /// A point of a life that is not the one that reported last.
    #[expect(clippy::too_many_arguments, reason = "how values compare depends on what is counted")]
    fn alternate(&mut self, place: usize, span: (i64, i64), value: T, order: impl Fn(&T, &T) -> Ordering) -> Added<T> {
        let Some(other) = self.others.as_mut().and_then(|others| others.get_mut(place)) else {
            return Added { step: Step::Baseline, before: None, returned: false };
        };
        let taken = other.go_on(span, value, order);
        if other.end > self.newest.end {
            std::mem::swap(other, &mut self.newest);
            return Added { returned: true, ..taken };
        }
        taken
    }

    fn add(&mut self, life: Life<T>) {
        let before = std::mem::replace(&mut self.newest, life);
        let ended = self.newest.end.saturating_sub(LIFE_KEPT_NS);
        let others = self.others.get_or_insert_default();
        others.retain(|life| life.end >= ended);
        if others.len() >= LIVES_MAX {
            let oldest = others.iter().enumerate().min_by_key(|(_, life)| life.end);
            others.swap_remove(oldest.map_or(0, |(place, _)| place));
        }
        others.push(before);
    }
}

impl<T> Life<T> {
    fn go_on(&mut self, (start, end): (i64, i64), value: T, order: impl Fn(&T, &T) -> Ordering) -> Added<T> {
        let step = self.step(end, order(&value, &self.value));
        if step == Step::Repeat {
            return Added { step, before: None, returned: false };
        }
        self.start = if start == 0 { self.start } else { start };
        self.end = end;
        Added { step, before: Some(std::mem::replace(&mut self.value, value)), returned: false }
    }

    fn step(&self, end: i64, value: Ordering) -> Step {
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

    const DAY: i64 = 86_400 * SECOND_NS;

    fn at(seconds: i64) -> i64 {
        DAY + seconds * SECOND_NS
    }

    /// Long before anything of it was seen.
    const UNSEEN: Context = Context { previous_report: None, oldest_start: 0, observed_from: i64::MAX };

    fn take(lives: &mut Lives<u64>, (start, end): (i64, i64), value: u64) -> (Step, Option<u64>) {
        let added = lives.take((at(start), at(end)), value, (u64::cmp, UNSEEN));
        (added.step, added.before)
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
        let begun = || Lives::begin((at(0), at(10)), 100);
        let step = |span, value| take(&mut begun(), span, value).0;
        assert_eq!(step((0, 20), 101), Step::Difference { from: at(10) });
        assert_eq!(step((0, 10), 100), Step::Repeat);
        assert_eq!(step((0, 5), 50), Step::Repeat, "a late point");
        assert_eq!(step((0, 5), 101), Step::Difference { from: at(5) }, "the clock went back");
        assert_eq!(step((0, 20), 50), Step::Whole { from: at(10), restarted: true }, "the value fell");
        assert_eq!(step((15, 20), 101), Step::Whole { from: at(15), restarted: true }, "a new start");
        assert_eq!(step((1, 20), 101), Step::Difference { from: at(10) }, "the start crept");
        let mut lives = begun();
        take(&mut lives, (15, 20), 5);
        assert_eq!(take(&mut lives, (0, 10), 100).0, Step::Repeat, "a late point of the life before");
        let late = (Step::Difference { from: at(10) }, Some(100));
        assert_eq!(take(&mut lives, (0, 14), 107), late, "the last report of the life before came late");
    }

    #[test]
    fn start_times_that_alternate_are_counted_each_by_itself() {
        let mut lives = Lives::begin((at(-9000), at(10)), 1_000_000);
        assert_eq!(take(&mut lives, (-5000, 12), 40_000), (Step::Baseline, None), "it was there before, unseen");
        assert_eq!(take(&mut lives, (-7000, 14), 70_000), (Step::Baseline, None));
        for round in 1..5 {
            let of = |start: i64, offset: i64, total: u64| {
                ((start, 10 * (round + 1) + offset), total + 5 * round.unsigned_abs())
            };
            for (span, value) in [of(-9000, 0, 1_000_000), of(-5000, 2, 40_000), of(-7000, 4, 70_000)] {
                let (step, before) = take(&mut lives, span, value);
                assert_eq!((step, before), (Step::Difference { from: at(span.1 - 10) }, Some(value - 5)));
            }
        }
    }

    #[test]
    fn lives_that_ended_are_forgotten() {
        let mut lives = Lives::begin((at(0), at(10)), 1);
        for life in 1..100 {
            take(&mut lives, (20 * life, 20 * life + 10), 1);
        }
        assert!(lives.others.is_some_and(|others| others.len() <= 16));
    }
}
