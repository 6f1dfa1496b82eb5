//! A recorder for tests, in memory: it leaves nothing behind, is shared by the tests of a binary, and records as any other;
//! requests that several tasks share; configs whose names are known only at run time, up to the bound and beyond it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{
    Config, InitError, Live, LoadOutcome, Origin, Outcome, Recorder, SharedRequest, Tag, active_versions,
};
use firstbad_protocol::load::LoadResult;
use std::path::Path;

fn recorder() -> &'static Recorder {
    firstbad_instrument::init().service("edge").for_tests().try_install().unwrap()
}

fn parse(bytes: &[u8]) -> Result<usize, String> {
    Ok(bytes.len())
}

/// Runs only in children, where `FIRSTBAD_RECORDER_DIR` names an empty directory.
#[test]
fn child() {
    if common::mode().is_none() {
        return;
    }
    static RULES: Live<usize> = Live::new("rules");
    assert!(recorder().path().is_none() && recorder().fallback().is_none());
    assert!(std::ptr::eq(recorder(), recorder()), "each test gets the same one");
    assert_eq!(firstbad_instrument::init().install().unwrap_err(), InitError::AlreadyInstalled);
    RULES.load_bytes(b"secret", &Origin::new(), parse).applied().unwrap();
    let panicked = std::panic::catch_unwind(|| {
        let _rules = RULES.pin().unwrap();
        panic!("in a test");
    });
    assert!(panicked.is_err());
    assert_eq!(active_versions().len(), 1);
    println!("recorded");
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_recorder_for_tests_leaves_nothing_behind() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let output = common::finish(common::child("child", "tests", directory.path()));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("recorded"), "{output:?}");
    assert!(errors.contains("in a test"), "the hook of the test harness runs: {errors}");
    assert!(!errors.contains("firstbad: "), "no fallback is reported: {errors}");
    assert_eq!(names_in(directory.path()), Vec::<String>::new());
}

#[test]
fn a_shared_request_counts_once_whichever_task_ends_it() {
    if common::mode().is_some() {
        return;
    }
    recorder();
    const fn can_ride_in_extensions<T: Clone + Send + Sync + 'static>(_: &T) {}
    let live: Live<usize> = Live::of(Config::named("shared-request"));
    let tag = live.load_bytes(b"x", &Origin::new(), parse).tag();
    let request = SharedRequest::start();
    can_ride_in_extensions(&request);
    let (task, panicking) = (request.clone(), request.clone());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _pin = task.pin(&live).unwrap();
            task.uses(tag);
        });
        let handler = scope.spawn(move || {
            let _request = panicking;
            panic!("the handler");
        });
        assert!(handler.join().is_err());
    });
    request.finish(Outcome::Error);
    drop((task, request));
    drop(SharedRequest::start());
    let outcomes = firstbad_instrument::testing::outcomes_of(tag).unwrap();
    assert_eq!((outcomes.panic, outcomes.error, outcomes.ok, outcomes.denied), (1, 0, 0, 0));
    let begun = firstbad_instrument::Request::start();
    begun.uses(tag);
    let shared = begun.share();
    shared.finish(Outcome::Denied);
    shared.finish(Outcome::Denied);
    assert_eq!(firstbad_instrument::testing::outcomes_of(tag).unwrap().denied, 1);
}

#[test]
fn keyed_configs_are_recorded_up_to_the_bound_and_the_next_one_says_that_it_is_not() {
    // A process of its own: the bound is per process.
    if common::mode().is_none() {
        let directory = tempfile::tempdir().unwrap();
        let name = "keyed_configs_are_recorded_up_to_the_bound_and_the_next_one_says_that_it_is_not";
        let output = common::finish(common::child(name, "keyed", directory.path()));
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{errors}");
        assert_eq!(errors.matches("is not recorded").count(), 1, "one line for the process: {errors}");
        return;
    }
    recorder();
    let load = |zone: &Live<usize>| zone.load_bytes(b"records", &Origin::new(), parse);
    let of_zone = |number: usize| Live::of(Config::keyed("zone", number).limit("bytes", 4));
    let zones: Vec<Live<usize>> = (0..Config::CONFIGS_MAX).map(of_zone).collect();
    let tags: Vec<Tag> = zones.iter().map(|zone| load(zone).tag()).collect();
    assert!(tags.iter().all(|tag| !tag.is_none()));
    assert_eq!(zones[3].config().name(), "zone/3");
    for name in ["beyond", "also beyond"] {
        let beyond = Live::of(Config::named(name));
        let LoadOutcome::Applied(evidence) = load(&beyond) else { panic!("it serves all the same") };
        assert!(evidence.tag.is_none() && *beyond.pin().unwrap() == 7);
        assert!(evidence.findings.iter().any(|said| said.contains(name)), "{:?}", evidence.findings);
    }
    assert_eq!(load(&of_zone(3)).result(), LoadResult::Unchanged, "a name keeps its place");
}

#[test]
fn a_long_name_is_cut_and_stays_unlike_others() {
    let long = |end: char| Config::named(format!("{}{end}", "zone \u{e9}".repeat(100)));
    let (a, b) = (long('a'), long('b'));
    assert!(a.name().len() <= 256 && a.name() != b.name(), "{} {}", a.name(), b.name());
    assert_eq!(Config::named("").name(), "unnamed");
    #[derive(Default)]
    struct Parsed {
        tag: Tag,
    }
    assert!(Parsed::default().tag.is_none());
}
