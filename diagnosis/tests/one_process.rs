//! The smallest fleet: one process that loads one file and dies of it at once. Nothing can be compared; what the content
//! itself says, and that the only process that had it died, is said as a suspicion.

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Row};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::Verdict;
use fleet::{START, dimensions, host, load, row};

fn life(engine: &mut Engine, rows: i64) {
    let begun = START * SECOND_NS;
    let span = Span { start: Timestamp(begun), end: Timestamp(begun + SECOND_NS / 20) };
    let dead = Exit {
        at: span.end,
        source: host(0),
        dimensions: dimensions(0),
        clean: false,
        signal: Some(6),
        status: None,
        active: Vec::new(),
        loading: None,
    };
    engine.apply(&[load(0, begun + SECOND_NS / 100, (b"bad", rows))]);
    if let Observation::Row(report) = row(0, START, (b"bad", 1.0)) {
        engine.apply(&[Observation::Row(Row { span, ..report })]);
    }
    engine.apply(&[Observation::Exit(dead)]);
    for second in 1..30 {
        engine.tick(Timestamp::from_seconds(START + second));
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
fn a_file_within_its_limits_is_not_suspected_of_one_death() {
    let mut engine = Engine::new(Settings::default());
    life(&mut engine, 60);
    assert!(engine.diagnosis().incidents.iter().all(|incident| !incident.verdict.accuses()));
}
