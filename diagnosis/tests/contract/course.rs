//! What was seen stays seen: as the fleet recovers, and when the engine is restored.

use crate::story::{Fleet, Shares, Version, only};
use crate::two_causes::two_at_once;
use firstbad_protocol::verdict::{Diagnosis, State, Verdict};

const FIRST: Version = Version::of("bot-features", "first");
const SECOND: Version = Version::of("bot-features", "second");

/// Twelve of thirty hosts get a bad version after 20 reports and go back after 20 more.
fn outage(report_s: i64) -> Fleet {
    let mut fleet = Fleet::new(30, report_s, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.has(SECOND)));
    fleet.push(0..12, 20 * report_s, SECOND);
    fleet.push(0..12, 40 * report_s, FIRST);
    fleet
}

/// The verdict is the same from before the way back on, and the incident is over after `resolved_s`.
fn verdict_stays(report_s: i64, resolved_s: i64) {
    let mut fleet = outage(report_s);
    let named = only(&fleet.until(40 * report_s)).clone();
    assert_eq!(named.verdict, Verdict::Cause, "{named:#?}");
    let recovered = 40 * report_s + 12;
    for second in (recovered..recovered + 900).step_by(20) {
        let diagnosis = fleet.until(second);
        let now = only(&diagnosis);
        assert_eq!(
            (&now.id, now.verdict, &now.cause, now.named_at, now.onset),
            (&named.id, named.verdict, &named.cause, named.named_at, named.onset),
            "{report_s} s, {} s after recovery",
            second - recovered
        );
        assert!(now.state == State::Resolved || second <= recovered + resolved_s, "{:?}", now.state);
    }
}

#[test]
fn a_verdict_does_not_weaken_as_the_fleet_recovers() {
    verdict_stays(10, 300);
}

#[test]
fn nor_where_reports_come_once_a_minute() {
    verdict_stays(60, 600);
}

#[test]
fn the_same_explanation_back_within_half_an_hour_is_the_same_incident() {
    let mut fleet = outage(10);
    let id = only(&fleet.until(400)).id.clone();
    fleet.push(0..12, 1200, SECOND);
    fleet.push(0..12, 1300, FIRST);
    let diagnosis = fleet.until(1260);
    let again = only(&diagnosis);
    assert_eq!((&again.id, again.state), (&id, State::Open));
    fleet.push(0..12, 3600, SECOND);
    let diagnosis = fleet.until(3660);
    let [new, old] = diagnosis.incidents.as_slice() else { panic!("not two: {diagnosis:#?}") };
    assert_ne!(new.id, id, "later it is another");
    assert_eq!((&old.id, old.state), (&id, State::Resolved));
    assert_eq!(new.cause, old.cause);
}

fn text(diagnosis: &Diagnosis) -> String {
    serde_json::to_string(diagnosis).expect("json")
}

#[test]
fn an_engine_restored_in_the_middle_tells_the_course_byte_for_byte() {
    let told = |restored_at| text(&outage(10).restored_at(restored_at).until(500));
    let whole = told(None);
    for second in [95, 207, 300, 411] {
        assert_eq!(told(Some(second)), whole, "restored at {second} s");
    }
}

#[test]
fn an_engine_restored_in_the_middle_tells_two_causes_byte_for_byte() {
    let whole = text(&two_at_once(None).diagnosis);
    for second in [100, 307, 333] {
        assert_eq!(text(&two_at_once(Some(second)).diagnosis), whole, "restored at {second} s");
    }
}
