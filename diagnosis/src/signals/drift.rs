//! A drift of the scores: whether a unit's reports have left the fleet's shape, alone or several together, and where in
//! them the drift began. A report is called drifted only if most of it is, so the beginning lies in the first one that is
//! or in the one before: each is held against the shapes before and after, and its share of the latter tells. Whether a
//! run opens is decided in `watch`.

use crate::numerics::shape::{self, Form, Shapes};
use crate::numerics::time::{Instant, Placed, Span, Window};
use crate::observation::{Scores, counts};
use crate::signals::sample::WHOLE;
use crate::state::State;
use crate::state::ids::UnitId;
use crate::state::model::{Counter, Run, Unit};
use crate::state::run::FirstRow;
use crate::state::score_bins::{Binned, Drifting, ShapeKey};

/// Reports that are looked at together where none tells alone, and those from which the new shape is learned.
const TOGETHER_MAX: u32 = 6;
const AFTER_MAX: u32 = 3;
/// Maximum number of shapes. Senders choose their buckets, so the number needs a bound.
const SHAPES_MAX: usize = 8192;
/// Least standard deviation of a beginning, in reports.
const LEAST: f64 = 0.03;

/// Whether scores left the fleet's shape, and the start of the reports that were added up to decide that.
#[derive(Clone, Copy)]
pub(crate) struct Followed {
    pub far: bool,
    pub since: Instant,
}

/// Whether the unit's scores left the fleet's shape, once enough have come together, and since when they were added up.
pub(crate) fn drift(state: &mut State, id: UnitId, scores: &[&Scores], span: Window) -> Option<Followed> {
    let (case, warm) = (state.open_case(), state.warm());
    let unit = state.units.get_mut(id)?;
    let form = Form::of(scores.iter().map(|entry| &entry.histogram));
    let mut row = Binned { span, form, ..Binned::default() };
    for entry in scores {
        counts::add_bins(&mut row.bins, &entry.histogram);
    }
    unit.scores.add(&row);
    if unit.scores.bins.iter().sum::<u32>() < shape::LEAST_SCORES {
        return None;
    }
    let mut row = std::mem::take(&mut unit.scores);
    let used = row.bins.iter().rposition(|count| *count > 0).map_or(0, |last| last + 1);
    row.bins.truncate(used);
    row.bins.shrink_to_fit();
    // What may belong to a failing must not become the shape that is expected.
    let ordinary = !case && unit.watches.is_empty() && !unit.runs.iter().any(|run| run.open);
    if unit.drifting.as_ref().is_some_and(|drifting| drifting.first.form != form) {
        unit.drifting = None;
    }
    let key = ShapeKey { dims: unit.dims, form };
    if state.shapes.len() >= SHAPES_MAX && !state.shapes.contains_key(&key) {
        return None;
    }
    let Shapes { used: shape, waiting } = state.shapes.entry(key).or_default();
    // The first reports may come from one host, whose mix of scores is not that of the others.
    if span.end <= warm || !shape::is_known(shape) {
        if ordinary {
            shape::learn(shape, &row.bins);
        }
        return None;
    }
    let before = std::mem::replace(&mut unit.scored, row.clone());
    let followed = follow(unit, shape, before, &row);
    if unit.drifting.is_none() && ordinary {
        shape::learn(waiting, &row.bins);
    }
    Some(followed)
}

/// Places the beginning of the drift that a unit's open run is of, as well as its reports so far allow.
pub(crate) fn place_drift(state: &mut State, id: UnitId) {
    let Some(unit) = state.units.get_mut(id) else { return };
    let Some(drifting) = unit.drifting.as_deref().filter(|drifting| drifting.rows.after > 0) else { return };
    let key = ShapeKey { dims: unit.dims, form: drifting.first.form };
    let Some(Shapes { used: shape, .. }) = state.shapes.get(&key) else { return };
    let Some(Placed { at, deviation }) = begun(drifting, shape) else { return };
    let (from, to) = (drifting.before.span.start, drifting.first.span.end);
    let open = |run: &&mut Run| run.counter == Counter::Drift && run.open && run.first.start <= to && at <= run.end;
    let Some(run) = unit.runs.iter_mut().rev().find(open) else { return };
    run.start = at;
    run.first = FirstRow { start: from.min(at), end: to, rate: f64::INFINITY };
    run.near = Placed { at, deviation: deviation.max(Span::NS) };
    run.slack = 2 * deviation;
    run.precise = deviation * 10 <= to - drifting.first.span.start;
}

/// Follows a unit's drift by one report: whether it is one, and since when what tells so was added up.
fn follow(unit: &mut Unit, shape: &[f64], before: Binned, row: &Binned) -> Followed {
    let going_on = unit.watches.iter().any(|watch| watch.counter == Counter::Drift)
        || unit.runs.iter().any(|run| run.counter == Counter::Drift && run.open);
    if let Some(drifting) = unit.drifting.as_deref_mut().filter(|drifting| going_on && drifting.told) {
        // The new shape is known by now: a report goes on with it or is back.
        let new = if drifting.rows.after > 0 { &drifting.after } else { &drifting.first };
        let far = part(row, shape, new).is_some_and(|mixed| mixed.share > 0.5);
        if far && drifting.rows.after < AFTER_MAX {
            drifting.rows.after += 1;
            drifting.after.add(row);
        }
        return Followed { far, since: row.span.start };
    }
    let mut gathered = unit.drifting.take().filter(|drifting| !drifting.told && drifting.rows.first < TOGETHER_MAX);
    if shape::is_far(shape, &row.bins) {
        gathered = None;
    }
    let mut gathered = gathered.unwrap_or_else(|| Box::new(Drifting { before, ..Drifting::default() }));
    gathered.first.add(row);
    gathered.rows.first += 1;
    gathered.told = shape::is_far(shape, &gathered.first.bins);
    let (far, since) = (gathered.told, gathered.first.span.start);
    unit.drifting = Some(gathered).filter(|gathered| far || shape::is_off(shape, &gathered.first.bins));
    Followed { far, since }
}

