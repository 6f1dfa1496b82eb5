//! Processes that die a few seconds after each start: what the hosts say that leave the version, and those that keep it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Verdict};
use fleet::{START, dimensions, host, load, name, row};

const HOSTS: i64 = 16;
const REPORT_S: i64 = 10;
/// Second at which the first host loads the bad version; the others follow half a second apart.
const BAD_S: i64 = 305;
/// Seconds between two deaths of a host.
const LOOP_S: i64 = 30;
/// Second from which hosts get the good version back.
const BACK_S: i64 = 905;

/// Whether a host has the bad version in a second, if the first `leave` hosts get the good one back.
fn is_bad(index: i64, second: i64, leave: i64) -> bool {
    second >= BAD_S + index / 2 && (index >= leave || second < BACK_S + index)
}

fn dies(index: i64, second: i64, leave: i64) -> bool {
    is_bad(index, second, leave) && (second - BAD_S - index / 2) % LOOP_S == 6
}

/// Loads of hosts: the bad version once, and again at each start; the good one on the way back.
fn loads(index: i64, second: i64, leave: i64) -> Option<Observation> {
    let content: (&[u8], i64) = if is_bad(index, second, leave) { (b"bad", 90) } else { (b"good", 60) };
    let changed = is_bad(index, second, leave) != is_bad(index, second - 1, leave);
    let started = dies(index, second - LOOP_S / 2, leave);
    (changed || started).then(|| load(index, (START + second) * SECOND_NS, content))
}

fn report(index: i64, second: i64, leave: i64) -> Option<Observation> {
    let died = (second - REPORT_S..second).any(|second| dies(index, second, leave));
    let waits = (second - LOOP_S / 2..second).any(|second| dies(index, second, leave));
    let content: &[u8] = if is_bad(index, second - 1, leave) { b"bad" } else { b"good" };
    let mut report = row(index, START + second - REPORT_S, (content, 0.0));
    if let Observation::Row(Row { span, active, .. }) = &mut report {
        *span = Span {
            start: Timestamp::from_seconds(START + second - REPORT_S),
            end: Timestamp::from_seconds(START + second),
        };
        *active = vec![(name("bot-features"), Hash::of(content))];
    }
    (!died && !waits).then_some(report)
}

fn run(leave: i64) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for index in 0..HOSTS {
        engine.apply(&[load(index, (START - 10) * SECOND_NS, (b"good", 60))]);
    }
    for second in 1..1800 {
        for index in 0..HOSTS {
            engine.apply(&loads(index, second, leave).into_iter().collect::<Vec<_>>());
            if dies(index, second, leave) {
                engine.apply(&[Observation::Exit(Exit {
                    at: Timestamp::from_seconds(START + second),
                    source: host(index),
                    dimensions: dimensions(index),
                    clean: false,
                    signal: Some(6),
                    status: None,
                    active: vec![(name("bot-features"), Hash::of(b"bad"))],
                    loading: None,
                })]);
            }
            if second % REPORT_S == 0 {
                engine.apply(&report(index, second, leave).into_iter().collect::<Vec<_>>());
            }
        }
        engine.tick(Timestamp::from_seconds(START + second));
    }
    engine.diagnosis()
}

#[test]
fn hosts_that_stop_dying_when_they_leave_beside_hosts_that_keep_it_and_go_on_prove_it() {
    let diagnosis = run(12);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [Hash::of(b"bad")]);
    assert!(incident.resolved_at.is_none(), "four go on dying");
}

#[test]
fn as_long_as_all_keep_it_and_die_nothing_proves_it() {
    let diagnosis = run(0);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_ne!(incident.verdict, Verdict::Cause, "{incident:#?}");
}
