//! The last state of each series: enough to turn cumulative points into what they add, and to drop repeated delta points.

use super::gaps::Fault;
use super::keys::{self, Key};
use super::life::{self, Context, Life, Step};
use super::repeats::{POINTS_MANY_MAX, POINTS_MAX, Repeats, Seen};
use super::table::Table;
use firstbad_diagnosis::observation::Histogram;
use firstbad_protocol::limits::{INSTANCES_MAX, SERIES_MAX, SERIES_PER_AGGREGATE_MAX, SERIES_PER_SENDER_MAX};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// All series.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SeriesTable(
    Table<State>,
    /// How many of them each sender brought; counted anew after a restart, and when series had to go.
    #[serde(skip)]
    Table<usize>,
);

#[derive(Debug, Serialize, Deserialize)]
enum State {
    Sum { life: Life, value: u64 },
    Histogram { life: Life, bounds: u64, count: u64, counts: Vec<u64>, sum: Option<f64> },
    Delta(Repeats),
}

/// What came of a point.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Taken<T> {
    /// Nothing new.
    Repeat,
    /// It counts from the next one on; until then it only shows that its sender reports.
    Baseline,
    /// It adds this.
    Counted(Reading<T>),
}

/// What a point adds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading<T> {
    /// Start and end of what it covers.
    pub(super) span: (i64, i64),
    /// How much.
    pub(super) amount: T,
    /// Whether it shows that the process restarted.
    pub(super) restarted: bool,
}

/// A point's place in its series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) series: Key,
    /// The resource that sent it.
    pub(super) sender: Key,
    /// Start (0: not told) and end.
    pub(super) span: (i64, i64),
    pub(super) context: Context,
    /// Whether many processes may be behind it.
    pub(super) many: bool,
}

impl SeriesTable {
    pub(super) fn tick(&mut self) {
        self.0.tick();
        self.1.tick();
    }

    /// What a cumulative point of a sum adds.
    pub(super) fn cumulative(&mut self, place: Place, value: u64) -> Result<Taken<u64>, Fault> {
        let (step, life, before) = match self.0.get_mut(place.series) {
            Some(State::Sum { life, value: before }) => {
                (life.step(place.span, value.cmp(before), place.context), Some(*life), *before)
            }
            other => {
                let new = other.is_none();
                self.admit(place, new)?;
                (life::first(place.span, self.around(place)), None, 0)
            }
        };
        if step == Step::Repeat {
            return Ok(Taken::Repeat);
        }
        self.put(place.series, State::Sum { life: after(life, place.span), value })?;
        Ok(reading(step, place.span.1, value, value.saturating_sub(before)))
    }

    /// What a cumulative point of a histogram adds.
    pub(super) fn cumulative_histogram(
        &mut self,
        place: Place,
        histogram: Histogram,
    ) -> Result<Taken<Histogram>, Fault> {
        let count = super::histogram::total(&histogram);
        let bounds = bounds_key(&histogram);
        let (step, life, difference) = match self.0.get_mut(place.series) {
            Some(State::Histogram { life, bounds: known, count: counted, counts, sum }) if *known == bounds => {
                let step = life.step(place.span, compare(&histogram, counts, (count, *counted)), place.context);
                (step, Some(*life), subtract(&histogram, counts, *sum))
            }
            // Other bounds in the same series: what lies between is unknown.
            Some(State::Histogram { .. }) => (Step::Baseline, None, Histogram::default()),
            other => {
                let new = other.is_none();
                self.admit(place, new)?;
                (life::first(place.span, self.around(place)), None, Histogram::default())
            }
        };
        if step == Step::Repeat {
            return Ok(Taken::Repeat);
        }
        let (counts, sum) = (histogram.counts.clone(), histogram.sum);
        self.put(place.series, State::Histogram { life: after(life, place.span), bounds, count, counts, sum })?;
        Ok(reading(step, place.span.1, histogram, difference))
    }

