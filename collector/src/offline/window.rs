//! The part of a capture that is read as data. From the part before it only this is kept: the versions that are active when the
//! window begins, their facts, and which versions were published.

use firstbad_diagnosis::observation::{Change, Dimensions, Facts, Load, Name, Observation, Source};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::Timestamp;
use std::collections::BTreeMap;

/// The times that are read as data, both ends included. A report has the time of its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Nothing earlier is data; none: from the beginning.
    pub from: Option<Timestamp>,
    /// Nothing later is read; none: to the end.
    pub to: Option<Timestamp>,
}

impl Window {
    /// Whether any end is given.
    #[must_use]
    pub const fn is_given(self) -> bool {
        self.from.is_some() || self.to.is_some()
    }

    /// Whether `at` lies before the window.
    pub(super) fn begins_after(self, at: Timestamp) -> bool {
        self.from.is_some_and(|from| at < from)
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) => write!(f, "from {from} to {to}"),
            (Some(from), None) => write!(f, "from {from} on"),
            (None, Some(to)) => write!(f, "up to {to}"),
            (None, None) => f.write_str("at any time"),
        }
    }
}

/// The version of one config that a process had when the window began.
struct Held {
    hash: Hash,
    dimensions: Dimensions,
}

/// Versions that were loaded or published before the window.
#[derive(Default)]
pub(super) struct Before {
    /// The last version that each process loaded, by config.
    held: BTreeMap<Source, BTreeMap<Name, Held>>,
    /// Facts of the contents, by config and version.
    facts: BTreeMap<(Name, Hash), Facts>,
    /// The latest time before the window.
    pub(super) latest: Option<Timestamp>,
}

impl Before {
    /// Takes an observation from before the window, of the corrected time `at`. A publication is returned: which versions
    /// were published stays true.
    pub(super) fn take(&mut self, at: Timestamp, observation: Observation) -> Option<Observation> {
        self.latest = self.latest.max(Some(at));
        match observation {
            Observation::Load(load) => self.load(load),
            Observation::Change(change) if is_publication(&change) => return Some(Observation::Change(change)),
            _ => {}
        }
        None
    }

    fn load(&mut self, load: Load) {
        let Load { source, config, hash, dimensions, facts, result, .. } = load;
        if facts != Facts::default() {
            self.facts.insert((Name::clone(&config), hash), facts);
        }
        let is_active = match result {
            Some(LoadResult::Applied | LoadResult::Unchanged | LoadResult::Rejected) => true,
            Some(LoadResult::KeptLastGood) | None => false,
        };
        if is_active {
            self.held.entry(source).or_default().insert(config, Held { hash, dimensions });
        }
    }

    /// The versions that `source` had before the window, as loads that changed nothing. They are returned once, when the
    /// process first reports in the window.
    pub(super) fn told_of(&mut self, source: &Source, at: Timestamp) -> Vec<Observation> {
        let held = self.held.remove(source).unwrap_or_default();
        let told = held.into_iter().map(|(config, Held { hash, dimensions })| {
            let facts = self.facts.get(&(Name::clone(&config), hash)).cloned().unwrap_or_default();
            Observation::Load(Load {
                at,
                source: source.clone(),
                dimensions,
                config,
                hash,
                result: Some(LoadResult::Unchanged),
                reason: None,
                error: None,
                previous: None,
                facts,
            })
        });
        told.collect()
    }
}

fn is_publication(change: &Change) -> bool {
    &*change.kind == "publish" && change.version.is_some()
}
