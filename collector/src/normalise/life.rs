//! The amount that one cumulative point adds to the points before it: a pure decision over start times, end times and the
//! direction of the value (contract.md section 2, temporality). A series has one life per start time. Where start times
//! alternate, several processes report under one identity, and each process is counted from its own last point (section 1).
//! A baseline is never guessed: a point whose baseline is unknown adds no count.

use super::number::PointSpan;
use firstbad_protocol::time::SECOND_NS;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// Longest report interval of the contract, nanoseconds. A process that started no longer than this before its first report
/// is counted from its start, even if it started before anything else was seen.
const REPORT_INTERVAL_MAX_NS: i64 = 60 * SECOND_NS;
/// Greatest difference, nanoseconds, between two start times that are taken for the same start. A sender that computes its
/// start from an uptime shifts it with every adjustment of its clock, and the boot time that Linux reports moves by up to a
/// second.
pub(super) const START_JITTER_NS: i64 = SECOND_NS;
/// Silence, nanoseconds, after which a life has ended. Chosen: five of the longest report intervals.
pub(super) const LIFE_KEPT_NS: i64 = 5 * REPORT_INTERVAL_MAX_NS;
/// Maximum number of lives kept for one series. Beyond it, the life that has been silent for longest is forgotten.
pub(super) const LIVES_MAX: usize = 1024;

/// A cumulative point. The last point of a life stands for that life.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point<T> {
    /// Start time, nanoseconds since the Unix epoch; 0 if the sender gave none.
    pub(super) start: i64,
    /// Time of the point, nanoseconds since the Unix epoch.
    pub(super) end: i64,
    pub(super) value: T,
}

/// The lives of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lives<T> {
    /// The life that reported last.
    newest: Point<T>,
    /// Lives that may report again. Nearly always there are none.
    #[expect(clippy::box_collection, reason = "a word in millions of series")]
    others: Option<Box<Vec<Point<T>>>>,
}

/// The effect of one point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Added<T> {
    /// The amount it adds.
    pub(super) step: Step,
    /// The previous value of its life; none if the point begins a life or adds nothing.
    pub(super) before: Option<T>,
    /// Whether its life began before the life of the point that preceded it: several processes report.
    pub(super) returned: bool,
}

/// What is known around a series.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context {
    /// Time of the process's report before this one, if there was one: a series that it did not hold stood at 0 then.
    pub(super) previous_report: Option<i64>,
    /// Earliest start among the series of this report. Where a sender starts each series with its first count, a later
    /// start beside an earlier one is a new series and not a new process.
    pub(super) oldest_start: i64,
    /// Earliest event time seen.
    pub(super) observed_from: i64,
}

/// The amount that a point adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: the point is known already.
    Repeat,
    /// Nothing: it is unknown how much of the value is new.
    Baseline,
    /// The whole value, since `from`.
    Whole {
        /// First nanosecond covered.
        from: i64,
        /// Whether the process restarted.
        restarted: bool,
    },
    /// The increase over the last point of the same life, since `from`.
    Difference {
        /// First nanosecond covered.
        from: i64,
    },
}

impl<T> Added<T> {
    /// The effect of a point that has no predecessor to be compared with.
    fn alone(step: Step) -> Self {
        Self { step, before: None, returned: false }
    }
}

impl<T> Lives<T> {
    /// Begins a series with its first point.
    pub(super) fn begin(point: Point<T>) -> Self {
        Self { newest: point, others: None }
    }

