//! Whether sums over hosts have risen: of the whole fleet, and of the hosts of each new version against what they did
//! before and what the rest does meanwhile. Each is held against the fleet's own swing: how far the sum of one report
//! leaves its expectation by itself. It raises alarms; who is to blame is decided in `judge`.
//!
//! Source of rules and numbers: ten methods compared on 298 hours of quiet fleets with the noise of real machines; these
//! three (with hard hosts, see `detect`) opened .24 needless incidents a day and saw every strong effect within a report.

use crate::numerics::math::{float, median};
use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::LevelId;
use crate::state::model::Counter;
use crate::state::reload_window::BLIP;
use crate::state::ring::{Cohort, Cohorts, Interval, Sums, index_of, start_of};

/// Events beyond expectation, over all units, from which it is worth waking somebody.
pub(crate) const WORTH_WAKING: f64 = 20.0;
/// Deviations of the fleet's swing from which sums have risen. At 2.5 needless openings were .7 a day, at 3.5 .16.
const RISEN_AT: f64 = 3.0;
/// Observed over expected from which it is worth waking somebody.
const FACTOR_MIN: f64 = 2.0;
/// Reports summed: with one 68 % of x3 on a third of the hosts are seen, with three 93 %, with five the fleet rule is late.
const SUMMED: i64 = 3;
/// Time that is summed at least, ns, and by which the second look comes later: the reports that were measured were of 10 s
/// and more, and what swings in a second is no second witness.
const SUMMED_FOR: Span = Span(30_000_000_000);
const AGAIN_AFTER: Span = Span(10_000_000_000);
/// Minimum time, ns, and minimum number of reports over which a lasting rise is summed. Source: a composed fleet with 85 requests a
/// second and .5 % failures. The short sums do not see that outage. After 4 minutes it has enough events.
const LONG_FOR: Span = Span(300_000_000_000);
const LONG_REPORTS: i64 = 10;
/// Observed over expected events, and events beyond expectation, from which such a rise is worth waking somebody: more than for
/// a short one, since real fleets stay at twice their rate for minutes.
const LONG_FACTOR: f64 = 4.0;
const LONG_WORTH: f64 = 30.0;
/// One report in so many may be as usual while a rise lasts.
const LONG_PART: usize = 4;
/// Reports that are summed at most.
const SUMMED_MOST: i64 = 30;
/// Reports from which the swing is learnt.
const SWING_FROM: i64 = 120;
/// Minimum and maximum number of the last reports from which the swing is not learnt, and the part of the known ones that they
/// may be: what may be an outage must not teach that the fleet swings so far by itself.
const SWING_LATE_MIN: i64 = 2;
const SWING_LATE_MAX: i64 = 16;
const SWING_LATE_PART: i64 = 2;
/// Weight of the prior of the swing, in reports. No effect between 4 and 30.
const PRIOR_REPORTS: f64 = 12.0;
/// Most that one report adds to the swing's sum.
const SWING_MOST: f64 = 4.0;
/// Reports after its first load for which a version is followed.
pub(crate) const FOLLOWED_FOR: i64 = 40;
/// Versions followed at once.
pub(crate) const FOLLOWED_MAX: usize = 256;
/// Report intervals for which the sums must have risen if they include hosts shortly after a load.
const LASTS: i64 = BLIP + 2;
/// Ratio of observed to expected events after a load that is assumed before the fleet's own ratio is known, and the number of
/// reports of the whole fleet after loads from which it is known.
const COST_PRIOR: f64 = 20.0;
const COST_KNOWN: f64 = 2.0;
/// Part of the mean of the reports before from which an interval is complete.
const COMPLETE: f64 = 0.7;

/// What is known of a class before anything was seen: its counter, the prior of the fleet's swing (standard deviation of
/// the log of observed over expected of one report), and that of a host's over-dispersion (1/k).
#[derive(Clone, Copy)]
struct Kind {
    counter: Counter,
    swing: f64,
    dispersion: f64,
}

impl Kind {
    const fn of(class: Class) -> Option<Self> {
        match class {
            Class::Failed => Some(Self { counter: Counter::Errors, swing: 0.35, dispersion: 0.25 }),
            Class::Denied => Some(Self { counter: Counter::Denied, swing: 0.30, dispersion: 0.15 }),
            // Real series of scores are not at hand; all of them at zero are seen whatever the prior.
            Class::Unscored => Some(Self { counter: Counter::Zeros, swing: 0.35, dispersion: 0.02 }),
            _ => None,
        }
    }
}

