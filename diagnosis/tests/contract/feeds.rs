//! A feed that stopped: no new version of a config came for much longer than ever before, and the hosts that kept the last
//! one begin to fail. It is an explanation like others, and by time alone the weakest of them.

use crate::fleet::{START, name};
use crate::story::{Fleet, Happening, Host, Refusal, Shares, Version, accuses_nothing, only};
use firstbad_diagnosis::observation::{Change, Observation};
use firstbad_protocol::Property;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{CauseKind, Diagnosis, Incident, Verdict};

const FEED: &str = "bot-features";
const ROUTES: Version = Version::of("routes", "first");
const NEW_ROUTES: Version = Version::of("routes", "second");
const HOSTS: i64 = 24;
const CONTENTS: [&str; 14] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d"];
/// Seconds between two versions, and the last version that comes.
const PERIOD_S: i64 = 120;
const LAST: usize = 8;
/// Second at which the last version comes, and at which it is too old for what hosts do with it.
const STOPS_S: i64 = 60 + PERIOD_S * LAST as i64;
const EXPIRES_S: i64 = STOPS_S + 5 * PERIOD_S;

fn version(nth: usize) -> Version {
    Version::of(FEED, CONTENTS[nth])
}

/// Hosts that get a new version every two minutes, until none comes.
fn fleet(effect: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let mut fleet = Fleet::new(HOSTS, 10, &[version(0), ROUTES])
        .effect(move |host, at_ms| Shares::errors(0.4).when(effect(host, at_ms)));
    for nth in 1..=LAST {
        fleet.push(0..HOSTS, 60 + PERIOD_S * nth as i64, version(nth));
    }
    fleet
}

/// Whether a moment is past for a host: all within a few seconds, not in the order in which they load.
fn is_past(host: &Host, at_ms: i64, second: i64) -> bool {
    at_ms > second * 1000 + host.index * 7 % HOSTS * 300
}

/// Every host fails once the last version is too old.
fn expires(host: &Host, at_ms: i64) -> bool {
    host.has(version(LAST)) && is_past(host, at_ms, EXPIRES_S)
}

fn is_stale(incident: &Incident) -> bool {
    incident.cause.as_ref().is_some_and(|cause| cause.property == Some(Property::Stale))
}

fn names_nothing_stale(diagnosis: &Diagnosis) {
    let stale = diagnosis.incidents.iter().find(|incident| is_stale(incident));
    assert!(stale.is_none(), "a feed was named without reason: {stale:#?}");
}

#[test]
fn a_feed_that_stopped_long_before_is_a_suspect_and_never_a_cause_by_time_alone() {
    let mut fleet = fleet(expires);
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        let diagnosis = fleet.until(second);
        assert!(diagnosis.incidents.iter().all(|one| one.verdict != Verdict::Cause), "{diagnosis:#?}");
    }
    let diagnosis = fleet.until(EXPIRES_S + 900);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Suspect, "{incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!((cause.kind, cause.config.as_deref()), (CauseKind::Config, Some(FEED)));
    assert_eq!(cause.hashes, [version(LAST).hash()]);
    assert_eq!(cause.property, Some(Property::Stale));
    let told = &incident.suspects[0];
    assert!(told.confidence <= 0.5, "{told:#?}");
    assert!(told.evidence.iter().any(|one| one.contains("one came every 2 min before (7 gaps")), "{told:#?}");
    assert_eq!(incident.last_known_good, None, "what is older still is no way out");
}

