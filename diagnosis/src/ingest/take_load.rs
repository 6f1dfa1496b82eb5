//! Load attempts: they move a unit to a version, are refused, or are all that is left of a process that died in them.

use crate::ingest::unit_of::{corrected, learn_facts, seen, slack, unit_of};
use crate::numerics::time::Instant;
use crate::observation::{Load, Name};
use crate::signals::watch::make_room;
use crate::state::ids::{FactorId, LevelId, UnitId};
use crate::state::model::{Counter, Factor, Key, Move, Run};
use crate::state::moves::{BEFORE_ALL, level_at, note};
use crate::state::ring::index_of;
use crate::state::unit_parts::Loading;
use crate::state::{PanicSeen, State};
use firstbad_protocol::load::LoadResult;

/// One attempt, interned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub unit: UnitId,
    pub factor: FactorId,
    pub level: LevelId,
    pub at: Instant,
    pub told: bool,
}

/// Takes a load event.
pub(crate) fn take_load(state: &mut State, load: &Load) {
    let Some(unit) = unit_of(state, &load.source, &load.dimensions, load.at.into()) else { return };
    let at = corrected(state, unit, load.at.into());
    let Some(factor) = state.tables.factor(&Factor::Config(load.config.clone())) else { return };
    let Some(level) = version_loaded(state, factor, load, at) else { return };
    learn_facts(state, level, &load.facts);
    if let Some(known) = state.tables.level_mut(level) {
        known.first_seen = known.first_seen.min(at);
    }
    seen(state, at);
    if let Some(previous) = load.previous {
        was_active(state, unit, factor, &Key::Version(previous));
    }
    let attempt = Attempt { unit, factor, level, at, told: true };
    match load.result {
        None => {
            if let Some(unit) = state.units.get_mut(unit) {
                unit.loading = Some(Loading { factor, level, at });
            }
        }
        Some(result) => {
            end_loading(state, unit, level);
            note_fresh_load(state, attempt, load.previous.is_none(), result);
            attempted(state, attempt, result);
            if result.is_refusal() {
                note_refusal(state, attempt, load.error.as_ref(), load.reason.as_ref());
            }
        }
    }
}

/// The version that a load offers: a known one, one more rendering of a known one, or a new one.
fn version_loaded(state: &mut State, factor: FactorId, load: &Load, at: Instant) -> Option<LevelId> {
    if let Some(level) = state.tables.known_level(factor, &load.hash) {
        return Some(level);
    }
    let key = Key::Version(load.hash);
    let level = match state.renderings.version_of(&state.tables, factor, &load.facts) {
        Some(level) => state.tables.alias(factor, key, level)?,
        None => state.tables.level(factor, &key, at)?,
    };
    state.renderings.note(factor, &load.facts, level);
    Some(level)
}

/// A process that applies what its host has already, and had nothing before, has just started: where no start is told, this
/// tells it.
fn note_fresh_load(state: &mut State, attempt: Attempt, nothing_before: bool, result: LoadResult) {
    let interval = state.interval;
    let Some(unit) = state.units.get_mut(attempt.unit) else { return };
    let again = level_at(unit, attempt.factor, attempt.at) == Some(attempt.level);
    if result == LoadResult::Applied && nothing_before && again && attempt.told {
        unit.note_start(attempt.at, interval);
    }
}

fn end_loading(state: &mut State, unit: UnitId, level: LevelId) {
    if let Some(unit) = state.units.get_mut(unit)
        && unit.loading.is_some_and(|loading| loading.level == level)
    {
        unit.loading = None;
    }
}

