//! Runs that single events make: of a process that died, or is not heard, or panics without counting its requests. Whether
//! it did is decided where an observation or a tick tells it.

use crate::numerics::time::{Instant, Placed, Span};
use crate::signals::watch;
use crate::state::ids::LevelId;
use crate::state::model::{Counter, Run, Unit};
use crate::state::run::FirstRow;

/// A process is missing: the unit fails by silence, until it is heard again. If it then never stopped, it was only not
/// heard; restarts so far are kept with the run to tell.
pub(crate) fn not_heard(unit: &mut Unit, level: Option<LevelId>) {
    let new = !unit.runs.iter().any(|run| run.counter == Counter::Silent && run.open);
    // It went silent after the last load that it told of, and before its next report was due.
    let due = unit.last_event + unit.span;
    let told = unit.moves.iter().filter(|entry| entry.told && entry.at <= due).map(|entry| entry.at).max();
    let at = told.unwrap_or(unit.last_event).max(unit.last_event);
    died(unit, at, level);
    let restarts = unit.restarts;
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| new && run.counter == Counter::Silent && run.open) {
        run.opening.trials = counted(restarts);
        run.first = FirstRow { start: at, end: due, rate: 1.0 };
        (run.near, run.precise) = (Placed { at, deviation: Span::ZERO }, false);
    }
}

/// Forgets a silence in which the process went on.
pub(crate) fn unheard(unit: &mut Unit) {
    let restarts = counted(unit.restarts);
    #[expect(clippy::float_cmp, reason = "a count against the same count")]
    unit.runs.retain(|run| run.counter != Counter::Silent || !run.open || run.opening.trials != restarts);
}

/// Forgets a silence that ended as another binary reports: the process stopped for a release.
pub(crate) fn released(unit: &mut Unit) {
    unit.runs.retain(|run| run.counter != Counter::Silent || !run.open || run.is_death());
}

/// A count of restarts that no death seen by itself has.
#[expect(clippy::cast_precision_loss, reason = "restarts of one host")]
fn counted(restarts: u64) -> f32 {
    restarts as f32 + 2.0
}

/// A process died.
pub(crate) fn died(unit: &mut Unit, at: Instant, level: Option<LevelId>) {
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Silent && run.open) {
        run.end = run.end.max(at);
        run.observed += 1.0;
        run.trials += 1.0;
        run.level = run.level.or(level);
        return;
    }
    watch::open(unit, Run::of_event(Counter::Silent, at, level));
}

/// Time without a panic after which the panics of a process that counts no requests are over, and in report intervals.
const PANICS_OVER: Span = Span(60_000_000_000);
const PANICS_OVER_REPORTS: i64 = 3;
/// How far the instant of a panic is off the instant of what caused it, ns.
const PANIC_SLACK: Span = Span(200_000_000);

/// A process panicked of which no requests are counted: its panics themselves make the run.
pub(crate) fn panicked(unit: &mut Unit, at: Instant, interval: Span) {
    end_panics(unit, at, interval);
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Panics && run.open) {
        (run.start, run.end) = (run.start.min(at), run.end.max(at));
        (run.observed, run.trials) = (run.observed + 1.0, run.trials + 1.0);
        return;
    }
    watch::open(unit, Run { near: Placed { at, deviation: PANIC_SLACK }, ..Run::of_event(Counter::Panics, at, None) });
}

/// The unit panicked `times` more within its open run of panics.
#[expect(clippy::cast_precision_loss, reason = "a count of panics within one report")]
pub(crate) fn panicked_also(unit: &mut Unit, times: u64) {
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Panics && run.open) {
        (run.observed, run.trials) = (run.observed + times as f64, run.trials + times as f64);
    }
}

/// Ends the panics of a process that counts no requests, when there was none for long.
pub(crate) fn end_panics(unit: &mut Unit, now: Instant, interval: Span) {
    if unit.counts_requests() {
        return;
    }
    let over = PANICS_OVER.max(PANICS_OVER_REPORTS * interval);
    for run in unit.runs.iter_mut().filter(|run| run.counter == Counter::Panics && run.open) {
        run.open = now - run.end <= over;
    }
}

/// A process died, and another took its place.
pub(crate) fn past_death(unit: &mut Unit, at: Instant) {
    watch::open(unit, Run { open: false, ..Run::of_event(Counter::Silent, at, None) });
}
