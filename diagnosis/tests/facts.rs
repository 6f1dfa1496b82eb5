//! The facts of a version are those of its first load. A later load under another generation does not change them.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Facts, Load, Observation};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use fleet::{START, facts, load, name, row};
use std::collections::BTreeMap;

/// A load of a content under a generation, with a limit on rows.
fn loaded(second: i64, content: &[u8], generation: i64, limit: i64) -> Observation {
    let Observation::Load(load) = load(0, (START + second) * SECOND_NS, content, 60) else { panic!("a load") };
    let mut numbers = facts(60).numbers;
    numbers.insert(name("generation"), generation);
    let facts = Facts { numbers, limits: BTreeMap::from([(name("rows"), limit)]), ..Facts::default() };
    Observation::Load(Load { facts, ..load })
}

#[test]
fn a_version_keeps_the_generation_of_its_first_load_and_takes_a_new_limit() {
    let mut engine = Engine::new(Settings::default());
    for (second, content, generation, limit) in [(0, b"good", 5, 200), (10, b"next", 6, 200), (20, b"good", 7, 300)] {
        engine.apply(&[loaded(second, content, generation, limit), row(0, START + second, content, 0.0)]);
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    let snapshot = engine.snapshot();
    let of = |content: &[u8]| {
        let hash = firstbad_protocol::Hash::of(content);
        let version = snapshot.versions.iter().find(|version| version.hash == hash).expect("known");
        (version.facts.get("generation").copied(), version.limits.get("rows").copied())
    };
    assert_eq!(of(b"good"), (Some(5), Some(300)));
    assert_eq!(of(b"next"), (Some(6), Some(200)));
}
