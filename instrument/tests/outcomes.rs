//! The outcomes of requests: denied ones count, and the time of a version's first failed request is noted once, exactly, without
//! an allocation.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "common/allocations.rs"]
mod allocations;
mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome, Request, Tag, record_request};
use firstbad_protocol::recorder::{Outcomes, RecorderImage, VersionImage};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The recorder of this binary. Each test uses configs of its own.
fn image() -> RecorderImage {
    static RECORDER: OnceLock<(PathBuf, tempfile::TempDir)> = OnceLock::new();
    let (path, _) = RECORDER.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let init = firstbad_instrument::init().service("edge").recorder_dir(directory.path());
        let recorder = init.capture_content(false).install().unwrap();
        let path = recorder.path().unwrap().to_owned();
        std::mem::forget(recorder);
        (path, directory)
    });
    common::image_of(path)
}

fn load(live: &Live<()>, bytes: &[u8]) -> Tag {
    live.load_bytes(bytes, &Origin::new(), |_| Ok::<_, String>(())).tag()
}

fn version(config: &str, bytes: &[u8]) -> VersionImage {
    let image = image();
    let config = image.configs.iter().find(|known| known.name == config).unwrap();
    let mut of_config = image.versions.iter().filter(|version| version.config == config.place);
    of_config.find(|version| version.hash == Some(Hash::of(bytes))).cloned().unwrap()
}

fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

#[test]
fn a_status_says_whether_a_request_was_served_denied_or_failed() {
    for (status, error, outcome) in [
        (Some(200), false, Outcome::Ok),
        (Some(399), false, Outcome::Ok),
        (Some(400), false, Outcome::Denied),
        (Some(404), true, Outcome::Denied),
        (Some(499), false, Outcome::Denied),
        (Some(500), false, Outcome::Error),
        (Some(200), true, Outcome::Error),
        (None, false, Outcome::Error),
    ] {
        assert_eq!(Outcome::of_status(status, error), outcome, "{status:?}, {error}");
    }
}

#[test]
fn a_denied_request_counts_under_its_version_and_in_the_total_and_is_no_failure() {
    static ROUTES: Live<()> = Live::new("denied-routes");
    image();
    let tag = load(&ROUTES, b"a");
    let before = image().totals;
    for outcome in [Outcome::Ok, Outcome::Denied, Outcome::Denied] {
        record_request(outcome, &[tag]);
    }
    let request = Request::start();
    let pin = request.pin(&ROUTES).unwrap();
    request.finish(Outcome::Denied);
    drop(pin);
    let found = version("denied-routes", b"a");
    assert_eq!(found.outcomes, Outcomes { ok: 1, denied: 3, error: 0, panic: 0 });
    assert_eq!(found.first_failed_ns, None);
    assert!(image().totals.denied >= before.denied + 3, "other tests of this binary count too");
}

#[test]
fn the_first_failure_of_each_version_is_noted_once() {
    static RULES: Live<()> = Live::new("failing-rules");
    image();
    let good = load(&RULES, b"good");
    good.record(Outcome::Ok);
    assert_eq!(version("failing-rules", b"good").first_failed_ns, None);
    let bad = load(&RULES, b"bad");
    let (before, ()) = (now_ns(), record_request(Outcome::Error, &[bad]));
    let after = now_ns();
    let first = version("failing-rules", b"bad").first_failed_ns.unwrap();
    assert!((before..=after).contains(&first), "{before} {first} {after}");
    record_request(Outcome::Error, &[bad]);
    std::thread::spawn(move || bad.record(Outcome::Panic)).join().unwrap();
    assert_eq!(version("failing-rules", b"bad").first_failed_ns, Some(first), "later ones change nothing");
    assert_eq!(version("failing-rules", b"good").first_failed_ns, None);
    // A late result counts under its own version, and so does its time.
    load(&RULES, b"good again");
    good.record(Outcome::Error);
    assert!(version("failing-rules", b"good").first_failed_ns.unwrap() >= after);
    assert_eq!(version("failing-rules", b"good again").first_failed_ns, None);
    let outcomes = version("failing-rules", b"bad").outcomes;
    assert_eq!(outcomes, Outcomes { ok: 0, denied: 0, error: 2, panic: 1 });
    load(&RULES, b"bad").record(Outcome::Error);
    assert_eq!(version("failing-rules", b"bad").first_failed_ns, Some(first), "also when it comes back");
}

#[test]
fn a_failure_allocates_nothing_not_even_the_first() {
    static TABLE: Live<()> = Live::new("allocating-table");
    image();
    let tag = load(&TABLE, b"x");
    record_request(Outcome::Ok, &[tag]);
    assert_eq!(allocations::of(|| record_request(Outcome::Error, &[tag])), 0);
    assert!(version("allocating-table", b"x").first_failed_ns.is_some());
    assert!(allocations::of(|| drop(vec![1_u8; 9])) > 0, "the control");
}

#[test]
fn a_request_that_panics_is_a_first_failure() {
    static HEADERS: Live<()> = Live::new("panicking-headers");
    image();
    let _ = load(&HEADERS, b"x");
    let panicked = std::panic::catch_unwind(|| {
        let _headers = HEADERS.pin().unwrap();
        panic!("under a guard");
    });
    assert!(panicked.is_err());
    let found = version("panicking-headers", b"x");
    assert_eq!((found.outcomes.panic, found.first_failed_ns.is_some()), (1, true));
}
