//! Releases that take every host down for some seconds. The processes send no event of their end or start.

use crate::fleet::START;
use crate::story::{Fleet, Happening, Shares, Version, only};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{CauseKind, Incident};

const FEATURES: Version = Version::of("bot-features", "first");
const HOSTS: i64 = 40;
/// Time between the stops of two hosts, ms: the release reaches all in 24 s, or in 80 s.
const APART_MS: [i64; 2] = [600, 2_000];
/// Time for which a host sends nothing, ms.
const DOWN_MS: i64 = 6_000;
/// Second at which the first host stops for the new binary, and second at which it stops for the old one again.
const OUT_S: i64 = 300;
const BACK_S: i64 = 390;
const END_S: i64 = 540;

/// The second at which the first host stops, and the binary that the hosts come back with.
#[derive(Clone, Copy)]
struct Release {
    from_s: i64,
    binary: &'static str,
}

/// Every host stops, `apart_ms` after the one before, and comes back as a process of another binary with the same configs.
fn release(fleet: &mut Fleet, apart_ms: i64, of: Release, configs: &[Version]) {
    for index in 0..HOSTS {
        let at_ms = of.from_s * 1000 + index * apart_ms;
        fleet.plan(index, at_ms, Happening::Vanish);
        fleet.plan(index, at_ms + DOWN_MS, Happening::Return(of.binary));
        for config in configs {
            fleet.plan(index, at_ms + DOWN_MS + 100, Happening::Load(*config));
        }
    }
}

/// A fleet that gets a binary under which a share of the requests fails, and the old one again.
fn out_and_back(share: f64, apart_ms: i64, configs: &[Version]) -> Fleet {
    let mut fleet =
        Fleet::new(HOSTS, 1, configs).effect(move |host, _| Shares::errors(share).when(host.binary == "fl3"));
    release(&mut fleet, apart_ms, Release { from_s: OUT_S, binary: "fl3" }, configs);
    release(&mut fleet, apart_ms, Release { from_s: BACK_S, binary: "fl2" }, configs);
    fleet
}

fn names_the_binary(incident: &Incident) {
    assert!(incident.verdict.accuses(), "{incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!(cause.kind, CauseKind::Binary, "{incident:#?}");
    let named = cause.dimensions.get("service.version").or_else(|| cause.scope.get("service.version"));
    assert_eq!(named.map(String::as_str), Some("fl3"), "{incident:#?}");
}

fn names_the_release(apart_ms: i64, configs: &[Version]) {
    let mut fleet = out_and_back(0.5, apart_ms, configs);
    fleet.opens_nothing(60..OUT_S);
    names_the_binary(only(&fleet.until(BACK_S)));
    let diagnosis = fleet.until(END_S);
    let incident = only(&diagnosis);
    names_the_binary(incident);
    let first_start = Timestamp::from_seconds(START + OUT_S) + DOWN_MS * 1_000_000;
    assert!(incident.onset >= first_start, "{} is before {first_start}", incident.onset);
}

#[test]
fn a_binary_that_fails_from_each_hosts_first_report_on_is_named_though_every_host_was_down_before() {
    APART_MS.into_iter().for_each(|apart_ms| names_the_release(apart_ms, &[FEATURES]));
}

#[test]
fn it_is_named_where_the_hosts_load_no_config() {
    APART_MS.into_iter().for_each(|apart_ms| names_the_release(apart_ms, &[]));
}

#[test]
fn the_same_release_of_a_harmless_binary_is_no_incident() {
    for apart_ms in APART_MS {
        out_and_back(0.0, apart_ms, &[FEATURES]).opens_nothing(60..END_S);
        out_and_back(0.0, apart_ms, &[]).opens_nothing(60..END_S);
    }
}
