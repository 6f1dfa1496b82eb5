//! A snapshot lists only some hosts of a large fleet. What it says of their number counts all of them.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

mod fleet;

use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::limits::SNAPSHOT_HOSTS_MAX;
use firstbad_protocol::snapshot::PlaceCount;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use fleet::{START, load, row};

/// More hosts than a snapshot lists.
const HOSTS: i64 = 700;
/// Second from which all but the last hosts load the bad version, and the number of those that do not.
const BAD_S: i64 = 20;
const UNTOUCHED: i64 = 40;

#[test]
fn counts_are_of_all_hosts_also_of_those_that_are_not_listed() {
    let mut engine = Engine::new(Settings::default());
    for index in 0..HOSTS {
        engine.apply(&[load(index, (START - 10) * SECOND_NS, b"good", 60)]);
    }
    for second in 0..60 {
        for index in 0..HOSTS {
            let loads = index < HOSTS - UNTOUCHED;
            let at_s = BAD_S + index % 3;
            if loads && second == at_s {
                engine.apply(&[load(index, (START + second) * SECOND_NS, b"bad", 240)]);
            }
            let exposed = loads && second >= at_s;
            let content: &[u8] = if exposed { b"bad" } else { b"good" };
            engine.apply(&[row(index, START + second, content, f64::from(u8::from(exposed)))]);
        }
        engine.tick(Timestamp::from_seconds(START + second + 1));
    }
    let snapshot = engine.snapshot();
    let census = snapshot.census.as_ref().expect("counted");
    let exposed = (HOSTS - UNTOUCHED) as u64;
    assert_eq!(snapshot.hosts.len(), SNAPSHOT_HOSTS_MAX);
    assert!(snapshot.hosts.iter().all(|host| host.failing && host.needs_restart), "those that fail are listed first");
    assert_eq!((census.entries, census.needing_restart), (HOSTS as u64, exposed));
    assert_eq!(census.restart_names.len() as u64, exposed);
    assert!(census.restart_names.is_sorted() && census.restart_names.contains(&"host-659".to_owned()));
    assert_eq!(census.places["cloud.region"], PlaceCount { failing: 2, all: 2 });
}
