//! Which unit an observation is about: an index over the units by host and service. It is made anew from the units after a
//! restart and is no part of a checkpoint; nothing depends on its order.

use crate::state::ids::UnitId;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Units by a hash of host and service, and by a hash of the host alone one unit of it. The keys of a tree and not of a
/// hash table: names that are made to share a bucket do no harm, and 64 equal bits cannot be made.
#[derive(Clone, Debug, Default)]
pub(crate) struct UnitIds {
    pub units: BTreeMap<u64, UnitId>,
    pub hosts: BTreeMap<u64, UnitId>,
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl UnitIds {
    /// The unit of a service on a host.
    pub(crate) fn get(&self, host: &str, service: &str) -> Option<UnitId> {
        self.units.get(&hash((host, service))).copied()
    }

    /// Adds a unit; gives another one of the same host, if there is one.
    pub(crate) fn insert(&mut self, host: &str, service: &str, id: UnitId) -> Option<UnitId> {
        self.units.insert(hash((host, service)), id);
        self.hosts.insert(hash(host), id)
    }
}
