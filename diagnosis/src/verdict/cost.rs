//! What a symptom costs, in requests, and whom it hits: counted on its own episodes, or on the fleet's sums where no unit
//! shows it.

use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::class::Class;
use crate::state::model::STALL_TRIALS;
use crate::state::model::{Counter, Run, Unit};
use crate::state::ring::{Sums, index_of};
use crate::state::symptom::{Cost, RESIDUE_MIN, RESIDUE_PART, Symptom};

/// Hosts that must be silent at once, and the report intervals for which each must have been.
const SILENT_MIN: usize = 3;
const SILENT_PART: usize = 33;
const SILENT_FOR: i64 = 6;
/// Time, ns, within which a host may be restarted, and be heard again.
const SILENT_LEAST: Span = Span(120_000_000_000);

/// Units that are silent now and have been for long: restarts one after another are short, and heal by themselves.
fn gone_for_long(state: &State, symptom: &Symptom) -> usize {
    let now = state.now.unwrap_or_default();
    let long = (SILENT_FOR * state.interval).max(SILENT_LEAST);
    let gone = |run: &Run| run.counter == Counter::Silent && run.open;
    let units = symptom.hosts.iter().filter_map(|id| state.units.get(*id));
    units.filter(|unit| now - unit.reported > long && unit.runs.iter().any(gone)).count()
}

/// Report intervals around an explained symptom within which what is left is held against it.
const BESIDE: i64 = 60;

/// Report intervals, and time, ns, for which what is left must last.
const RESIDUE_FOR: i64 = 6;
const RESIDUE_LEAST: Span = Span(60_000_000_000);

/// Adds up cost and hosts of a symptom's episodes; what was seen before stays.
pub(crate) fn add_up(state: &State, symptom: &mut Symptom) {
    let mut cost = Cost::default();
    let (mut hosts, mut trials) = (Vec::new(), 0.0_f64);
    symptom.now = 0;
    let floor = floor(state, symptom);
    for id in &state.census.sick {
        let Some(unit) = state.units.get(*id) else { continue };
        let (mut hit, mut open) = (false, false);
        let own: Vec<&Run> = unit.runs.iter().filter(|run| belongs(state, run, symptom)).collect();
        for run in own {
            hit |= run.trials <= 0.0 || run.observed >= floor * run.trials;
            open |= run.open;
            symptom.last_bad = symptom.last_bad.max(run.end.min(state.last_event.unwrap_or(run.end)));
            symptom.errors |= run.counter == Counter::Errors;
            symptom.panics |= run.counter == Counter::Panics;
            symptom.deaths |= run.is_death();
            symptom.silence |= run.counter == Counter::Silent && !run.is_death();
            cost = cost.and(cost_of(state, unit, run));
            trials += run.trials;
        }
        hosts.extend(hit.then_some(*id));
        symptom.now += u64::from(open);
    }
    symptom.most = symptom.most.max(symptom.now);
    symptom.hosts.extend(hosts);
    symptom.hosts.sort_unstable();
    symptom.hosts.dedup();
    if is_alone(state, symptom) {
        cost = cost.most(fleet_cost(state, symptom));
    }
    symptom.trials = trials.max(symptom.trials);
    cost.requests = fleet_requests(state, symptom);
    symptom.cost = symptom.cost.most(cost);
    symptom.worth = is_worth(state, symptom);
}

/// Least rate of an episode that makes its host one of those affected: a twelfth of what most of them show. What is weaker
/// by more is a host's habit or noise.
fn floor(state: &State, symptom: &Symptom) -> f64 {
    let units = state.census.sick.iter().filter_map(|id| state.units.get(*id));
    let own = units.flat_map(|unit| &unit.runs).filter(|run| run.trials > 0.0 && belongs(state, run, symptom));
    let mut rates: Vec<f64> = own.map(|run| run.observed / run.trials).collect();
    let at = rates.len() * 8 / 10;
    if at >= rates.len() {
        return 0.0;
    }
    let (_, rate, _) = rates.select_nth_unstable_by(at, f64::total_cmp);
    *rate / 12.0
}