/// Since when the sums of a class have risen, if they have in the last two complete reports, or for long. What one host has
/// `alone` does not count, for a fleet has risen where several hosts have.
pub(crate) fn risen(state: &State, class: Class, alone: Alone) -> Option<Instant> {
    let Alone { shortly, long } = alone;
    let kind = Kind::of(class)?;
    let last = last_complete(state)?;
    if last < state.warm().periods(state.interval.max(Span::NS)) {
        return None;
    }
    let again = (AGAIN_AFTER / state.interval.max(Span::NS)).max(1);
    let both = |rose: &dyn Fn(i64) -> bool| rose(last) && rose(last - again);
    let swing = swing(state, kind, last);
    let cost = reload_cost(state, kind, last);
    let rose_by = |sums: Sums| {
        let sums = without(sums, shortly);
        is_worth(sums) && excess_log(sums) > RISEN_AT * libm::sqrt(swing + 1.0 / (sums.expected + 0.5))
    };
    let fleet = |at: i64| rose_by(summed(state, kind, at));
    let with_loading = |at: i64| {
        let mut whole = paying(state, kind, at);
        whole.expected *= cost;
        whole.add(summed(state, kind, at));
        rose_by(whole)
    };
    let dispersion = dispersion_of(state, kind);
    let cohort = |level: LevelId, at: i64| {
        let own = cohort(state, kind, level, at);
        let own = Cohort { sums: without(own.sums, shortly), ..own };
        cohort_rose(own, summed(state, kind, at), dispersion, swing)
    };
    // The cost of a load ends soon on each host. A rise that lasts longer is not that cost.
    let lasts = (0..=LASTS).all(|back| with_loading(last - back));
    let stays = stays_high(state, kind, Course { last, long, swing, cost });
    let rose = both(&fleet) || lasts || stays || state.followed.iter().any(|level| both(&|at| cohort(*level, at)));
    rose.then(|| rose_at(state, kind, last))
}

/// Events beyond expectation of the one host that has most of them.
#[derive(Clone, Copy)]
pub(crate) struct Alone {
    /// Within [`summed_for`].
    pub shortly: f64,
    /// Within [`long_for`].
    pub long: f64,
}

/// What a lasting rise is held against.
#[derive(Clone, Copy)]
struct Course {
    /// Index of the last complete report.
    last: i64,
    /// Events beyond expectation of one host alone.
    long: f64,
    /// Variance of the log of observed over expected in one report.
    swing: f64,
    /// Observed over expected events after a load.
    cost: f64,
}

/// Whether the fleet's sums have been far above expectation for long, though no short time has events enough: a small fleet, or
/// one with few requests.
fn stays_high(state: &State, kind: Kind, Course { last, long, swing, cost }: Course) -> bool {
    let from = last - long_reports(state) + 1;
    if from < state.warm().periods(state.interval.max(Span::NS)) {
        return false;
    }
    let (mut whole, mut high, mut all) = (Sums::default(), 0, 0);
    for interval in (from..=last).filter_map(|at| state.ring.get(at)) {
        let mut sums = interval.paying.of(kind.counter).map(|of| of.sums).unwrap_or_default();
        sums.expected *= cost;
        sums.add(interval.calm.of(kind.counter).map(|of| of.sums).unwrap_or_default());
        high += usize::from(sums.observed > FACTOR_MIN * sums.expected);
        all += 1;
        whole.add(sums);
    }
    let whole = without(whole, long);
    let far = whole.observed >= LONG_FACTOR * whole.expected && whole.observed - whole.expected >= LONG_WORTH;
    far && high * LONG_PART >= all * (LONG_PART - 1)
        && excess_log(whole) > RISEN_AT * libm::sqrt(swing + 1.0 / (whole.expected + 0.5))
}

/// Time over which a lasting rise is summed, ns.
pub(crate) fn long_for(state: &State) -> Span {
    long_reports(state) * state.interval
}

fn long_reports(state: &State) -> i64 {
    (LONG_FOR / state.interval.max(Span::NS)).max(LONG_REPORTS)
}

/// The last interval of which most hosts have reported.
fn last_complete(state: &State) -> Option<i64> {
    let trials = |at: i64| state.ring.get(at).and_then(|of| of.fleet.first()).map_or(0.0, |sums| sums.trials);
    // The end of the ring is where the clock that is furthest ahead has got to.
    let front = state.front.map_or(i64::MAX, |front| index_of(front, state.interval));
    let last = (state.ring.end() - 1).min(front);
    let usual = (1..=3).map(|back| trials(last - back)).sum::<f64>() / 3.0;
    let complete = trials(last) >= COMPLETE * usual && usual > 0.0;
    (last > state.ring.first + 2 * reports(state)).then_some(if complete { last } else { last - 1 })
}

/// Variance of the log of the fleet's observed over expected in one report, beyond that of counts. If expectations are too
/// high, as after loads that cost errors, the log is low in every report: that is no swing.
fn swing(state: &State, kind: Kind, last: i64) -> f64 {
    let warm = state.warm().periods(state.interval.max(Span::NS));
    let sums = |at: i64| Some(state.ring.get(at)?.calm.of(kind.counter)?.sums);
    let late = ((last - warm) / SWING_LATE_PART).clamp(SWING_LATE_MIN, SWING_LATE_MAX);
    let from = (last - late - SWING_FROM).max(warm);
    let seen: Vec<Sums> = (from..=last - late).filter_map(sums).collect();
    let mut logs: Vec<f64> = seen.iter().map(|sums| excess_log(*sums)).collect();
    let usual = median(&mut logs).min(0.0);
    let beyond = |sums: &Sums| {
        let log = excess_log(*sums) - usual;
        (log * log - 1.0 / (sums.expected + 0.5)).clamp(0.0, SWING_MOST)
    };
    let all: f64 = seen.iter().map(beyond).sum();
    (PRIOR_REPORTS * kind.swing * kind.swing + all) / (PRIOR_REPORTS + float(seen.len()))
}

