//! The amount that one cumulative point adds to the points before it: a pure decision over start times, end times and the
//! direction of the value (contract.md section 2, temporality). A series has one life per start time. Where start times
//! alternate, several processes report under one identity, and each process is counted from its own last point (section 1).
//! If several processes have the same start time, each point continues the life with the greatest value that is not above it.
//! That fails for many such processes, so from [`SAME_START_MAX`] on their counts are left out (see `senders`).
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
/// Maximum growth of a counter, divided by its mean growth, and events in addition to that, if several processes have the same
/// start. A point that grew by more belongs to another process. Chosen: daily peaks are below 10 times the mean.
const SURGE_MAX: u128 = 10;
const SURGE_FROM: u128 = 100;
/// Maximum number of processes with one start time whose counts are separated by their values. Chosen: small counters of more
/// processes lie too close together. On a composed fleet of 368 processes under one identity 151,725 denied requests were counted
/// that no process had denied.
const SAME_START_MAX: usize = 8;
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

/// A value that grows while its process lives.
pub(super) trait Cumulative {
    /// Whether it fell below an earlier value, equals it, or grew.
    fn order(&self, before: &Self) -> Ordering;
    /// How many events it counts.
    fn total(&self) -> u64;
}

impl Cumulative for u64 {
    fn order(&self, before: &Self) -> Ordering {
        self.cmp(before)
    }

    fn total(&self) -> u64 {
        *self
    }
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
    /// Whether more processes than [`SAME_START_MAX`] have its start time.
    pub(super) crowded: bool,
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
        Self { step, before: None, returned: false, crowded: false }
    }
}

/// Which life of a series a point with a known start belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// The one that reported last.
    Newest,
    /// The one at this place among the others.
    Other(usize),
    /// That of a process which was not heard before, though another has the same start.
    New,
}

impl<T: Cumulative> Lives<T> {
    /// Begins a series with its first point.
    pub(super) fn begin(point: Point<T>) -> Self {
        Self { newest: point, others: None }
    }