#[test]
fn hosts_that_get_a_newer_version_and_recover_make_it_the_cause() {
    let mut fleet = fleet(expires);
    fleet.push(0..HOSTS / 2, EXPIRES_S + 400, version(LAST + 1));
    let diagnosis = fleet.until(EXPIRES_S + 700);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert!(is_stale(incident), "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [version(LAST).hash()]);
    assert_eq!(incident.last_known_good.as_ref().expect("the newer one").hash, version(LAST + 1).hash());
}

#[test]
fn a_feed_that_stopped_for_some_hosts_is_the_cause_where_the_others_are_well() {
    let behind = |index: i64| index % 3 == 0;
    let mut fleet = fleet(move |host, at_ms| behind(host.index) && expires(host, at_ms));
    for (nth, content) in CONTENTS.iter().enumerate().skip(LAST + 1) {
        for index in (0..HOSTS).filter(|index| !behind(*index)) {
            let at_ms = (60 + PERIOD_S * nth as i64 + index) * 1000;
            fleet.plan(index, at_ms, Happening::Load(Version::of(FEED, content)));
        }
    }
    let diagnosis = fleet.until(EXPIRES_S + 300);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert!(is_stale(incident), "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [version(LAST).hash()]);
}

#[test]
fn a_suspicion_falls_where_hosts_go_on_failing_with_a_newer_version() {
    let mut fleet = fleet(|host, at_ms| is_past(host, at_ms, EXPIRES_S));
    assert!(is_stale(only(&fleet.until(EXPIRES_S + 390))), "suspected at first");
    fleet.push(0..HOSTS, EXPIRES_S + 400, version(LAST + 1));
    let diagnosis = fleet.until(EXPIRES_S + 700);
    names_nothing_stale(&diagnosis);
    accuses_nothing(&diagnosis);
    assert!(!only(&diagnosis).history.is_empty(), "what is withdrawn is remembered");
}

#[test]
fn a_feed_that_stopped_and_harms_nobody_is_not_told() {
    let diagnosis = fleet(|_, _| false).until(EXPIRES_S + 1800);
    assert!(diagnosis.incidents.is_empty(), "{diagnosis:#?}");
    assert!(diagnosis.blind_spots.is_empty(), "{:?}", diagnosis.blind_spots);
}

#[test]
fn a_feed_that_goes_on_is_not_suspected_of_what_the_world_does() {
    let mut fleet = fleet(|host, at_ms| is_past(host, at_ms, STOPS_S + PERIOD_S));
    for second in (STOPS_S + PERIOD_S..STOPS_S + PERIOD_S + 900).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(STOPS_S + 1200).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn a_config_that_is_pushed_irregularly_is_never_suspected() {
    let mut fleet =
        Fleet::new(HOSTS, 10, &[version(0)]).effect(|host, at_ms| Shares::errors(0.4).when(is_past(host, at_ms, 3600)));
    for (nth, at_s) in [90, 130, 400, 430, 700, 720, 1010, 1100, 1150].into_iter().enumerate() {
        fleet.push(0..HOSTS, at_s, version(nth + 1));
    }
    for second in (3600..4500).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(4500).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn a_config_that_is_pushed_rarely_is_never_suspected() {
    let mut fleet =
        Fleet::new(HOSTS, 10, &[version(0)]).effect(|host, at_ms| Shares::errors(0.4).when(is_past(host, at_ms, 4000)));
    for nth in 1..=4 {
        fleet.push(0..HOSTS, 200 * nth as i64, version(nth));
    }
    for second in (4000..4900).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(4900).incidents.is_empty(), "the failing itself is seen");
}

/// Another config comes to every host in the very seconds in which hosts begin to fail.
#[test]
fn a_stopped_feed_beside_another_load_is_a_ranked_suspect_and_not_named() {
    let mut fleet = fleet(|host, at_ms| is_past(host, at_ms, EXPIRES_S));
    fleet.push(0..HOSTS, EXPIRES_S - 20, NEW_ROUTES);
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        names_nothing_stale(&fleet.until(second));
    }
    let diagnosis = fleet.until(EXPIRES_S + 900);
    let ranked =
        |one: &firstbad_protocol::verdict::Suspect| one.property == Some(Property::Stale) && !one.against.is_empty();
    assert!(only(&diagnosis).suspects.iter().any(ranked), "{:#?}", only(&diagnosis).suspects);
}

/// Another config came to every host at one moment, ten minutes before: it may do harm late.
#[test]
fn a_stopped_feed_beside_a_load_some_time_before_is_not_named() {
    let mut fleet = fleet(expires);
    for index in 0..HOSTS {
        fleet.plan(index, (EXPIRES_S - 600) * 1000 + index * 10, Happening::Load(NEW_ROUTES));
    }
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        names_nothing_stale(&fleet.until(second));
    }
    assert!(!fleet.until(EXPIRES_S + 900).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn an_outage_of_another_config_is_named_beside_a_stopped_feed() {
    let mut fleet = fleet(|host, _| host.has(NEW_ROUTES));
    fleet.push(0..HOSTS / 2, EXPIRES_S, NEW_ROUTES);
    let diagnosis = fleet.until(EXPIRES_S + 300);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [NEW_ROUTES.hash()]);
}

#[test]
fn a_surge_of_requests_beside_a_stopped_feed_accuses_nothing() {
    let from_ms = EXPIRES_S * 1000;
    let mut fleet = fleet(move |_, at_ms| at_ms > from_ms).dress(move |_, second, row| {
        for total in row.totals.iter_mut().filter(|_| second > EXPIRES_S) {
            total.outcomes.ok *= 4;
            total.outcomes.error *= 4;
        }
    });
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(EXPIRES_S + 900).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn one_region_that_fails_beside_a_stopped_feed_accuses_nothing() {
    let mut fleet = fleet(|host, at_ms| host.index % 2 == 0 && expires(host, at_ms));
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(EXPIRES_S + 900).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn two_feeds_that_stopped_together_tie() {
    let mut fleet = fleet(expires);
    for (nth, content) in CONTENTS.iter().enumerate().take(LAST + 1).skip(1) {
        fleet.push(0..HOSTS, 90 + PERIOD_S * nth as i64, Version::of("routes", content));
    }
    let diagnosis = fleet.until(EXPIRES_S + 600);
    let incident = only(&diagnosis);
    assert_eq!((incident.verdict, &incident.cause), (Verdict::InsufficientEvidence, &None), "{incident:#?}");
    assert_eq!(incident.tied().len(), 2, "{:#?}", incident.suspects);
}

#[test]
fn hosts_that_restart_as_they_begin_to_fail_are_no_sign_of_a_stopped_feed() {
    let mut fleet = fleet(|host, at_ms| host.begun_ms > 0 && at_ms > host.begun_ms + 15_000);
    for index in 0..HOSTS {
        let at_ms = (EXPIRES_S + index) * 1000;
        fleet.plan(index, at_ms, Happening::Exit);
        fleet.plan(index, at_ms + 2_000, Happening::Begin("fl2"));
        fleet.plan(index, at_ms + 2_500, Happening::Load(version(LAST)));
        fleet.plan(index, at_ms + 2_600, Happening::Load(ROUTES));
    }
    for second in (EXPIRES_S..EXPIRES_S + 900).step_by(30) {
        names_nothing_stale(&fleet.until(second));
    }
    assert!(!fleet.until(EXPIRES_S + 900).incidents.is_empty(), "the failing itself is seen");
}

/// The producer reports further publications, and no host loads them.
#[test]
fn versions_that_are_published_and_reach_no_host_do_not_excuse_the_feed() {
    let mut fleet = fleet(expires);
    for (nth, content) in CONTENTS.iter().enumerate().skip(LAST + 1) {
        fleet.until(60 + PERIOD_S * nth as i64);
        let at = Timestamp::from_seconds(START + 60 + PERIOD_S * nth as i64);
        let version = Some((name(FEED), Version::of(FEED, content).hash()));
        let told = Change { at, kind: name("publish"), version, ..published() };
        fleet.engine.apply(&[Observation::Change(told)]);
    }
    let diagnosis = fleet.until(EXPIRES_S + 400);
    assert_eq!(only(&diagnosis).verdict, Verdict::Suspect, "{diagnosis:#?}");
    assert_eq!(only(&diagnosis).cause.as_ref().expect("named").hashes, [version(LAST).hash()]);
}

fn published() -> Change {
    Change {
        at: Timestamp(0),
        source: None,
        dimensions: Default::default(),
        kind: name("publish"),
        id: name(""),
        target: name(""),
        description: name(""),
        version: None,
    }
}

#[test]
fn hosts_that_refused_the_newer_versions_make_the_kept_one_the_cause() {
    let refusal = Refusal { reason: "parse", error: "line 12: expected a table" };
    let mut fleet = fleet(expires);
    for (nth, content) in CONTENTS.iter().enumerate().skip(LAST + 1) {
        for index in 0..HOSTS {
            let at_ms = (60 + PERIOD_S * nth as i64 + index) * 1000;
            fleet.plan(index, at_ms, Happening::Refuse(Version::of(FEED, content), refusal));
        }
    }
    let diagnosis = fleet.until(EXPIRES_S + 400);
    let stale = diagnosis.incidents.iter().find(|one| is_stale(one)).expect("named");
    assert_eq!(
        (stale.verdict, stale.cause.as_ref().expect("named").hashes.as_slice()),
        (Verdict::Cause, [version(LAST).hash()].as_slice())
    );
}

#[test]
fn an_engine_restored_in_the_middle_tells_a_stopped_feed_byte_for_byte() {
    let told = |restored_at| {
        let diagnosis = fleet(expires).restored_at(restored_at).until(EXPIRES_S + 400);
        serde_json::to_string(&diagnosis).expect("json")
    };
    let whole = told(None);
    for second in [STOPS_S + 7, EXPIRES_S + 13, EXPIRES_S + 200] {
        assert_eq!(told(Some(second)), whole, "restored at {second} s");
    }
}
