//! From points to what happened in between: delta and cumulative series, resets, repeats, and series that appear later
//! than their resource. It knows times and values only; which metric they belong to is decided by `metrics`.

use super::identity::Key;
use firstbad_diagnosis::observation::Histogram;
use firstbad_protocol::limits::SERIES_MAX;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Points of a delta series that are remembered, to know repeats: more than the engine's lateness of 18 intervals.
const REMEMBERED_MAX: usize = 32;
/// A first cumulative point counts from its start only if it covers no more than this: reports come at least every 60 s
/// (contract.md section 2). A longer one holds counts of unknown age.
const FIRST_SPAN_MAX_NS: i64 = 61 * SECOND_NS;

/// What is kept of one resource.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct ResourceState {
    /// It sends `firstbad.requests`: standard request metrics are not counted beside it.
    pub(super) native: bool,
    /// It sends load events: the loads Sum and fact gauges are not needed.
    pub(super) load_events: bool,
    /// Last `process.uptime`, seconds.
    pub(super) uptime_s: Option<f64>,
    /// Latest start and latest time of its cumulative points: a series that appears later began with nothing.
    pub(super) start: i64,
    /// See `start`.
    pub(super) time: i64,
    /// The latest time before `time`: one report may come in several requests.
    pub(super) previous: i64,
    /// Latest time of any point.
    pub(super) latest: i64,
    pub(super) series: BTreeMap<u128, Series>,
}

/// One series.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Series {
    /// Ends of the delta points seen lately, ascending.
    Delta(Vec<i64>),
    /// Last point of a cumulative series.
    Sum { start: i64, time: i64, value: f64 },
    /// Last point of a cumulative histogram.
    Histogram { start: i64, time: i64, histogram: Histogram },
}

/// What one point says of the time since the one before.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step<T> {
    /// This happened in this span; whether the process restarted before.
    Counted { span: Span, value: T, restarted: bool },
    /// Nothing new: a repeat, or older than what is known.
    Repeat,
    /// Since when it counts is unknown: from the next point on.
    Baseline { time: i64 },
    /// No room for another series.
    Full,
}

/// Where a point stands in time, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) start: i64,
    pub(super) time: i64,
    pub(super) cumulative: bool,
}

/// Values that can be taken from one another.
pub(super) trait Cumulative: Clone + PartialEq {
    /// `self - earlier`, or none if `self` cannot have grown out of `earlier`.
    fn since(&self, earlier: &Self) -> Option<Self>;
    fn store(self, place: &Place) -> Series;
    fn load(series: &Series) -> Option<(i64, i64, &Self)>;
}

impl Cumulative for f64 {
    fn since(&self, earlier: &Self) -> Option<Self> {
        (self >= earlier).then(|| self - earlier)
    }

    fn store(self, place: &Place) -> Series {
        Series::Sum { start: place.start, time: place.time, value: self }
    }

    fn load(series: &Series) -> Option<(i64, i64, &Self)> {
        if let Series::Sum { start, time, value } = series { Some((*start, *time, value)) } else { None }
    }
}

impl Cumulative for Histogram {
    fn since(&self, earlier: &Self) -> Option<Self> {
        if self.bounds != earlier.bounds || self.counts.len() != earlier.counts.len() {
            return None;
        }
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts = pairs.map(|(now, before)| now.checked_sub(*before)).collect::<Option<Vec<u64>>>()?;
        let sum = self.sum.zip(earlier.sum).map(|(now, before)| now - before);
        Some(Self { bounds: self.bounds.clone(), counts, sum })
    }

    fn store(self, place: &Place) -> Series {
        Series::Histogram { start: place.start, time: place.time, histogram: self }
    }

    fn load(series: &Series) -> Option<(i64, i64, &Self)> {
        if let Series::Histogram { start, time, histogram } = series { Some((*start, *time, histogram)) } else { None }
    }
}

impl ResourceState {
    /// Takes one point. `total` counts series over all resources.
    pub(super) fn step<T: Cumulative>(&mut self, place: Place, value: T, total: &mut usize) -> Step<T> {
        let known = self.series.contains_key(&place.key.0);
        if !known {
            if *total >= SERIES_MAX {
                return Step::Full;
            }
            *total += 1;
        }
        if place.cumulative { self.cumulative(place, value) } else { self.delta(place, value) }
    }

    fn delta<T>(&mut self, place: Place, value: T) -> Step<T> {
        let entry = self.series.entry(place.key.0).or_insert_with(|| Series::Delta(Vec::new()));
        if !matches!(entry, Series::Delta(_)) {
            *entry = Series::Delta(Vec::new());
        }
        let Series::Delta(seen) = entry else { return Step::Repeat };
        let Err(place_in_order) = seen.binary_search(&place.time) else { return Step::Repeat };
        if seen.len() >= REMEMBERED_MAX {
            if place_in_order == 0 {
                return Step::Repeat;
            }
            seen.remove(0);
            seen.insert(place_in_order - 1, place.time);
        } else {
            seen.insert(place_in_order, place.time);
        }
        let start = if place.start > 0 && place.start <= place.time { place.start } else { place.time };
        Step::Counted { span: span(start, place.time), value, restarted: false }
    }

    fn cumulative<T: Cumulative>(&mut self, place: Place, value: T) -> Step<T> {
        let step = match self.series.get(&place.key.0).and_then(T::load) {
            Some((start, time, _)) if place.start < start || (place.start == start && place.time <= time) => {
                Step::Repeat
            }
            // With no start told, only a fall tells a reset; with one, time must still go forward.
            Some((start, time, earlier)) if place.start == start => match value.since(earlier) {
                Some(value) => Step::Counted { span: span(time, place.time), value, restarted: false },
                None => Step::Counted { span: span(time, place.time), value: value.clone(), restarted: true },
            },
            Some((_, time, _)) => {
                let from = place.start.max(time).min(place.time);
                Step::Counted { span: span(from, place.time), value: value.clone(), restarted: true }
            }
            None => self.first(place, &value),
        };
        if step != Step::Repeat {
            self.series.insert(place.key.0, value.store(&place));
            self.start = self.start.max(place.start);
            if place.time > self.time {
                self.previous = self.time;
                self.time = place.time;
            }
        }
        step
    }

    /// The first point of a series.
    fn first<T: Clone>(&self, place: Place, value: &T) -> Step<T> {
        let last = if self.time < place.time { self.time } else { self.previous };
        if last > 0 && place.time > last && place.start <= last {
            // The resource reported, without this series: it began with nothing after that report.
            return Step::Counted { span: span(last, place.time), value: value.clone(), restarted: false };
        }
        let covers = place.time.saturating_sub(place.start);
        let is_recent = covers <= FIRST_SPAN_MAX_NS || (last > 0 && place.start > last);
        if place.start > 0 && covers >= 0 && is_recent {
            let restarted = self.start > 0 && place.start > self.start;
            return Step::Counted { span: span(place.start, place.time), value: value.clone(), restarted };
        }
        Step::Baseline { time: place.time }
    }
}

fn span(start: i64, end: i64) -> Span {
    Span { start: Timestamp(start), end: Timestamp(end) }
}
