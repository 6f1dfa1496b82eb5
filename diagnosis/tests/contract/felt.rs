//! What users feel opens an incident; ordinary swings do not.

use crate::story::{Fleet, Shares, Version, draw, only};
use firstbad_diagnosis::observation::Histogram;
use firstbad_protocol::verdict::{Impact, Signal};
use std::sync::Arc;

const FIRST: Version = Version::of("access-keys", "first");
const SECOND: Version = Version::of("access-keys", "second");

#[test]
fn denials_under_one_version_are_answers_and_count_as_denied() {
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, _| Shares::denied(1.0).when(host.has(SECOND)));
    fleet.push(0..12, 300, SECOND);
    let diagnosis = fleet.until(420);
    let denied: u64 = fleet.hurt.values().map(|outcomes| outcomes.denied).sum();
    let incident = only(&diagnosis);
    assert_eq!(incident.signals, [Signal::Answers], "{incident:#?}");
    assert!(incident.verdict.accuses(), "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [SECOND.hash()]);
    let told = incident.impact.requests_denied;
    assert!((denied * 4 / 5..=denied * 6 / 5).contains(&told), "{told} told, {denied} counted");
    assert!(incident.impact.requests_failed * 100 < denied, "{:?}", incident.impact);
}

#[test]
fn impact_is_what_failed_beyond_the_usual_on_the_hosts_that_failed() {
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.has(SECOND)));
    fleet.push(0..12, 300, SECOND);
    let diagnosis = fleet.until(480);
    let failed: u64 = fleet.hurt.values().map(|outcomes| outcomes.failed()).sum();
    let Impact { requests_failed, requests_denied, hosts_affected, hosts_reporting, .. } = only(&diagnosis).impact;
    assert!(
        (failed * 9 / 10..=failed * 11 / 10).contains(&requests_failed),
        "{requests_failed} told, {failed} counted"
    );
    assert_eq!((requests_denied, hosts_affected, hosts_reporting), (0, 12, 30));
}

/// Requests of a report by latency, of which a share took longer than 50 ms.
fn latency(all: f64, slow: f64) -> Histogram {
    let count = |share: f64| (all * share).round() as u64;
    let counts = vec![count(0.6 - slow), count(0.4), count(slow), 0];
    Histogram { bounds: Arc::from([0.02, 0.05, 0.1]), counts, sum: None }
}

#[test]
fn swings_of_gauges_on_a_third_of_the_hosts_are_no_incident() {
    let mut fleet = Fleet::new(30, 10, &[FIRST]).dress(|host, second, row| {
        let wobble = |purpose| draw(host.index, second, purpose) - 0.5;
        let swings = host.index % 3 == 0 && (600..900).contains(&second);
        let up = if swings { 1.0 } else { 0.0 };
        row.cpu = Some(0.4 + 0.1 * wobble(11) + 0.15 * up);
        row.memory = Some(1e9 * (1.0 + 0.1 * wobble(12) + 0.2 * up));
        row.latency = Some(latency(500.0, 0.05 + 0.04 * wobble(13) + 0.05 * up));
    });
    fleet.opens_nothing(60..1200);
}

#[test]
fn half_as_many_errors_again_are_no_incident() {
    let mut fleet = Fleet::new(30, 10, &[FIRST])
        .effect(|_, at_ms| Shares::errors(if (600_000..900_000).contains(&at_ms) { 0.001 } else { 0.0 }));
    fleet.opens_nothing(60..1200);
}
