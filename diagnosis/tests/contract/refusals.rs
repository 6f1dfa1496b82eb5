//! A refusal harms nobody while the last good version serves.

use crate::story::{Fleet, Happening, Refusal, Shares, Version, names, only};
use firstbad_protocol::verdict::{Diagnosis, Signal, Verdict};

const FEATURES: Version = Version::of("bot-features", "first");
const ROUTES: Version = Version::of("routes", "first");
const NEW_ROUTES: Version = Version::of("routes", "second");
const SHORT_READ: Refusal = Refusal { reason: "io", error: "unexpected end of file" };
const BROKEN: Refusal = Refusal { reason: "parse", error: "line 12: expected a table" };

#[test]
fn a_refusal_beside_an_outage_of_another_config_is_not_its_cause() {
    let bad = Version::of("bot-features", "second");
    let mut fleet =
        Fleet::new(30, 5, &[FEATURES, ROUTES]).effect(move |host, _| Shares::errors(0.6).when(host.has(bad)));
    for index in 26..30 {
        fleet.plan(index, 296_000 + index * 150, Happening::Refuse(NEW_ROUTES, SHORT_READ));
    }
    fleet.push(0..26, 296, NEW_ROUTES);
    fleet.push(0..15, 340, bad);
    let diagnosis = fleet.until(480);
    let outage: Vec<_> = diagnosis.incidents.iter().filter(|one| names(one, bad)).collect();
    assert_eq!(outage.len(), 1, "{diagnosis:#?}");
    assert_eq!(outage[0].signals, [Signal::Errors]);
    assert!(!diagnosis.incidents.iter().any(|one| names(one, NEW_ROUTES)), "{diagnosis:#?}");
    for told in diagnosis.incidents.iter().filter(|one| one.signals.contains(&Signal::Loads)) {
        assert_eq!(told.signals, [Signal::Loads]);
    }
}

#[test]
fn a_refusal_on_hosts_of_the_outage_stays_apart_from_it() {
    let bad = Version::of("bot-features", "second");
    for refusal in [SHORT_READ, BROKEN] {
        let mut fleet =
            Fleet::new(30, 5, &[FEATURES, ROUTES]).effect(move |host, _| Shares::errors(0.6).when(host.has(bad)));
        for index in 0..4 {
            fleet.plan(index, 340_500 + index * 1000, Happening::Refuse(NEW_ROUTES, refusal));
        }
        fleet.push(0..15, 340, bad);
        let diagnosis = fleet.until(480);
        let outage = diagnosis.incidents.iter().find(|one| names(one, bad)).expect("named");
        assert_eq!(outage.signals, [Signal::Errors], "{refusal:?}: {outage:#?}");
        assert_eq!(outage.cause.as_ref().expect("named").hashes, [bad.hash()]);
        for told in diagnosis.incidents.iter().filter(|one| one.id != outage.id) {
            assert_eq!((told.signals.as_slice(), told.impact.requests_hurt()), ([Signal::Loads].as_slice(), 0));
        }
    }
}

#[test]
fn a_host_that_refuses_a_version_is_not_listed_as_failing() {
    let failing = |fleet: &Fleet| fleet.engine.snapshot().hosts.iter().filter(|host| host.failing).count();
    let mut fleet = refusing(BROKEN);
    assert_eq!(only(&fleet.until(400)).signals, [Signal::Loads]);
    assert_eq!(failing(&fleet), 0);
    let bad = Version::of("bot-features", "second");
    let mut fleet = Fleet::new(30, 5, &[FEATURES]).effect(move |host, _| Shares::errors(0.6).when(host.has(bad)));
    fleet.push(0..15, 340, bad);
    fleet.until(400);
    assert_eq!(failing(&fleet), 15, "the control");
}

/// All hosts of the newer binary refuse what those of the older one apply.
fn refused(refusal: Refusal) -> Diagnosis {
    refusing(refusal).until(400)
}

fn refusing(refusal: Refusal) -> Fleet {
    let binary = |index| if index < 20 { "fl2" } else { "fl1" };
    let mut fleet = Fleet::of_binaries(30, 5, &[ROUTES], binary);
    for index in 0..20 {
        fleet.plan(index, 300_000 + index * 700, Happening::Refuse(NEW_ROUTES, refusal));
    }
    fleet.push(20..30, 300, NEW_ROUTES);
    fleet
}

#[test]
fn content_that_every_host_of_a_binary_refused_is_named_and_cost_no_request() {
    let diagnosis = refused(BROKEN);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [NEW_ROUTES.hash()]);
    assert_eq!(incident.signals, [Signal::Loads]);
    assert_eq!(incident.impact.requests_hurt(), 0, "{:?}", incident.impact);
}

#[test]
fn a_file_that_hosts_could_not_read_is_not_named() {
    for incident in &refused(SHORT_READ).incidents {
        assert_eq!(incident.signals, [Signal::Loads]);
        assert_eq!((incident.verdict, &incident.cause), (Verdict::InsufficientEvidence, &None), "{incident:#?}");
    }
}

#[test]
fn content_that_one_host_of_the_same_binary_applied_is_not_named() {
    let mut fleet = Fleet::new(30, 5, &[ROUTES]);
    for index in 0..29 {
        fleet.plan(index, 300_000 + index * 700, Happening::Refuse(NEW_ROUTES, BROKEN));
    }
    fleet.push(29..30, 300, NEW_ROUTES);
    for incident in &fleet.until(400).incidents {
        assert_eq!((incident.verdict, &incident.cause), (Verdict::InsufficientEvidence, &None), "{incident:#?}");
    }
}
