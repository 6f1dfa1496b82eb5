//! What each counter observed in a row, and what was expected of it: counts against the unit's own rate, gauges as yes or
//! no against its own past. Whether that is failing is decided in `watch`.

use crate::numerics::time::Window;
use crate::observation::Row;
use crate::observation::counts::{self, Requests, Share, float, seconds};
use crate::signals::baseline::{fleet_rate, unit_rate};
use crate::signals::drift::drift;
use crate::signals::graded;
use crate::signals::sample::Sample;
use crate::state::State;
use crate::state::ids::UnitId;
use crate::state::model::{Base, COUNTERS, Counter, STALL_TRIALS};

/// Observed events and trials of one counter in a row.
struct Counted {
    counter: Counter,
    observed: f64,
    trials: f64,
    /// Size of the effect, if the counts do not show it (see `graded`).
    size: Option<f32>,
}

impl Counted {
    const fn new(counter: Counter, observed: f64, trials: f64) -> Self {
        Self { counter, observed, trials, size: None }
    }

    /// Yes or no.
    fn flag(counter: Counter, yes: bool) -> Self {
        Self::new(counter, f64::from(u8::from(yes)), 1.0)
    }
}

/// Over-dispersion of a host's counts (1/k) before anything was seen. Source: real machines, most lie below.
const SPREAD: f64 = 0.3;
/// What is never known of a rate, as a variance of its logarithm.
const RATE_UNKNOWN: f64 = 0.02;

/// What each counter observed and expected.
pub(crate) fn samples(state: &mut State, id: UnitId, row: &Row, window: Window) -> Vec<Sample> {
    let Window { start, end } = window;
    let requests = counts::requests(row);
    let scores = counts::score_entries(row);
    let mut observed: Vec<Counted> = Vec::with_capacity(COUNTERS);
    if requests.all > 0.0 || requests.panicked > 0.0 {
        observed.push(Counted::new(Counter::Errors, requests.failed, requests.all.max(requests.failed)));
        observed.push(Counted::new(Counter::Panics, requests.panicked, requests.all.max(requests.panicked)));
        observed.push(Counted::new(Counter::Denied, requests.denied, requests.all));
    }
    let zeros = scores.iter().map(|entry| counts::zeros(entry));
    let zeros = zeros.fold(Share::default(), |sum, one| Share { count: sum.count + one.count, all: sum.all + one.all });
    if zeros.all > 0.0 {
        observed.push(Counted::new(Counter::Zeros, zeros.count, zeros.all));
    }
    if let Some(latency) = &row.latency {
        learn_latency(state, latency);
        let slow = counts::above(latency, state.slow.above_s);
        // Until it is known what is slow, that nothing is would be learned.
        if slow.all > 0.0 && state.slow.above_s.is_finite() {
            observed.push(Counted::new(Counter::Slow, slow.count, slow.all));
        }
    }
    observed.extend(gauges(state, id, row, &requests));
    let drift = drift(state, id, &scores, window);
    observed.extend(drift.map(|drift| Counted::flag(Counter::Drift, drift.far)));
    let Some(unit) = state.units.get(id) else { return Vec::new() };
    let expect = |Counted { counter, observed, trials, size }: Counted| {
        let at = counter as usize;
        let fleet = state.prior.get(at).map_or(0.0, |base| fleet_rate(base, counter));
        let rate = unit.base.get(at).map_or(fleet, |base| unit_rate(base, fleet, counter));
        let start = drift.filter(|_| counter == Counter::Drift).map_or(start, |drift| drift.since);
        let size = size.unwrap_or_else(|| graded::size(observed / trials.max(1e-9) - rate));
        let known = unit.base.get(at).map_or(0.0, Base::events) + counter.prior().weight * fleet;
        let beyond = beyond(state, counter, known);
        Sample { counter, start, end, observed, trials, expected: rate * trials, size, beyond }
    };
    observed.into_iter().map(expect).collect()
}

/// Variance of a count beyond chance per squared expectation: what hosts do by themselves, and how little is known of this
/// one's rate.
fn beyond(state: &State, counter: Counter, known: f64) -> f64 {
    if !counter.is_additive() {
        return 0.0;
    }
    let own = state.spread.get(counter as usize).map_or(SPREAD, |spread| spread.rate(SPREAD));
    own + RATE_UNKNOWN + 1.0 / known.max(1.0)
}

/// Gauges become yes or no per report, against the unit's own past.
fn gauges(state: &State, id: UnitId, row: &Row, requests: &Requests) -> Vec<Counted> {
    let mut observed = Vec::new();
    let Some(unit) = state.units.get(id) else { return observed };
    if let Some(cpu) = counts::gauge(row.cpu) {
        let usual = unit.cpu.mean().unwrap_or(cpu);
        observed.push(Counted::flag(Counter::Cpu, cpu > usual + 0.25 && cpu > usual * 1.4));
    }
    if let Some(memory) = counts::gauge(row.memory) {
        let usual = unit.memory.mean().unwrap_or(memory);
        observed.push(Counted::flag(Counter::Memory, memory > usual * 1.3));
    }
    let seconds = seconds(row);
    if let Some(usual) = unit.traffic.mean()
        && unit.rows > 3
        && usual * seconds >= 8.0
    {
        // Hardly a completion; or fewer, while requests pile up. Fewer alone is traffic that went elsewhere.
        let piled = counts::gauge(row.in_flight)
            .zip(unit.in_flight.mean())
            .is_some_and(|(now, usual)| now > 5.0 * usual + 10.0);
        let missing = 1.0 - requests.all / (usual * seconds);
        let chance = 4.0 * libm::sqrt(usual * seconds) >= missing * usual * seconds;
        let told = if (piled || missing > 0.75) && !chance { missing } else { 0.0 };
        let stall = Counted::new(Counter::Stall, told * STALL_TRIALS, STALL_TRIALS);
        observed.push(Counted { size: Some(graded::size(missing)), ..stall });
    }
    observed
}

fn learn_latency(state: &mut State, latency: &crate::observation::Histogram) {
    if state.open_case() {
        return;
    }
    let mut told = latency.bounds.iter().map(|bound| bound.to_bits()).zip(&latency.counts).peekable();
    // Senders of one kind have the same bounds, and in order: then one walk over both is enough.
    for (bound, sum) in &mut state.slow.histogram {
        if let Some((_, count)) = told.next_if(|(told, _)| told == bound) {
            *sum += float(*count);
        }
    }
    for (bound, count) in told {
        if state.slow.histogram.len() < 128 || state.slow.histogram.contains_key(&bound) {
            *state.slow.histogram.entry(bound).or_default() += float(*count);
        }
    }
}
