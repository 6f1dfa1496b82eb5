//! Two changes on the same hosts, and a change whose hosts all begin to fail within one report: which evidence is enough.

use crate::story::{Fleet, Happening, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::{CauseKind, Verdict};

const GOOD: Version = Version::of("bot-features", "good");
const BAD: Version = Version::of("bot-features", "bad");
const RULES: Version = Version::of("waf-rules", "old");
const NEW_RULES: Version = Version::of("waf-rules", "new");

/// Reports every 30 s, and seven of 20 hosts get a version within six seconds.
fn canary(back: bool) -> Fleet {
    let mut fleet = Fleet::new(20, 30, &[GOOD]).effect(|host, _| Shares::errors(0.6).when(host.has(BAD)));
    (0..7).for_each(|host| fleet.plan(host, 905_000 + 800 * host, Happening::Load(BAD)));
    if back {
        (0..7).for_each(|host| fleet.plan(host, 1_505_000 + 700 * host, Happening::Load(GOOD)));
    }
    fleet
}

#[test]
fn a_canary_of_which_all_fail_and_nobody_else_until_they_go_back_is_the_cause() {
    let mut fleet = canary(true);
    let diagnosis = fleet.until(1740);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert!(names(incident, BAD));
}

#[test]
fn hosts_that_fail_for_a_while_beside_others_with_the_version_name_nothing() {
    let mut fleet = Fleet::new(20, 30, &[GOOD])
        .effect(|host, at_ms| Shares::errors(0.6).when(host.index < 7 && (905_000..1_505_000).contains(&at_ms)));
    (0..14).for_each(|host| fleet.plan(host, 905_000 + 800 * host, Happening::Load(BAD)));
    for second in (930..1740).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
}

/// All hosts get new rules at 600 s within 3 s, and one after the other another binary from 640 s on.
fn release(fails: impl Fn(bool, bool) -> bool + 'static) -> Fleet {
    let mut fleet = Fleet::new(24, 5, &[GOOD, RULES])
        .effect(move |host, _| Shares::errors(0.4).when(fails(host.has(NEW_RULES), host.binary == "fl3")));
    for host in 0..24 {
        fleet.plan(host, 600_000 + 120 * host, Happening::Load(NEW_RULES));
        let at_ms = 640_000 + 5_000 * host;
        fleet.plan(host, at_ms, Happening::Exit);
        fleet.plan(host, at_ms + 500, Happening::Begin("fl3"));
        fleet.plan(host, at_ms + 600, Happening::Load(GOOD));
        fleet.plan(host, at_ms + 700, Happening::Load(NEW_RULES));
    }
    fleet
}

#[test]
fn what_a_release_breaks_is_not_tied_to_rules_that_all_hosts_had_before() {
    let mut fleet = release(|_, binary| binary);
    let diagnosis = fleet.until(1000);
    let incident = only(&diagnosis);
    assert!(incident.verdict.accuses(), "{incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!(cause.kind, CauseKind::Binary, "{cause:#?}");
}

#[test]
fn a_release_that_brings_its_rules_along_ties_with_them() {
    let mut fleet = Fleet::new(24, 5, &[GOOD, RULES]).effect(|host, _| Shares::errors(0.4).when(host.has(NEW_RULES)));
    for host in 0..24 {
        let at_ms = 640_000 + 5_000 * host;
        fleet.plan(host, at_ms, Happening::Exit);
        fleet.plan(host, at_ms + 500, Happening::Begin("fl3"));
        fleet.plan(host, at_ms + 600, Happening::Load(GOOD));
        fleet.plan(host, at_ms + 700, Happening::Load(NEW_RULES));
    }
    let diagnosis = fleet.until(1000);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::InsufficientEvidence, "{incident:#?}");
    let against = incident.suspects.iter().flat_map(|suspect| &suspect.against);
    assert!(against.into_iter().any(|said| said.contains("cannot be told apart")), "{incident:#?}");
}
