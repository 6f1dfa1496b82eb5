//! Common producers: where versions of one producer do harm and those of others do none, the producer is what they have in
//! common, within one config and across several.

use crate::story::{Fleet, Host, Shares, Version, names, only};
use firstbad_protocol::Property;
use firstbad_protocol::property::WordFact;
use firstbad_protocol::verdict::{Diagnosis, State, Verdict};

const FEATURES: Version = Version::of("bot-features", "first").made_by("node-1");
const ROUTES: Version = Version::of("routes", "first").made_by("node-1");
const BAD_FEATURES: Version = Version::of("bot-features", "second").made_by("node-2");
const BAD_ROUTES: Version = Version::of("routes", "second").made_by("node-2");
const NEW_FEATURES: Version = Version::of("bot-features", "third").made_by("node-3");
const NEW_ROUTES: Version = Version::of("routes", "third").made_by("node-3");

fn of_producer(producer: &str) -> Option<Property> {
    Some(Property::word(WordFact::Source, producer))
}

fn two_binaries(index: i64) -> &'static str {
    if index < 15 { "fl1" } else { "fl2" }
}

/// Ten hosts get the bad version of one config, ten others that of another, and the rest new versions of both.
fn two_configs(bad: [Version; 2], new: [Version; 2]) -> Fleet {
    two_configs_beside(240, [FEATURES, ROUTES], bad, new)
}

/// The same, where the rest get theirs at a second, and all have others before.
fn two_configs_beside(new_s: i64, first: [Version; 2], bad: [Version; 2], new: [Version; 2]) -> Fleet {
    let [features, routes] = bad;
    let fails = move |host: &Host| match (host.has(features), host.has(routes)) {
        (true, _) => 0.6,
        (_, true) => 0.3,
        _ => 0.0,
    };
    let mut fleet = Fleet::of_binaries(30, 5, &first, two_binaries).effect(move |host, _| Shares::errors(fails(host)));
    fleet.push(0..10, 300, features);
    fleet.push(15..25, 300, routes);
    for version in new {
        fleet.push(10..15, new_s, version);
        fleet.push(25..30, new_s, version);
    }
    fleet
}

fn names_both(diagnosis: &Diagnosis, bad: [Version; 2]) {
    assert_eq!(diagnosis.incidents.len(), 2, "{diagnosis:#?}");
    for version in bad {
        let named = diagnosis.incidents.iter().find(|one| names(one, version)).expect("named");
        assert_eq!(named.impact.hosts_affected, 10, "{named:#?}");
        assert_ne!(named.cause.as_ref().expect("named").property, of_producer(version.producer));
    }
}

#[test]
fn versions_of_two_configs_from_one_producer_are_one_incident() {
    let mut fleet = two_configs([BAD_FEATURES, BAD_ROUTES], [NEW_FEATURES, NEW_ROUTES]);
    for second in [420, 600] {
        let diagnosis = fleet.until(second);
        let incident = only(&diagnosis);
        assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
        let cause = incident.cause.as_ref().expect("named");
        assert_eq!((cause.config.as_deref(), &cause.property), (Some("bot-features"), &of_producer("node-2")));
        assert_eq!(cause.hashes, [BAD_FEATURES.hash()], "the config that costs most, and no hash of another");
        let others = "versions of other configs from producer node-2 do harm as well: routes (1 version, 10 hosts)";
        let told = &incident.suspects[0];
        assert!(told.evidence.iter().any(|one| one.starts_with(others)), "{told:#?}");
        assert_eq!(incident.impact.hosts_affected, 20);
        assert!(incident.history.iter().all(|one| !one.verdict.accuses()), "{:#?}", incident.history);
    }
}

/// Versions that the producer made before serve well until others replace them.
#[test]
fn where_the_others_get_theirs_later_two_incidents_become_one() {
    let first = [FEATURES, ROUTES].map(|version| version.made_by("node-2"));
    let mut fleet = two_configs_beside(420, first, [BAD_FEATURES, BAD_ROUTES], [NEW_FEATURES, NEW_ROUTES]);
    names_both(&fleet.until(410), [BAD_FEATURES, BAD_ROUTES]);
    let diagnosis = fleet.until(600);
    let [older, younger] = diagnosis.incidents.as_slice() else { panic!("not two: {diagnosis:#?}") };
    assert_eq!((&younger.merged_into, younger.state), (&Some(older.id.clone()), State::Resolved));
    assert_eq!(older.cause.as_ref().expect("named").property, of_producer("node-2"));
}

#[test]
fn an_engine_restored_in_the_middle_tells_the_producer_byte_for_byte() {
    let told = |restored_at| {
        let fleet = two_configs([BAD_FEATURES, BAD_ROUTES], [NEW_FEATURES, NEW_ROUTES]);
        serde_json::to_string(&fleet.restored_at(restored_at).until(420)).expect("json")
    };
    let whole = told(None);
    for second in [307, 333, 400] {
        assert_eq!(told(Some(second)), whole, "restored at {second} s");
    }
}

#[test]
fn bad_versions_of_two_producers_are_two_incidents() {
    let bad = [BAD_FEATURES, BAD_ROUTES.made_by("node-4")];
    names_both(&two_configs(bad, [NEW_FEATURES, NEW_ROUTES]).until(420), bad);
}

#[test]
fn where_one_producer_makes_everything_it_explains_nothing() {
    let bad = [BAD_FEATURES.made_by("node-1"), BAD_ROUTES.made_by("node-1")];
    let new = [NEW_FEATURES.made_by("node-1"), NEW_ROUTES.made_by("node-1")];
    names_both(&two_configs(bad, new).until(420), bad);
}

#[test]
fn a_producer_whose_other_new_version_serves_well_is_not_the_explanation() {
    let new = [NEW_FEATURES.made_by("node-2"), NEW_ROUTES];
    names_both(&two_configs([BAD_FEATURES, BAD_ROUTES], new).until(420), [BAD_FEATURES, BAD_ROUTES]);
}

#[test]
fn where_no_producer_is_told_two_configs_are_two_incidents() {
    let untold = |version: Version| version.made_by("");
    let bad = [BAD_FEATURES, BAD_ROUTES].map(untold);
    names_both(&two_configs(bad, [NEW_FEATURES, NEW_ROUTES].map(untold)).until(420), bad);
}

/// Generations of one config from three producers in turn. One producer is bad.
fn generations(bad: &'static str) -> Diagnosis {
    const PRODUCERS: [&str; 3] = ["node-1", "node-2", "node-3"];
    const CONTENTS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    let version = |nth: usize| Version::of("bot-features", CONTENTS[nth]).made_by(PRODUCERS[nth % 3]);
    let is_bad = move |nth: &usize| PRODUCERS[nth % 3] == bad;
    let mut fleet = Fleet::new(30, 5, &[version(0)])
        .effect(move |host, _| Shares::errors(0.5).when((0..9).filter(is_bad).any(|nth| host.has(version(nth)))));
    for nth in 1..9 {
        fleet.push(0..30, 150 + 120 * nth as i64, version(nth));
    }
    fleet.until(1230)
}

#[test]
fn generations_of_one_config_that_fail_where_one_producer_made_them_have_it_as_property() {
    let diagnosis = generations("node-2");
    let cause = only(&diagnosis).cause.as_ref().expect("named");
    assert_eq!(cause.property, of_producer("node-2"), "{diagnosis:#?}");
    assert_eq!(cause.hashes.len(), 3, "{cause:#?}");
}
