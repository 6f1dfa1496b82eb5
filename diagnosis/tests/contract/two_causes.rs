//! One incident, one explanation: two inputs that are guilty at once are two incidents.

use crate::story::{Fleet, Happening, Shares, Version, names, only};
use firstbad_protocol::verdict::{CauseKind, Diagnosis, Impact, Verdict};
use std::ops::Range;

const FEATURES: Version = Version::of("bot-features", "first");
const ROUTES: Version = Version::of("routes", "first");
const BAD_FEATURES: Version = Version::of("bot-features", "second");
const BAD_ROUTES: Version = Version::of("routes", "second");

/// What was found, and how many requests failed by each of the two.
pub(crate) struct Told {
    pub(crate) diagnosis: Diagnosis,
    pub(crate) failed_of_features: u64,
    pub(crate) failed_of_routes: u64,
}

/// Ten of fifteen hosts of each binary get a bad version of another config in the same seconds.
pub(crate) fn two_at_once(restored_at: Option<i64>) -> Told {
    let binary = |index| if index < 15 { "fl1" } else { "fl2" };
    let mut fleet =
        Fleet::of_binaries(30, 5, &[FEATURES, ROUTES], binary).restored_at(restored_at).effect(|host, _| {
            let share = if host.has(BAD_FEATURES) { 0.6 } else { 0.3 };
            Shares::errors(share).when(host.has(BAD_FEATURES) || host.has(BAD_ROUTES))
        });
    fleet.push(0..10, 300, BAD_FEATURES);
    fleet.push(15..25, 300, BAD_ROUTES);
    let diagnosis = fleet.until(420);
    let failed = |hosts: Range<i64>| fleet.hurt.range(hosts).map(|(_, outcomes)| outcomes.failed()).sum();
    Told { diagnosis, failed_of_features: failed(0..15), failed_of_routes: failed(15..30) }
}

fn about(seen: u64, counted: u64) -> bool {
    (counted * 4 / 5..=counted * 6 / 5).contains(&seen)
}

#[test]
fn two_configs_guilty_at_once_are_two_incidents_each_with_its_own_impact() {
    let told = two_at_once(None);
    assert_eq!(told.diagnosis.incidents.len(), 2, "{:#?}", told.diagnosis);
    for (bad, failed) in [(BAD_FEATURES, told.failed_of_features), (BAD_ROUTES, told.failed_of_routes)] {
        let incident = told.diagnosis.incidents.iter().find(|one| names(one, bad)).expect("named");
        assert_eq!(incident.cause.as_ref().expect("named").hashes, [bad.hash()], "{incident:#?}");
        let Impact { requests_failed, hosts_affected, .. } = incident.impact;
        assert!(about(requests_failed, failed), "{requests_failed} told, {failed} counted");
        assert_eq!(hosts_affected, 10);
    }
}

#[test]
fn two_configs_that_each_break_one_binary_are_two_incidents_though_every_host_has_both() {
    let binary = |index| if index < 15 { "fl1" } else { "fl2" };
    let mut fleet = Fleet::of_binaries(30, 5, &[FEATURES, ROUTES], binary).effect(|host, _| {
        let guilty = if host.binary == "fl1" { BAD_FEATURES } else { BAD_ROUTES };
        Shares::errors(0.5).when(host.has(guilty))
    });
    fleet.push(0..30, 300, BAD_FEATURES);
    fleet.push(0..30, 330, BAD_ROUTES);
    let diagnosis = fleet.until(420);
    assert_eq!(diagnosis.incidents.len(), 2, "{diagnosis:#?}");
    for (bad, binary) in [(BAD_FEATURES, "fl1"), (BAD_ROUTES, "fl2")] {
        let incident = diagnosis.incidents.iter().find(|one| names(one, bad)).expect("named");
        let cause = incident.cause.as_ref().expect("named");
        assert_eq!(cause.hashes, [bad.hash()]);
        assert_eq!(cause.scope.get("service.version").map(String::as_str), Some(binary), "{cause:#?}");
        assert_eq!(incident.impact.hosts_affected, 15);
    }
}

#[test]
fn two_configs_loaded_together_on_the_same_hosts_tie() {
    let mut fleet =
        Fleet::new(30, 5, &[FEATURES, ROUTES]).effect(|host, _| Shares::errors(0.5).when(host.has(BAD_FEATURES)));
    for index in 0..12 {
        fleet.plan(index, 300_000 + index * 1000, Happening::Load(BAD_FEATURES));
        fleet.plan(index, 300_200 + index * 1000, Happening::Load(BAD_ROUTES));
    }
    let diagnosis = fleet.until(480);
    let incident = only(&diagnosis);
    assert_eq!((incident.verdict, &incident.cause), (Verdict::InsufficientEvidence, &None), "{incident:#?}");
    let tied: Vec<_> = incident.tied().iter().map(|suspect| (suspect.kind, suspect.hashes.as_slice())).collect();
    for bad in [BAD_FEATURES, BAD_ROUTES] {
        assert!(tied.contains(&(CauseKind::Config, [bad.hash()].as_slice())), "{:#?}", incident.suspects);
    }
}
