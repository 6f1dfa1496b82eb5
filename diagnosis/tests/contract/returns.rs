//! Versions that are loaded again. Each stay counts for itself. A version that was guilty before is recognised, a version that
//! served well for long is not named by timing alone, and no accused version is the last known good one.

use crate::story::{Fleet, Happening, Host, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::{Incident, State, Suspect, Verdict};

const CONFIG: &str = "bot-features";
const GOOD: Version = Version::of(CONFIG, "first");
const BAD: Version = Version::of(CONFIG, "second");
const LATER: Version = Version::of(CONFIG, "third");
const HOSTS: i64 = 30;
/// Second at which a version comes back: long after the incident that it caused.
const BACK_S: i64 = 3600;

/// Twelve hosts get the bad version for four minutes.
fn outage(effect: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let mut fleet =
        Fleet::new(HOSTS, 10, &[GOOD]).effect(move |host, at_ms| Shares::errors(0.5).when(effect(host, at_ms)));
    fleet.push(0..12, 200, BAD);
    fleet.push(0..12, 440, GOOD);
    fleet
}

fn told(suspect: &Suspect, sentence: &str) -> bool {
    suspect.evidence.iter().any(|one| one.contains(sentence))
}

fn open(incidents: &[Incident]) -> &Incident {
    incidents.iter().find(|one| one.state == State::Open).expect("one is open")
}

#[test]
fn a_guilty_version_that_comes_back_is_named_with_the_repetition() {
    let mut fleet = outage(|host, _| host.has(BAD));
    let first = only(&fleet.until(400)).clone();
    assert!(names(&first, BAD), "{first:#?}");
    fleet.push(14..17, BACK_S, BAD);
    let diagnosis = fleet.until(BACK_S + 25);
    let again = open(&diagnosis.incidents);
    assert!(again.id != first.id && names(again, BAD), "{again:#?}");
    let sentence = format!("it was the cause of incident {} at 11:03:2", first.id);
    assert!(told(&again.suspects[0], &sentence), "{:#?}", again.suspects[0]);
    assert!(told(&again.suspects[0], "and came back at 12:00:0"), "{:#?}", again.suspects[0]);
}

/// What four hosts do with a version, two reports after they load it.
fn of_four_hosts(version: Version) -> Verdict {
    let mut fleet = outage(|host, _| host.has(BAD) || host.has(LATER));
    fleet.push(14..18, BACK_S, version);
    open(&fleet.until(BACK_S + 25).incidents).verdict
}

#[test]
fn fewer_hosts_make_it_a_cause_than_of_a_version_that_nothing_is_known_of() {
    assert_eq!(of_four_hosts(BAD), Verdict::Cause);
    assert_eq!(of_four_hosts(LATER), Verdict::Suspect);
}

/// All hosts at once: no host is left to compare with.
fn back_at_once(version: Version, effect: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let mut fleet = outage(effect);
    for index in 0..HOSTS {
        fleet.plan(index, BACK_S * 1000 + 2_000 + index * 7 % HOSTS * 30, Happening::Load(version));
    }
    fleet
}

#[test]
fn a_guilty_version_that_every_host_loads_again_at_once_is_named() {
    let mut fleet = back_at_once(BAD, |host, _| host.has(BAD) || host.has(LATER));
    let diagnosis = fleet.until(BACK_S + 40);
    assert!(names(open(&diagnosis.incidents), BAD), "{diagnosis:#?}");
}

#[test]
fn a_guilty_version_that_serves_well_after_its_return_is_innocent_of_what_follows() {
    let world_ms = (BACK_S + 600) * 1000;
    let mut fleet = back_at_once(BAD, move |host, at_ms| {
        host.has(BAD) && at_ms < 1_000_000 || at_ms > world_ms + host.index * 11 % HOSTS * 200
    });
    for second in (BACK_S..BACK_S + 1500).step_by(20) {
        accuses_nothing_new(&mut fleet, second);
    }
    assert_eq!(fleet.until(BACK_S + 1500).incidents.len(), 2, "the failing itself is seen");
}

fn accuses_nothing_new(fleet: &mut Fleet, second: i64) {
    let diagnosis = fleet.until(second);
    let new = diagnosis.incidents.iter().find(|one| one.state == State::Open && one.verdict.accuses());
    assert!(new.is_none(), "accused without reason: {new:#?}");
}

#[test]
fn a_guilty_version_that_comes_back_and_harms_nobody_is_not_told() {
    let mut fleet = outage(|host, at_ms| host.has(BAD) && at_ms < 1_000_000);
    fleet.push(0..HOSTS, BACK_S, BAD);
    let diagnosis = fleet.until(BACK_S + 900);
    assert_eq!(only(&diagnosis).state, State::Resolved);
}

#[test]
fn a_guilty_version_that_comes_back_is_innocent_of_what_other_hosts_do() {
    let mut fleet = outage(|host, at_ms| {
        host.has(BAD) && at_ms < 1_000_000 || host.index >= 15 && at_ms > BACK_S * 1000 + host.index * 7 % 15 * 400
    });
    fleet.push(0..12, BACK_S, BAD);
    for second in (BACK_S..BACK_S + 600).step_by(20) {
        accuses_nothing_new(&mut fleet, second);
    }
    assert_eq!(fleet.until(BACK_S + 600).incidents.len(), 2, "the failing itself is seen");
}

#[test]
fn versions_that_come_and_go_without_failing_are_not_told() {
    let mut fleet = Fleet::new(HOSTS, 10, &[GOOD]);
    for (nth, version) in [LATER, GOOD, LATER, GOOD].into_iter().enumerate() {
        fleet.push(0..HOSTS, 300 + 300 * nth as i64, version);
    }
    assert!(fleet.until(2400).incidents.is_empty());
}

/// Hosts go back to a version that they served well for long, and fail from then on.
fn way_back(at_once: bool, hosts: i64) -> Fleet {
    let mut fleet = Fleet::new(HOSTS, 10, &[GOOD])
        .effect(|host, at_ms| Shares::errors(0.5).when(host.has(GOOD) && at_ms > BACK_S * 1000));
    fleet.push(0..HOSTS, 2400, LATER);
    for index in 0..hosts {
        let after_ms = if at_once { index * 7 % HOSTS * 30 } else { index * 1000 };
        fleet.plan(index, BACK_S * 1000 + 2_000 + after_ms, Happening::Load(GOOD));
    }
    fleet
}

fn spoken_for(suspect: &Suspect) -> bool {
    let served = |one: &String| one.contains("of the failing hosts served it well for 40 min before it came back");
    suspect.hashes == [GOOD.hash()] && suspect.against.iter().any(served)
}

#[test]
fn a_version_that_served_well_for_long_is_not_named_by_timing_when_it_comes_back() {
    let mut fleet = way_back(true, HOSTS);
    for second in (BACK_S..BACK_S + 900).step_by(20) {
        accuses_nothing(&fleet.until(second));
    }
    let diagnosis = fleet.until(BACK_S + 900);
    assert!(only(&diagnosis).suspects.iter().any(spoken_for), "{:#?}", only(&diagnosis).suspects);
}

#[test]
fn it_is_a_suspect_at_most_where_hosts_that_did_not_go_back_yet_are_well() {
    let mut fleet = way_back(false, HOSTS / 2);
    for second in (BACK_S..BACK_S + 600).step_by(20) {
        assert!(fleet.until(second).incidents.iter().all(|one| one.verdict != Verdict::Cause), "at {second} s");
    }
    let diagnosis = fleet.until(BACK_S + 600);
    assert!(names(only(&diagnosis), GOOD), "{diagnosis:#?}");
    assert!(spoken_for(&only(&diagnosis).suspects[0]), "{diagnosis:#?}");
}

#[test]
fn nor_in_the_only_process() {
    let mut fleet = Fleet::new(1, 10, &[GOOD])
        .effect(|host, at_ms| Shares::errors(1.0).when(host.has(GOOD) && at_ms > BACK_S * 1000));
    fleet.push(0..1, 2404, LATER);
    fleet.push(0..1, BACK_S + 4, GOOD);
    for second in (BACK_S..BACK_S + 900).step_by(10) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(BACK_S + 900).incidents.is_empty(), "the failing itself is seen");
}

/// The accused version serves well later, is the newest before the next bad one, and was accused all the same.
#[test]
fn a_version_that_was_accused_is_never_the_last_known_good() {
    let mut fleet = outage(|host, at_ms| host.has(BAD) && at_ms < 1_000_000 || host.has(LATER));
    assert!(names(only(&fleet.until(430)), BAD));
    fleet.push(0..HOSTS, 6000, BAD);
    fleet.push(0..15, 9000, LATER);
    let diagnosis = fleet.until(9120);
    let incident = open(&diagnosis.incidents);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [LATER.hash()]);
    assert_eq!(incident.last_known_good.as_ref().map(|good| good.hash), Some(GOOD.hash()));
}
