//! What dashboards would hold: failed and all requests by cell of time, by element and by host, and which host was exposed
//! to what when. Nothing is concluded here.

mod view;

use super::element::Element;
use firstbad_diagnosis::observation::{Name, Observation, Outcomes, Row, Source};
use firstbad_protocol::Hash;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Failed and all requests.
pub(super) type Cell = (f64, f64);

/// Least width of a cell, seconds; never less than a report interval, or cells would be empty by turns.
const LEAST_CELL_S: f64 = 30.0;

/// The dashboards of a run.
#[derive(Debug)]
pub struct Board {
    cell_ns: i64,
    cells: BTreeMap<i64, BTreeMap<Element, Cell>>,
    fleet: BTreeMap<i64, Cell>,
    hosts: BTreeMap<Name, BTreeMap<i64, Cell>>,
    held: BTreeMap<Name, BTreeMap<Name, Hash>>,
    binaries: BTreeMap<Name, Name>,
    exposed: BTreeMap<Element, BTreeMap<Name, i64>>,
    sights: BTreeMap<Element, i64>,
}

fn add(to: &mut Cell, failed: f64, all: f64) {
    *to = (to.0 + failed, to.1 + all);
}

fn cell(outcomes: &Outcomes) -> Cell {
    (outcomes.failed() as f64, outcomes.all() as f64)
}

impl Board {
    /// Empty dashboards of a fleet that reports every `interval_s`.
    #[must_use]
    pub fn new(interval_s: f64) -> Self {
        Self {
            cell_ns: (interval_s.max(LEAST_CELL_S) * 1e9) as i64,
            cells: BTreeMap::new(),
            fleet: BTreeMap::new(),
            hosts: BTreeMap::new(),
            held: BTreeMap::new(),
            binaries: BTreeMap::new(),
            exposed: BTreeMap::new(),
            sights: BTreeMap::new(),
        }
    }

    pub(super) fn cell_of(&self, nanoseconds: i64) -> i64 {
        nanoseconds.div_euclid(self.cell_ns)
    }

    /// Takes what arrived.
    pub fn take(&mut self, observations: &[Observation]) {
        for observation in observations {
            match observation {
                Observation::Row(row) => self.row(row),
                Observation::Load(load) if load.result.is_none_or(|result| !result.is_refusal()) => {
                    let element = Element::Version(load.config.clone(), load.hash);
                    self.sight(&element, load.at.0);
                    if let Source::Instance { host, .. } = &load.source {
                        self.held.entry(host.clone()).or_default().insert(load.config.clone(), load.hash);
                        self.exposed.entry(element).or_default().entry(host.clone()).or_insert(load.at.0);
                    }
                }
                Observation::Change(change) if &*change.kind != "publish" => {
                    let element = Element::Change(change.id.clone());
                    self.sight(&element, change.at.0);
                    if let Some(Source::Instance { host, .. }) = &change.source {
                        self.exposed.entry(element).or_default().entry(host.clone()).or_insert(change.at.0);
                    }
                }
                _ => {}
            }
        }
    }

    /// Keeps when an element was first seen, by the event's own time: a deployment log has no other.
    fn sight(&mut self, element: &Element, at_ns: i64) {
        let first = self.sights.entry(element.clone()).or_insert(at_ns);
        *first = at_ns.min(*first);
    }

    fn row(&mut self, row: &Row) {
        let key = self.cell_of(row.span.end.0 - 1);
        let mut sum = (0.0, 0.0);
        let cells = self.cells.entry(key).or_default();
        for total in &row.totals {
            let (failed, all) = cell(&total.outcomes);
            add(&mut sum, failed, all);
            for (name, value) in total.dimensions.iter() {
                add(cells.entry(Element::Place(name.clone(), value.clone())).or_default(), failed, all);
            }
        }
        let host = if let Source::Instance { host, .. } = &row.source { Some(host) } else { None };
        let known = host.and_then(|host| self.held.get(host)).filter(|_| row.active.is_empty());
        let known = known.into_iter().flatten().map(|(config, hash)| Element::Version(config.clone(), *hash));
        let told = row.active.iter().map(|(config, hash)| Element::Version(config.clone(), *hash));
        let binary = row.dimensions.get("service.version").cloned();
        let region = row.dimensions.get_key_value("cloud.region");
        let region = region.map(|(key, value)| Element::Place(key.clone(), value.clone()));
        for element in told.chain(known).chain(binary.clone().map(Element::Binary)).chain(region) {
            add(cells.entry(element).or_default(), sum.0, sum.1);
        }
        add(self.fleet.entry(key).or_default(), sum.0, sum.1);
        let Some(host) = host else { return };
        add(self.hosts.entry(host.clone()).or_default().entry(key).or_default(), sum.0, sum.1);
        self.deployed(host, binary, row.span.start.0);
    }

    /// Remembers a binary that a host did not have before.
    fn deployed(&mut self, host: &Name, binary: Option<Name>, at_ns: i64) {
        let Some(binary) = binary else { return };
        match self.binaries.entry(host.clone()) {
            Entry::Vacant(slot) => {
                slot.insert(binary);
            }
            Entry::Occupied(mut slot) if *slot.get() != binary => {
                slot.insert(binary.clone());
                self.exposed.entry(Element::Binary(binary)).or_default().entry(host.clone()).or_insert(at_ns);
            }
            Entry::Occupied(_) => {}
        }
    }
}
