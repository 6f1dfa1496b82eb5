//! The hosts of a snapshot: a list with a bound, those that fail first, and counts over all of them, which have none.

use super::view::accused;
use crate::state::State;
use crate::state::ids::{DimsId, LevelId, UnitId};
use crate::state::model::{Counter, Unit};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{RESTART_NAMES_MAX, SNAPSHOT_HOSTS_MAX};
use firstbad_protocol::snapshot::{Census, HostView, PlaceCount};
use std::collections::{BTreeMap, BTreeSet};

/// One unit with what its place in the list depends on. The derived order lists units that fail first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    healthy: bool,
    fine: bool,
    reporting: bool,
    id: UnitId,
}

/// The first hosts of the list, and the counts over all.
pub(crate) fn hosts(state: &State) -> (Vec<HostView>, Census) {
    let mut entries = entries(state);
    let census = census(state, &entries);
    if entries.len() > SNAPSHOT_HOSTS_MAX {
        entries.select_nth_unstable(SNAPSHOT_HOSTS_MAX);
        entries.truncate(SNAPSHOT_HOSTS_MAX);
    }
    entries.sort_unstable();
    (entries.iter().filter_map(|entry| view(state, entry)).collect(), census)
}

fn entries(state: &State) -> Vec<Entry> {
    let accused = accused(state);
    let units = state.units.numbered().filter(|(_, unit)| !unit.aggregate);
    units
        .map(|(id, unit)| {
            let runs_bad = unit.active.iter().any(|active| accused.contains(&active.level));
            let silent = state.now.is_some_and(|now| {
                unit.left.is_none() && now - unit.last_arrival > 7 * unit.span.max(state.interval) / 2
            });
            Entry {
                // A refusal is a fact of the version: the host serves on with the last good one.
                healthy: !unit.runs.iter().any(|run| run.open && run.counter != Counter::Refused),
                fine: !(runs_bad || fails_after_leaving(state, unit, &accused)),
                reporting: !silent,
                id,
            }
        })
        .collect()
}

fn census(state: &State, entries: &[Entry]) -> Census {
    let due = entries.iter().filter(|entry| !entry.fine).filter_map(|entry| state.units.get(entry.id));
    let names: BTreeSet<&str> = due.map(|unit| &*unit.host).collect();
    let listed = names.len() <= RESTART_NAMES_MAX;
    Census {
        entries: entries.len() as u64,
        needing_restart: names.len() as u64,
        restart_names: names.into_iter().filter(|_| listed).map(ToOwned::to_owned).collect(),
        places: places(state, entries),
    }
}

/// Distinct values of each dimension. Hosts are many and sets of dimensions are few, so the sets are collected first.
fn places(state: &State, entries: &[Entry]) -> BTreeMap<String, PlaceCount> {
    let mut sets: BTreeMap<DimsId, bool> = BTreeMap::new();
    for entry in entries {
        if let Some(unit) = state.units.get(entry.id) {
            *sets.entry(unit.dims).or_default() |= !entry.healthy;
        }
    }
    let mut values: BTreeMap<(&str, &str), bool> = BTreeMap::new();
    for (dims, failing) in sets {
        let Some(dims) = state.tables.dims_at(dims) else { continue };
        for (key, value) in dims.iter() {
            *values.entry((key, value)).or_default() |= failing;
        }
    }
    let mut counts: BTreeMap<String, PlaceCount> = BTreeMap::new();
    for ((key, _), failing) in values {
        let count = counts.entry(key.to_owned()).or_default();
        count.all += 1;
        count.failing += u64::from(failing);
    }
    counts
}

fn view(state: &State, entry: &Entry) -> Option<HostView> {
    let unit = state.units.get(entry.id)?;
    let active: BTreeMap<String, Hash> = unit
        .active
        .iter()
        .filter_map(|of| {
            Some((state.tables.config_name(of.factor)?.to_owned(), state.tables.level_at(of.level)?.hash()?))
        })
        .collect();
    Some(HostView {
        host: unit.host.to_string(),
        dimensions: state
            .tables
            .dims_at(unit.dims)
            .map(|dims| dims.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
            .unwrap_or_default(),
        active,
        last_seen: unit.last_event.into(),
        silent: !entry.reporting,
        failing: !entry.healthy,
        needs_restart: !entry.fine,
        restarts: unit.restarts,
        panics: unit.panics.count(),
        loading: unit.loading.and_then(|loading| state.tables.level_at(loading.level)?.hash()),
    })
}

/// Whether a unit left the accused versions and failed afterwards, so that it needs a restart. A run that is still open
/// only because few reports have arrived since then does not count.
fn fails_after_leaving(state: &State, unit: &Unit, accused: &BTreeSet<LevelId>) -> bool {
    let Some(last) = unit.moves.iter().rposition(|entry| accused.contains(&entry.level)) else { return false };
    let Some(factor) = unit.moves.get(last).map(|entry| entry.factor) else { return false };
    let left = unit.moves.iter().skip(last + 1).find(|entry| entry.factor == factor).map(|entry| entry.at);
    left.is_some_and(|left| {
        unit.runs.iter().any(|run| run.open && run.quiet <= 0.0 && run.end > left + 2 * state.interval)
    })
}