    /// Whether a delta point is new.
    pub(super) fn delta(&mut self, place: Place) -> Result<bool, Fault> {
        let most = if place.many { POINTS_MANY_MAX } else { POINTS_MAX };
        if let Some(State::Delta(repeats)) = self.0.get_mut(place.series) {
            return match repeats.see(place.span, most) {
                Seen::New => Ok(true),
                Seen::Repeat => Ok(false),
                Seen::TooLate => Err(Fault::TooLate),
            };
        }
        self.admit(place, self.0.get(place.series).is_none())?;
        let mut repeats = Repeats::default();
        repeats.see(place.span, most);
        self.put(place.series, State::Delta(repeats))?;
        Ok(true)
    }

    /// A series that may have been forgotten did not necessarily stand at 0 in the last report.
    fn around(&self, place: Place) -> Context {
        if self.0.has_forgotten() { Context { previous_report: None, ..place.context } } else { place.context }
    }

    fn put(&mut self, series: Key, state: State) -> Result<(), Fault> {
        let before = self.0.len();
        let kept = self.0.insert(series, state, SERIES_MAX);
        if self.0.len() < before {
            self.1 = Table::default();
        }
        if kept { Ok(()) } else { Err(Fault::TooManySeries) }
    }

    /// Whether its sender may bring a new series: one sender's junk must not cost what a fleet costs.
    fn admit(&mut self, place: Place, new: bool) -> Result<(), Fault> {
        let most = if place.many { SERIES_PER_AGGREGATE_MAX } else { SERIES_PER_SENDER_MAX };
        match self.1.get_mut(place.sender) {
            _ if !new => {}
            Some(count) if *count >= most => return Err(Fault::TooManySeriesOfOne),
            Some(count) => *count += 1,
            None => {
                self.1.insert(place.sender, 1, INSTANCES_MAX);
            }
        }
        Ok(())
    }
}

fn after(life: Option<Life>, (start, end): (i64, i64)) -> Life {
    life.map_or_else(|| Life::new(start, end), |life| life.after(start, end))
}

fn reading<T>(step: Step, end: i64, whole: T, difference: T) -> Taken<T> {
    let (from, amount, restarted) = match step {
        Step::Repeat => return Taken::Repeat,
        Step::Baseline => return Taken::Baseline,
        Step::Whole { from, restarted } => (from, whole, restarted),
        Step::Difference { from } => (from, difference, false),
    };
    Taken::Counted(Reading { span: (from, end), amount, restarted })
}

/// A histogram fell if any of its buckets did.
fn compare(histogram: &Histogram, counts: &[u64], (count, counted): (u64, u64)) -> Ordering {
    let fell = histogram.counts.iter().zip(counts).any(|(now, before)| now < before);
    if fell { Ordering::Less } else { count.cmp(&counted) }
}

fn subtract(histogram: &Histogram, counts: &[u64], sum: Option<f64>) -> Histogram {
    Histogram {
        bounds: histogram.bounds.clone(),
        counts: histogram.counts.iter().zip(counts).map(|(now, before)| now.saturating_sub(*before)).collect(),
        sum: histogram.sum.zip(sum).map(|(now, before)| now - before),
    }
}

fn bounds_key(histogram: &Histogram) -> u64 {
    histogram
        .bounds
        .iter()
        .fold(histogram.bounds.len() as u64, |key, bound| keys::short(&bound.to_bits().to_le_bytes(), key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(sender: Key, number: usize) -> Place {
        Place {
            series: keys::combine(sender, number as Key),
            sender,
            span: (1, 10),
            context: Context::default(),
            many: false,
        }
    }

    #[test]
    fn one_senders_junk_is_bounded_and_others_are_read() {
        let mut table = SeriesTable::default();
        table.tick();
        let refused = |table: &mut SeriesTable, sender: Key, count: usize| {
            (0..count).filter(|number| table.cumulative(place(sender, *number), 1).is_err()).count()
        };
        assert_eq!(refused(&mut table, 7, SERIES_PER_SENDER_MAX + 100), 100);
        assert_eq!(refused(&mut table, 8, 1000), 0, "another sender is not hurt");
        assert_eq!(table.0.len(), SERIES_PER_SENDER_MAX + 1000);
        assert!(table.cumulative(place(7, 0), 2).is_ok(), "what it brought first is read on");
        assert_eq!(table.delta(place(7, SERIES_PER_SENDER_MAX + 1)), Err(Fault::TooManySeriesOfOne));
    }
}
