//! The last state of each series: enough to turn cumulative points into what they add, and to drop repeated delta points.

use super::gaps::Fault;
use super::keys::{self, Key};
use super::life::{self, Added, Context, Cumulative, Lives, Point, Step};
use super::number::PointSpan;
use super::repeats::{POINTS_MANY_MAX, POINTS_MAX, Repeats, Seen};
use super::restarts::Restarts;
use super::table::Table;
use firstbad_diagnosis::observation::Histogram;
use firstbad_protocol::limits::{INSTANCES_MAX, SERIES_MAX, SERIES_PER_AGGREGATE_MAX, SERIES_PER_SENDER_MAX};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// All series.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct SeriesTable {
    states: Table<State>,
    /// How many of them each sender brought; counted anew after a restart, and when series had to go.
    #[serde(skip)]
    brought: Table<usize>,
    /// Not stored: a restart reported before a checkpoint may be reported once more after it.
    #[serde(skip)]
    restarts: Restarts,
    /// Whether a series went back to an earlier start time since [`Self::take_returned`] was last called.
    #[serde(skip)]
    returned: bool,
    /// Whether a series showed too many processes with one start time since [`Self::take_crowded`] was last called.
    #[serde(skip)]
    crowded: bool,
}

#[derive(Debug, Serialize, Deserialize)]
enum State {
    Sum(Lives<u64>),
    Histogram(Lives<Counted>),
    Delta(Repeats),
}

/// The last value of a histogram.
#[derive(Debug, Serialize, Deserialize)]
struct Counted {
    /// Key of its bounds.
    bounds: u64,
    counts: Vec<u64>,
    sum: Option<f64>,
}

/// The effect of one point.
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
    /// Times that it covers.
    pub(super) span: PointSpan,
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
    pub(super) span: PointSpan,
    pub(super) context: Context,
    /// Whether many processes may be behind it.
    pub(super) many: bool,
}

impl Place {
    fn point<T>(self, value: T) -> Point<T> {
        Point { start: self.span.start, end: self.span.end, value }
    }
}

impl SeriesTable {
    pub(super) fn tick(&mut self) {
        self.states.tick();
        self.brought.tick();
        self.restarts.tick();
    }

    /// What a cumulative point of a sum adds.
    pub(super) fn cumulative(&mut self, place: Place, value: u64) -> Result<Taken<u64>, Fault> {
        if let Some(State::Sum(lives)) = self.states.get_mut(place.series) {
            let Added { step, before, returned, crowded } = lives.take(place.point(value), place.context);
            self.returned |= returned;
            self.crowded |= crowded;
            let difference = value.saturating_sub(before.unwrap_or(0));
            return Ok(self.once(place, reading(step, place.span.end, value, difference)));
        }
        let step = self.begin(place, State::Sum(Lives::begin(place.point(value))))?;
        Ok(self.once(place, reading(step, place.span.end, value, value)))
    }

    /// What a cumulative point of a histogram adds.
    pub(super) fn cumulative_histogram(
        &mut self,
        place: Place,
        histogram: Histogram,
    ) -> Result<Taken<Histogram>, Fault> {
        let (counts, sum) = (histogram.counts.clone(), histogram.sum);
        let counted = Counted { bounds: bounds_key(&histogram), counts, sum };
        if let Some(State::Histogram(lives)) = self.states.get_mut(place.series) {
            let bounds = counted.bounds;
            let Added { step, before, returned, crowded } = lives.take(place.point(counted), place.context);
            self.returned |= returned;
            self.crowded |= crowded;
            return Ok(match before {
                // The bounds changed within a life: the increase is unknown.
                Some(before) if before.bounds != bounds => Taken::Baseline,
                Some(before) => {
                    let difference = subtract(&histogram, &before.counts, before.sum);
                    self.once(place, reading(step, place.span.end, histogram, difference))
                }
                None => self.once(place, reading(step, place.span.end, histogram, Histogram::default())),
            });
        }
        let step = self.begin(place, State::Histogram(Lives::begin(place.point(counted))))?;
        Ok(self.once(place, reading(step, place.span.end, histogram, Histogram::default())))
    }

