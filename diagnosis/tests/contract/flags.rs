//! Flags whose change events name single hosts. Once one flag explains the failures of many hosts, the rest of the fleet is a
//! biased sample, and no second flag may be accused from it.

use crate::fleet::{START, dimensions, host, name};
use crate::story::{Fleet, Host, Shares, Version};
use firstbad_diagnosis::observation::{Change, Observation};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::Incident;
use std::ops::Range;

const FEATURES: Version = Version::of("bot-features", "first");
const HOSTS: i64 = 90;
const REPORT_S: i64 = 10;
const END_S: i64 = 1_200;
/// Hosts that get the one flag, and those that get the other; a second apart, from these seconds on.
const ONE: Range<i64> = 0..50;
const TWO: Range<i64> = 50..64;
const ONE_S: i64 = 600;
const TWO_S: i64 = 604;

/// The second at which a host gets its flag, if it gets one of the two.
fn flagged_s(host: i64) -> Option<i64> {
    let one = ONE.contains(&host).then_some(ONE_S + host);
    one.or_else(|| TWO.contains(&host).then_some(TWO_S + 3 * (host - TWO.start)))
}

fn flag(index: i64, second: i64, id: &str) -> Observation {
    Observation::Change(Change {
        at: Timestamp((START + second) * SECOND_NS + index * 7_000_000),
        source: Some(host(index)),
        dimensions: dimensions(index),
        kind: name("flag"),
        id: name(id),
        target: name(id),
        description: name(""),
        version: None,
    })
}

/// Whether the incident accuses the flag.
fn accuses(incident: &Incident, id: &str) -> bool {
    let change = incident.cause.as_ref().and_then(|cause| cause.change.as_ref());
    incident.verdict.accuses() && change.is_some_and(|change| change.id == id)
}

/// Each host fails from its flag on. The second flag may do harm itself, or may be a remedy that did not help: the data cannot
/// show which.
fn two_flags() -> Vec<Incident> {
    let fails = |host: &Host, at_ms: i64| flagged_s(host.index).is_some_and(|second| at_ms >= second * 1000);
    let share = |host: &Host| if ONE.contains(&host.index) { 0.9 } else { 0.5 };
    let fleet = Fleet::new(HOSTS, REPORT_S, &[FEATURES]);
    let mut fleet = fleet.effect(move |host, at_ms| Shares::errors(if fails(host, at_ms) { share(host) } else { 0.0 }));
    for second in ONE_S - 10..END_S {
        fleet.until(second);
        for index in (0..HOSTS).filter(|index| flagged_s(*index) == Some(second)) {
            let id = if ONE.contains(&index) { "http3" } else { "resume" };
            fleet.engine.apply(&[flag(index, second, id)]);
        }
    }
    fleet.until(END_S).incidents
}

#[test]
fn beside_a_flag_that_explains_most_no_other_flag_is_accused() {
    let told = two_flags();
    assert!(told.iter().any(|incident| accuses(incident, "http3")), "the first is named: {told:#?}");
    assert!(!told.iter().any(|incident| accuses(incident, "resume")), "{told:#?}");
}
