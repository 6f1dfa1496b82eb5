//! Twins: other changes that reached the same hosts at the same times as the guilty one, so that nothing on the wire
//! separates them.

use crate::composer::evidence::{Evidence, HostSeen, SeenLoad};
use crate::composer::guilt::Culprit;
use crate::composer::world::World;
use std::collections::BTreeMap;

/// Minimum share of the exposed hosts that both changes reached within one report interval. Chosen.
const SHARED_MIN: f64 = 0.85;
/// Greatest number of hosts that only the twin reached, as a share of the exposed hosts. Chosen.
const FURTHER_MAX: f64 = 0.15;
/// Number of hosts that separate the guilty change from its twins because only the guilty one was rolled back. Chosen.
const BACK_HOSTS_MIN: usize = 3;
/// Number of reports after the rollback that each of these hosts must have sent. Chosen.
const BACK_REPORTS_MIN: u32 = 3;

/// Returns the twins of guilt number `number`, each in a few words.
pub(super) fn of(world: &World, evidence: &Evidence, number: usize) -> Vec<String> {
    let (Some(guilt), Some(hosts)) = (world.guilts.get(number), evidence.guilts.get(number)) else { return Vec::new() };
    if breaks_a_tie(world, &guilt.culprit) {
        return Vec::new();
    }
    let came = arrivals(world, evidence, &guilt.culprit, hosts);
    let back = hosts.values().filter(|seen| seen.after >= BACK_REPORTS_MIN).count() >= BACK_HOSTS_MIN.min(came.len());
    let near = world.step_s().max(2.0);
    let is_twin = |other: &BTreeMap<usize, f64>| {
        let both =
            came.iter().filter(|(host, at)| other.get(host).is_some_and(|other| (other - *at).abs() <= near)).count();
        let further = other.keys().filter(|host| !came.contains_key(host)).count();
        both as f64 >= SHARED_MIN * came.len() as f64 && further as f64 <= FURTHER_MAX * came.len() as f64
    };
    let mut twins = Vec::new();
    if back {
        return twins;
    }
    for (version, other) in versions(world, evidence, &guilt.culprit) {
        if is_twin(&other) {
            let of = world.versions.get(version);
            twins.push(of.map_or_else(String::new, |of| of.hash.short().to_string()));
        }
    }
    if !matches!(guilt.culprit, Culprit::Binary(_)) {
        let binaries: BTreeMap<usize, f64> = evidence.binaries.iter().map(|change| (change.host, change.at)).collect();
        if is_twin(&binaries) {
            twins.push("a build".into());
        }
    }
    for (index, change) in world.changes.iter().enumerate().filter(|(_, change)| change.announced) {
        let own = guilt.culprit == Culprit::Change(index)
            || matches!(guilt.culprit, Culprit::Binary(_) if change.kind == "deploy");
        let at = |host: usize| Some((host, change.arrival(&world.fleet, host)?));
        let other: BTreeMap<usize, f64> = (0..world.fleet.hosts.len()).filter_map(at).collect();
        if !own && is_twin(&other) {
            twins.push(change.id.clone());
        }
    }
    twins
}

/// Whether the guilty change can be reported from its twins by its content (it exceeds a declared limit that every sender
/// reports), or by its later generations, which the twins do not share.
fn breaks_a_tie(world: &World, culprit: &Culprit) -> bool {
    let Culprit::Config { config, versions, .. } = culprit else { return false };
    let reported = world.fleet.styles.iter().all(|style| style.facts && style.limits && style.load_events);
    let over = versions
        .iter()
        .filter_map(|version| world.versions.get(*version))
        .all(|version| world.configs.get(*config).is_some_and(|config| version.exceeds(config)));
    versions.len() > 1 || (reported && over)
}

/// Returns the second at which the guilty change reached each exposed host.
fn arrivals(
    world: &World,
    evidence: &Evidence,
    culprit: &Culprit,
    hosts: &BTreeMap<usize, HostSeen>,
) -> BTreeMap<usize, f64> {
    match culprit {
        Culprit::Config { versions, .. } => first_loads(evidence, |load| versions.contains(&load.version)),
        Culprit::Change(number) => {
            let change = world.changes.get(*number);
            let at = |host: usize| Some((host, change?.arrival(&world.fleet, host)?));
            (0..world.fleet.hosts.len()).filter_map(at).collect()
        }
        _ => hosts.iter().filter_map(|(host, seen)| Some((*host, seen.since?))).collect(),
    }
}

fn first_loads(evidence: &Evidence, wanted: impl Fn(&SeenLoad) -> bool) -> BTreeMap<usize, f64> {
    let mut first: BTreeMap<usize, f64> = BTreeMap::new();
    for load in evidence.loads.iter().filter(|load| load.is_applied() && wanted(load)) {
        let at = first.entry(load.host).or_insert(load.at);
        *at = at.min(load.at);
    }
    first
}

/// Returns, for each version of the other configs, the second of its first load on each host.
fn versions(world: &World, evidence: &Evidence, culprit: &Culprit) -> BTreeMap<usize, BTreeMap<usize, f64>> {
    let own = if let Culprit::Config { config, .. } = culprit { Some(*config) } else { None };
    let mut versions: BTreeMap<usize, BTreeMap<usize, f64>> = BTreeMap::new();
    for load in evidence.loads.iter().filter(|load| load.is_applied()) {
        if world.versions.get(load.version).is_some_and(|version| Some(version.config) == own) {
            continue;
        }
        let at = versions.entry(load.version).or_default().entry(load.host).or_insert(load.at);
        *at = at.min(load.at);
    }
    versions
}