    /// Takes the next point. `order` compares its value with an earlier one.
    pub(super) fn take(&mut self, point: Point<T>, order: impl Fn(&T, &T) -> Ordering, context: Context) -> Added<T> {
        let newest = &mut self.newest;
        if point.start == newest.start || point.start == 0 || newest.start == 0 {
            return newest.go_on(point, order);
        }
        if let Some(place) = self.place_of(point.start) {
            return self.alternate(place, point, order);
        }
        let newest = &mut self.newest;
        let crept = point.start.abs_diff(newest.start) <= START_JITTER_NS.unsigned_abs()
            && point.end > newest.end
            && order(&point.value, &newest.value) != Ordering::Less;
        if crept {
            return newest.go_on(point, order);
        }
        // A process that began after the last report is the successor; one that began before it is another process.
        let step = if point.start.saturating_add(START_JITTER_NS) > newest.end {
            Step::Whole { from: point.start, restarted: true }
        } else if is_recent(PointSpan { start: point.start, end: point.end }, context) {
            Step::Whole { from: point.start, restarted: point.end <= newest.start }
        } else {
            Step::Baseline
        };
        self.add(point);
        Added::alone(step)
    }

    fn place_of(&self, start: i64) -> Option<usize> {
        self.others.as_ref()?.iter().position(|life| life.start == start)
    }

    /// Takes a point of a life other than the one that reported last.
    fn alternate(&mut self, place: usize, point: Point<T>, order: impl Fn(&T, &T) -> Ordering) -> Added<T> {
        let Some(other) = self.others.as_mut().and_then(|others| others.get_mut(place)) else {
            return Added::alone(Step::Baseline);
        };
        let taken = other.go_on(point, order);
        if other.end > self.newest.end {
            std::mem::swap(other, &mut self.newest);
            return Added { returned: true, ..taken };
        }
        taken
    }

