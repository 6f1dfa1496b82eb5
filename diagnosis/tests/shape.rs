//! The 18 November shape in small: staggered loads of a file over its limit, both engines, one incident. The fleet
//! simulator in `tests/simulator` holds the wide catalogue; these cases fit on a page.
#![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

use firstbad_diagnosis::observation::{Dimensions, Facts, Load, Name, Observation, Outcomes, Row, Source, Total, View};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::{CauseKind, Diagnosis, Verdict};
use std::collections::BTreeMap;
use std::sync::Arc;

const START: i64 = 1_763_463_600;
const HOSTS: i64 = 24;

fn name(text: &str) -> Name {
    Name::from(text)
}

fn host(index: i64) -> Source {
    Source::Instance { instance: name(&format!("proxy-{index}")), host: name(&format!("host-{index}")) }
}

fn dimensions(index: i64) -> Dimensions {
    let pairs = [
        ("service.name", "proxy"),
        ("service.version", "fl2"),
        ("cloud.region", ["eu", "us"][usize::from(index % 2 == 0)]),
    ];
    Arc::new(pairs.into_iter().map(|(key, value)| (name(key), name(value))).collect())
}

fn facts(rows: i64) -> Facts {
    let numbers = BTreeMap::from([(name("rows"), rows)]);
    Facts { numbers, limits: BTreeMap::from([(name("rows"), 200)]), ..Facts::default() }
}

fn load(index: i64, at: i64, (content, rows): (&[u8], i64)) -> Observation {
    Observation::Load(Load {
        at: Timestamp(at),
        source: host(index),
        dimensions: dimensions(index),
        config: name("bot-features"),
        hash: Hash::of(content),
        result: Some(LoadResult::Applied),
        reason: None,
        error: None,
        previous: None,
        facts: facts(rows),
    })
}

fn row(index: i64, second: i64, (content, failing): (&[u8], f64)) -> Observation {
    let error = (50.0 * failing).round() as u64;
    let outcomes = Outcomes { ok: 50 - error, error: 0, panic: error };
    let span = Span { start: Timestamp::from_seconds(second), end: Timestamp::from_seconds(second + 1) };
    Observation::Row(Row {
        source: host(index),
        dimensions: dimensions(index),
        span,
        totals: vec![Total { dimensions: Arc::default(), outcomes }],
        views: vec![View {
            config: name("bot-features"),
            hash: Hash::of(content),
            dimensions: Arc::default(),
            outcomes,
        }],
        panics: Vec::new(),
        scores: Vec::new(),
        active: vec![(name("bot-features"), Hash::of(content))],
        loads: Vec::new(),
        latency: None,
        in_flight: None,
        cpu: None,
        memory: None,
        facts: Vec::new(),
        dropped: 0,
        restarted: false,
    })
}

/// Hosts load the second version at second 60, one every 0.4 s; failing is decided by `fails`.
fn run(engine: &mut Engine, (rows, seconds): (i64, i64), fails: impl Fn(i64, bool) -> bool) -> Diagnosis {
    for index in 0..HOSTS {
        engine.apply(&[load(index, (START - 10) * SECOND_NS, (b"good", 60))]);
    }
    for second in 0..seconds {
        for index in 0..HOSTS {
            let at = 60 * 1000 + index * 400;
            if second == at / 1000 {
                engine.apply(&[load(index, START * SECOND_NS + at * 1_000_000, (b"bad", rows))]);
            }
            let exposed = second * 1000 >= at;
            let share = f64::from(u8::from(fails(second, exposed)));
            engine.apply(&[row(
                index,
                START + second,
                (if second * 1000 + 1000 > at { b"bad" } else { b"good" }, share),
            )]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    engine.diagnosis()
}

#[test]
fn a_file_over_its_limit_is_named_with_its_property() {
    let diagnosis = run(&mut Engine::new(Settings::default()), (240, 75), |_, exposed| exposed);
    let [incident] = diagnosis.incidents.as_slice() else { panic!("{diagnosis:#?}") };
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!((incident.verdict, cause.kind), (Verdict::Cause, CauseKind::Config), "{incident:#?}");
    assert_eq!(cause.hashes, [Hash::of(b"bad")]);
    assert_eq!(cause.property.as_deref(), Some("rows > 200"));
    let named = incident.named_at.expect("named").since(Timestamp::from_seconds(START + 60)) / SECOND_NS;
    assert!(named <= 8, "named after {named} s");
}

#[test]
fn a_moment_that_strikes_all_hosts_alike_accuses_no_file() {
    let diagnosis = run(&mut Engine::new(Settings::default()), (61, 120), |second, _| second >= 65);
    assert!(!diagnosis.incidents.is_empty(), "the failing itself must be seen");
    assert!(diagnosis.incidents.iter().all(|incident| !incident.verdict.accuses()), "{:#?}", diagnosis.incidents);
}

#[test]
fn a_quiet_fleet_has_no_incident() {
    let diagnosis = run(&mut Engine::new(Settings::default()), (61, 120), |_, _| false);
    assert!(diagnosis.incidents.is_empty(), "{:#?}", diagnosis.incidents);
}

#[test]
fn a_restored_engine_goes_on_byte_for_byte() {
    let mut whole = Engine::new(Settings::default());
    run(&mut whole, (240, 70), |_, exposed| exposed);
    let mut restored = Engine::restore(&whole.checkpoint().expect("saved")).expect("restored");
    for engine in [&mut whole, &mut restored] {
        engine.apply(&[row(3, START + 70, (b"bad", 1.0))]);
        engine.tick(Timestamp::from_seconds(START + 71));
    }
    assert_eq!(whole.checkpoint().expect("saved"), restored.checkpoint().expect("saved"));
    let text = |engine: &Engine| serde_json::to_string(&engine.snapshot()).expect("json");
    assert_eq!(text(&whole), text(&restored));
}
