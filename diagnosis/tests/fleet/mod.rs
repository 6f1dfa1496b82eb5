//! A small fleet whose hosts load a second version one after the other: what the tests of the engine share.
#![allow(dead_code, reason = "every test takes what it needs")]
#![allow(clippy::indexing_slicing, reason = "a test may fail loudly")]

use firstbad_diagnosis::Engine;
use firstbad_diagnosis::observation::{Dimensions, Facts, Load, Name, Observation, Outcomes, Row, Source, Total, View};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use firstbad_protocol::verdict::Diagnosis;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const START: i64 = 1_763_463_600;
pub(crate) const HOSTS: i64 = 24;

pub(crate) fn name(text: &str) -> Name {
    Name::from(text)
}

pub(crate) fn host(index: i64) -> Source {
    Source::Instance { instance: name(&format!("proxy-{index}")), host: name(&format!("host-{index}")) }
}

pub(crate) fn dimensions(index: i64) -> Dimensions {
    let pairs = [
        ("service.name", "proxy"),
        ("service.version", "fl2"),
        ("cloud.region", ["eu", "us"][usize::from(index % 2 == 0)]),
    ];
    Arc::new(pairs.into_iter().map(|(key, value)| (name(key), name(value))).collect())
}

pub(crate) fn facts(rows: i64) -> Facts {
    let numbers = BTreeMap::from([(name("rows"), rows)]);
    Facts { numbers, limits: BTreeMap::from([(name("rows"), 200)]), ..Facts::default() }
}

pub(crate) fn load(index: i64, at: i64, content: &[u8], rows: i64) -> Observation {
    let load = applied(host(index), Timestamp(at), "bot-features", Hash::of(content));
    Observation::Load(Load { dimensions: dimensions(index), facts: facts(rows), ..load })
}

/// A load that tells no more than which version became active where.
pub(crate) fn applied(source: Source, at: Timestamp, config: &str, hash: Hash) -> Load {
    Load {
        at,
        source,
        dimensions: Dimensions::default(),
        config: name(config),
        hash,
        result: Some(LoadResult::Applied),
        reason: None,
        error: None,
        previous: None,
        facts: Facts::default(),
    }
}

pub(crate) fn row(index: i64, second: i64, content: &[u8], failing: f64) -> Observation {
    let error = (50.0 * failing).round() as u64;
    let outcomes = Outcomes { ok: 50 - error, panic: error, ..Outcomes::default() };
    let span = Span { start: Timestamp::from_seconds(second), end: Timestamp::from_seconds(second + 1) };
    Observation::Row(Row {
        totals: vec![Total { dimensions: Arc::default(), outcomes }],
        views: vec![View {
            config: name("bot-features"),
            hash: Hash::of(content),
            dimensions: Arc::default(),
            outcomes,
        }],
        active: vec![(name("bot-features"), Hash::of(content))],
        ..Row::new(host(index), dimensions(index), span)
    })
}

/// Rows of the second version, and seconds that are told.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) rows: i64,
    pub(crate) seconds: i64,
}

/// Hosts load the second version at second 60, one every 0.4 s; failing is decided by `fails`.
pub(crate) fn run(engine: &mut Engine, shape: Shape, fails: impl Fn(i64, bool) -> bool) -> Diagnosis {
    run_from(engine, START, shape, fails)
}

/// As [`run`], beginning at a second.
pub(crate) fn run_from(engine: &mut Engine, start: i64, shape: Shape, fails: impl Fn(i64, bool) -> bool) -> Diagnosis {
    for index in 0..HOSTS {
        engine.apply(&[load(index, (start - 10) * SECOND_NS, b"good", 60)]);
    }
    for second in 0..shape.seconds {
        for index in 0..HOSTS {
            let at = 60 * 1000 + index * 400;
            if second == at / 1000 {
                engine.apply(&[load(index, start * SECOND_NS + at * 1_000_000, b"bad", shape.rows)]);
            }
            let exposed = second * 1000 >= at;
            let share = f64::from(u8::from(fails(second, exposed)));
            let content: &[u8] = if second * 1000 + 1000 > at { b"bad" } else { b"good" };
            engine.apply(&[row(index, start + second, content, share)]);
        }
        engine.tick(Timestamp::from_seconds(start + second + 1));
    }
    engine.diagnosis()
}
