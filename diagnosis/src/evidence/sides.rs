//! What the two sides of loads say (`divided`): whether requests fail, or are scored otherwise, from the first one that used
//! the new version on and not before, host by host; or from one moment on, which on each host lies elsewhere in its report.
//! The order of a request and a load on one host needs no clock and no fine report, so this also tells where a push
//! reached everybody within seconds. What may be accused for it is decided in `judge`.

use crate::evidence::combine::{AGES, Said, said_by};
use crate::evidence::divided::{appeared, from_others, settled, sum};
use crate::evidence::finished::by_finished;
use crate::evidence::load_cost::{LoadCost, load_cost};
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{By, Counted, Sides};
use crate::numerics::math::float;
use crate::numerics::mixture::{Kinds, Split, Stretch, best, rates};
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::signals::baseline::fleet_rate;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::load_reports::{BUCKETS, Divided, Side};
use crate::state::model::{Counter, Level};
use std::collections::BTreeSet;

/// Requests, or scores, of one side that count: a busy host says no more.
const OF_SIDE_MAX: f64 = 240.0;
/// Cells of time among the loads, and among these and the ends of reports.
const CELLS: usize = 14;
/// Failed requests that are needed, and by how much more must fail than usual.
const FAILED_MIN: f64 = 5.0;
const FACTOR_MIN: f64 = 3.0;
/// Log likelihood ratio from which a host fails.
const BEYOND: f64 = 4.0;

