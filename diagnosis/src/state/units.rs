//! Units as a whole: they are entered and indexed, and different hosts among them are counted.

use crate::state::State;
use crate::state::ids::UnitId;
use crate::state::model::Unit;
use crate::state::moves::Earliest;
use crate::state::tables::Tables;
use crate::state::unit_ids::UnitIds;
use firstbad_protocol::names::attribute;
use std::collections::BTreeSet;

/// Makes the index anew, and what else is known from the units.
pub(crate) fn index_units(state: &mut State) {
    state.unit_ids = UnitIds::default();
    state.earliest = Earliest::default();
    for (id, unit) in state.units.numbered() {
        state.unit_ids.insert(&unit.host, service(&state.tables, unit), id);
        unit.moves.iter().for_each(|moved| state.earliest.note(*moved));
    }
}

/// Enters a new unit.
pub(crate) fn add_unit(state: &mut State, id: UnitId, unit: Unit) {
    let sibling = state.unit_ids.insert(&unit.host, service(&state.tables, &unit), id);
    state.units.push(unit);
    for id in sibling.into_iter().flat_map(|sibling| [sibling, id]) {
        if let Some(unit) = state.units.get_mut(id) {
            unit.shares_host = true;
        }
    }
}

fn service<'a>(tables: &'a Tables, unit: &Unit) -> &'a str {
    tables.value(unit.dims, attribute::SERVICE_NAME).unwrap_or("")
}

/// Different hosts among some units.
pub(crate) fn hosts<'a>(units: impl Iterator<Item = &'a Unit>) -> usize {
    let mut shared: BTreeSet<&str> = BTreeSet::new();
    let mut alone = 0;
    for unit in units {
        if unit.shares_host {
            shared.insert(&unit.host);
        } else {
            alone += 1;
        }
    }
    alone + shared.len()
}