/// Whether a symptom is worth an incident though nothing explains it. What is left beside an explanation of the same class
/// at the same time is mostly its spill-over, or what always fails a little: it must hit a good part of as many hosts.
fn is_worth(state: &State, symptom: &Symptom) -> bool {
    let explained = state.symptoms.iter().filter(|other| {
        other.id != symptom.id
            && other.class == symptom.class
            && other.verdict.accuses()
            && (other.onset - symptom.onset).abs() <= BESIDE * state.interval
    });
    let most = explained.map(|other| other.hosts.len()).max().unwrap_or(0);
    if symptom.class == Class::Gone
        && !symptom.deaths
        && gone_for_long(state, symptom) < SILENT_MIN.max(state.census.live / SILENT_PART)
    {
        return false;
    }
    // An explanation may yet widen to what began a moment ago.
    let lasts = symptom.last_bad - symptom.onset >= (RESIDUE_FOR * state.interval).max(RESIDUE_LEAST);
    most == 0 || lasts && symptom.hosts.len() >= RESIDUE_MIN && symptom.hosts.len() * RESIDUE_PART >= most
}

/// Whether an episode is one of a symptom's own: explained by it, or, while it explains none, by no other.
fn belongs(state: &State, run: &Run, symptom: &Symptom) -> bool {
    let own = if symptom.verdict.accuses() {
        run.claim == symptom.id
    } else {
        run.claim == symptom.id || run.claim == 0 && run.start >= symptom.onset - state.interval
    };
    own && Class::of(run.counter) == symptom.class
}

/// Whether no other symptom of the class shares its time.
fn is_alone(state: &State, symptom: &Symptom) -> bool {
    !state.symptoms.iter().any(|other| {
        other.id != symptom.id
            && other.class == symptom.class
            && other.resolved.is_none_or(|_| other.last_bad >= symptom.onset)
    })
}

fn cost_of(state: &State, unit: &Unit, run: &Run) -> Cost {
    let excess = (run.observed - run.expected).max(0.0);
    let usual = unit.traffic.mean().unwrap_or(0.0);
    let mut cost = Cost::default();
    match run.counter {
        Counter::Errors => cost.failed = excess,
        // Where no requests are counted each panic stands for one.
        Counter::Panics if !unit.counts_requests() => cost.failed = excess,
        Counter::Denied => cost.denied = excess,
        Counter::Zeros => cost.unscored = excess,
        // Nobody knows how many processes are behind an aggregate, nor what one of them usually serves.
        Counter::Stall | Counter::Silent if unit.aggregate => {}
        Counter::Stall => cost.missing = excess / STALL_TRIALS * usual * state.interval.seconds(),
        Counter::Silent => cost.missing = usual * (run.end - run.start).max(Span::ZERO).seconds(),
        _ => {}
    }
    cost
}

/// The fleet's excess since the onset: exact where all of it is this symptom's.
fn fleet_cost(state: &State, symptom: &Symptom) -> Cost {
    let of = |counter: Counter| fleet_excess(state, counter, symptom.onset, symptom.last_bad);
    let mut cost = Cost::default();
    match symptom.class {
        Class::Failed => cost.failed = of(Counter::Errors),
        Class::Denied => cost.denied = of(Counter::Denied),
        Class::Unscored => cost.unscored = of(Counter::Zeros),
        _ => {}
    }
    cost
}

/// Events of the fleet beyond expectation.
fn fleet_excess(state: &State, counter: Counter, from: Instant, to: Instant) -> f64 {
    let (from, to) = (index_of(from, state.interval), index_of(to, state.interval) + 1);
    let mut all = Sums::default();
    (from..=to)
        .filter_map(|index| state.ring.get(index)?.fleet.get(counter as usize).copied())
        .for_each(|sums| all.add(sums));
    (all.observed - all.expected).max(0.0)
}

/// Report intervals at the end that may not be complete.
const INCOMPLETE: i64 = 2;

/// All requests of the fleet since the onset, those of failing hosts and of others. What is complete is added once: it is
/// asked for longer than intervals are kept.
fn fleet_requests(state: &State, symptom: &mut Symptom) -> f64 {
    let first = index_of(symptom.onset, state.interval);
    if symptom.counted_from != symptom.onset {
        (symptom.counted_from, symptom.counted_to, symptom.fleet_requests) = (symptom.onset, first, 0.0);
    }
    let trials = |from: i64, to: i64| -> f64 {
        let of = |index| Some(state.ring.get(index)?.fleet.get(Counter::Errors as usize)?.trials);
        (from..to).filter_map(of).sum()
    };
    let end = index_of(symptom.last_bad, state.interval) + 1;
    let complete = end.min(state.ring.end() - INCOMPLETE).max(symptom.counted_to);
    symptom.fleet_requests += trials(symptom.counted_to, complete);
    symptom.counted_to = complete;
    symptom.fleet_requests + trials(complete, end)
}