/// What the reports say in which hosts went to one of the versions.
pub(crate) fn sides(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<Sides> {
    let levels = &hypothesis.levels;
    let settled = settled(state, levels)?;
    let in_scope = |divided: &&Divided| {
        let dims = state.units.get(divided.unit).map(|unit| unit.dims);
        let is = |(key, value): (&String, &String)| {
            dims.and_then(|dims| state.tables.value(dims, key)).is_some_and(|known| known == value)
        };
        appeared(state, divided.from) < settled && hypothesis.scope.iter().all(is)
    };
    let all: Vec<&Divided> =
        from_others(state, levels).filter(in_scope).filter(|of| is_free(state, scene, of)).collect();
    let any = |of: &[Counter]| scene.counters.iter().any(|counter| of.contains(counter));
    let failed = any(&[Counter::Errors, Counter::Panics]).then(|| by_requests(state, &all)).flatten();
    let failed = failed.filter(|_| !load_cost(state, hypothesis).is_some_and(LoadCost::is_part));
    let scored = any(&[Counter::Drift, Counter::Zeros]).then(|| by_scores(state, &all, levels)).flatten();
    let hangs = any(&[Counter::Stall]).then(|| by_finished(state, &all)).flatten();
    [failed, scored, hangs].into_iter().flatten().max_by(|a, b| a.ratio.total_cmp(&b.ratio))
}

fn by_requests(state: &State, all: &[&Divided]) -> Option<Sides> {
    let told: Vec<&Divided> =
        all.iter().filter(|of| of.before.requests > 0.0 && of.after.requests > 0.0).copied().collect();
    let usual = usual(state, &told);
    let fails = |of: &&&Divided| is_failing(of, usual);
    let failing: Vec<&Divided> = told.iter().filter(fails).copied().collect();
    let (before, after) = (sum(&failing, |of| of.before), sum(&failing, |of| of.after));
    let new = after.count / after.all.max(1.0);
    // Of the hosts on which it would have shown, most must show it: a third of them may lie.
    let shown = |of: &&&Divided| !fails(of) && f64::from(of.after.requests) * new >= 3.0;
    let well = told.iter().filter(shown).count();
    let least = usual.max(before.count / before.all.max(1.0));
    if after.count < FAILED_MIN || new < FACTOR_MIN * least || failing.len() <= well {
        return None;
    }
    let kinds = Kinds { usual: vec![usual, 1.0 - usual], came: vec![1.0, 0.0] };
    let counts = |side: Side| {
        let scale = (OF_SIDE_MAX / f64::from(side.requests).max(1.0)).min(1.0);
        vec![scale * f64::from(side.failed), scale * f64::from(side.requests - side.failed)]
    };
    let Said { ratio, hosts } = said_by(&failing, &compared(&failing, &kinds, counts))?;
    Some(Sides { ratio, hosts, before, after, by: By::Failed })
}

/// Whether the host did not fail of something else in the report.
fn is_free(state: &State, scene: &Scene<'_>, of: &Divided) -> bool {
    state.units.get(of.unit).is_some_and(|unit| !scene.is_busy(unit, of.span.start, of.span.end))
}

/// Failed requests of the version before, in the reports that hold the load, from which it tells that they failed already,
/// and the part of the later failing share from which they failed alike.
const PRECEDES_MIN: f64 = 8.0;
const PRECEDES_PART: f64 = 0.5;

/// Whether hosts failed in the same way under the version that they had before, in the very report that holds the load: the
/// load followed the failing.
pub(crate) fn precedes(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    // Failed requests do not show when processes began to die, to hang or to score otherwise.
    if !scene.counters.iter().any(|counter| matches!(counter, Counter::Errors | Counter::Panics)) {
        return false;
    }
    let all = from_others(state, &hypothesis.levels).filter(|of| is_free(state, scene, of));
    let told: Vec<&Divided> = all.filter(|of| of.before.requests > 0.0 && of.after.requests > 0.0).collect();
    let usual = usual(state, &told);
    let failing: Vec<&Divided> = told.into_iter().filter(|of| is_failing(of, usual)).collect();
    let alike = |of: &&&Divided| {
        let rate = |side: Side| f64::from(side.failed) / f64::from(side.requests).max(1.0);
        let least = usual.max(rate(of.after) * PRECEDES_PART);
        f64::from(of.before.failed) >= PRECEDES_MIN && rate(of.before) >= least && rate(of.before) >= FACTOR_MIN * usual
    };
    let before = failing.iter().filter(alike).count();
    before >= 2 && before * 2 >= failing.len()
}

/// Number of hosts that failed under the version before, in the very report that holds the load.
pub(crate) fn failed_before(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> usize {
    let told: Vec<&Divided> = from_others(state, &hypothesis.levels).filter(|of| is_free(state, scene, of)).collect();
    let usual = usual(state, &told);
    told.iter().filter(|of| is_beyond(of.before.failed, of.before.requests, usual)).count()
}

/// Whether more failed in a report than chance allows.
fn is_failing(of: &Divided, usual: f64) -> bool {
    is_beyond(of.before.failed + of.after.failed, of.before.requests + of.after.requests, usual)
}

/// Whether more failed than chance allows: the deviance of a Poisson count.
fn is_beyond(failed: f32, requests: f32, usual: f64) -> bool {
    let (failed, expected) = (f64::from(failed), usual * f64::from(requests));
    failed > expected && failed * libm::log(failed / expected) - (failed - expected) >= BEYOND
}

/// Usual failing share of requests that used the versions before. Hosts that keep these may fail by now, so that it is no
/// more than what the fleet expects.
fn usual(state: &State, told: &[&Divided]) -> f64 {
    let from = from(told);
    let levels = from.iter().filter_map(|level| state.tables.level_at(*level));
    let (mut failed, mut requests) = (0, 0);
    levels.for_each(|level| (failed, requests) = (failed + level.failed, requests + level.requests));
    let seen = (float(failed as usize) + 0.5) / (float(requests as usize) + 1.0).max(100.0);
    state.prior.get(Counter::Errors as usize).map_or(seen, |prior| seen.min(fleet_rate(prior, Counter::Errors)))
}

/// The versions before.
fn from(told: &[&Divided]) -> Vec<LevelId> {
    told.iter().map(|of| of.from).collect::<BTreeSet<LevelId>>().into_iter().collect()
}

fn by_scores(state: &State, all: &[&Divided], levels: &[LevelId]) -> Option<Sides> {
    let scored = |side: &Side| side.scores.iter().any(|count| *count > 0);
    let told: Vec<&Divided> = all.iter().filter(|of| scored(&of.before) && scored(&of.after)).copied().collect();
    let kinds = Kinds { usual: mix_of(state, &from(&told))?, came: mix_of(state, levels)? };
    let counts = |side: Side| {
        let all: f64 = side.scores.iter().map(|count| f64::from(*count)).sum();
        side.scores.iter().map(|count| (OF_SIDE_MAX / all).min(1.0) * f64::from(*count)).collect()
    };
    let Said { ratio, hosts } = said_by(&told, &compared(&told, &kinds, counts))?;
    Some(Sides { ratio, hosts, before: Counted::default(), after: Counted::default(), by: By::Scores })
}

/// Shares of the buckets in the scores of versions.
fn mix_of(state: &State, levels: &[LevelId]) -> Option<Vec<f64>> {
    let mut sums = [0.5; BUCKETS];
    let known = levels.iter().filter_map(|level| state.tables.level_at(*level)).filter(|level| has_scores(level));
    let mut any = false;
    for level in known {
        any = true;
        sums.iter_mut().zip(&level.deciles).for_each(|(sum, count)| *sum += crate::observation::counts::float(*count));
    }
    let all: f64 = sums.iter().sum();
    any.then(|| sums.iter().map(|sum| sum / all).collect())
}

fn has_scores(level: &Level) -> bool {
    level.deciles.iter().sum::<u64>() >= u64::from(crate::numerics::shape::LEAST_SCORES)
}

/// Log likelihood ratio of "from the load on" over "whatever the load", and the hosts that tell. Before the load all is as
/// usual and what comes after may take its time; or it comes and goes with time, in whatever course fits best, alike on all.
fn compared(told: &[&Divided], kinds: &Kinds, counts: impl Fn(Side) -> Vec<f64>) -> Vec<f64> {
    let stretch = |side: Side, from: Instant, to: Instant| Stretch { counts: counts(side), from, to, kinds };
    let before: Vec<Stretch<'_>> = told.iter().map(|of| stretch(of.before, of.span.start, of.at)).collect();
    let after: Vec<Stretch<'_>> = told.iter().map(|of| stretch(of.after, of.at, of.span.end)).collect();
    let aged = |age: Span| Instant::ZERO + age;
    let after_load: Vec<Stretch<'_>> =
        told.iter().map(|of| stretch(of.after, Instant::ZERO, aged(of.span.end - of.at))).collect();
    let length = told.iter().map(|of| of.span.length()).max().unwrap_or(Span::NS);
    let ages = [Span::ZERO].into_iter().chain(AGES.map(|part| length / part)).chain([length]);
    let ages: Vec<Instant> = ages.map(aged).collect();
    let own =
        before.iter().map(|of| of.ln(0.0)).zip(best(&after_load, &ages, None)).map(|(before, after)| before + after);
    let both: Vec<Stretch<'_>> = before.iter().chain(&after).cloned().collect();
    let edges = edges(told);
    let count = |side: Side| f64::from(side.requests).max(side.scores.iter().map(|count| f64::from(*count)).sum());
    let split = |of: &&Divided| Split {
        counts: [count(of.before), count(of.after)],
        times: [of.span.start, of.at, of.span.end],
    };
    let rates = rates(&told.iter().map(split).collect::<Vec<_>>(), &edges);
    let course = best(&both, &edges, Some(&rates));
    let moment = course.iter().zip(course.iter().skip(told.len())).map(|(before, after)| before + after);
    own.zip(moment).map(|(own, moment)| own - moment).collect()
}

/// Edges of cells of time: as fine as loads and the ends of reports lie close together.
fn edges(told: &[&Divided]) -> Vec<Instant> {
    let mut times: Vec<Instant> = told.iter().flat_map(|of| [of.span.start, of.at, of.span.end]).collect();
    times.sort_unstable();
    let last = times.len().saturating_sub(1);
    let mut all: Vec<Instant> = (0..=CELLS).filter_map(|at| times.get(at * last / CELLS)).copied().collect();
    let mut loads: Vec<Instant> = told.iter().map(|of| of.at).collect();
    loads.sort_unstable();
    let last = loads.len().saturating_sub(1);
    all.extend((0..=CELLS).filter_map(|at| loads.get(at * last / CELLS)));
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::combine::TOLD_AT;
    use crate::numerics::time::Window;
    use crate::state::ids::UnitId;

    const S: Span = Span(1_000_000_000);

    /// Forty hosts that load at times within two seconds, ten requests a second, and fail from `begins` on.
    fn told(begins: impl Fn(Instant) -> Instant, length: Span) -> Vec<Divided> {
        let host = |host: u32| {
            let at = Instant::ZERO + 100 * S + i64::from(host * 7 % 40) * S / 20;
            let start = at - length * i64::from(host % 8 + 1) / 10;
            let end = start + length;
            let from = begins(at);
            let tenths = |span: Span| f32::from(u16::try_from((span / (S / 10)).max(0)).unwrap());
            let side = |from: Instant, to: Instant, begins: Instant| Side {
                failed: tenths(to - begins.clamp(from, to)),
                requests: tenths(to - from),
                ..Side::default()
            };
            Divided {
                unit: UnitId(host),
                from: LevelId(0),
                at,
                span: Window { start, end },
                before: side(start, at, from),
                after: side(at, end, from),
                usual: 0.0,
            }
        };
        (0..40).map(host).collect()
    }

    fn ratio(told: &[Divided]) -> f64 {
        let kinds = Kinds { usual: vec![0.001, 0.999], came: vec![1.0, 0.0] };
        let counts = |side: Side| {
            let scale = (OF_SIDE_MAX / f64::from(side.requests).max(1.0)).min(1.0);
            vec![scale * f64::from(side.failed), scale * f64::from(side.requests - side.failed)]
        };
        {
            let told: Vec<&Divided> = told.iter().collect();
            said_by(&told, &compared(&told, &kinds, counts)).map_or(0.0, |said| said.ratio)
        }
    }

    #[test]
    fn failing_from_the_load_on_is_told_from_failing_from_one_moment_on_within_a_push_of_two_seconds() {
        for length in [10 * S, 60 * S] {
            let own = ratio(&told(|load| load, length));
            assert!(own > 6.9, "{length:?}: {own}");
            for moment in [95, 99, 100, 101, 102, 103] {
                let moment = Instant::ZERO + moment * S;
                let one = ratio(&told(|_| moment, length));
                assert!(one < TOLD_AT, "{length:?} {moment:?}: {one}");
            }
        }
    }

    #[test]
    fn hosts_that_fail_each_from_a_moment_of_its_own_do_not_accuse() {
        let strewn =
            ratio(&told(|load| Instant::ZERO + 101 * S + (load.periods(S / 20) * 37 % 41 - 20) * S / 5, 10 * S));
        assert!(strewn < TOLD_AT, "{strewn}");
    }
}
