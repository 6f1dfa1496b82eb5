//! A child that was forked while a thread of its parent was in the middle of a load: the lock that the thread held is held for
//! ever in the child, where there is no such thread, and the child loads all the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Outcome};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

static FEATURES: Live<Slow> = Live::new("bot-features").generations_kept(0);
/// The parent's thread is in the middle of a load, and may go on.
static IN_THE_MIDDLE: AtomicBool = AtomicBool::new(false);
static GO_ON: AtomicBool = AtomicBool::new(false);

/// A parsed form that takes as long to drop as the test likes. The load of its successor drops it, under the lock.
struct Slow(bool);

impl Drop for Slow {
    fn drop(&mut self) {
        while self.0 && !GO_ON.load(Relaxed) {
            IN_THE_MIDDLE.store(true, Relaxed);
            std::thread::yield_now();
        }
    }
}

/// The version of `text`, as a file.
fn load(directory: &Path, text: &str, slow: bool) {
    let path = directory.join(text);
    std::fs::write(&path, text).unwrap();
    let parse = |_: &[u8]| Ok::<_, String>(Slow(slow));
    FEATURES.load_file(path, parse).applied().unwrap();
    assert_eq!(FEATURES.tag().hash(), Some(Hash::of(text.as_bytes())));
    FEATURES.pin().unwrap().record(Outcome::Ok);
}

/// Runs only in children: forks while the lock is held, or, as a control, while it is not.
#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    let files = tempfile::tempdir().unwrap();
    let _recorder = firstbad_instrument::init().service("edge").install().unwrap();
    load(files.path(), "first", mode == "held");
    let path = files.path().to_owned();
    let loading = std::thread::spawn(move || load(&path, "second", false));
    if mode == "held" {
        while !IN_THE_MIDDLE.load(Relaxed) {
            std::thread::yield_now();
        }
        in_a_fork(|| {
            // Nobody will ever give the lock back here: what needs it is told to be not at hand, and nothing waits for ever.
            assert!(FEATURES.generations().is_empty(), "the control: the lock is held");
            GO_ON.store(true, Relaxed);
            load(files.path(), "third", false);
        });
        GO_ON.store(true, Relaxed);
        loading.join().unwrap();
    } else {
        loading.join().unwrap();
        in_a_fork(|| {
            load(files.path(), "third", false);
            assert_eq!(FEATURES.generations().len(), 1, "the lock is free");
        });
    }
    assert_eq!(FEATURES.tag().hash(), Some(Hash::of(b"second")), "the child's load is the child's alone");
    assert_eq!(FEATURES.generations().len(), 1);
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn in_a_fork(of_the_child: impl FnOnce()) {
    const LONGEST: Duration = Duration::from_secs(30);
    // SAFETY: the child runs `of_the_child` alone and leaves without unwinding into the harness.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(of_the_child));
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(i32::from(done.is_err())) };
    }
    let (mut status, begun) = (0, Instant::now());
    // SAFETY: looks after the child made above.
    while unsafe { libc::waitpid(child, &raw mut status, libc::WNOHANG) } == 0 {
        if begun.elapsed() > LONGEST {
            // SAFETY: ends the child made above.
            unsafe { libc::kill(child, libc::SIGKILL) };
            panic!("the child waits for a lock that nobody gives back");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(status, 0);
}

#[test]
fn a_child_forked_in_the_middle_of_a_load_loads() {
    if common::mode().is_some() {
        return;
    }
    for mode in ["held", "free"] {
        let directory = tempfile::tempdir().unwrap();
        let output = common::finish(common::child("child", mode, directory.path()));
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{mode}: {said}");
        let mut images: Vec<_> =
            common::recorders(directory.path()).iter().map(|path| common::image_of(path)).collect();
        images.sort_by_key(|image| image.started_ns);
        let [parent, child] = images.try_into().expect("two recorders");
        let ok = |image: &firstbad_protocol::recorder::RecorderImage, text: &str| {
            let hash = Some(Hash::of(text.as_bytes()));
            image.versions.iter().find(|version| version.hash == hash).map(|version| version.outcomes.ok)
        };
        assert_eq!((ok(&parent, "first"), ok(&parent, "second"), ok(&parent, "third")), (Some(1), Some(1), None));
        assert_eq!(ok(&child, "third"), Some(1), "{mode}");
    }
}
