//! The admissible verdicts of a draw. Each rule follows from the truth by a sentence of contract.md, and was fixed before
//! any engine was run. Whether a guilt *must* be named is decided in `oracle`; the verdict itself is judged in `judge`.

use super::diagnosis::{Cause, Incident};
use super::evidence::{Evidence, SeenLoad};
use super::guilt::{Culprit, Guilt};
use super::refused;
use super::world::World;
use std::collections::BTreeSet;

/// What a cause names, compared with the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// This guilt, completely.
    Guilt(usize),
    /// This guilt, but not all of its versions, or only one of its two factors: neither a false accusation nor right.
    Part(usize),
    /// A version whose content was refused, and which no host of the same binary applied, in an incident of its own.
    Refusal,
    /// A change that is innocent.
    Innocent,
}

/// What a verdict is compared with.
#[derive(Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) world: &'a World,
    pub(crate) evidence: &'a Evidence,
    /// The versions of each guilt that a verdict must list.
    pub(crate) needed: &'a [BTreeSet<usize>],
}

/// Returns what `cause` of `incident` names.
///
/// "`hashes` lists every version that the cause covers": all guilty ones that a host kept for a while, and no innocent one.
/// "A bad build is `kind:\"binary\"` with `scope:{\"service.version\":..}`." "`dimensions` holds the exact minimal combination."
pub(crate) fn named(facts: Facts<'_>, incident: &Incident, cause: &Cause) -> Named {
    let world = facts.world;
    let guilts = || world.guilts.iter().enumerate();
    let scope = cause.scope.get("service.version");
    let fits = |guilt: &Guilt| match (&guilt.culprit, cause.kind.as_str()) {
        (Culprit::Binary(binary), "binary") => scope == world.fleet.binaries.get(*binary),
        (Culprit::Binary(binary), "change") => targets(world, cause, *binary),
        (Culprit::Change(number), "change") => changes(world, cause, *number),
        (Culprit::Region(region), "dimension") => {
            cause.dimensions.values().any(|value| Some(value) == world.fleet.regions.get(*region))
        }
        (Culprit::Host(host), "host") => world
            .fleet
            .hosts
            .get(*host)
            .is_some_and(|of| cause.dimensions.values().any(|value| value.starts_with(&of.name))),
        (Culprit::Moment, "time") | (Culprit::Traffic, "traffic") | (Culprit::Request, "request") => true,
        _ => false,
    };
    if cause.kind == "config" {
        return config(facts, incident, cause);
    }
    if let Some((number, _)) = guilts().find(|(_, guilt)| fits(guilt)) {
        return Named::Guilt(number);
    }
    let half = |guilt: &Guilt| match &guilt.culprit {
        Culprit::Config { binary: Some(binary), .. } => {
            cause.kind == "binary" && scope == world.fleet.binaries.get(*binary)
        }
        _ => false,
    };
    guilts().find(|(_, guilt)| half(guilt)).map_or(Named::Innocent, |(number, _)| Named::Part(number))
}

fn targets(world: &World, cause: &Cause, binary: usize) -> bool {
    let target = cause.change.as_ref().map(|change| &change.target);
    target.is_some() && target == world.fleet.binaries.get(binary)
}

fn changes(world: &World, cause: &Cause, number: usize) -> bool {
    let id = cause.change.as_ref().map(|change| &change.id);
    id.is_some() && id == world.changes.get(number).map(|change| &change.id)
}

