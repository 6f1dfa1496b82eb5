//! What is let go, so that a collector that runs for months still has room for what is new: hosts that are gone, versions
//! that nobody remembers, exposures that nothing refers to. Indices of what stays do not change, but for units, which are
//! renumbered. How much a table may hold is decided in the limits and in `tables`.

use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::ids::{ExposureId, FactorId, Id, LevelId, UnitId};
use crate::state::model::Reached;
use crate::state::units::index_units;
use firstbad_protocol::limits::{INSTANCES_MAX, VERSIONS_MAX};
use firstbad_protocol::time::SECOND_NS;
use std::collections::{BTreeMap, BTreeSet};

/// How long a host that said goodbye is remembered, and one that did not.
const LEFT_KEPT: Span = Span(3600 * SECOND_NS);
const SILENT_KEPT: Span = Span(24 * 3600 * SECOND_NS);

/// Makes room, where there soon would be none. Nothing that an open incident rests on goes.
pub(crate) fn compact(state: &mut State) {
    forget_units(state);
    let crowded = state.tables.crowded(2 * VERSIONS_MAX);
    if !crowded.is_empty() {
        forget_levels(state, &crowded);
    }
    if state.tables.is_crowded_by_exposures() {
        let used = exposures_used(state);
        state.tables.keep_exposures(&used);
    }
}

fn forget_units(state: &mut State) {
    let now = state.now.unwrap_or_default();
    let quiet = !state.open_case();
    let full = state.units.len() >= INSTANCES_MAX / 8 * 7;
    // At the bound those go that were not heard for longest, if they are missing at all.
    let pressed = if full { heard_before(state, INSTANCES_MAX / 4) } else { Instant::MIN };
    let stays = |unit: &crate::state::model::Unit| {
        let kept = if unit.left.is_some() { LEFT_KEPT } else { SILENT_KEPT };
        let since = now - unit.last_arrival;
        let gone = quiet && since > kept || unit.last_arrival < pressed && since > 60 * state.interval;
        unit.aggregate || !gone
    };
    let mut next = 0_u32;
    let renumbered: Vec<Option<UnitId>> = state
        .units
        .iter()
        .map(|unit| {
            stays(unit).then(|| {
                next += 1;
                UnitId(next - 1)
            })
        })
        .collect();
    if next as usize == state.units.len() {
        return;
    }
    renumber(state, &renumbered);
}

/// Arrival before which the `count` units lie that were not heard for longest.
fn heard_before(state: &State, count: usize) -> Instant {
    let mut arrivals: Vec<Instant> = state.units.iter().map(|unit| unit.last_arrival).collect();
    arrivals.sort_unstable();
    arrivals.get(count).copied().unwrap_or(Instant::MIN)
}

fn renumber(state: &mut State, renumbered: &[Option<UnitId>]) {
    let stays = |id: UnitId| renumbered.get(id.index()).copied().flatten();
    let mut index = 0_usize;
    state.units.retain(|_| {
        index += 1;
        renumbered.get(index - 1).copied().flatten().is_some()
    });
    index_units(state);
    state.waiting.rows.retain_mut(|waiting| {
        let unit = stays(waiting.unit);
        waiting.unit = unit.unwrap_or_default();
        unit.is_some()
    });
    for seen in [&mut state.census.stirred, &mut state.census.sick] {
        *seen = seen.iter().filter_map(|id| stays(*id)).collect();
    }
    state.skewed =
        std::mem::take(&mut state.skewed).into_iter().filter_map(|(id, at)| Some((stays(id)?, at))).collect();
    let seen = state.panics.iter_mut().chain(state.refusals.values_mut());
    for units in seen.map(|seen| &mut seen.units) {
        *units = units.iter().filter_map(|id| stays(*id)).collect();
    }
    for symptom in &mut state.symptoms {
        symptom.hosts = symptom.hosts.iter().filter_map(|id| stays(*id)).collect();
    }
    state.divided.keep(|divided| stays(divided.unit));
    for change in &mut state.changes {
        change.reached =
            change.reached.iter().filter_map(|of| Some(Reached { unit: stays(of.unit)?, ..*of })).collect();
    }
    state.reached = state.changes.iter().map(|change| change.reached.len()).sum();
}

/// Lets the oldest versions of the crowded factors go that no host, incident or kept interval refers to.
fn forget_levels(state: &mut State, crowded: &BTreeSet<FactorId>) {
    let used = levels_used(state);
    let mut spare: BTreeMap<FactorId, Vec<(Instant, LevelId)>> = BTreeMap::new();
    for (id, level) in state.tables.levels.numbered() {
        if crowded.contains(&level.factor) && !used.contains(&id) {
            spare.entry(level.factor).or_default().push((level.last_active.max(level.first_seen), id));
        }
    }
    let stay = state.tables.spare();
    for mut levels in spare.into_values() {
        levels.sort_unstable();
        let kept = levels.len().saturating_sub(stay);
        for (_, id) in levels.into_iter().take(kept) {
            state.tables.free_level(id);
            state.refusals.remove(&id);
            state.divided.forget(id);
            state.renderings.forget(id);
        }
    }
    // An exposure of a version that is gone is gone as well.
    let exposures = exposures_used(state);
    state.tables.keep_exposures(&exposures);
}

fn levels_used(state: &State) -> BTreeSet<LevelId> {
    let named = state.symptoms.iter().filter_map(|symptom| symptom.named.as_ref());
    let told = state.cases.iter().filter_map(|case| case.named.as_ref());
    let mut used: BTreeSet<LevelId> = named.chain(told).flat_map(|named| named.levels.iter().copied()).collect();
    for unit in &state.units {
        used.extend(unit.moves.iter().map(|entry| entry.level));
        used.extend(unit.active.iter().map(|active| active.level));
        used.extend(unit.runs.iter().filter_map(|run| run.level));
        used.extend(unit.watches.iter().filter_map(|watch| watch.run.level));
        used.extend(unit.loading.map(|loading| loading.level));
        used.extend(unit.first_failures.iter().map(|failed| failed.level));
    }
    for (_, interval) in state.ring.iter() {
        used.extend(interval.loads.keys().chain(interval.attempts.keys()).chain(interval.tagged.keys()));
    }
    for exposure in exposures_used(state) {
        let levels = state.tables.exposures.get(exposure).map(|exposure| &exposure.levels);
        used.extend(levels.into_iter().flatten().map(|active| active.level));
    }
    used
}

fn exposures_used(state: &State) -> BTreeSet<ExposureId> {
    let cells = state.ring.iter().flat_map(|(_, interval)| interval.cells.keys().copied());
    cells.chain(state.units.iter().map(|unit| unit.exposure)).collect()
}
