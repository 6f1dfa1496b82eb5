//! Processes that die a few seconds after each start: what the hosts say that leave the version, and those that keep it.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Incident, Signal, Verdict};
use fleet::{START, dimensions, host, load, name, row};

const HOSTS: i64 = 16;
const REPORT_S: i64 = 10;
/// Second at which the first host loads the bad version; the others follow half a second apart.
const BAD_S: i64 = 305;
/// Seconds between two deaths of a host.
const LOOP_S: i64 = 30;
/// A crash loop of all hosts.
#[derive(Clone, Copy)]
struct Loop {
    /// Hosts that get the good version back, the first ones.
    leave: i64,
    /// Second from which they do, and the time between two of them, seconds.
    back_s: i64,
    apart_s: i64,
    /// Whether the last counts of each dead process are reported: a request that ended in the panic.
    counted: bool,
}

const SHORT: Loop = Loop { leave: 12, back_s: 905, apart_s: 1, counted: false };

impl Loop {
    /// Whether a host has the bad version in a second.
    fn is_bad(self, index: i64, second: i64) -> bool {
        second >= BAD_S + index / 2 && (index >= self.leave || second < self.back_s + index * self.apart_s)
    }

    fn dies(self, index: i64, second: i64) -> bool {
        self.is_bad(index, second) && (second - BAD_S - index / 2) % LOOP_S == 6
    }

    fn until_s(self) -> i64 {
        self.back_s + self.leave * self.apart_s + 895
    }
}

/// Loads of hosts: the bad version once, and again at each start; the good one on the way back.
fn loads(of: Loop, index: i64, second: i64) -> Option<Observation> {
    let is_bad = of.is_bad(index, second);
    let content: &[u8] = if is_bad { b"bad" } else { b"good" };
    let rows = if is_bad { 90 } else { 60 };
    let changed = is_bad != of.is_bad(index, second - 1);
    let started = of.dies(index, second - LOOP_S / 2);
    (changed || started).then(|| load(index, (START + second) * SECOND_NS, content, rows))
}

fn report(of: Loop, index: i64, second: i64) -> Option<Observation> {
    let died = (second - REPORT_S..second).any(|second| of.dies(index, second));
    let waits = (second - LOOP_S / 2..second).any(|second| of.dies(index, second));
    let content: &[u8] = if of.is_bad(index, second - 1) { b"bad" } else { b"good" };
    let mut report = row(index, START + second - REPORT_S, content, 0.0);
    if let Observation::Row(Row { span, active, .. }) = &mut report {
        *span = Span {
            start: Timestamp::from_seconds(START + second - REPORT_S),
            end: Timestamp::from_seconds(START + second),
        };
        *active = vec![(name("bot-features"), Hash::of(content))];
    }
    (!died && !waits).then_some(report)
}

/// What a process counted in the last two seconds before it died: one request in 50 was the last.
fn last_counts(index: i64, second: i64) -> Observation {
    let mut report = row(index, START + second - 2, b"bad", 0.02);
    if let Observation::Row(row) = &mut report {
        row.span.end = Timestamp::from_seconds(START + second);
    }
    report
}

fn run(of: Loop) -> Diagnosis {
    let mut engine = Engine::new(Settings::default());
    for index in 0..HOSTS {
        engine.apply(&[load(index, (START - 10) * SECOND_NS, b"good", 60)]);
    }
    for second in 1..of.until_s() {
        for index in 0..HOSTS {
            engine.apply(&loads(of, index, second).into_iter().collect::<Vec<_>>());
            if of.dies(index, second) {
                if of.counted {
                    engine.apply(&[last_counts(index, second)]);
                }
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
                engine.apply(&report(of, index, second).into_iter().collect::<Vec<_>>());
            }
        }
        engine.tick(Timestamp::from_seconds(START + second));
    }
    engine.diagnosis()
}

#[test]
fn hosts_that_stop_dying_when_they_leave_beside_hosts_that_keep_it_and_go_on_prove_it() {
    let diagnosis = run(SHORT);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [Hash::of(b"bad")]);
    assert!(incident.resolved_at.is_none(), "four go on dying");
}

#[test]
fn as_long_as_all_keep_it_and_die_nothing_proves_it() {
    let diagnosis = run(Loop { leave: 0, ..SHORT });
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_ne!(incident.verdict, Verdict::Cause, "{incident:#?}");
}

/// A loop of 35 minutes, each death of which makes a run of panics, of errors and of silence.
#[test]
fn a_long_loop_with_counted_panics_is_remembered_from_its_beginning_on() {
    for leave in [12, HOSTS] {
        let diagnosis = run(Loop { leave, back_s: 2_405, apart_s: 20, counted: true });
        let deaths = |incident: &&Incident| incident.signals.contains(&Signal::Deaths);
        let incident = diagnosis.incidents.iter().find(deaths).unwrap_or_else(|| panic!("{diagnosis:#?}"));
        assert_eq!(incident.verdict, Verdict::Cause, "{leave}: {incident:#?}");
        assert_eq!(incident.cause.as_ref().expect("named").hashes, [Hash::of(b"bad")], "{leave}");
        let onset_s = incident.onset.0 / SECOND_NS - START;
        assert!((BAD_S..BAD_S + 12).contains(&onset_s), "{leave}: {onset_s}");
    }
}
