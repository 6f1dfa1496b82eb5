//! What a snapshot lists beside the verdicts: hosts by version over time, places of panics, deaths.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::observation::{Exit, Observation, Panic};
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use fleet::{HOSTS, START, Shape, dimensions, host, name, run};

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(START + second)
}

fn fleet() -> Engine {
    let mut engine = Engine::new(Settings { report_interval_ns: Some(SECOND_NS), ..Settings::default() });
    run(&mut engine, Shape { rows: 240, seconds: 90 }, |_, exposed| exposed);
    engine
}

#[test]
fn hosts_are_counted_by_version_over_time() {
    let snapshot = fleet().snapshot();
    let [rollout] = snapshot.rollouts.as_slice() else { panic!("{:?}", snapshot.rollouts) };
    assert_eq!((rollout.config.as_str(), rollout.step_s, rollout.versions.len()), ("bot-features", 1.0, 2));
    let hashes: Vec<Hash> = rollout.versions.iter().map(|version| version.hash).collect();
    assert_eq!(hashes, [Hash::of(b"bad"), Hash::of(b"good")], "newest first");
    let place = |second: i64| usize::try_from(at(second).since(rollout.from) / SECOND_NS).expect("shown");
    let hosts = |second: i64| [0, 1].map(|version: usize| rollout.versions[version].at(place(second)));
    assert_eq!(hosts(50), [0, 24]);
    // Hosts load one after the other, one every 0.4 s from second 60 on.
    assert_eq!(hosts(62), [6, 18]);
    assert_eq!(hosts(80), [24, 0]);
    assert!(rollout.others.iter().all(|hosts| *hosts == 0));
    assert_eq!(rollout.all(place(62)), HOSTS as u64);
}

#[test]
fn places_of_panics_and_deaths_are_listed() {
    let mut engine = fleet();
    assert!(engine.snapshot().sites.is_empty() && engine.snapshot().deaths.is_empty(), "control");
    for index in 0..3 {
        let (source, dimensions) = (host(index), dimensions(index));
        engine.apply(&[
            Observation::Panic(Panic {
                at: at(85),
                source: source.clone(),
                dimensions: dimensions.clone(),
                exception: None,
                message: name("TooManyFeatures"),
                site: Some(name("src/features.rs:71:14")),
                active: Vec::new(),
            }),
            Observation::Exit(Exit {
                at: at(86 + index),
                source,
                dimensions,
                clean: false,
                signal: Some(6),
                status: None,
                active: Vec::new(),
                loading: Some((name("bot-features"), Hash::of(b"bad"))),
            }),
        ]);
    }
    engine.tick(at(91));
    let snapshot = engine.snapshot();
    let [site] = snapshot.sites.as_slice() else { panic!("{:?}", snapshot.sites) };
    assert_eq!((site.site.as_deref(), site.count, site.hosts), (Some("src/features.rs:71:14"), 3, 3));
    assert_eq!((site.message.as_str(), site.first_seen), ("TooManyFeatures", Some(at(85))));
    let deaths: Vec<_> = snapshot.deaths.iter().map(|death| (death.host.as_str(), death.last, death.deaths)).collect();
    assert_eq!(deaths, [("host-2", at(88), 1), ("host-1", at(87), 1), ("host-0", at(86), 1)], "latest first");
    assert!(snapshot.deaths.iter().all(|death| death.loading == Some(Hash::of(b"bad"))));
}
