//! Where the file goes, what happens when it cannot, what is removed, and what a forked child does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome};
use firstbad_protocol::recorder::State;
use std::path::Path;

static FEATURES: Live<String> = Live::new("bot-features");

fn parse(bytes: &[u8]) -> Result<String, std::str::Utf8Error> {
    std::str::from_utf8(bytes).map(str::to_owned)
}

fn serve(requests: u32) {
    for _ in 0..requests {
        FEATURES.pin().unwrap().record(Outcome::Ok);
    }
}

/// Runs only in children.
#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    if mode == "file-size-limit" {
        let limit = libc::rlimit { rlim_cur: 64 << 10, rlim_max: 64 << 10 };
        // SAFETY: `limit` is valid; it binds this child only.
        #[expect(unsafe_code, reason = "there is no safe setrlimit here")]
        let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
        assert_eq!(set, 0);
    }
    let mut init = firstbad_instrument::init().service("edge");
    if mode == "only-there" {
        // Named by the code, it is the only place: else the next of the search list would do.
        init = init.recorder_dir(std::env::var("FIRSTBAD_RECORDER_DIR").unwrap());
    }
    let recorder = init.install().unwrap();
    FEATURES.load_bytes(b"a\n", &Origin::new(), parse).applied().unwrap();
    serve(10);
    if mode == "fork" {
        fork();
    }
    println!("path {:?}", recorder.path());
    println!("fallback {:?}", recorder.fallback());
    println!("hash {:?}", FEATURES.tag().hash());
    if mode == "crash" {
        std::process::abort();
    }
    if mode == "stop" {
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}

#[expect(unsafe_code, reason = "there is no safe fork")]
fn fork() {
    // SAFETY: the test runs in a thread; its child only records, and leaves without unwinding into the harness.
    let child = unsafe { libc::fork() };
    if child == 0 {
        serve(7);
        // A load and a thread of its own: both go to the child's own recorder.
        let _ = FEATURES.load_bytes(b"b\n", &Origin::new(), parse);
        std::thread::spawn(|| serve(5)).join().unwrap();
        // SAFETY: ends the child at once.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: waits for the child made above.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0);
    serve(10);
}

fn run(mode: &str, directory: &Path) -> String {
    let output = common::finish(common::child("child", mode, directory));
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(mode == "crash" || output.status.success(), "{mode}: {text}");
    text
}

#[test]
fn a_file_that_cannot_be_made_is_said_once_and_harms_nothing() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let said = run("file-size-limit", directory.path());
    assert!(said.contains("path None") && said.contains("recording in memory only"), "{said}");
    assert!(said.contains("hash Some("), "loads and tags work in memory: {said}");
    assert_eq!(said.matches("firstbad: recording in memory only").count(), 1, "{said}");
    assert!(common::recorders(directory.path()).is_empty());
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "no half-made file is left");
    // The control: without the limit the same child has a file.
    let said = run("plain", directory.path());
    assert!(said.contains("fallback None"), "{said}");
}

#[test]
fn a_full_file_system_is_met_with_memory() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("small");
    std::fs::create_dir(&path).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
        .arg(&path)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        eprintln!("not run: mounting a small tmpfs needs root");
        return;
    }
    let said = run("only-there", &path);
    std::process::Command::new("umount").arg(&path).status().unwrap();
    assert!(said.contains("path None") && said.contains("os error 28"), "{said}");
    assert!(said.contains("hash Some("), "{said}");
}

#[test]
fn a_forked_child_has_a_recorder_of_its_own() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    run("fork", directory.path());
    let mut images: Vec<_> = common::recorders(directory.path()).iter().map(|path| common::image_of(path)).collect();
    images.sort_by_key(|image| image.started_ns);
    let [parent, child] = images.try_into().expect("two recorders");
    let of = |image: &firstbad_protocol::recorder::RecorderImage, text: &[u8]| {
        let hash = Some(Hash::of(text));
        image.versions.iter().find(|version| version.hash == hash).map(|version| version.outcomes.ok)
    };
    assert_eq!((of(&parent, b"a\n"), of(&parent, b"b\n")), (Some(20), None));
    assert_eq!((of(&child, b"a\n"), of(&child, b"b\n")), (Some(7), Some(5)));
    assert_ne!((parent.boot, parent.pid), (child.boot, child.pid));
    assert!(matches!(parent.state, State::Clean(_)));
    assert_eq!(child.state, State::Running);
}

#[test]
fn a_crash_loop_leaves_a_bounded_number_of_files_and_never_touches_the_living() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut living = common::child("child", "stop", directory.path()).spawn().unwrap();
    common::wait_for(&mut living, "hash");
    let alive = common::recorders(directory.path());
    for _ in 0..12 {
        run("crash", directory.path());
    }
    let left = common::recorders(directory.path());
    assert!(left.contains(&alive[0]), "the recorder of a living process was removed");
    assert_eq!(left.len(), 1 + 8, "{left:?}");
    let removed: u64 = left
        .iter()
        .flat_map(|path| common::image_of(path).dropped)
        .filter(|dropped| dropped.reason == "dead_recorders_removed")
        .map(|dropped| dropped.count)
        .sum();
    assert_eq!(removed, 4, "each removal is counted by the process that removed");
    living.kill().unwrap();
    living.wait().unwrap();
}
