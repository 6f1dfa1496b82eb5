//! What is counted under which version where two things meet: an earlier panic and a later request, a pin and a request in one
//! panic, one score and two configs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome, PreviousHook, Request, Score, Tag};
use firstbad_protocol::recorder::{Outcomes, RecorderImage, VersionImage};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// The recorder of this binary. Each test uses configs of its own.
fn image() -> RecorderImage {
    static RECORDER: OnceLock<(PathBuf, tempfile::TempDir)> = OnceLock::new();
    let (path, _) = RECORDER.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let init = firstbad_instrument::init().service("edge").recorder_dir(directory.path());
        let recorder = init.capture_content(false).previous_hook(PreviousHook::Always).install().unwrap();
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

/// Panics that the hook counted under a version.
fn panics(config: &str, bytes: &[u8]) -> u64 {
    let uid = version(config, bytes).uid;
    image().panic_pairs.iter().filter(|pair| pair.uid == uid).map(|pair| pair.count).sum()
}

/// One test at a time: a count that another thread moves within the recorder is late for one reading.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    image();
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A panic that does not end the test.
fn panics_with(work: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(work)).is_err());
}

#[test]
fn a_task_that_panicked_elsewhere_moves_no_earlier_panic_of_this_thread() {
    static TASKS: Live<()> = Live::new("joined-tasks");
    let _alone = alone();
    let _ = load(&TASKS, b"v1");
    panics_with(|| panic!("under v1, on this thread"));
    let v2 = load(&TASKS, b"v2");
    // The task ran in `Tag::wrap` or under a guard on another thread.
    let task = std::thread::spawn(move || {
        let _entered = v2.enter();
        panic!("under v2, elsewhere");
    });
    let request = Request::start();
    request.uses(v2);
    assert!(task.join().is_err());
    request.finish(Outcome::Panic);
    assert_eq!((panics("joined-tasks", b"v1"), panics("joined-tasks", b"v2")), (1, 1));
    assert_eq!(version("joined-tasks", b"v2").outcomes, Outcomes { panic: 1, ..Outcomes::default() });
}

#[test]
fn a_panic_that_is_resumed_moves_no_earlier_panic_of_this_thread() {
    static RESUMED: Live<()> = Live::new("resumed-tasks");
    let _alone = alone();
    let _ = load(&RESUMED, b"v1");
    panics_with(|| panic!("under v1"));
    let _ = load(&RESUMED, b"v2");
    panics_with(|| {
        let _pin = RESUMED.pin().unwrap();
        resume_unwind(Box::new("from a task: no hook runs"));
    });
    assert_eq!((panics("resumed-tasks", b"v1"), panics("resumed-tasks", b"v2")), (1, 0));
    assert_eq!(version("resumed-tasks", b"v2").outcomes.panic, 1, "the request counts all the same");
}

#[test]
fn a_panic_under_a_guard_still_moves_to_the_version_that_the_guard_holds() {
    static SWAPPED: Live<()> = Live::new("swapped-rules");
    let _alone = alone();
    let _ = load(&SWAPPED, b"v1");
    panics_with(|| {
        let _pin = SWAPPED.pin().unwrap();
        let _ = load(&SWAPPED, b"v2");
        panic!("under v1, while v2 is active");
    });
    assert_eq!((panics("swapped-rules", b"v1"), panics("swapped-rules", b"v2")), (1, 0));
}

#[test]
fn a_pin_and_a_request_of_one_panic_count_one_request() {
    static BOTH: Live<()> = Live::new("pinned-and-requested");
    let _alone = alone();
    let tag = load(&BOTH, b"x");
    let counted = || version("pinned-and-requested", b"x").outcomes.panic;
    panics_with(|| {
        let request = Request::start();
        request.uses(tag);
        let _pin = BOTH.pin().unwrap();
        panic!("both are dropped");
    });
    assert_eq!(counted(), 1);
    panics_with(|| {
        let outer = Request::start();
        let inner = Request::start();
        outer.uses(tag);
        inner.uses(tag);
        let _pin = BOTH.pin().unwrap();
        panic!("two requests in one panic");
    });
    assert_eq!(counted(), 3, "the pin stands for one of the two requests");
    panics_with(|| {
        let request = Request::start();
        request.uses(tag);
        panic!("without a pin");
    });
    assert_eq!(counted(), 4);
}

#[test]
fn one_score_of_two_configs_loses_nothing_and_a_foreign_one_is_counted_as_dropped() {
    static SHARED: Score = Score::new("shared");
    static OWN: Score = Score::new("own");
    static FIRST: Live<()> = Live::new("scored-first").score(&SHARED);
    static SECOND: Live<()> = Live::new("scored-second").score(&OWN).score(&SHARED);
    static THIRD: Live<()> = Live::new("scored-third").score(&SHARED);
    let _alone = alone();
    let dropped =
        || image().dropped.iter().find(|dropped| dropped.reason == "tags_full").map_or(0, |found| found.count);
    let tags = [load(&FIRST, b"1"), load(&SECOND, b"2"), load(&THIRD, b"3")];
    for (count, tag) in (1..).zip(tags) {
        for _ in 0..count * 100 {
            tag.score(&SHARED, 7);
        }
    }
    std::thread::spawn(move || tags.map(|tag| tag.score(&SHARED, 7))).join().unwrap();
    let before = dropped();
    let [first, second, third] = tags;
    for _ in 0..10 {
        second.score(&OWN, 9);
        first.score(&OWN, 9);
        third.score(&OWN, 9);
    }
    let of = |config: &str, bytes: &[u8], place: usize, bucket: usize| {
        version(config, bytes).scores[place].buckets.get(bucket).copied().unwrap_or(0)
    };
    assert_eq!(of("scored-first", b"1", 0, 7), 101);
    assert_eq!((of("scored-second", b"2", 1, 7), of("scored-second", b"2", 0, 9)), (201, 10));
    assert_eq!(of("scored-third", b"3", 0, 7), 301);
    assert_eq!(dropped() - before, 20, "no config but the second declares it");
}
