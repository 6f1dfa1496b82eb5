//! From a row to the sums of its report interval: the fleet's are added up at once; those of its exposure wait for the
//! tick, when the loads of the same batch are known.

use crate::numerics::time::{Instant, Span, Window};
use crate::state::State;
use crate::state::ids::{DimsId, ExposureId, FactorId, LevelId, UnitId};
use crate::state::model::{COUNTERS, Counter, Exposure, Unit};
use crate::state::moves::{level_at, moved_within};
use crate::state::pending_rows::{Early, NOT_WAITING, Waiting, WaitingRows};
use crate::state::reload_window::blip;
use crate::state::ring::{Sums, index_of};
use crate::state::unit_parts::Active;

/// Takes a row's sums.
pub(crate) fn wait(state: &mut State, id: UnitId, window: Window, sums: &[Sums; COUNTERS]) {
    let Window { start, end } = window;
    let known = state.is_interval_known();
    if known {
        add_to_fleet(state, end, sums);
    } else {
        state.waiting.early.push(Early { end, sums: *sums });
    }
    // What the unit has and how it is stands in the cache now; at the tick it would have to be fetched again.
    let cell = if known { cell_of(state, id, window) } else { ExposureId::STALE };
    let place = u32::try_from(state.waiting.rows.len()).unwrap_or(NOT_WAITING);
    state.waiting.rows.push(Waiting { unit: id, cell, start, end, sums: Counter::additive(sums) });
    if let Some(unit) = state.units.get_mut(id) {
        unit.waiting = place;
    }
}

/// Something else is told of a unit: the cell of a row of it that waits must be looked up again.
pub(crate) fn unsettle(state: &mut State, id: UnitId) {
    let place = state.units.get(id).map_or(NOT_WAITING, |unit| unit.waiting);
    if let Some(row) = state.waiting.rows.get_mut(place as usize).filter(|row| row.unit == id) {
        row.cell = ExposureId::STALE;
    }
}

/// Adds what waits to its cells. A report interval that has changed makes other cells.
pub(crate) fn fold(state: &mut State, changed: bool) {
    let WaitingRows { mut rows, early } = std::mem::take(&mut state.waiting);
    for row in &early {
        add_to_fleet(state, row.end, &row.sums);
    }
    let followed = std::mem::take(&mut state.followed);
    for row in &rows {
        add_to_cohorts(state, row, &followed);
        let stale = changed || row.cell == ExposureId::STALE;
        let cell = if stale { cell_of(state, row.unit, Window { start: row.start, end: row.end }) } else { row.cell };
        if let Some(interval) = state.ring.at(index_of(row.end, state.interval)) {
            let cell = interval.cells.entry(cell).or_default();
            cell.rows += 1;
            for (slot, sums) in cell.sums.iter_mut().zip(&row.sums) {
                slot.add(*sums);
            }
        }
    }
    rows.clear();
    state.waiting.rows = rows;
    state.followed = followed;
}

/// Adds a row to the sums of the versions that are followed, where the unit had them all the time.
fn add_to_cohorts(state: &mut State, row: &Waiting, followed: &[LevelId]) {
    let settling = blip(state.interval);
    let Some(unit) = state.units.get(row.unit) else { return };
    let paying = unit.moves.iter().rev().any(|last| (Span::ZERO..settling).contains(&(row.end - last.at)));
    let Some(interval) = state.ring.at(index_of(row.end, state.interval)) else { return };
    if paying {
        interval.paying.note(&row.sums);
        return;
    }
    interval.calm.note(&row.sums);
    if followed.is_empty() {
        return;
    }
    for active in unit.active.iter().filter(|active| followed.binary_search(&active.level).is_ok()) {
        interval.cohorts.entry(active.level).or_default().note(&row.sums);
    }
}

fn add_to_fleet(state: &mut State, end: Instant, sums: &[Sums; COUNTERS]) {
    let Some(interval) = state.ring.at(index_of(end, state.interval)) else { return };
    for (slot, sums) in interval.fleet.iter_mut().zip(sums) {
        slot.add(*sums);
    }
}

/// The cell of a row: without levels where a host fails visibly by itself, and apart where it may still pay for its last load.
/// What is judged on sums (`pooled`) is the rest.
fn cell_of(state: &mut State, id: UnitId, window: Window) -> ExposureId {
    let settling = blip(state.interval);
    let Some(unit) = state.units.get(id) else {
        return state.tables.exposure(Exposure { dims: DimsId::default(), levels: Vec::new(), after_load: false });
    };
    let dims = unit.dims;
    if unit.runs.iter().any(|run| run.open) {
        return state.tables.exposure(Exposure { dims, levels: Vec::new(), after_load: false });
    }
    let loaded = unit.moves.iter().rev().any(|last| (Span::ZERO..settling).contains(&(window.end - last.at)));
    if loaded {
        let settled = unit.moves.last().is_none_or(|last| last.at <= window.start);
        let levels = levels_over(unit, settled, window);
        return state.tables.exposure(Exposure { dims, levels, after_load: true });
    }
    exposure_of(state, id, window)
}

/// Exposure over a span: empty of levels where the unit moved within it.
fn exposure_of(state: &mut State, id: UnitId, window: Window) -> ExposureId {
    let Some(unit) = state.units.get(id) else { return ExposureId::default() };
    let settled = unit.moves.last().is_none_or(|last| last.at <= window.start);
    if settled && unit.exposure != ExposureId::STALE {
        return unit.exposure;
    }
    let exposure = state.tables.exposure(Exposure {
        dims: unit.dims,
        levels: levels_over(unit, settled, window),
        after_load: false,
    });
    if settled && let Some(unit) = state.units.get_mut(id) {
        unit.exposure = exposure;
    }
    exposure
}

fn levels_over(unit: &Unit, settled: bool, Window { start, end }: Window) -> Vec<Active> {
    if settled {
        return unit.active.clone();
    }
    if moved_within(unit, start, end) {
        return Vec::new();
    }
    let at = |factor: FactorId| level_at(unit, factor, start).map(|level| Active { factor, level });
    unit.active.iter().filter_map(|active| at(active.factor)).collect()
}