/// When a drift from `shape` began, and the standard deviation of that.
fn begun(drifting: &Drifting, shape: &[f64]) -> Option<Placed> {
    let Drifting { before, first, after, .. } = drifting;
    let (end, length) = (first.span.end, first.span.length());
    let Mixed { share, variance } = part(first, shape, after)?;
    let connected = first.span.start - before.span.end < length / 10 && !before.bins.is_empty();
    // A first report that is a mixture holds the beginning itself: the noise of the one before would only blur it.
    let earlier = match connected {
        true if share < WHOLE => Mixed { share: 0.0, variance: 0.0 },
        true => part(before, shape, after)?,
        false => Mixed { share: 0.0, variance: 0.25 },
    };
    let deviation = libm::sqrt(variance + earlier.variance) + LEAST;
    let earliest = if connected { before.span.start } else { first.span.start };
    let back = share * length.seconds() + earlier.share * before.span.length().seconds();
    let at = (end - Span::from_seconds(back)).clamp(earliest.min(end), end);
    Some(Placed { at, deviation: length.part(deviation) })
}

/// A share of scores that have a new shape, and its variance.
#[derive(Clone, Copy)]
struct Mixed {
    share: f64,
    variance: f64,
}

/// Share of the scores of `of` that have the shape `after` rather than `shape`, and its variance: the weighted least
/// squares of a mixture of two known multinomials, with the sampling noise of `of` and of `after`.
fn part(of: &Binned, shape: &[f64], after: &Binned) -> Option<Mixed> {
    let (all, all_before, all_after) = (of.all(), shape.iter().sum::<f64>(), after.all());
    if all <= 0.0 || all_before <= 0.0 || all_after <= 0.0 {
        return None;
    }
    let (mut along, mut square) = (0.0, 0.0);
    for index in 0..shape.len().max(after.bins.len()).max(of.bins.len()) {
        let count = |bins: &[u32]| bins.get(index).map_or(0.0, |count| f64::from(*count));
        let old = shape.get(index).copied().unwrap_or(0.0) / all_before;
        let new = count(&after.bins) / all_after;
        let mean = f64::midpoint(old, new);
        if mean > 0.0 {
            along += (count(&of.bins) / all - old) * (new - old) / mean;
            square += (new - old) * (new - old) / mean;
        }
    }
    let share = along / square;
    (square > 0.0).then(|| Mixed { share, variance: (1.0 / all + share * share / all_after) / square })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::score_bins::Rows;

    const S: Span = Span(1_000_000_000);

    fn binned(bins: [u32; 4], seconds: [i64; 2]) -> Binned {
        let [start, end] = seconds.map(|at| Instant::ZERO + at * S);
        Binned { bins: bins.to_vec(), span: Window { start, end }, ..Binned::default() }
    }

    /// A report of 1,000 scores of which a share has the new shape.
    fn mixed(share: f64, seconds: [i64; 2]) -> Binned {
        let of = |old: f64, new: f64| ((1.0 - share) * old + share * new).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a thousand")]
        let bins = [of(100.0, 400.0), of(200.0, 400.0), of(300.0, 100.0), of(400.0, 100.0)].map(|count| count as u32);
        binned(bins, seconds)
    }

    const SHAPE: [f64; 4] = [1e4, 2e4, 3e4, 4e4];

    #[test]
    fn a_drift_began_where_the_shares_of_the_new_shape_say() {
        for (before, first, began) in [(0.0, 1.0, 10), (0.5, 1.0, 5), (0.0, 0.7, 13)] {
            let drifting = Drifting {
                before: mixed(before, [0, 10]),
                first: mixed(first, [10, 20]),
                after: mixed(1.0, [20, 40]),
                rows: Rows { first: 1, after: 2 },
                told: true,
            };
            let Placed { at, deviation } = begun(&drifting, &SHAPE).expect("told");
            assert!(
                (at - (Instant::ZERO + began * S)).abs() <= deviation && deviation < S,
                "{at:?} {deviation:?} for {began} s"
            );
        }
    }

    #[test]
    fn a_mix_that_leans_over_a_little_is_seen_in_several_reports_together() {
        let lean = |times: u32| binned([24 * times, 26 * times, 20 * times, 30 * times], [0, 10]).bins;
        assert!(!shape::is_far(&SHAPE, &lean(1)), "a hundred scores do not tell");
        assert!(shape::is_off(&SHAPE, &lean(2)), "two hundred ask for more");
        assert!(shape::is_far(&SHAPE, &lean(9)), "nine hundred tell");
        assert!(!shape::is_off(&SHAPE, &mixed(0.0, [0, 10]).bins), "what has the shape is not off");
    }
}
