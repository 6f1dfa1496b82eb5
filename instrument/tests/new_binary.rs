//! A restart into another version of the binary is an event of the new process, and no death.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_protocol::recorder::EventKind;
use std::path::Path;
use std::process::Child;

/// Runs only in children: a process of the version that its mode names, `2.0 on h1 stays`. One that stays lives until its standard
/// input ends.
#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    let words: Vec<&str> = mode.split(' ').collect();
    let init = firstbad_instrument::init().service("edge").version(words[0]).host(words[2]);
    let recorder = init.install().unwrap();
    println!("deaths: {}, recorder: {}.", recorder.deaths().len(), recorder.path().unwrap().display());
    if words.last() == Some(&"stays") {
        std::io::stdin().read_line(&mut String::new()).unwrap();
    }
}

/// What a process that ran and ended says: the version of the binary before it, if it tells of another.
fn told(directory: &Path, mode: &str) -> Option<String> {
    let output = common::finish(common::child("child", mode, directory));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("deaths: 0,"), "{mode}: {output:?}");
    let path = said.split("recorder: ").nth(1).and_then(|rest| rest.split(".rec.").next()).unwrap().to_owned() + ".rec";
    let image = common::image_of(Path::new(&path));
    let mut befores = image.events.iter().filter_map(|event| match &event.kind {
        EventKind::NewBinary { before } => Some(before.clone()),
        _ => None,
    });
    befores.next()
}

fn stays(directory: &Path, mode: &str) -> Child {
    let mut child = common::child("child", mode, directory).spawn().unwrap();
    common::wait_for(&mut child, "recorder: ");
    child
}

fn end(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_restart_into_another_version_is_told_once_with_the_version_before() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let told = |mode: &str| told(directory.path(), mode);
    assert_eq!(told("1.0 on h1"), None, "the first process");
    assert_eq!(told("1.0 on h1"), None, "a plain restart");
    assert_eq!(told("2.0 on h2"), None, "another host that shares the directory");
    assert_eq!(told("2.0 on h1"), Some("1.0".to_owned()));
    assert_eq!(told("2.0 on h1"), None);
}

#[test]
fn processes_that_overlap_or_run_side_by_side_are_told_apart() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let told = |mode: &str| told(directory.path(), mode);
    let old = stays(directory.path(), "1.0 on h1 stays");
    assert_eq!(told("2.0 on h1"), Some("1.0".to_owned()), "the old process drains");
    let canary = stays(directory.path(), "2.0 on h1 stays");
    end(old);
    assert_eq!(told("1.0 on h1"), None, "the other of two versions that run side by side restarts");
    end(canary);
}
