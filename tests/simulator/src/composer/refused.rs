//! Decides which refused versions a verdict may name. The timeline of the draw decides: who refused a version, for which
//! reason, who applied it, and with which binary. What the nuisance intended does not matter: in a fleet of two hosts, a
//! version that most hosts refuse may be refused by both.

use super::diagnosis::{Cause, Incident};
use super::evidence::{Evidence, SeenLoad};
use super::world::World;
use std::collections::BTreeSet;

/// Reasons that blame the content. The others blame the host or the transport, or are words that the contract does not have.
const CONTENT: [&str; 3] = ["parse", "parser_panic", "limit"];

/// Whether an incident is about refused loads only, and some host refused one. "It may be an incident of its own, whose
/// `signals` are exactly [\"loads\"]."
pub(crate) fn is_of_refusals(evidence: &Evidence, incident: &Incident) -> bool {
    incident.signals == ["loads"] && evidence.loads.iter().any(|load| !load.is_applied())
}

/// Whether a verdict may name all hashes of `cause` because they were refused. "`cause` naming the version where its content
/// was refused (`parse`, `parser_panic`, `limit`) and no host of the same binary applied the same hash."
///
/// A cause without a scope speaks of every binary that refused the version.
pub(crate) fn is_nameable(world: &World, evidence: &Evidence, cause: &Cause) -> bool {
    let scope = cause.scope.get("service.version");
    let in_scope = |binary: usize| scope.is_none_or(|scope| world.fleet.binaries.get(binary) == Some(scope));
    let is_nameable = |hash: &String| {
        let loads: Vec<&SeenLoad> = evidence.loads.iter().filter(|load| has_hash(world, load, hash)).collect();
        let refusals = || loads.iter().filter(|load| !load.is_applied() && in_scope(load.binary));
        let binaries: BTreeSet<usize> = refusals().map(|load| load.binary).collect();
        let is_applied = loads.iter().any(|load| load.is_applied() && binaries.contains(&load.binary));
        let blames_content = |load: &&SeenLoad| load.refusal.is_some_and(|reason| CONTENT.contains(&reason));
        !binaries.is_empty() && !is_applied && refusals().all(blames_content)
    };
    !cause.hashes.is_empty() && cause.hashes.iter().all(is_nameable)
}

fn has_hash(world: &World, load: &SeenLoad, hash: &str) -> bool {
    world.versions.get(load.version).is_some_and(|version| version.hash_on(load.host).to_string() == hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composer::content::Oddity;
    use crate::composer::play::play;
    use crate::composer::push::{Push, Refusal, Shape, Who};
    use crate::random::Random;

    /// Makes a draw of two binaries.
    fn world() -> World {
        let mut world = World::draw(1, 12, |_| false);
        world.fleet.binaries = vec!["1.0".into(), "2.0".into()];
        world
    }

    /// A load of version 0.
    fn load(host: usize, binary: usize, refusal: Option<&'static str>) -> SeenLoad {
        SeenLoad { host, version: 0, binary, at: 1.0, until: 2.0, refusal }
    }

    /// Returns the cause that names version 0, for one binary or for all.
    fn cause(world: &World, scope: Option<&str>) -> Cause {
        let hashes = vec![world.versions[0].hash.to_string()];
        let scope = scope.map(|scope| ("service.version".to_owned(), scope.to_owned())).into_iter().collect();
        Cause { kind: "config".into(), hashes, scope, ..Cause::default() }
    }

    fn judged(loads: &[SeenLoad], scope: Option<&str>) -> bool {
        let world = world();
        let evidence = Evidence { loads: loads.to_vec(), ..Evidence::default() };
        is_nameable(&world, &evidence, &cause(&world, scope))
    }

    #[test]
    fn content_that_nobody_of_the_binary_applied_may_be_named() {
        for reason in CONTENT {
            assert!(judged(&[load(0, 0, Some(reason))], None), "{reason} on the only host");
            assert!(judged(&[load(0, 0, Some(reason)), load(1, 0, Some(reason))], None), "{reason} on both hosts");
            assert!(
                judged(&[load(0, 0, Some(reason)), load(1, 1, None)], None),
                "{reason}; the other binary applied it"
            );
        }
    }

    #[test]
    fn content_that_a_host_of_the_binary_applied_may_not_be_named() {
        assert!(!judged(&[load(0, 0, Some("parse")), load(1, 0, None)], None));
        assert!(!judged(&[load(0, 0, Some("parse")), load(0, 0, None)], None), "also if it is the same host, later");
        let one_binary_is_split = [load(0, 0, Some("parse")), load(1, 1, Some("parse")), load(2, 1, None)];
        assert!(!judged(&one_binary_is_split, None), "without a scope it speaks of both binaries");
        assert!(judged(&one_binary_is_split, Some("1.0")));
        assert!(!judged(&one_binary_is_split, Some("2.0")));
    }

    #[test]
    fn other_reasons_and_no_refusal_name_nothing() {
        for reason in ["io", "checksum", "schema"] {
            assert!(!judged(&[load(0, 0, Some(reason))], None), "{reason}");
            assert!(!judged(&[load(0, 0, Some("parse")), load(1, 0, Some(reason))], None), "parse and {reason}");
        }
        assert!(!judged(&[load(0, 0, None)], None));
        assert!(!judged(&[load(0, 0, Some("parse"))], Some("2.0")), "that binary refused nothing");
        assert!(!judged(&[], None));
    }

    #[test]
    fn an_incident_of_refusals_has_no_other_signal_and_needs_a_refusal() {
        let of = |signals: &[&str]| Incident {
            signals: signals.iter().map(|s| (*s).into()).collect(),
            ..Incident::default()
        };
        let refused = Evidence { loads: vec![load(0, 0, Some("io"))], ..Evidence::default() };
        let applied = Evidence { loads: vec![load(0, 0, None)], ..Evidence::default() };
        assert!(is_of_refusals(&refused, &of(&["loads"])));
        assert!(!is_of_refusals(&refused, &of(&["errors", "loads"])));
        assert!(!is_of_refusals(&applied, &of(&["loads"])));
    }

    /// Plays a push that this share of the hosts refuses, and returns whether its version may be named.
    fn played(share: f64) -> bool {
        let mut world = World::draw(3, 8, |_| false);
        let r = &mut Random::new(3);
        let version = world.make(0, Oddity::Blanks, r).unwrap();
        let refusal = Refusal { share, reason: "parse", error: "line 1: no header", rejected: false };
        let at = world.fleet.length_s / 2.0;
        let shape = Shape::Spread(1.0);
        world.pushes.push(Push { version, at, shape, who: Who::All, refusal: Some(refusal), salt: 3 });
        let evidence = play(&world).evidence;
        let cause = Cause { hashes: vec![world.versions[version].hash.to_string()], ..Cause::default() };
        is_nameable(&world, &evidence, &cause)
    }

    #[test]
    fn the_played_timeline_decides() {
        assert!(played(1.0));
        assert!(!played(0.5), "the other hosts applied it");
        assert!(!played(0.0), "nobody refused it");
    }
}