    /// Reports a restart only once, however many series show it.
    fn once<T>(&mut self, place: Place, taken: Taken<T>) -> Taken<T> {
        match taken {
            Taken::Counted(reading) => Taken::Counted(self.restarts.once(place.sender, place.span.start, reading)),
            other => other,
        }
    }

    /// Whether a series went back to an earlier start time since the last call: several processes report as one.
    pub(super) fn take_returned(&mut self) -> bool {
        std::mem::take(&mut self.returned)
    }

    /// Whether a series showed more processes with one start time than can be distinguished since the last call.
    pub(super) fn take_crowded(&mut self) -> bool {
        std::mem::take(&mut self.crowded)
    }

    /// Begins a series, or replaces one that was sent as another kind.
    fn begin(&mut self, place: Place, state: State) -> Result<Step, Fault> {
        self.admit(place, self.states.get(place.series).is_none())?;
        let step = life::first(place.span, self.around(place));
        self.put(place.series, state)?;
        Ok(step)
    }

    /// Whether a delta point is new.
    pub(super) fn delta(&mut self, place: Place) -> Result<bool, Fault> {
        let most = if place.many { POINTS_MANY_MAX } else { POINTS_MAX };
        if let Some(State::Delta(repeats)) = self.states.get_mut(place.series) {
            return match repeats.see(place.span, most) {
                Seen::New => Ok(true),
                Seen::Repeat => Ok(false),
                Seen::TooLate => Err(Fault::TooLate),
            };
        }
        self.admit(place, self.states.get(place.series).is_none())?;
        let mut repeats = Repeats::default();
        repeats.see(place.span, most);
        self.put(place.series, State::Delta(repeats))?;
        Ok(true)
    }

    /// A series that may have been forgotten did not necessarily stand at 0 in the last report.
    fn around(&self, place: Place) -> Context {
        if self.states.has_forgotten() { Context { previous_report: None, ..place.context } } else { place.context }
    }

    fn put(&mut self, series: Key, state: State) -> Result<(), Fault> {
        let before = self.states.len();
        let kept = self.states.insert(series, state, SERIES_MAX);
        if self.states.len() < before {
            self.brought = Table::default();
        }
        if kept { Ok(()) } else { Err(Fault::TooManySeries) }
    }

    /// Whether its sender may bring a new series: one sender's junk must not cost what a fleet costs.
    fn admit(&mut self, place: Place, new: bool) -> Result<(), Fault> {
        let most = if place.many { SERIES_PER_AGGREGATE_MAX } else { SERIES_PER_SENDER_MAX };
        match self.brought.get_mut(place.sender) {
            _ if !new => {}
            Some(count) if *count >= most => return Err(Fault::TooManySeriesOfOne),
            Some(count) => *count += 1,
            None => {
                self.brought.insert(place.sender, 1, INSTANCES_MAX);
            }
        }
        Ok(())
    }
}

fn reading<T>(step: Step, end: i64, whole: T, difference: T) -> Taken<T> {
    let (from, amount, restarted) = match step {
        Step::Repeat => return Taken::Repeat,
        Step::Baseline => return Taken::Baseline,
        Step::Whole { from, restarted } => (from, whole, restarted),
        Step::Difference { from } => (from, difference, false),
    };
    Taken::Counted(Reading { span: PointSpan { start: from, end }, amount, restarted })
}

impl Cumulative for Counted {
    /// A histogram fell if any of its buckets fell. Histograms with different bounds cannot be compared; the newer one counts
    /// as greater.
    fn order(&self, before: &Self) -> Ordering {
        if self.bounds != before.bounds {
            return Ordering::Greater;
        }
        let fell = self.counts.iter().zip(&before.counts).any(|(now, before)| now < before);
        if fell { Ordering::Less } else { self.total().cmp(&before.total()) }
    }

    fn total(&self) -> u64 {
        self.counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count))
    }
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
            span: PointSpan { start: 1, end: 10 },
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
        assert_eq!(table.states.len(), SERIES_PER_SENDER_MAX + 1000);
        assert!(table.cumulative(place(7, 0), 2).is_ok(), "what it brought first is read on");
        assert_eq!(table.delta(place(7, SERIES_PER_SENDER_MAX + 1)), Err(Fault::TooManySeriesOfOne));
    }
}
