//! A flag that hosts report one by one, some without their name; and failures that are rare on one host.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Change, Observation};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{CauseKind, Diagnosis};
use fleet::{START, dimensions, host, load, name, row};

const HOSTS: i64 = 40;
/// Hosts that are reached, a second apart from this second on.
const REACHED: i64 = 18;
const AT_S: i64 = 300;
/// Part of the requests that fail there: not much, so that it has to last, or to come back.
const SHARE: f64 = 0.12;

fn flag(index: i64, told: bool) -> Observation {
    Observation::Change(Change {
        at: Timestamp((START + AT_S + index) * SECOND_NS),
        source: told.then(|| host(index)),
        dimensions: dimensions(index),
        kind: name("flag"),
        id: name("flag-1"),
        target: name("parser"),
        description: name(""),
        version: None,
    })
}

/// Runs forty hosts for ten minutes: `reaches` tells of a host in the second in which it is reached, and `fails` whether it
/// fails so many seconds later.
fn run(reaches: impl Fn(i64) -> Vec<Observation>, fails: impl Fn(i64, i64) -> bool, content: &[u8]) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for index in 0..HOSTS {
        engine.apply(&[load(index, (START - 10) * SECOND_NS, b"good", 60)]);
    }
    for second in 0..600 {
        for index in 0..HOSTS {
            let since = (index < REACHED && second >= AT_S + index).then_some(second - AT_S - index);
            if since == Some(0) {
                engine.apply(&reaches(index));
            }
            let share = if since.is_some_and(|since| fails(index, since)) { SHARE } else { 0.0 };
            let content = if since.is_some() { content } else { b"good" };
            engine.apply(&[row(index, START + second, content, share)]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    engine.diagnosis()
}

fn kinds(diagnosis: &Diagnosis) -> Vec<CauseKind> {
    let accuses = diagnosis.incidents.iter().filter(|incident| incident.verdict.accuses());
    accuses.filter_map(|incident| incident.cause.as_ref()).map(|cause| cause.kind).collect()
}

#[test]
fn a_flag_that_hosts_tell_one_by_one_is_named_though_some_do_not_say_who_they_are() {
    let diagnosis = run(|index| vec![flag(index, index % 5 > 0)], |_, _| true, b"good");
    assert_eq!(kinds(&diagnosis), [CauseKind::Change], "{diagnosis:#?}");
}

#[test]
fn a_flag_that_is_told_without_a_host_reached_all_and_is_not_named() {
    let diagnosis = run(|index| vec![flag(index, false)], |_, _| true, b"good");
    assert!(kinds(&diagnosis).is_empty(), "{diagnosis:#?}");
}

#[test]
fn a_flag_loads_nothing_so_that_what_is_soon_over_is_no_cost_of_a_load() {
    let diagnosis = run(|index| vec![flag(index, true)], |_, since| since < 25, b"good");
    assert_eq!(kinds(&diagnosis), [CauseKind::Change], "{diagnosis:#?}");
}

fn loads(index: i64) -> Vec<Observation> {
    vec![load(index, (START + AT_S + index) * SECOND_NS, b"bad", 60)]
}

#[test]
fn failing_that_comes_back_without_another_load_is_no_cost_of_the_load() {
    // Of what is rare on one host the first stretch is long on some and short on others.
    let lasts = |index: i64| if index % 5 < 3 { 40 } else { 20 };
    let diagnosis = run(loads, |index, since| since % 70 < lasts(index), b"bad");
    let cause = diagnosis.incidents.iter().find_map(|incident| incident.cause.as_ref());
    assert_eq!(cause.expect("named").hashes, [Hash::of(b"bad")], "{diagnosis:#?}");
}

#[test]
fn failing_that_is_soon_over_and_does_not_come_back_may_be_the_cost_of_the_load() {
    let diagnosis = run(loads, |_, since| since < 20, b"bad");
    assert!(kinds(&diagnosis).is_empty(), "{diagnosis:#?}");
}
