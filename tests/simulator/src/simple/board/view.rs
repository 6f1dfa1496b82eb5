//! How methods read the dashboards: sums and series over cells.

use super::{Board, Cell, Element};
use firstbad_diagnosis::observation::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

impl Board {
    /// Cells of `range` that hold anything.
    pub(in crate::simple) fn keys(&self, range: Range<i64>) -> Vec<i64> {
        if range.is_empty() { Vec::new() } else { self.fleet.range(range).map(|(key, _)| *key).collect() }
    }

    /// Every element with requests.
    pub(in crate::simple) fn elements(&self, keys: &[i64]) -> BTreeSet<&Element> {
        keys.iter().filter_map(|key| self.cells.get(key)).flat_map(BTreeMap::keys).collect()
    }

    /// The fleet's cell.
    pub(in crate::simple) fn fleet_at(&self, key: i64) -> Cell {
        self.fleet.get(&key).copied().unwrap_or_default()
    }

    /// An element's cell.
    pub(in crate::simple) fn at(&self, element: &Element, key: i64) -> Cell {
        self.cells.get(&key).and_then(|cell| cell.get(element)).copied().unwrap_or_default()
    }

    /// Sums by element.
    pub(in crate::simple) fn sums(&self, keys: &[i64]) -> BTreeMap<&Element, Cell> {
        let mut sums: BTreeMap<&Element, Cell> = BTreeMap::new();
        for (element, cell) in keys.iter().filter_map(|key| self.cells.get(key)).flatten() {
            let sum = sums.entry(element).or_default();
            *sum = (sum.0 + cell.0, sum.1 + cell.1);
        }
        sums
    }

    /// The fleet's sum.
    pub(in crate::simple) fn fleet_sum(&self, keys: &[i64]) -> Cell {
        keys.iter().map(|key| self.fleet_at(*key)).fold((0.0, 0.0), |sum, cell| (sum.0 + cell.0, sum.1 + cell.1))
    }

    /// Each host's cells.
    pub(in crate::simple) fn by_host(&self) -> &BTreeMap<Name, BTreeMap<i64, Cell>> {
        &self.hosts
    }

    /// When a cell ends.
    pub(in crate::simple) fn end_of(&self, key: i64) -> i64 {
        (key + 1) * self.cell_ns
    }

    /// What reached hosts one after another.
    pub(in crate::simple) fn rollouts(&self) -> impl Iterator<Item = &Element> {
        self.exposed.keys()
    }

    /// When a host was first exposed to it.
    pub(in crate::simple) fn exposed_at(&self, element: &Element, host: &Name) -> Option<i64> {
        self.exposed.get(element).and_then(|hosts| hosts.get(host)).copied()
    }

    /// What was first seen when.
    pub(in crate::simple) fn sights(&self) -> impl Iterator<Item = (&Element, i64)> {
        self.sights.iter().map(|(element, at)| (element, *at))
    }
}
