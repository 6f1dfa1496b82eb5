//! Sums per report interval and exposure: the cells that contrasts, detector and chart fold over. Sparse and bounded.

use crate::numerics::time::{Instant, Span};
use crate::state::ids::{DimsId, ExposureId, FactorId, LevelId};
use crate::state::model::{COUNTERS, Counter};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// Report intervals kept: what a chart shows (`SNAPSHOT_POINTS_MAX`).
pub(crate) const INTERVALS_KEPT: usize = 240;
/// Cells kept over all intervals; the oldest intervals go first. 100,000 cells are about 10 MB.
const CELLS_MAX: usize = 100_000;
/// Leaves of dimensions kept over all intervals.
const LEAVES_MAX: usize = 400_000;
/// Counts by level kept over all intervals, for charts; the oldest go first. 240 intervals with all versions of one config.
const BY_LEVEL_MAX: usize = 400_000;
/// Intervals for which leaves are kept: judged ones and the baseline before them.
pub(crate) const LEAF_INTERVALS: usize = 48;

/// Sums of one counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Observed events.
    pub observed: f64,
    /// Trials.
    pub trials: f64,
    /// Expected events.
    pub expected: f64,
}

impl Sums {
    /// Adds another.
    pub(crate) fn add(&mut self, other: Self) {
        self.observed += other.observed;
        self.trials += other.trials;
        self.expected += other.expected;
    }
}

/// One exposure in one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cell {
    /// Rows that were added up.
    pub rows: u32,
    /// Sums of the counters whose sums over hosts are judged ([`Counter::additive`]).
    pub sums: [Sums; ADDITIVE],
}

/// Counters whose sums over hosts are judged.
pub(crate) const ADDITIVE: usize = 5;

impl Counter {
    /// Of sums by counter those that a cell keeps, in the cell's order.
    pub(crate) fn additive(sums: &[Sums; COUNTERS]) -> [Sums; ADDITIVE] {
        [Self::Errors, Self::Panics, Self::Zeros, Self::Slow, Self::Denied]
            .map(|counter| sums.get(counter as usize).copied().unwrap_or_default())
    }
}

impl Cell {
    /// Sums of a counter; none of one that is not kept.
    pub(crate) fn of(&self, counter: Counter) -> Sums {
        let [errors, panics, zeros, slow, denied] = self.sums;
        match counter {
            Counter::Errors => errors,
            Counter::Panics => panics,
            Counter::Zeros => zeros,
            Counter::Slow => slow,
            Counter::Denied => denied,
            _ => Sums::default(),
        }
    }
}

/// What the hosts that had a version all the time counted, failing ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cohort {
    /// Sums over the hosts.
    pub sums: Sums,
    /// Sum of the squares of what was expected of each host: how much its own over-dispersion weighs.
    pub squares: f64,
}

impl Cohort {
    /// Adds one host's report.
    pub(crate) fn note(&mut self, sums: Sums) {
        self.sums.add(sums);
        self.squares += sums.expected * sums.expected;
    }

    /// Adds another interval's.
    pub(crate) fn add(&mut self, other: Self) {
        self.sums.add(other.sums);
        self.squares += other.squares;
    }
}

/// The cohort of one version, by what is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Cohorts {
    errors: Cohort,
    zeros: Cohort,
    denied: Cohort,
}

impl Cohorts {
    /// Adds one host's report.
    pub(crate) fn note(&mut self, sums: &[Sums; ADDITIVE]) {
        let [errors, _, zeros, _, denied] = *sums;
        self.errors.note(errors);
        self.zeros.note(zeros);
        self.denied.note(denied);
    }

    /// That of a counter, if it is kept.
    pub(crate) fn of(&self, counter: Counter) -> Option<Cohort> {
        match counter {
            Counter::Errors => Some(self.errors),
            Counter::Zeros => Some(self.zeros),
            Counter::Denied => Some(self.denied),
            _ => None,
        }
    }
}

/// Load attempts, and of them refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Attempts {
    pub all: f64,
    pub refused: f64,
}

/// Requests and failures of a leaf of dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Leaf {
    pub requests: f64,
    pub failures: f64,
}

/// One report interval.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Interval {
    /// By exposure.
    pub cells: BTreeMap<ExposureId, Cell>,
    /// All cells together.
    pub fleet: [Sums; COUNTERS],
    /// Units that loaded a level.
    pub loads: BTreeMap<LevelId, u32>,
    /// Load attempts by level offered.
    pub attempts: BTreeMap<LevelId, Attempts>,
    /// Requests and failures by leaf of dimensions.
    pub leaves: BTreeMap<DimsId, Leaf>,
    /// Failed requests and requests tagged with a level, and scores not computed and scores.
    pub tagged: BTreeMap<LevelId, [f64; 4]>,
    /// All that are not just paying for a load.
    pub calm: Cohorts,
    /// Hosts that may still pay for a load.
    pub paying: Cohorts,
    /// By version that is followed.
    pub cohorts: BTreeMap<LevelId, Cohorts>,
    /// Requests that used a config and that did not, by factor.
    pub uses: BTreeMap<FactorId, Use>,
}