    fn add(&mut self, life: Point<T>) {
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

impl<T> Point<T> {
    /// Replaces the last point of a life by the next point of the same life.
    fn go_on(&mut self, next: Self, order: impl Fn(&T, &T) -> Ordering) -> Added<T> {
        let both_start = next.start != 0 && self.start != 0;
        let step = self.step(next.end, order(&next.value, &self.value), both_start);
        if step == Step::Repeat {
            return Added::alone(step);
        }
        self.start = if next.start == 0 { self.start } else { next.start };
        self.end = next.end;
        Added { step, before: Some(std::mem::replace(&mut self.value, next.value)), returned: false }
    }

    /// `both_start` is whether both points have a start time. If they have, a fall of the value means that the sender dropped the
    /// series and began it again. The process did not restart (contract.md section 1).
    fn step(&self, end: i64, value: Ordering, both_start: bool) -> Step {
        if end <= self.end {
            // Only a clock that went back shows more at an earlier time; a late or repeated point shows no more.
            let went_back = end < self.end && self.start != 0 && value == Ordering::Greater;
            return if went_back { Step::Difference { from: end } } else { Step::Repeat };
        }
        if value == Ordering::Less {
            Step::Whole { from: self.end, restarted: !both_start }
        } else {
            Step::Difference { from: self.end }
        }
    }
}

/// The amount that the first point of a series adds.
pub(super) fn first(span: PointSpan, context: Context) -> Step {
    let start = span.start;
    match context.previous_report {
        Some(before) if start > before && context.oldest_start > before => Step::Whole { from: start, restarted: true },
        Some(before) => Step::Whole { from: before, restarted: false },
        None if start != 0 && is_recent(span, context) => Step::Whole { from: start, restarted: false },
        None => Step::Baseline,
    }
}

fn is_recent(span: PointSpan, context: Context) -> bool {
    span.start >= context.observed_from || span.end.saturating_sub(span.start) <= REPORT_INTERVAL_MAX_NS
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400 * SECOND_NS;

    fn at(seconds: i64) -> i64 {
        DAY + seconds * SECOND_NS
    }

    /// A point whose times are seconds from a fixed day.
    fn point(start: i64, end: i64, value: u64) -> Point<u64> {
        Point { start: at(start), end: at(end), value }
    }

    /// Nothing is known of the time before these points.
    const UNSEEN: Context = Context { previous_report: None, oldest_start: 0, observed_from: i64::MAX };

    fn take(lives: &mut Lives<u64>, point: Point<u64>) -> Step {
        lives.take(point, u64::cmp, UNSEEN).step
    }

    #[test]
    fn a_first_point_counts_only_from_a_known_beginning() {
        let first = |start, end, context| first(PointSpan { start, end }, context);
        let unknown = Context { previous_report: None, oldest_start: at(25), observed_from: at(0) };
        assert_eq!(first(1, at(10), unknown), Step::Baseline, "it started long before anything was seen");
        assert_eq!(first(0, at(10), unknown), Step::Baseline);
        assert_eq!(first(at(5), at(900), unknown), Step::Whole { from: at(5), restarted: false });
        assert_eq!(first(at(-30), at(10), unknown), Step::Whole { from: at(-30), restarted: false });
        let known = Context { previous_report: Some(at(20)), ..unknown };
        assert_eq!(first(1, at(30), known), Step::Whole { from: at(20), restarted: false }, "it stood at 0 at 20");
        assert_eq!(first(at(25), at(30), known), Step::Whole { from: at(25), restarted: true });
        let beside_older = Context { oldest_start: at(-900), ..known };
        let new_series = Step::Whole { from: at(20), restarted: false };
        assert_eq!(first(at(25), at(30), beside_older), new_series, "its process went on");
    }

    #[test]
    fn a_later_point_adds_the_difference_and_a_reset_adds_all() {
        let begun = || Lives::begin(point(0, 10, 100));
        let step = |start, end, value| take(&mut begun(), point(start, end, value));
        assert_eq!(step(0, 20, 101), Step::Difference { from: at(10) });
        assert_eq!(step(0, 10, 100), Step::Repeat);
        assert_eq!(step(0, 5, 50), Step::Repeat, "a late point");
        assert_eq!(step(0, 5, 101), Step::Difference { from: at(5) }, "the clock went back");
        assert_eq!(step(0, 20, 50), Step::Whole { from: at(10), restarted: false }, "the series was begun anew");
        let untold = Point { start: 0, end: at(20), value: 50 };
        assert_eq!(
            take(&mut begun(), untold),
            Step::Whole { from: at(10), restarted: true },
            "a fall is the only sign"
        );
        assert_eq!(step(15, 20, 101), Step::Whole { from: at(15), restarted: true }, "a new start");
        assert_eq!(step(1, 20, 101), Step::Difference { from: at(10) }, "the start crept");
        let mut lives = begun();
        take(&mut lives, point(15, 20, 5));
        assert_eq!(take(&mut lives, point(0, 10, 100)), Step::Repeat, "a late point of the previous life");
        let late = lives.take(point(0, 14, 107), u64::cmp, UNSEEN);
        let difference = Added { step: Step::Difference { from: at(10) }, before: Some(100), returned: false };
        assert_eq!(late, difference, "the last report of the previous life came late");
    }

    #[test]
    fn start_times_that_alternate_are_counted_each_by_itself() {
        let mut lives = Lives::begin(point(-9000, 10, 1_000_000));
        assert_eq!(take(&mut lives, point(-5000, 12, 40_000)), Step::Baseline, "it existed before, unseen");
        assert_eq!(take(&mut lives, point(-7000, 14, 70_000)), Step::Baseline);
        for round in 1..5 {
            let of = |start: i64, offset: i64, total: u64| {
                point(start, 10 * (round + 1) + offset, total + 5 * round.unsigned_abs())
            };
            for next in [of(-9000, 0, 1_000_000), of(-5000, 2, 40_000), of(-7000, 4, 70_000)] {
                let (end, value) = (next.end, next.value);
                let added = lives.take(next, u64::cmp, UNSEEN);
                assert_eq!(added.step, Step::Difference { from: end - 10 * SECOND_NS });
                assert_eq!(added.before, Some(value - 5));
            }
        }
    }

    #[test]
    fn lives_that_ended_are_forgotten() {
        let mut lives = Lives::begin(point(0, 10, 1));
        for life in 1..100 {
            take(&mut lives, point(20 * life, 20 * life + 10, 1));
        }
        assert!(lives.others.is_some_and(|others| others.len() <= 16));
    }
}
