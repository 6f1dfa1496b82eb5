//! Which unit an observation is about, and what any observation tells of it: its dimensions, its processes, its clock, and
//! facts of the content that it loaded. What only one kind of observation tells is decided in `take`, `take_row` and
//! `take_load`.

use crate::ingest::waiting::unsettle;
use crate::numerics::time::{Instant, Span};
use crate::observation::{Dimensions, Facts, Name, Source};
use crate::signals::death::released;
use crate::signals::restarts::{Restart, Sign, restarted};
use crate::state::ids::{DimsId, ExposureId, LevelId, UnitId};
use crate::state::model::{Base, COUNTERS, Factor, Key, Move, Unit};
use crate::state::moves::{BEFORE_ALL, note};
use crate::state::pending_rows::NOT_WAITING;
use crate::state::place::Place;
use crate::state::restart_times::Restarts;
use crate::state::score_bins::Binned;
use crate::state::tables::Tables;
use crate::state::unit_parts::{Active, PanicBout, Panics, Process};
use crate::state::units::add_unit;
use crate::state::{REVISABLE, State};
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::names::attribute;
use firstbad_protocol::time::SECOND_NS;
use std::collections::BTreeMap;

/// Processes remembered for one unit.
const PROCESSES_MAX: usize = 1024;

/// Facts kept of one version: those of the contract are ten, and a limit a kind of resource.
const NUMBERS_MAX: usize = 64;
const WORDS_MAX: usize = 16;
const LIMITS_MAX: usize = 16;

/// The unit that a source belongs to, made if it is new.
pub(crate) fn unit_of(state: &mut State, source: &Source, dims: &Dimensions, at: Instant) -> Option<UnitId> {
    let service = dims.get(attribute::SERVICE_NAME).map_or("", AsRef::as_ref);
    let Source::Instance { instance, host } = source else {
        let dims_id = state.tables.dims(dims);
        let host = Name::from(format!("\u{0}aggregate-{}", dims_id.0));
        let id = state.unit_ids.get(&host, service).or_else(|| enter_unit(state, new_unit(host, dims_id, true), at))?;
        unsettle(state, id);
        note_binary(state, id, dims, at);
        return Some(id);
    };
    let known = state.unit_ids.get(host, service);
    let dims_id = dims_of(state, known, dims);
    let id = known.or_else(|| enter_unit(state, new_unit(host.clone(), dims_id, false), at))?;
    unsettle(state, id);
    let same = |unit: &Unit| unit.dims == dims_id && unit.binary_known;
    if !state.units.get(id).is_some_and(same) {
        note_binary(state, id, dims, at);
    }
    note_process(state, id, instance, at);
    if let Some(unit) = state.units.get_mut(id).filter(|unit| unit.dims != dims_id) {
        unit.dims = dims_id;
        unit.exposure = ExposureId::STALE;
    }
    Some(id)
}

/// Index of dimensions, which mostly are those that the unit had before.
fn dims_of(state: &mut State, unit: Option<UnitId>, dims: &Dimensions) -> DimsId {
    let before = unit.and_then(|id| state.units.get(id)).map(|unit| unit.dims);
    let same = before.filter(|before| state.tables.dims_at(*before) == Some(dims));
    same.unwrap_or_else(|| state.tables.dims(dims))
}

fn enter_unit(state: &mut State, unit: Unit, at: Instant) -> Option<UnitId> {
    let (dims, aggregate) = (unit.dims, unit.aggregate);
    if state.units.len() >= INSTANCES_MAX {
        state.tables.overflow += 1;
        return None;
    }
    let id = state.units.next_id()?;
    let unit = Unit {
        first: at,
        last_event: at,
        last_arrival: state.now.unwrap_or(at),
        span: state.interval,
        rotations: state.rotations,
        ..unit
    };
    add_unit(state, id, unit);
    // A host that appears later than the fleet may stand in for one that is gone.
    if !aggregate && state.first_row.is_some() && at > state.warm() {
        *state.born.entry(Place::of(&state.tables, dims)).or_default() += 1;
    }
    Some(id)
}

/// A binary is a level too: `service.version`.
fn note_binary(state: &mut State, id: UnitId, dims: &Dimensions, at: Instant) {
    let service = dims.get(attribute::SERVICE_NAME).cloned().unwrap_or_else(|| Name::from(""));
    let Some(version) = dims.get(attribute::SERVICE_VERSION) else { return };
    let Some(factor) = state.tables.factor(&Factor::Binary(service)) else { return };
    let Some(level) = state.tables.level(factor, &Key::Text(version.clone()), at) else { return };
    let slack = slack(state);
    let Some(unit) = state.units.get_mut(id) else { return };
    unit.binary_known = unit.active.contains(&Active { factor, level });
    if unit.binary_known {
        return;
    }
    let new = !unit.active.iter().any(|active| active.factor == factor);
    let at = if new { BEFORE_ALL } else { at };
    if unit.moves.iter().any(|old| old.factor == factor && old.at > at && !new) {
        return;
    }
    note(unit, Move { at, factor, level, told: !new, torn: false }, slack, &mut state.earliest);
    if let Some(level) = state.tables.level_mut(level) {
        level.units_ever += 1;
    }
}

