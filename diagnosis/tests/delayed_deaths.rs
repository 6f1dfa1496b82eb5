//! Processes that die some time after the load, each after another, and again after each start; what else reached the same
//! hosts before or after.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Exit, Load, Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Verdict};
use fleet::{START, dimensions, host, load, name, row};

const HOSTS: i64 = 60;
/// Number of hosts that load the version under test. The others keep the old one.
const REACHED: i64 = 24;
const REPORT_S: i64 = 5;
/// Second at which the first host loads the version under test; the others follow half a second apart.
const BAD_S: i64 = 305;
/// Seconds for which a process that died is away.
const AWAY_S: i64 = 4;
const LENGTH_S: i64 = 720;

/// What happens in one run.
#[derive(Clone, Copy)]
struct Story {
    /// Second at which a host loads the other config, if it gets it.
    other_s: fn(i64) -> Option<i64>,
    /// Whether a process that started again dies again.
    again: bool,
}

fn bad_s(index: i64) -> Option<i64> {
    (index < REACHED).then_some(BAD_S + index / 2)
}

/// Seconds at which a host dies: 20 to 90 s after it loaded the version, and as long again after each start.
fn deaths(index: i64, again: bool) -> Vec<i64> {
    let Some(bad_s) = bad_s(index) else { return Vec::new() };
    let waits = (0..).map(|life: i64| 20 + (index * 37 + life * 53 + index * index * 11) % 70);
    let mut at = bad_s - AWAY_S;
    let mut all = Vec::new();
    for wait in waits.take(if again { 20 } else { 1 }) {
        at += AWAY_S + wait;
        all.push(at);
    }
    all
}

fn other(index: i64, at: i64, content: &[u8]) -> Observation {
    match load(index, at, content, 30) {
        Observation::Load(known) => Observation::Load(Load { config: name("rate-limits"), ..known }),
        more => more,
    }
}

fn run(story: Story) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for index in 0..HOSTS {
        engine.apply(&[
            load(index, (START - 10) * SECOND_NS, b"good", 60),
            other(index, (START - 10) * SECOND_NS, b"old"),
        ]);
    }
    let deaths: Vec<Vec<i64>> = (0..HOSTS).map(|index| deaths(index, story.again)).collect();
    for second in 1..LENGTH_S {
        for (index, deaths) in (0..).zip(&deaths) {
            engine.apply(&of_second(story, index, second, deaths));
        }
        engine.tick(Timestamp::from_seconds(START + second));
    }
    engine.diagnosis()
}

/// The observations of one host in one second.
fn of_second(story: Story, index: i64, second: i64, deaths: &[i64]) -> Vec<Observation> {
    let at = (START + second) * SECOND_NS;
    let has = |since: Option<i64>| since.is_some_and(|since| second >= since);
    let content: &[u8] = if has(bad_s(index)) { b"bad" } else { b"good" };
    let beside: &[u8] = if has((story.other_s)(index)) { b"new" } else { b"old" };
    let started = deaths.iter().any(|died| died + AWAY_S == second);
    let mut told = Vec::new();
    if started || bad_s(index) == Some(second) {
        told.push(load(index, at, content, 60));
    }
    if started || (story.other_s)(index) == Some(second) {
        told.push(other(index, at, beside));
    }
    if deaths.contains(&second) {
        told.push(Observation::Exit(Exit {
            at: Timestamp(at),
            source: host(index),
            dimensions: dimensions(index),
            clean: false,
            signal: Some(6),
            status: None,
            active: vec![(name("bot-features"), Hash::of(content))],
            loading: None,
        }));
    }
    let away = deaths.iter().any(|died| *died < second && second - REPORT_S < died + AWAY_S);
    if second % REPORT_S == 0
        && !away
        && let Observation::Row(row) = row(index, START + second - REPORT_S, content, 0.0)
    {
        let span = Span {
            start: Timestamp::from_seconds(START + second - REPORT_S),
            end: Timestamp::from_seconds(START + second),
        };
        let active = vec![(name("bot-features"), Hash::of(content)), (name("rate-limits"), Hash::of(beside))];
        told.push(Observation::Row(Row { span, active, ..row }));
    }
    told
}

fn accused(diagnosis: &Diagnosis) -> Vec<Vec<Hash>> {
    let accuses = diagnosis.incidents.iter().filter(|incident| incident.verdict.accuses());
    accuses.filter_map(|incident| incident.cause.as_ref()).map(|cause| cause.hashes.clone()).collect()
}

#[test]
fn what_kills_after_a_while_is_told_from_what_came_to_all_in_another_order() {
    let other_s = |index: i64| Some(BAD_S - 15 + index * 37 % HOSTS / 2);
    let diagnosis = run(Story { other_s, again: true });
    assert_eq!(accused(&diagnosis), [[Hash::of(b"bad")]], "{diagnosis:#?}");
}

#[test]
fn of_two_that_came_to_the_same_hosts_at_one_distance_neither_is_named() {
    for distance in [-15, 12] {
        let other_s = if distance < 0 {
            |index: i64| bad_s(index).map(|at| at - 15)
        } else {
            |index: i64| bad_s(index).map(|at| at + 12)
        };
        let diagnosis = run(Story { other_s, again: true });
        assert!(accused(&diagnosis).is_empty(), "{distance}: {diagnosis:#?}");
    }
}

#[test]
fn one_death_of_each_host_after_its_load_makes_no_cause() {
    let diagnosis = run(Story { other_s: |_| None, again: false });
    assert!(diagnosis.incidents.iter().all(|incident| incident.verdict != Verdict::Cause), "{diagnosis:#?}");
}