/// The fleet's sums of the reports that end with `at`, without the hosts that loaded something shortly before.
fn summed(state: &State, kind: Kind, at: i64) -> Sums {
    sums_until(state, at, |interval| interval.calm.of(kind.counter))
}

/// The sums of the hosts that loaded something shortly before.
fn paying(state: &State, kind: Kind, at: i64) -> Sums {
    sums_until(state, at, |interval| interval.paying.of(kind.counter))
}

fn sums_until(state: &State, at: i64, of: impl Fn(&Interval) -> Option<Cohort>) -> Sums {
    let mut all = Sums::default();
    let cohorts = (at - reports(state) + 1..=at).filter_map(|at| of(state.ring.get(at)?));
    cohorts.for_each(|cohort| all.add(cohort.sums));
    all
}

/// Greatest ratio of observed to expected events on hosts shortly after their loads, learnt from earlier loads of the fleet.
/// If pushes follow each other closely, all hosts are always shortly after a load, so their counts must be judged too.
fn reload_cost(state: &State, kind: Kind, last: i64) -> f64 {
    let until = last - 2 * BLIP;
    let warm = state.warm().periods(state.interval.max(Span::NS));
    let (mut most, mut paid) = (1.0_f64, 0.0);
    for at in (until - SWING_FROM).max(warm)..=until {
        let sums = paying(state, kind, at);
        most = most.max((sums.observed + 0.5) / (sums.expected + 0.5));
        paid += state.ring.get(at).map_or(0.0, |of| share_paying(of, kind));
    }
    if paid < COST_KNOWN { most.max(COST_PRIOR) } else { most }
}

/// Share of an interval's requests that were counted on hosts shortly after a load.
fn share_paying(interval: &Interval, kind: Kind) -> f64 {
    let trials = |of: &Cohorts| of.of(kind.counter).map_or(0.0, |of| of.sums.trials);
    let (calm, paying) = (trials(&interval.calm), trials(&interval.paying));
    if paying > 0.0 { paying / (calm + paying) } else { 0.0 }
}

fn cohort(state: &State, kind: Kind, level: LevelId, at: i64) -> Cohort {
    let mut all = Cohort::default();
    for interval in (at - reports(state) + 1..=at).filter_map(|at| state.ring.get(at)) {
        if let Some(of) = interval.cohorts.get(&level).and_then(|of| of.of(kind.counter)) {
            all.add(of);
        }
    }
    all
}

/// Whether the hosts that have a version all the time do worse than before, by more than the rest does.
fn cohort_rose(own: Cohort, fleet: Sums, dispersion: f64, swing: f64) -> bool {
    let rest = Sums {
        observed: (fleet.observed - own.sums.observed).max(0.0),
        trials: (fleet.trials - own.sums.trials).max(0.0),
        expected: (fleet.expected - own.sums.expected).max(0.0),
    };
    if !is_worth(own.sums) {
        return false;
    }
    let weight = swing / (swing + 1.0 / (rest.expected + 0.5) + 0.02);
    let rise = excess_log(own.sums) - weight * excess_log(rest).max(0.0);
    let expected = own.sums.expected.max(1e-9);
    let hosts = dispersion * own.squares / (expected * expected);
    let variance = 1.0 / (own.sums.expected + 0.5) + hosts + swing * (1.0 - weight);
    rise > RISEN_AT * libm::sqrt(variance)
}

fn dispersion_of(state: &State, kind: Kind) -> f64 {
    state.spread.get(kind.counter as usize).map_or(kind.dispersion, |spread| spread.rate(kind.dispersion))
}

/// The first of the last reports in which more was seen than expected.
fn rose_at(state: &State, kind: Kind, last: i64) -> Instant {
    let high = |at: &i64| {
        let of = state.ring.get(*at);
        let sides = [of.and_then(|of| of.calm.of(kind.counter)), of.and_then(|of| of.paying.of(kind.counter))];
        sides.into_iter().flatten().any(|side| side.sums.observed > 1.5 * side.sums.expected)
    };
    let first = (last - 2 * reports(state)..last).rev().take_while(high).last().unwrap_or(last - 1);
    start_of(first, state.interval)
}

fn without(sums: Sums, alone: f64) -> Sums {
    Sums { observed: (sums.observed - alone).max(0.0), ..sums }
}

/// Time over which events are summed, ns.
pub(crate) fn summed_for(state: &State) -> Span {
    reports(state) * state.interval
}

/// Reports that are summed.
fn reports(state: &State) -> i64 {
    (SUMMED_FOR / state.interval.max(Span::NS)).clamp(SUMMED, SUMMED_MOST)
}

fn excess_log(sums: Sums) -> f64 {
    libm::log((sums.observed + 0.5) / (sums.expected + 0.5))
}

fn is_worth(sums: Sums) -> bool {
    sums.observed >= FACTOR_MIN * sums.expected && sums.observed - sums.expected >= WORTH_WAKING
}
