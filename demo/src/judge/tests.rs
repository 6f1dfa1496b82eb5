//! The judge on verdicts written by hand: the right one passes, each way of being wrong does not.

use super::*;
use crate::truth::{Killed, Served};
use firstbad_protocol::snapshot::{Fleet, HostView};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Change, HistoryEntry, Impact, Pattern, SCHEMA, State, Window};
use std::collections::BTreeMap;

fn truth() -> Truth {
    let mut truth = Truth::new(Scenario::November, 1);
    truth.bad = vec![Hash([1; 32]), Hash([2; 32])];
    truth.good = vec![Hash([9; 32])];
    truth.innocent.config = "waf-rules".to_owned();
    truth.innocent.hashes = vec![Hash([7; 32]), Hash([8; 32])];
    truth.innocent.changes = vec!["http3-early-hints".to_owned()];
    truth
}

fn cause() -> Cause {
    Cause {
        kind: CauseKind::Config,
        config: Some("bot-features".to_owned()),
        hashes: vec![Hash([1; 32]), Hash([2; 32])],
        property: Some("rows > 200".to_owned()),
        also_separates: Vec::new(),
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
    }
}

fn incident() -> Incident {
    Incident {
        id: "20251118-112804-panics".to_owned(),
        state: State::Resolved,
        pattern: Pattern::Flapping,
        onset: Timestamp(1),
        named_at: Some(Timestamp(2)),
        resolved_at: Some(Timestamp(3)),
        signals: vec![Signal::Panics, Signal::Scores, Signal::Errors],
        impact: Impact::default(),
        verdict: Verdict::Cause,
        cause: Some(cause()),
        suspects: Vec::new(),
        ruled_out: Vec::new(),
        first_error: None,
        input: None,
        last_known_good: None,
        history: Vec::new(),
        playbook: None,
        blind_spots: Vec::new(),
    }
}

fn diagnosis(incidents: Vec<Incident>) -> Diagnosis {
    Diagnosis { schema: SCHEMA, asked: false, window: Window::default(), blind_spots: Vec::new(), incidents }
}

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
    assert!(!with(|cause| cause.property = Some("rows > 60".to_owned())));
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
fn panics_are_counted_exactly_up_to_lost_answers() {
    let host = |panics| HostView {
        host: "a".to_owned(),
        dimensions: BTreeMap::new(),
        active: BTreeMap::new(),
        last_seen: Timestamp(9),
        silent: false,
        failing: false,
        needs_restart: false,
        restarts: 0,
        panics,
        loading: None,
    };
    let lost = |panics: u64| {
        let mut truth = truth();
        let served = Served { panicked: 100, lost: 1, ..Served::default() };
        truth.served.insert("a".to_owned(), served);
        truth.killed.push(Killed {
            host: "a".to_owned(),
            instance: "a-1".to_owned(),
            pid: 1,
            at: Timestamp(5),
            served,
        });
        let snapshot = Snapshot {
            at: None,
            diagnosis: diagnosis(Vec::new()),
            fleet: Fleet::default(),
            versions: Vec::new(),
            lines: Vec::new(),
            hosts: vec![host(panics)],
            changes: Vec::new(),
        };
        !nothing_lost(&snapshot, &truth).holds
    };
    assert!(lost(99) && !lost(100) && !lost(101) && lost(102) && lost(200));
}
