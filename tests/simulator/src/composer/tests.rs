//! Tests of the composer's parts against each other: lines are JSON, only exposed hosts show a guilt, and the rules separate
//! right verdicts from wrong ones.

use super::diagnosis::{Cause, Incident};
use super::evidence::Evidence;
use super::guilt::Culprit;
use super::oracle::{Sight, sight};
use super::play::play;
use super::rules::{Facts, Named, named, needed};
use super::world::World;
use super::{Draw, Recipe};
use serde_json::Value;

/// Makes small draws of many seeds, without nuisances.
fn plain(seeds: std::ops::Range<u64>) -> impl Iterator<Item = World> {
    seeds.map(|seed| World::draw(seed, 12, |_| false))
}

#[test]
fn every_line_is_a_request_in_json() {
    for seed in 1..40 {
        let world = World::draw(seed, 4, |_| true);
        let lines = play(&world).lines;
        let text = String::from_utf8(lines).unwrap();
        assert!(text.lines().count() > 10, "seed {seed}");
        for line in text.lines() {
            let value: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("seed {seed}: {error}: {line}"));
            let requests = value.get("resourceMetrics").or(value.get("resourceLogs")).and_then(Value::as_array);
            assert!(requests.is_some_and(|requests| !requests.is_empty()), "seed {seed}: {line}");
        }
    }
}

#[test]
fn a_guilt_shows_only_on_hosts_that_had_it() {
    let mut showing = 0;
    for world in plain(1..80) {
        let Evidence { guilts, loads, .. } = play(&world).evidence;
        for (guilt, hosts) in world.guilts.iter().zip(guilts) {
            let Culprit::Config { versions, .. } = &guilt.culprit else { continue };
            for (host, seen) in hosts.iter().filter(|(_, seen)| seen.events > 0.0) {
                let had = loads.iter().any(|load| load.host == *host && versions.contains(&load.version));
                assert!(had, "seed {}: host {host} shows {} events without a guilty load", world.seed, seen.events);
                showing += 1;
            }
        }
    }
    assert!(showing > 100, "only {showing} hosts show a guilt");
}

#[test]
fn rules_tell_the_guilty_hash_from_others() {
    let (world, evidence) = plain(1..200)
        .map(|world| {
            let evidence = play(&world).evidence;
            (world, evidence)
        })
        .find(|(world, evidence)| {
            let config = matches!(world.guilts.as_slice(), [guilt] if matches!(guilt.culprit, Culprit::Config { .. }));
            config && sight(world, evidence, 0) == Sight::Clear
        })
        .expect("one of 200 draws has exactly one guilty config version that the oracle can name");
    let Culprit::Config { versions, .. } = &world.guilts[0].culprit else { panic!("a config") };
    let cause = |hashes: Vec<String>| Cause { kind: "config".into(), hashes, ..Cause::default() };
    let hash = |version: usize| world.versions[version].hash.to_string();
    let guilty: Vec<String> = versions.iter().map(|version| hash(*version)).collect();
    let innocent = (0..world.versions.len()).find(|version| !versions.contains(version)).unwrap();
    let needed = needed(&world, &evidence);
    let facts = Facts { world: &world, evidence: &evidence, needed: &needed };
    let is = |hashes| named(facts, &Incident::default(), &cause(hashes));
    assert_eq!(is(guilty.clone()), Named::Guilt(0));
    assert_eq!(is([guilty, vec![hash(innocent)]].concat()), Named::Innocent);
    assert_eq!(is(vec![hash(innocent)]), Named::Innocent);
    assert_eq!(is(Vec::new()), Named::Innocent);
}

/// Judges a verdict on the draw of `seed` that names the version which hosts refuse, in an incident of its own.
fn accused_of_the_refused(seed: u64) -> usize {
    let draw = Draw::compose(&Recipe::whole(seed));
    let refused = draw.world.pushes.iter().find(|push| push.refusal.is_some()).expect("a refused version");
    let hash = draw.world.versions[refused.version].hash;
    let json = format!(
        r#"{{"schema":1,"incidents":[{{"id":"x","state":"open","verdict":"cause","signals":["loads"],
        "cause":{{"kind":"config","config":"any","hashes":["{hash}"]}},"suspects":[{{"rank":1,"confidence":0.9}}]}}]}}"#
    );
    draw.judge(&json).expect("a verdict").accused
}

/// The nuisance wants "some hosts" to refuse in all four draws. The first fleet has one host and the second has two, and all of
/// them refuse. In the others, hosts of the same binary applied the version.
#[test]
fn a_refused_version_may_be_named_only_where_no_host_of_the_binary_applied_it() {
    for (seed, accused) in [(935_005, 0), (935_126, 0), (933_127, 1), (931_140, 1)] {
        assert_eq!(accused_of_the_refused(seed), accused, "seed {seed}");
    }
}
