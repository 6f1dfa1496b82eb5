//! Panics without requests, and hosts that say nothing more.

use crate::story::{Fleet, Happening, Version, only};
use firstbad_protocol::verdict::{Signal, Verdict};

const FIRST: Version = Version::of("bot-features", "first");
const SECOND: Version = Version::of("bot-features", "second");

#[test]
fn panics_are_named_where_no_requests_are_counted() {
    let mut fleet = Fleet::new(24, 5, &[FIRST]).dress(|_, _, row| {
        row.totals.clear();
        row.views.clear();
        row.first_failed.clear();
    });
    fleet.push(0..10, 300, SECOND);
    for index in 0..10 {
        for second in 0..60 {
            let at_ms = (301 + index + second) * 1000 + 300;
            fleet.plan(index, at_ms, Happening::Panic("index out of bounds"));
        }
    }
    let diagnosis = fleet.until(360);
    let incident = only(&diagnosis);
    assert_eq!(incident.signals, [Signal::Panics], "{incident:#?}");
    assert!(incident.verdict.accuses(), "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [SECOND.hash()]);
}

#[test]
fn a_load_after_which_hosts_say_nothing_more_is_named() {
    for report_s in [1, 5, 10, 30] {
        let mut fleet = Fleet::new(24, report_s, &[FIRST]);
        fleet.push(0..8, 30 * report_s, SECOND);
        for index in 0..8 {
            fleet.plan(index, (30 * report_s + 1 + index) * 1000, Happening::Vanish);
        }
        let diagnosis = fleet.until(60 * report_s + 20);
        let incident = only(&diagnosis);
        assert_eq!(incident.signals, [Signal::SilentHosts], "{report_s} s: {incident:#?}");
        assert!(incident.verdict.accuses(), "{report_s} s: {incident:#?}");
        assert_eq!(incident.cause.as_ref().expect("named").hashes, [SECOND.hash()]);
        assert_eq!(diagnosis.window.hosts_silent, 8);
    }
}

#[test]
fn hosts_that_end_on_purpose_are_not_silent() {
    let mut fleet = Fleet::new(24, 5, &[FIRST]);
    (0..8).for_each(|index| fleet.plan(index, 300_000 + index * 1000, Happening::Exit));
    let diagnosis = fleet.until(600);
    assert!(diagnosis.incidents.is_empty(), "{:#?}", diagnosis.incidents);
    assert_eq!(diagnosis.window.hosts_silent, 0);
}

#[test]
fn silence_on_hosts_that_did_not_load_does_not_accuse_the_push_beside_it() {
    let mut fleet = Fleet::new(24, 5, &[FIRST]);
    fleet.push(8..24, 300, SECOND);
    (0..8).for_each(|index| fleet.plan(index, 300_000 + index * 1000, Happening::Vanish));
    let diagnosis = fleet.until(600);
    let incident = only(&diagnosis);
    assert_eq!((incident.signals.as_slice(), incident.impact.hosts_affected), ([Signal::SilentHosts].as_slice(), 8));
    assert!(!incident.verdict.accuses(), "{incident:#?}");
}

/// Each host is gone for a minute after the one before it has come back.
fn restarts(report_s: i64, goes: Happening) {
    let mut fleet = Fleet::new(12, report_s, &[FIRST]);
    for index in 0..12 {
        let at_ms = 300_000 + index * 70_000;
        fleet.plan(index, at_ms, goes);
        fleet.plan(index, at_ms + 60_000, Happening::Begin("fl2"));
        fleet.plan(index, at_ms + 60_100, Happening::Load(FIRST));
    }
    for second in (360..1300).step_by(20) {
        let diagnosis = fleet.until(second);
        assert!(diagnosis.incidents.is_empty(), "{report_s} s, {goes:?}, at {second} s: {:#?}", diagnosis.incidents);
    }
}

#[test]
fn healthy_restarts_one_after_the_other_are_no_incident() {
    restarts(5, Happening::Exit);
    restarts(10, Happening::Exit);
}

#[test]
fn nor_are_those_that_say_no_goodbye() {
    restarts(5, Happening::Vanish);
    restarts(10, Happening::Vanish);
}

#[test]
fn a_verdict_of_silence_stays_when_the_hosts_come_back() {
    let mut fleet = Fleet::new(24, 5, &[FIRST]);
    fleet.push(0..8, 300, SECOND);
    for index in 0..8 {
        fleet.plan(index, (301 + index) * 1000, Happening::Vanish);
        fleet.plan(index, 480_000 + index * 1000, Happening::Begin("fl2"));
        fleet.plan(index, 480_100 + index * 1000, Happening::Load(FIRST));
    }
    let named = only(&fleet.until(480)).cause.clone();
    let diagnosis = fleet.until(600);
    let incident = only(&diagnosis);
    assert!(matches!(incident.verdict, Verdict::Cause | Verdict::Suspect), "{incident:#?}");
    assert_eq!(incident.cause, named);
}