/// The last intervals.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ring {
    /// Index of the first interval kept.
    pub first: i64,
    /// Intervals from `first` on.
    pub intervals: VecDeque<Interval>,
    cells: usize,
}

impl Ring {
    /// The interval with an index, made if it is new; none if it is too old, or absurdly far ahead.
    pub(crate) fn at(&mut self, index: i64) -> Option<&mut Interval> {
        if self.intervals.is_empty() {
            self.first = index;
        }
        if index < self.first {
            let room = INTERVALS_KEPT.saturating_sub(self.intervals.len());
            let missing = usize::try_from(self.first.saturating_sub(index)).ok().filter(|missing| *missing <= room)?;
            for _ in 0..missing {
                self.intervals.push_front(Interval::default());
            }
            self.first = index;
        }
        let offset = usize::try_from(index.saturating_sub(self.first)).ok()?;
        if offset >= self.intervals.len() + INTERVALS_KEPT {
            self.intervals.clear();
            self.cells = 0;
            self.first = index;
        }
        while usize::try_from(index - self.first).ok()? >= self.intervals.len() {
            self.intervals.push_back(Interval::default());
            if self.intervals.len() > INTERVALS_KEPT {
                self.drop_oldest();
            }
        }
        self.intervals.get_mut(usize::try_from(index - self.first).ok()?)
    }

    fn drop_oldest(&mut self) {
        if let Some(old) = self.intervals.pop_front() {
            self.cells = self.cells.saturating_sub(old.cells.len());
            self.first += 1;
        }
    }

    /// Counts what is kept again, and lets the oldest go where it is too much.
    pub(crate) fn trim(&mut self) {
        self.cells = self.intervals.iter().map(|interval| interval.cells.len()).sum();
        while self.cells > CELLS_MAX && self.intervals.len() > 2 {
            self.drop_oldest();
        }
        let keep_from = self.intervals.len().saturating_sub(LEAF_INTERVALS);
        for interval in self.intervals.iter_mut().take(keep_from) {
            interval.leaves.clear();
        }
        let mut leaves: usize = self.intervals.iter().map(|interval| interval.leaves.len()).sum();
        for interval in &mut self.intervals {
            if leaves <= LEAVES_MAX {
                break;
            }
            leaves -= interval.leaves.len();
            interval.leaves.clear();
        }
        self.trim_levels();
    }

    /// Lets the oldest counts by level go where there are too many. No verdict rests on them.
    fn trim_levels(&mut self) {
        let by_level = |interval: &Interval| interval.loads.len() + interval.attempts.len() + interval.tagged.len();
        let mut all: usize = self.intervals.iter().map(by_level).sum();
        for interval in &mut self.intervals {
            if all <= BY_LEVEL_MAX {
                break;
            }
            all -= by_level(interval);
            interval.loads.clear();
            interval.attempts.clear();
            interval.tagged.clear();
        }
    }

    /// Index after the last interval.
    pub(crate) fn end(&self) -> i64 {
        self.first + i64::try_from(self.intervals.len()).unwrap_or(0)
    }

    /// The interval with an index, if kept.
    pub(crate) fn get(&self, index: i64) -> Option<&Interval> {
        self.intervals.get(usize::try_from(index.checked_sub(self.first)?).ok()?)
    }

    /// Intervals with their indices.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (i64, &Interval)> {
        (self.first..).zip(self.intervals.iter()).collect::<Vec<_>>().into_iter()
    }
}

/// Index of the interval in which a span that ends at `end` falls.
pub(crate) fn index_of(end: Instant, interval: Span) -> i64 {
    end.saturating_sub(Span::NS).0.div_euclid(interval.max(Span::NS).0)
}

/// Beginning of the interval with an index.
pub(crate) fn start_of(index: i64, interval: Span) -> Instant {
    Instant::ZERO + index * interval
}

/// Failed requests and requests that used a config, and that did not, on hosts that tell both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Use {
    pub inside: Used,
    pub outside: Used,
}

/// Requests, and of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    pub failed: f64,
    pub all: f64,
}

impl Use {
    pub(crate) fn add(&mut self, other: Self) {
        for (sum, other) in [(&mut self.inside, other.inside), (&mut self.outside, other.outside)] {
            sum.failed += other.failed;
            sum.all += other.all;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_level_are_bounded_and_the_newest_stay() {
        let mut ring = Ring::default();
        let of_each = u32::try_from(BY_LEVEL_MAX / 100).unwrap_or(0);
        for index in 0..150 {
            let Some(interval) = ring.at(index) else { continue };
            interval.tagged.extend((0..of_each).map(|level| (LevelId(level), [1.0; 4])));
            ring.trim();
        }
        let kept: usize = ring.intervals.iter().map(|interval| interval.tagged.len()).sum();
        assert_eq!(kept, BY_LEVEL_MAX);
        let newest = ring.get(149).map_or(0, |interval| interval.tagged.len());
        let oldest = ring.get(0).map(|interval| interval.tagged.len());
        assert_eq!((newest, oldest), (of_each as usize, Some(0)));
    }
}
