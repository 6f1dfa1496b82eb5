//! A collector runs for months: its tables are full of what is long gone, and what is new must still be seen.

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::Verdict;
use fleet::{HOSTS, START, Shape, dimensions, host, load, row, run_from};

/// More than the engine keeps apart of one config: ten days at one in five minutes.
const GENERATIONS: i64 = 3000;

#[test]
fn a_bad_version_is_named_after_thousands_of_good_ones() {
    let mut engine = Engine::new(Settings::default());
    for generation in 0..GENERATIONS {
        let content = format!("generation {generation}");
        for index in 0..3 {
            let at = START + generation;
            engine
                .apply(&[load(index, at * SECOND_NS, content.as_bytes(), 60), row(index, at, content.as_bytes(), 0.0)]);
        }
        engine.tick(Timestamp::from_seconds(START + generation + 1));
    }
    let versions = engine.snapshot().versions.len();
    let diagnosis = run_from(&mut engine, START + GENERATIONS, Shape { rows: 240, seconds: 75 }, |_, exposed| exposed);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [Hash::of(b"bad")]);
    assert!((16..=256).contains(&versions), "{versions} versions kept");
    assert!(diagnosis.blind_spots.is_empty(), "nothing was refused room: {:?}", diagnosis.blind_spots);
}

#[test]
fn hosts_that_said_goodbye_are_forgotten_and_those_that_stay_are_not() {
    let mut engine = Engine::new(Settings::default());
    let report = |engine: &mut Engine, hosts: i64, second: i64| {
        for index in 0..hosts {
            engine.apply(&[row(index, START + second, b"good", 0.0)]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    };
    for second in 0..30 {
        report(&mut engine, HOSTS, second);
    }
    for index in 6..HOSTS {
        engine.apply(&[Observation::Exit(Exit {
            at: Timestamp::from_seconds(START + 30),
            source: host(index),
            dimensions: dimensions(index),
            clean: true,
            signal: None,
            status: None,
            active: Vec::new(),
            loading: None,
        })]);
    }
    assert_eq!(engine.diagnosis().window.hosts, HOSTS.unsigned_abs());
    for second in 30..3700 {
        report(&mut engine, 6, second);
    }
    assert_eq!(engine.diagnosis().window.hosts, 6);
}