fn config(facts: Facts<'_>, incident: &Incident, cause: &Cause) -> Named {
    let Facts { world, evidence, needed } = facts;
    let versions: Option<BTreeSet<usize>> = cause.hashes.iter().map(|hash| version(world, hash)).collect();
    let Some(versions) = versions.filter(|versions| !versions.is_empty()) else { return Named::Innocent };
    for (number, guilt) in world.guilts.iter().enumerate() {
        let Culprit::Config { versions: guilty, .. } = &guilt.culprit else { continue };
        if versions.iter().all(|version| guilty.contains(version)) {
            let whole = needed.get(number).is_some_and(|needed| needed.is_subset(&versions));
            return if whole { Named::Guilt(number) } else { Named::Part(number) };
        }
    }
    let is_refusal = refused::is_of_refusals(evidence, incident) && refused::is_nameable(world, evidence, cause);
    if is_refusal { Named::Refusal } else { Named::Innocent }
}

/// Returns the version that has this hash on any host.
pub(crate) fn version(world: &World, hash: &str) -> Option<usize> {
    let hosts = world.fleet.hosts.len();
    world.versions.iter().position(|version| {
        if version.per_host {
            (0..hosts).any(|host| version.hash_on(host).to_string() == hash)
        } else {
            version.hash.to_string() == hash
        }
    })
}

/// Returns the versions of each guilt that a verdict must list: those that at least one host loaded three report intervals
/// before the end, and kept for at least one.
pub(crate) fn needed(world: &World, evidence: &Evidence) -> Vec<BTreeSet<usize>> {
    let late = world.fleet.length_s - 3.0 * world.step_s();
    let had = |version: &usize| {
        evidence.loads.iter().any(|load| {
            load.version == *version && load.is_applied() && load.at < late && load.until > load.at + world.step_s()
        })
    };
    let of = |guilt: &Guilt| match &guilt.culprit {
        Culprit::Config { versions, .. } => versions.iter().copied().filter(had).collect(),
        _ => BTreeSet::new(),
    };
    world.guilts.iter().map(of).collect()
}

/// The admissible values of `last_known_good`.
pub(crate) struct LastKnownGood {
    pub(crate) versions: Vec<usize>,
    /// Whether null is admissible too.
    pub(crate) may_be_none: bool,
}

/// Returns the admissible values of `last_known_good` for guilt number `number`.
///
/// "The newest version of the named config, first active before the first bad load, that served at least 3 hosts (or all,
/// if fewer) for at least 3 report intervals; or the repair, once it has served as long. Null while no such version is known."
pub(crate) fn good(world: &World, evidence: &Evidence, number: usize) -> LastKnownGood {
    let Some(Culprit::Config { config, versions: guilty, .. }) = world.guilts.get(number).map(|guilt| &guilt.culprit)
    else {
        return LastKnownGood { versions: Vec::new(), may_be_none: true };
    };
    let first_bad = evidence
        .loads
        .iter()
        .filter(|load| load.is_applied() && guilty.contains(&load.version))
        .fold(f64::INFINITY, |first, load| first.min(load.at));
    let enough = 3.min(world.fleet.hosts.len());
    let served = |version: usize| {
        let long = |load: &&SeenLoad| {
            load.version == version && load.is_applied() && load.until - load.at >= 3.0 * world.step_s()
        };
        let hosts: BTreeSet<usize> = evidence.loads.iter().filter(long).map(|load| load.host).collect();
        hosts.len() >= enough
    };
    let first_active = |version: usize| {
        let loads = evidence.loads.iter().filter(|load| load.version == version && load.is_applied());
        loads.fold(f64::INFINITY, |first, load| first.min(load.at))
    };
    let of_config = |version: &usize| world.versions.get(*version).is_some_and(|of| of.config == *config);
    let innocent = (0..world.versions.len()).filter(of_config).filter(|version| !guilty.contains(version));
    let (before, after): (Vec<usize>, Vec<usize>) =
        innocent.filter(|version| served(*version)).partition(|v| first_active(*v) < first_bad);
    let newest = before.iter().copied().max_by(|a, b| first_active(*a).total_cmp(&first_active(*b)));
    let unknown = newest.is_none_or(|newest| world.first.contains(&newest));
    LastKnownGood { versions: newest.into_iter().chain(after).collect(), may_be_none: unknown }
}
