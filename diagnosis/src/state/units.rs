//! Which unit an observation is about: an index over the units by host and service. It is made anew from the units after a
//! restart and is no part of a checkpoint; nothing depends on its order.

use crate::state::State;
use crate::state::model::Unit;
use crate::state::moves::Earliest;
use crate::state::tables::Tables;
use firstbad_protocol::names::attribute;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Units by a hash of host and service, and by a hash of the host alone one unit of it. The keys of a tree and not of a
/// hash table: names that are made to share a bucket do no harm, and 64 equal bits cannot be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnitIds {
    units: BTreeMap<u64, u32>,
    hosts: BTreeMap<u64, u32>,
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl UnitIds {
    /// The unit of a service on a host.
    pub(crate) fn get(&self, host: &str, service: &str) -> Option<u32> {
        self.units.get(&hash((host, service))).copied()
    }

    /// Adds a unit; gives another one of the same host, if there is one.
    pub(crate) fn insert(&mut self, (host, service): (&str, &str), id: u32) -> Option<u32> {
        self.units.insert(hash((host, service)), id);
        self.hosts.insert(hash(host), id)
    }
}

impl State {
    /// Makes the index anew, and what else is known from the units.
    pub(crate) fn index_units(&mut self) {
        self.unit_ids = UnitIds::default();
        self.earliest = Earliest::default();
        for (id, unit) in (0..).zip(&self.units) {
            self.unit_ids.insert((&unit.host, service(&self.tables, unit)), id);
            unit.moves.iter().for_each(|moved| self.earliest.note(*moved));
        }
    }

    /// Enters a new unit.
    pub(crate) fn add_unit(&mut self, id: u32, unit: Unit) {
        let sibling = self.unit_ids.insert((&unit.host, service(&self.tables, &unit)), id);
        self.units.push(unit);
        for id in sibling.into_iter().flat_map(|sibling| [sibling, id]) {
            if let Some(unit) = self.units.get_mut(id as usize) {
                unit.shares_host = true;
            }
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
