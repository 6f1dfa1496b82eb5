//! Runs of a process that died, or is not heard. Whether it did is decided where an observation or a tick tells it.

use crate::numerics::time::Ns;
use crate::signals::watch;
use crate::state::model::{Counter, Run, Unit};

/// A process is missing: the unit fails by silence, until it is heard again. If it then never stopped, it was only not
/// heard; restarts so far are kept with the run to tell.
pub(crate) fn not_heard(unit: &mut Unit, level: Option<u32>) {
    let new = !unit.runs.iter().any(|run| run.counter == Counter::Silent && run.open);
    // It went silent after the last load that it told of, and before its next report was due.
    let due = unit.last_event + unit.span;
    let told = unit.moves.iter().filter(|entry| entry.told && entry.at <= due).map(|entry| entry.at).max();
    let at = told.unwrap_or(unit.last_event).max(unit.last_event);
    died(unit, at, level);
    let restarts = unit.restarts;
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| new && run.counter == Counter::Silent && run.open) {
        run.opening.1 = counted(restarts);
        (run.first, run.near, run.precise) = ((at, due, 1.0), (at, 0), false);
    }
}

/// Forgets a silence in which the process went on.
pub(crate) fn unheard(unit: &mut Unit) {
    let restarts = counted(unit.restarts);
    #[expect(clippy::float_cmp, reason = "a count against the same count")]
    unit.runs.retain(|run| run.counter != Counter::Silent || !run.open || run.opening.1 != restarts);
}

/// A count of restarts that no death seen by itself has.
#[expect(clippy::cast_precision_loss, reason = "restarts of one host")]
fn counted(restarts: u64) -> f32 {
    restarts as f32 + 2.0
}

/// A process died.
pub(crate) fn died(unit: &mut Unit, at: Ns, level: Option<u32>) {
    if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Silent && run.open) {
        run.end = run.end.max(at);
        run.observed += 1.0;
        run.trials += 1.0;
        run.level = run.level.or(level);
        return;
    }
    watch::open(unit, death(at, level));
}

/// A process died, and another took its place.
pub(crate) fn past_death(unit: &mut Unit, at: Ns) {
    watch::open(unit, Run { open: false, ..death(at, None) });
}

fn death(at: Ns, level: Option<u32>) -> Run {
    Run {
        counter: Counter::Silent,
        start: at,
        end: at,
        open: true,
        observed: 1.0,
        trials: 1.0,
        expected: 0.0,
        quiet: 0.0,
        first: (at, at, 1.0),
        precise: true,
        slack: 0,
        opening: (1.0, 1.0, 0.0),
        near: (at, 0),
        sizes: Default::default(),
        level,
    }
}
