//! The 18 November shape in small: staggered loads of a file over its limit, both engines, one incident. The fleet
//! simulator in `tests/simulator` holds the wide catalogue; these cases fit on a page.

mod fleet;

use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{CauseKind, Verdict};
use fleet::{START, Shape, row, run};

#[test]
fn a_file_over_its_limit_is_named_with_its_property() {
    let diagnosis = run(&mut Engine::new(Settings::default()), Shape { rows: 240, seconds: 75 }, |_, exposed| exposed);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!((incident.verdict, cause.kind), (Verdict::Cause, CauseKind::Config), "{incident:#?}");
    assert_eq!(cause.hashes, [Hash::of(b"bad")]);
    assert_eq!(cause.property, Some("rows > 200".into()));
    let named = incident.named_at.expect("named").since(Timestamp::from_seconds(START + 60)) / SECOND_NS;
    assert!(named <= 8, "named after {named} s");
}

#[test]
fn a_moment_that_strikes_all_hosts_alike_accuses_no_file() {
    let diagnosis =
        run(&mut Engine::new(Settings::default()), Shape { rows: 61, seconds: 120 }, |second, _| second >= 65);
    assert!(!diagnosis.incidents.is_empty(), "the failing itself must be seen");
    assert!(diagnosis.incidents.iter().all(|incident| !incident.verdict.accuses()), "{:#?}", diagnosis.incidents);
}

#[test]
fn a_quiet_fleet_has_no_incident() {
    let diagnosis = run(&mut Engine::new(Settings::default()), Shape { rows: 61, seconds: 120 }, |_, _| false);
    assert!(diagnosis.incidents.is_empty(), "{:#?}", diagnosis.incidents);
}

#[test]
fn a_restored_engine_goes_on_byte_for_byte() {
    let mut whole = Engine::new(Settings::default());
    run(&mut whole, Shape { rows: 240, seconds: 70 }, |_, exposed| exposed);
    let mut restored = Engine::restore(&whole.checkpoint().expect("saved")).expect("restored");
    for engine in [&mut whole, &mut restored] {
        engine.apply(&[row(3, START + 70, b"bad", 1.0)]);
        engine.tick(Timestamp::from_seconds(START + 71));
    }
    assert_eq!(whole.checkpoint().expect("saved"), restored.checkpoint().expect("saved"));
    let text = |engine: &Engine| serde_json::to_string(&engine.snapshot()).expect("json");
    assert_eq!(text(&whole), text(&restored));
}
