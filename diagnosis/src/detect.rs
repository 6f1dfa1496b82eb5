//! Whether something is wrong: enough units fail by one counter, or the fleet's sums leave their expectation by a
//! Shiryaev-Roberts e-detector with learned overdispersion (diagnosis.md 2). What it is, is decided in `judge`.

pub(crate) mod census;
pub(crate) mod staged;
pub(crate) mod tick;

use crate::detect::staged::staged;
use crate::numerics::math::{float, median};
use crate::numerics::reach::in_reach;
use crate::numerics::time::Ns;
use crate::state::State;
use crate::state::model::{COUNTERS, Counter, Run};

/// ln 10^6: e-BH at 1 % over up to 10^4 slices and signals.
const ALARM: f64 = 13.8;
/// Factors by which a rate may have grown.
const FACTORS: [f64; 9] = [1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 300.0];
/// Report intervals in which beginnings belong together.
pub(crate) const TOGETHER: i64 = 30;

/// A counter that fired, with the beginning of what made it fire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    pub counter: Counter,
    pub onset: Ns,
}

/// What the failing units show of one counter.
#[derive(Clone, Debug, Default)]
struct Failing {
    /// When each began, by its first run that counts.
    starts: Vec<Ns>,
    /// Whether one fails so clearly that it needs no others.
    strong: bool,
}

/// Counters that are alarmed by what began at `from` or later.
pub(crate) fn alarms(state: &State, from: Ns) -> Vec<Alarm> {
    let now = state.last_event.unwrap_or(0).max(state.now.unwrap_or(0));
    let from = from.max(now - 720 * state.interval);
    let failing = failing(state, from, now - TOGETHER * state.interval);
    Counter::ALL
        .into_iter()
        .zip(failing)
        .filter_map(|(counter, failing)| alarm(state, counter, from, failing))
        .collect()
}

/// Runs that began at `from` or later and are open, or ended after `since`.
fn failing(state: &State, from: Ns, since: Ns) -> [Failing; COUNTERS] {
    let mut all: [Failing; COUNTERS] = Default::default();
    for unit in state.census.stirred.iter().filter_map(|id| state.units.get(*id as usize)) {
        let mut counted = [false; COUNTERS];
        for run in unit.runs.iter().filter(|run| run.start >= from && (run.open || run.end > since)) {
            let at = run.counter as usize;
            let (Some(of), Some(counted)) = (all.get_mut(at), counted.get_mut(at)) else { continue };
            of.strong |= is_strong(state, run);
            if !std::mem::replace(counted, true) {
                let first = unit.restarts_seen.first().filter(|first| run.counter == Counter::Silent && *first >= from);
                of.starts.push(first.map_or(run.start, |first| first.min(run.start)));
            }
        }
    }
    all
}

fn is_strong(state: &State, run: &Run) -> bool {
    run.end - run.start >= 3 * state.interval
        && run.observed >= 20.0
        && run.observed >= if run.counter == Counter::Slow { 0.3 } else { 0.05 } * run.trials
        && run.counter != Counter::Silent
}

fn alarm(state: &State, counter: Counter, from: Ns, failing: Failing) -> Option<Alarm> {
    let Failing { mut starts, strong } = failing;
    let live = state.census.live;
    let least = match counter {
        // Of three hosts two that are gone are not to be waited for until the third is.
        Counter::Silent => (live / 33).max(3).min(live.div_ceil(2).max(1)),
        Counter::Drift | Counter::Cpu | Counter::Memory | Counter::Stall | Counter::Slow => {
            (live / 100).max(3).min(live.max(1))
        }
        _ => (live / 50).max(2).min(live.div_ceil(3)),
    };
    if starts.len() >= least || strong && !starts.is_empty() {
        starts.sort_unstable();
        return Some(Alarm { counter, onset: cluster(&starts, state.interval)? });
    }
    let onset = drifting_sum(state, counter).or_else(|| staged(state, counter).filter(|onset| *onset >= from))?;
    (onset >= from).then_some(Alarm { counter, onset })
}