/// `previous_hash` tells what a unit had before anything else was known of it.
fn was_active(state: &mut State, unit: UnitId, factor: FactorId, key: &Key) {
    let first = state.units.get(unit).map(|unit| unit.first).unwrap_or_default();
    let Some(level) = state.tables.level(factor, key, first) else { return };
    let slack = slack(state);
    let Some(unit) = state.units.get_mut(unit) else { return };
    let unknown = unit.moves.iter().all(|entry| entry.factor != factor);
    if unknown
        && note(unit, Move { at: BEFORE_ALL, factor, level, told: true, torn: false }, slack, &mut state.earliest)
    {
        count_unit(state, level);
    }
}

/// One more unit had a version.
fn count_unit(state: &mut State, level: LevelId) {
    if let Some(level) = state.tables.level_mut(level) {
        level.units_ever += 1;
    }
}

/// An attempt with its result.
pub(crate) fn attempted(state: &mut State, attempt: Attempt, result: LoadResult) {
    let Attempt { unit, factor, level, at, told } = attempt;
    let (slack, interval) = (slack(state), state.interval);
    let refused = result.is_refusal();
    if let Some(cell) = state.ring.at(index_of(at, interval)) {
        let sums = cell.attempts.entry(level).or_default();
        sums.all += 1.0;
        sums.refused += f64::from(u8::from(refused));
    }
    let Some(known) = state.units.get_mut(unit) else { return };
    let new = !known.moves.iter().any(|entry| entry.level == level);
    let active = level_at(known, factor, at);
    let mut noted =
        |at: Instant| note(known, Move { at, factor, level, told, torn: false }, slack, &mut state.earliest);
    let moved = matches!(result, LoadResult::Applied | LoadResult::Rejected) && noted(at);
    // What had the version before anything else was known of it did not move.
    let had = result == LoadResult::Unchanged && active.is_none() && noted(BEFORE_ALL);
    if refused {
        let counter = if result == LoadResult::Rejected { Counter::Rejected } else { Counter::Refused };
        refuse(&mut known.runs, at, level, counter);
        known.stirred = true;
    } else {
        for run in &mut known.runs {
            run.open &= !is_refusal(run);
        }
    }
    if moved && let Some(interval) = state.ring.at(index_of(at, interval)) {
        *interval.loads.entry(level).or_default() += 1;
    }
    if new && (moved || had) {
        count_unit(state, level);
    }
}

/// Keeps the error of a refusal, verbatim.
fn note_refusal(state: &mut State, attempt: Attempt, error: Option<&Name>, reason: Option<&Name>) {
    if let Some(level) = state.tables.level_mut(attempt.level) {
        level.refusals += 1;
    }
    if state.refusals.len() >= 1024 && !state.refusals.contains_key(&attempt.level) {
        return;
    }
    let message = error.or(reason).cloned().unwrap_or_else(|| Name::from("load refused"));
    let seen = state.refusals.entry(attempt.level).or_insert_with(|| PanicSeen {
        message: message.clone(),
        site: None,
        first: attempt.at,
        count: 0,
        units: Vec::new(),
        reason: reason.cloned(),
    });
    seen.count += 1;
    if attempt.at < seen.first {
        seen.first = attempt.at;
        seen.message = message;
    }
    if seen.units.len() < 64 && !seen.units.contains(&attempt.unit) {
        seen.units.push(attempt.unit);
    }
}

fn is_refusal(run: &Run) -> bool {
    matches!(run.counter, Counter::Refused | Counter::Rejected)
}

/// A refusal opens a run of its own, which the next accepted load ends.
fn refuse(runs: &mut Vec<Run>, at: Instant, level: LevelId, counter: Counter) {
    let open = |run: &&mut Run| run.counter == counter && run.open && run.level == Some(level);
    if let Some(run) = runs.iter_mut().find(open) {
        run.end = run.end.max(at);
        run.observed += 1.0;
        run.trials += 1.0;
        return;
    }
    for run in runs.iter_mut() {
        run.open &= !is_refusal(run);
    }
    make_room(runs);
    let run = Run::of_event(counter, at, Some(level));
    let index = runs.partition_point(|other| other.start <= at);
    runs.insert(index, run);
}
