//! `firstbad doctor` finds the same in a capture and in the collector that received it, as far as the collector stored it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form, START_S};
use firstbad_tests::collector::Collector;
use firstbad_tests::command::{argument, errors, run};
use serde_json::Value;
use std::process::Output;

fn doctor(arguments: &[&str]) -> Output {
    run(&[&["doctor"], arguments].concat())
}

fn senders(output: &Output) -> Value {
    let found: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", errors(output)));
    found["senders"].clone()
}

#[test]
fn a_capture_and_the_collector_that_received_it_lack_the_same() {
    let fleet = Fleet {
        start_s: START_S,
        hosts: 4,
        interval_s: 10,
        intervals: 6,
        fault_at: 3,
        form: Form::StandardOnly,
        fault: Fault::Oversized,
    };
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("capture.jsonl");
    std::fs::write(&path, fleet.lines()).expect("write");
    let of_file = doctor(&[argument(&path), "--format", "json"]);
    let collector = Collector::start(&directory.path().join("store"));
    let empty = doctor(&["--collector", &collector.api_url()]);
    assert_eq!(empty.status.code(), Some(2), "nothing was sent yet");
    assert!(errors(&empty).contains("no sender was found"));
    collector.send(fleet.lines().lines());
    let live = doctor(&["--collector", &collector.api_url(), "--format", "json"]);
    assert_eq!((of_file.status.code(), live.status.code()), (Some(1), Some(1)));
    let found = senders(&of_file);
    assert_eq!(found, senders(&live));
    assert_eq!((&found[0]["service"], &found[0]["processes"]), (&"proxy".into(), &4.into()));
    let missing: Vec<&str> =
        found[0]["lacks"].as_array().expect("lacks").iter().filter_map(|lack| lack["missing"].as_str()).collect();
    let wanted =
        ["the active version in each report", "requests by the version that they used", "messages of failures"];
    assert_eq!(missing, wanted, "{found:#}");
}

#[test]
fn what_is_no_capture_is_trouble() {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "nothing here\n").expect("write");
    for arguments in [vec![argument(&path)], vec!["--collector", "http://127.0.0.1:1"]] {
        let output = doctor(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("hint:"), "{arguments:?}: {said}");
    }
}
