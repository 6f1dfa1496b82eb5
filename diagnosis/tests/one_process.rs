//! The smallest fleet: one process that serves well, loads another file and dies of it at once. Nothing can be compared;
//! what the content itself says, and that the only process that had it died, is said as a suspicion.

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::{Signal, Verdict};
use fleet::{START, dimensions, host, load, row};

/// Seconds for which it serves well.
const WELL: i64 = 60;

fn life(engine: &mut Engine, rows: i64) {
    engine.apply(&[load(0, START * SECOND_NS, b"good", 60)]);
    for second in 0..WELL {
        engine.apply(&[row(0, START + second, b"good", 0.0)]);
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    death(engine, rows);
}

/// The process loads a file at the second [`WELL`] and dies of it at once.
fn death(engine: &mut Engine, rows: i64) {
    let begun = (START + WELL) * SECOND_NS;
    let span = Span { start: Timestamp(begun), end: Timestamp(begun + SECOND_NS / 20) };
    engine.apply(&[load(0, begun + SECOND_NS / 100, b"bad", rows)]);
    if let Observation::Row(report) = row(0, START + WELL, b"bad", 1.0) {
        engine.apply(&[Observation::Row(Row { span, ..report })]);
    }
    engine.apply(&[Observation::Exit(died(span.end))]);
    for second in 1..30 {
        engine.tick(Timestamp::from_seconds(START + WELL + second));
    }
}

/// The process is ended by a signal.
fn died(at: Timestamp) -> Exit {
    Exit {
        at,
        source: host(0),
        dimensions: dimensions(0),
        clean: false,
        signal: Some(6),
        status: None,
        active: Vec::new(),
        loading: None,
    }
}

#[test]
fn a_process_that_dies_of_its_only_file_is_a_suspicion() {
    let mut engine = Engine::new(Settings::default());
    life(&mut engine, 240);
    let diagnosis = engine.diagnosis();
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.verdict, Verdict::Suspect, "{incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!(
        (cause.hashes.as_slice(), cause.property.clone()),
        ([Hash::of(b"bad")].as_slice(), Some("rows > 200".into()))
    );
}

#[test]
fn a_file_within_its_limits_is_suspected_for_its_time_alone() {
    let mut engine = Engine::new(Settings::default());
    life(&mut engine, 60);
    let diagnosis = engine.diagnosis();
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert_eq!(incident.verdict, Verdict::Suspect, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().and_then(|cause| cause.property.clone()), None);
}

#[test]
fn a_process_that_dies_of_the_first_file_that_it_ever_loads_is_an_incident() {
    let mut engine = Engine::new(Settings::default());
    death(&mut engine, 240);
    let diagnosis = engine.diagnosis();
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    assert!(incident.signals.contains(&Signal::Deaths), "{incident:#?}");
    let nearest = incident.suspects.first().expect("a suspect");
    assert_eq!(nearest.hashes, [Hash::of(b"bad")], "{incident:#?}");
}

#[test]
fn a_process_that_ends_well_after_its_first_file_is_none() {
    let mut engine = Engine::new(Settings::default());
    engine.apply(&[load(0, START * SECOND_NS, b"good", 60), row(0, START, b"good", 0.0)]);
    let end = Timestamp::from_seconds(START + 1);
    let end = Exit { clean: true, signal: None, status: Some(0), ..died(end) };
    engine.apply(&[Observation::Exit(end)]);
    for second in 1..60 {
        engine.tick(Timestamp::from_seconds(START + second));
    }
    assert!(engine.diagnosis().incidents.is_empty(), "{:#?}", engine.diagnosis());
}