    /// Takes the next point.
    pub(super) fn take(&mut self, point: Point<T>, context: Context) -> Added<T> {
        if point.start == 0 || self.newest.start == 0 {
            return self.newest.go_on(point);
        }
        match self.life_of(&point) {
            Some(Which::Newest) => return self.newest.go_on(point),
            Some(Which::Other(place)) => return self.alternate(place, point),
            Some(Which::New) => {
                self.add(point);
                return Added { returned: true, crowded: self.is_crowded(), ..Added::alone(Step::Baseline) };
            }
            None => {}
        }
        let newest = &mut self.newest;
        let crept = point.start.abs_diff(newest.start) <= START_JITTER_NS.unsigned_abs()
            && point.end > newest.end
            && point.value.order(&newest.value) != Ordering::Less;
        if crept {
            return newest.go_on(point);
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

    /// The life with a point's start that it goes on, if there is one. Of several, the one with the greatest total that the
    /// point may go on.
    fn life_of(&self, point: &Point<T>) -> Option<Which> {
        // Nearly always one process has the start, and its counter did not fall.
        if self.others.is_none() && self.newest.start == point.start && point.total() >= self.newest.total() {
            return Some(Which::Newest);
        }
        let newest = (self.newest.start == point.start).then_some((Which::Newest, &self.newest));
        let others = self.others.iter().flat_map(|others| others.iter().enumerate());
        let same = others.filter(|(_, life)| life.start == point.start);
        let own = || newest.into_iter().chain(same.clone().map(|(place, life)| (Which::Other(place), life)));
        let (first, _) = own().next()?;
        if own().all(|(_, life)| life.may_begin_anew(point)) {
            return Some(first);
        }
        if own().nth(1).is_none() {
            return Some(if self.newest.is_of_another(point) && newest.is_some() { Which::New } else { first });
        }
        let fits = own().filter(|(_, life)| life.may_go_on(point));
        Some(fits.max_by_key(|(_, life)| life.total()).map_or(Which::New, |(which, _)| which))
    }

    /// Takes a point of a life other than the one that reported last.
    fn alternate(&mut self, place: usize, point: Point<T>) -> Added<T> {
        let Some(other) = self.others.as_mut().and_then(|others| others.get_mut(place)) else {
            return Added::alone(Step::Baseline);
        };
        let taken = other.go_on(point);
        if other.end > self.newest.end {
            std::mem::swap(other, &mut self.newest);
            return Added { returned: true, ..taken };
        }
        taken
    }

    fn is_crowded(&self) -> bool {
        let same = |life: &&Point<T>| life.start == self.newest.start;
        self.others.iter().flat_map(|others| others.iter()).filter(same).count() >= SAME_START_MAX
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

impl<T: Cumulative> Point<T> {
    fn total(&self) -> u64 {
        self.value.total()
    }

    /// Whether a later point of the same start is of another process: it fell, and not because its sender began the series
    /// anew.
    fn is_of_another(&self, next: &Self) -> bool {
        let fell = next.value.order(&self.value) == Ordering::Less;
        next.end > self.end && fell && !self.may_begin_anew(next)
    }

    /// Whether a point may be the first one of a series that was dropped after this one: it counts less than half, and no more
    /// than [`SURGE_MAX`] times what the process counted before in that time.
    fn may_begin_anew(&self, next: &Self) -> bool {
        let most = || SURGE_MAX * self.usual(next.end.abs_diff(self.end)) + SURGE_FROM;
        next.total() <= self.total() / 2 && u128::from(next.total()) <= most()
    }

    /// Mean count in a time of that length, nanoseconds, since the start.
    fn usual(&self, length: u64) -> u128 {
        u128::from(self.total()) * u128::from(length) / u128::from(self.end.abs_diff(self.start)).max(1)
    }

    /// Whether a point of the same start may be of the same process, where several have that start: it did not fall, and grew
    /// by no more than [`SURGE_MAX`] times what its process counts in that time.
    fn may_go_on(&self, next: &Self) -> bool {
        let most = SURGE_MAX * next.usual(next.end.abs_diff(self.end)) + SURGE_FROM;
        next.total().checked_sub(self.total()).is_some_and(|more| u128::from(more) <= most)
    }

    /// Replaces the last point of a life by the next point of the same life.
    fn go_on(&mut self, next: Self) -> Added<T> {
        let both_start = next.start != 0 && self.start != 0;
        let step = self.step(next.end, next.value.order(&self.value), both_start);
        if step == Step::Repeat {
            return Added::alone(step);
        }
        self.start = if next.start == 0 { self.start } else { next.start };
        self.end = next.end;
        Added { before: Some(std::mem::replace(&mut self.value, next.value)), ..Added::alone(step) }
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
        lives.take(point, UNSEEN).step
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
        let late = lives.take(point(0, 14, 107), UNSEEN);
        let difference = Added { before: Some(100), ..Added::alone(Step::Difference { from: at(10) }) };
        assert_eq!(late, difference, "the last report of the previous life came late");
    }

    #[test]
    fn processes_with_one_start_are_counted_each_by_itself() {
        let mut lives = Lives::begin(point(-9000, 10, 1_000_000));
        let first = lives.take(point(-9000, 12, 700_000), UNSEEN);
        assert_eq!((first.step, first.returned), (Step::Baseline, true), "no process counts less than before");
        assert_eq!(take(&mut lives, point(-9000, 14, 900_000)), Step::Baseline, "nor so much at once");
        for round in 2..5_i64 {
            for (offset, total) in [(0, 1_000_000), (2, 700_000), (4, 900_000)] {
                let value = total + 5 * (round.unsigned_abs() - 1);
                let added = lives.take(point(-9000, 10 * round + offset, value), UNSEEN);
                assert_eq!(added.step, Step::Difference { from: at(10 * (round - 1) + offset) });
                assert_eq!(added.before, Some(value - 5));
            }
        }
        let fell = take(&mut lives, point(-9000, 60, 3));
        assert_eq!(fell, Step::Whole { from: at(44), restarted: false }, "a series begun anew");
    }

    #[test]
    fn too_many_processes_with_one_start_are_a_crowd() {
        let mut lives = Lives::begin(point(-9000, 10, 1_000_000));
        let mut crowded_from = |start: i64| {
            let mut added = (1..20).map(|process| {
                lives.take(point(start, 10 + process, 1_000_000 - 50_000 * process.unsigned_abs()), UNSEEN).crowded
            });
            added.position(|crowded| crowded)
        };
        assert_eq!(crowded_from(-9000), Some(SAME_START_MAX - 1), "the ninth process");
        let mut lives = Lives::begin(point(-9000, 10, 1_000_000));
        let mut restarts = (1..100).map(|life| lives.take(point(20 * life, 20 * life + 10, 1), UNSEEN));
        assert!(!restarts.any(|added| added.crowded), "each has a start of its own");
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
                let added = lives.take(next, UNSEEN);
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