/// Notes that a process of a unit is new. One that comes with another binary is a release, and no death of the one before.
pub(crate) fn note_restart(unit: &mut Unit, tables: &Tables, restart: Restart) {
    let is_binary = |entry: &&Move| {
        entry.at >= unit.last_event - 2 * restart.interval
            && matches!(tables.factors.get(entry.factor), Some(Factor::Binary(_)))
    };
    if unit.moves.iter().rev().any(|entry| is_binary(&entry)) {
        unit.restarts_seen.forget();
        released(unit);
        return;
    }
    restarted(unit, restart);
}

fn note_process(state: &mut State, id: UnitId, instance: &Name, at: Instant) {
    let (now, interval) = (state.now.unwrap_or_default(), state.interval);
    let at = corrected(state, id, at);
    let late = state.first_event.is_some_and(|first| at > first + 3 * interval);
    let Some(unit) = state.units.get_mut(id) else { return };
    unit.last_arrival = unit.last_arrival.max(now);
    if let Some(process) = unit.instances.iter_mut().find(|process| process.name == *instance) {
        process.heard = now;
        return;
    }
    if late {
        unit.note_start(at, interval);
    }
    if !unit.instances.is_empty() {
        unit.restarts += 1;
        note_restart(unit, &state.tables, Restart { sign: Sign::Name, now, interval: state.interval });
    }
    state.instances_seen += 1;
    if unit.instances.len() >= PROCESSES_MAX {
        unit.instances.remove(0);
    }
    unit.instances.reserve_exact(1);
    unit.instances.push(Process { name: instance.clone(), heard: now });
}

/// How far a guessed time may be wrong, and how late a load may be told.
pub(crate) fn slack(state: &State) -> Span {
    (REVISABLE * state.interval).max(Span(180 * SECOND_NS))
}

/// A unit's time, corrected by its clock's offset.
pub(crate) fn corrected(state: &State, id: UnitId, at: Instant) -> Instant {
    at.saturating_sub(state.units.get(id).map(|unit| unit.offset).unwrap_or_default())
}

/// Merges what is known of a version's content.
pub(crate) fn learn_facts(state: &mut State, level: LevelId, facts: &Facts) {
    let Some(level) = state.tables.level_mut(level) else { return };
    // The facts of a version are those of its first load. A later load under another generation does not change them. A limit
    // is declared by the proxy that loads, so a later one replaces it.
    keep(&mut level.facts.numbers, &facts.numbers, NUMBERS_MAX);
    keep(&mut level.facts.words, &facts.words, WORDS_MAX);
    merge(&mut level.facts.limits, &facts.limits, LIMITS_MAX);
    level.facts.rowset = facts.rowset.or(level.facts.rowset);
}

/// Adds and replaces values. A new name beyond `most` names is dropped.
fn merge<T: Clone>(known: &mut BTreeMap<Name, T>, told: &BTreeMap<Name, T>, most: usize) {
    for (name, value) in told {
        if known.len() < most || known.contains_key(name) {
            known.insert(name.clone(), value.clone());
        }
    }
}

/// Adds the values of names that are not known yet.
fn keep<T: Clone>(known: &mut BTreeMap<Name, T>, told: &BTreeMap<Name, T>, most: usize) {
    for (name, value) in told {
        if known.len() < most {
            known.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
}

fn new_unit(host: Name, dims: DimsId, aggregate: bool) -> Unit {
    Unit {
        host,
        dims,
        aggregate,
        stays: true,
        stirred: false,
        shares_host: false,
        binary_known: false,
        exposure: ExposureId::STALE,
        waiting: NOT_WAITING,
        rotations: 0,
        instances: Vec::new(),
        active: Vec::new(),
        moves: Vec::new(),
        runs: Vec::new(),
        watches: Vec::new(),
        base: [Base::default(); COUNTERS],
        traffic: Base::default(),
        cpu: Base::default(),
        memory: Base::default(),
        in_flight: Base::default(),
        flat: Instant::LONG_AGO,
        growth: [0.0; 5],
        first: Instant::ZERO,
        last_event: Instant::ZERO,
        last_arrival: Instant::ZERO,
        reported: Instant::ZERO,
        span: Span::ZERO,
        rows: 0,
        gaps: Vec::new(),
        first_failures: Vec::new(),
        starts: Vec::new(),
        restarts: 0,
        restarts_seen: Restarts::default(),
        panics: Panics::default(),
        panic_bout: PanicBout { first: Instant::LONG_AGO, last: Instant::LONG_AGO },
        left: None,
        loading: None,
        offset: Span::ZERO,
        scores: Binned::default(),
        scored: Binned::default(),
        drifting: None,
        below: Default::default(),
    }
}

/// Notes the event time seen.
pub(crate) fn seen(state: &mut State, at: Instant) {
    state.first_event = Some(state.first_event.map_or(at, |first| first.min(at)));
}
