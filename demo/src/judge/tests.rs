//! The judge on verdicts written by hand: the right one passes, each way of being wrong does not.

use super::*;
use crate::fixture::{cause, diagnosis, host, incident, snapshot, truth, version};
use crate::truth::{Killed, Served};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Change, HistoryEntry};

/// Whether the right verdict still passes after `change`.
fn passes(change: impl FnOnce(&mut Vec<Incident>, &mut Truth)) -> bool {
    let (mut incidents, mut truth) = (vec![incident()], truth());
    change(&mut incidents, &mut truth);
    judge(&diagnosis(incidents), &truth).holds()
}

#[test]
fn the_right_verdict_passes() {
    assert!(passes(|_, _| {}), "{:?}", judge(&diagnosis(vec![incident()]), &truth()));
}

#[test]
fn a_wrong_or_incomplete_cause_is_not_named() {
    let with = |change: fn(&mut Cause)| passes(|incidents, _| change(incidents[0].cause.as_mut().unwrap()));
    assert!(!with(|cause| cause.hashes = vec![Hash([9; 32])]));
    assert!(!with(|cause| cause.hashes.push(Hash([9; 32]))));
    assert!(!with(|cause| cause.hashes.truncate(1)));
    assert!(!with(|cause| cause.hashes.clear()));
    assert!(!with(|cause| cause.property = None));
    assert!(!with(|cause| cause.property = Some("rows > 60".into())));
    assert!(!with(|cause| cause.config = Some("waf-rules".to_owned())));
    assert!(!with(|cause| cause.kind = CauseKind::Binary));
    assert!(!passes(|incidents, _| incidents[0].cause = None));
    assert!(!passes(|incidents, _| incidents[0].verdict = Verdict::InsufficientEvidence));
    assert!(!passes(|incidents, _| incidents.clear()));
}

#[test]
fn two_effects_in_two_incidents_are_not_understood() {
    assert!(!passes(|incidents, _| incidents[0].signals = vec![Signal::Panics]));
    assert!(!passes(|incidents, _| {
        incidents[0].signals = vec![Signal::Panics];
        incidents.push(Incident { signals: vec![Signal::Scores], ..incident() });
    }));
    assert!(passes(|incidents, _| {
        incidents.push(Incident {
            signals: vec![Signal::SilentHosts],
            verdict: Verdict::InsufficientEvidence,
            cause: None,
            ..incident()
        });
    }));
}

#[test]
fn a_false_accusation_at_any_time_spoils_the_run() {
    let innocent = || Cause { config: Some("waf-rules".to_owned()), hashes: vec![Hash([8; 32])], ..cause() };
    assert!(!passes(|incidents, _| incidents.push(Incident {
        signals: vec![Signal::Latency],
        cause: Some(innocent()),
        ..incident()
    })));
    let earlier = |verdict, cause| HistoryEntry { at: Timestamp(1), verdict, cause };
    assert!(!passes(|incidents, _| incidents[0].history.push(earlier(Verdict::Suspect, Some(innocent())))));
    assert!(passes(|incidents, _| incidents[0].history.push(earlier(Verdict::InsufficientEvidence, None))));
    assert!(passes(|incidents, _| incidents[0].history.push(earlier(Verdict::Suspect, Some(cause())))));
    let change = Change { kind: "flag".to_owned(), id: "http3-early-hints".to_owned(), target: String::new() };
    assert!(!passes(|incidents, _| incidents[0].cause.as_mut().unwrap().change = Some(change)));
}

#[test]
fn a_stage_that_failed_proves_nothing() {
    assert!(!passes(|_, truth| truth.trouble = Some("a process ended".to_owned())));
    assert!(!passes(|_, truth| truth.innocent.changes.clear()));
}

#[test]
fn in_a_surge_only_silence_or_an_external_cause_passes() {
    let surge = |incidents: Vec<Incident>, refused: u64| {
        let mut truth = Truth { scenario: Scenario::Surge, ..truth() };
        truth.served.insert("a".to_owned(), Served { refused, ..Served::default() });
        judge(&diagnosis(incidents), &truth).holds()
    };
    let external = Incident {
        verdict: Verdict::External,
        cause: Some(Cause { kind: CauseKind::Traffic, ..cause() }),
        ..incident()
    };
    assert!(surge(Vec::new(), 500) && surge(vec![external], 500));
    assert!(!surge(Vec::new(), 5), "a surge that hurts nobody tests nothing");
    let accused = Cause { config: Some("waf-rules".to_owned()), ..cause() };
    assert!(!surge(vec![Incident { cause: Some(accused), ..incident() }], 500));
}

#[test]
fn panics_and_requests_are_counted_exactly_up_to_lost_answers() {
    let mut truth = truth();
    let served = Served { panicked: 100, lost: 1, ..Served::default() };
    truth.served.insert("a".to_owned(), served);
    truth.answered_under.insert(Hash([1; 32]).short(), 50);
    truth.killed.push(Killed { host: "a".to_owned(), instance: "a-1".to_owned(), pid: 1, at: Timestamp(5), served });
    let holds = |panics: u64, requests: u64| {
        let snapshot = snapshot(diagnosis(Vec::new()), vec![host(panics)], vec![version(requests)]);
        nothing_lost(&snapshot, &truth).holds
    };
    assert!(holds(100, 150) && holds(101, 151));
    assert!(!holds(99, 150) && !holds(102, 150) && !holds(100, 149) && !holds(100, 152));
}