/// Where the failing of an incident that nobody explains yet really begins: a stray host before does not count.
pub(crate) fn anchor(state: &State, onset: Ns, counters: &[Counter]) -> Ns {
    let first = |unit: &crate::state::model::Unit| {
        unit.runs
            .iter()
            .filter(|run| counters.contains(&run.counter) && run.start >= onset - 2 * state.interval)
            .map(|run| run.start)
            .min()
    };
    let sick = state.census.sick.iter().filter_map(|id| state.units.get(*id as usize));
    let sick = in_reach(sick, |unit| unit.runs.first().map_or(0, |run| run.start));
    let mut starts: Vec<Ns> = sick.filter_map(first).collect();
    starts.sort_unstable();
    let needed = starts.len() * 15 / 100;
    let enough = |(index, start): &(usize, &Ns)| {
        starts.get(index + needed).is_some_and(|later| later - **start <= TOGETHER * state.interval)
    };
    starts.iter().enumerate().find(enough).map_or(onset, |(_, start)| *start)
}

/// The detector on the fleet's sums; gives the beginning of the excess.
fn drifting_sum(state: &State, counter: Counter) -> Option<Ns> {
    if !counter.is_additive() {
        return None;
    }
    let sums: Vec<(i64, f64, f64)> = state
        .ring
        .iter()
        .map(|(index, interval)| {
            let sum = interval.fleet.get(counter as usize).copied().unwrap_or_default();
            (index, sum.observed, sum.expected)
        })
        .collect();
    let judged = sums.len().saturating_sub(60);
    let tail = sums.get(judged..)?;
    let observed: f64 = tail.iter().map(|sum| sum.1).sum();
    let expected: f64 = tail.iter().map(|sum| sum.2).sum();
    if observed <= 1.02 * expected || sums.len() < 24 {
        return None;
    }
    let past = sums.get(6..sums.len().saturating_sub(12))?;
    let mut ratios: Vec<f64> =
        past.iter().filter(|sum| sum.2 > 0.5).map(|sum| (sum.1 - sum.2) * (sum.1 - sum.2) / sum.2).collect();
    ratios.sort_by(f64::total_cmp);
    let upper = ratios.get(ratios.len() * 9 / 10).copied().unwrap_or(4.0);
    let blocks: Vec<f64> = past.chunks(12).filter(|block| block.len() == 12).map(block_ratio).collect();
    let usual = blocks.iter().copied().fold(0.0, f64::max);
    let lately = tail.get(tail.len().saturating_sub(12)..).map_or(0.0, block_ratio);
    if blocks.len() < 3 || lately < 1.25 * usual.max(1.0) {
        return None;
    }
    let dispersion = (upper / 2.7).max(2.0).max(median(&mut ratios) / 0.455);
    let mut logs = [f64::NEG_INFINITY; FACTORS.len()];
    let mut best = (0.0, None);
    let mut since = None;
    for (index, observed, expected) in tail {
        let mut mean = 0.0;
        for (log, factor) in logs.iter_mut().zip(FACTORS) {
            let gain = (observed * libm::log(factor) - (factor - 1.0) * expected) / dispersion;
            *log = (libm::log1p(libm::exp(log.min(600.0))) + gain).clamp(-50.0, 600.0);
            mean += libm::exp(*log) / float(FACTORS.len());
        }
        if mean <= 2.0 {
            since = None;
        } else if since.is_none() {
            since = Some(*index);
        }
        if libm::log(mean.max(1e-300)) > ALARM && *observed > 1.2 * expected {
            best = (mean, since);
        }
    }
    best.1.map(|index: i64| index * state.interval)
}

/// The earliest beginning that is soon followed by others.
fn cluster(starts: &[Ns], interval: Ns) -> Option<Ns> {
    let needed = (starts.len() / 50).max(1).min(starts.len().saturating_sub(1));
    starts
        .iter()
        .enumerate()
        .find(|(index, start)| starts.get(index + needed).is_some_and(|later| later - **start <= TOGETHER * interval))
        .map(|(_, start)| *start)
        .or_else(|| starts.first().copied())
}

/// Observed over expected in some intervals.
fn block_ratio(block: &[(i64, f64, f64)]) -> f64 {
    let (observed, expected) = block.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.1, sum.1 + one.2));
    observed / expected.max(1.0)
}
