//! `firstbad export` with real collectors: what was acknowledged is in it, once, also after SIGKILL, and `diagnose` finds in
//! it what it finds in what was sent.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fleet, Form, hash_of};
use firstbad_tests::collector::Collector;
use firstbad_tests::command::{argument, errors, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

fn exported(arguments: &[&str]) -> Vec<u8> {
    let output = run(&[&["export"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    output.stdout
}

/// The verdict of a capture, without the ids, which are of the moment in which an engine first saw the incident.
fn verdict(directory: &Path, capture: &[u8]) -> Value {
    let path = directory.join("capture.jsonl");
    std::fs::write(&path, capture).expect("write");
    let output = run(&["diagnose", "--format", "json", argument(&path)]);
    assert_eq!(output.status.code(), Some(1), "{}", errors(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The capture with a number of its own on each event, as a sender might mark them.
fn marked(lines: &str) -> String {
    let mut count = 0;
    let mark = |line: &str| {
        count += 1;
        let mark = format!(r#""attributes":[{{"key":"test.mark","value":{{"intValue":"{count}"}}}},"#);
        let (before, after) = line.rsplit_once(r#""eventName""#).map_or((line, ""), |parts| parts);
        // The record's attributes come before its name, in the order of keys.
        let (resource, record) = before.rsplit_once(r#""attributes":["#).expect("attributes of the record");
        format!("{resource}{mark}{record}\"eventName\"{after}\n")
    };
    let (logs, metrics): (Vec<&str>, Vec<&str>) = lines.lines().partition(|line| line.contains("resourceLogs"));
    logs.into_iter().map(mark).chain(metrics.into_iter().map(|line| format!("{line}\n"))).collect()
}

#[test]
fn diagnose_finds_in_an_export_what_it_finds_in_what_was_sent() {
    for form in [Form::Native, Form::NativeDelta, Form::StandardOnly] {
        let directory = tempfile::tempdir().expect("directory");
        let sent = Fleet { form, ..Fleet::OVERSIZED }.lines();
        let collector = Collector::start(&directory.path().join("store"));
        collector.send(sent.lines());
        let export = exported(&["--collector", &collector.api_url()]);
        let (found, expected) = (verdict(directory.path(), &export), verdict(directory.path(), sent.as_bytes()));
        assert_eq!(expected["incidents"][0]["cause"]["hashes"][0], hash_of("pushed").as_str(), "{form:?}: the control");
        assert_eq!(found, expected, "{form:?}");
    }
}

#[test]
fn what_was_acknowledged_is_exported_once_also_after_sigkill() {
    let directory = tempfile::tempdir().expect("directory");
    let store = directory.path().join("store");
    let sent = marked(&Fleet::OVERSIZED.lines());
    let mut collector = Collector::start(&store);
    collector.send(sent.lines());
    let live = exported(&["--format", "ndjson", "--collector", &collector.api_url()]);
    // Sent again, as by a sender that missed its acknowledgements.
    collector.send(sent.lines().take(100));
    let refused = run(&["export", "--data-dir", argument(&store)]);
    assert_eq!((refused.status.code(), refused.stdout.is_empty()), (Some(2), true));
    assert!(errors(&refused).contains(&format!("pid {}", collector.pid())), "{}", errors(&refused));
    assert!(errors(&refused).contains("hint: export from the running collector"), "{}", errors(&refused));
    collector.kill();

    let after = exported(&["--format", "ndjson", "--data-dir", argument(&store)]);
    assert!(after.starts_with(&live), "what was exported before is still there, in the same order");
    let mut marks: BTreeMap<i64, usize> = BTreeMap::new();
    for line in String::from_utf8(after).expect("UTF-8").lines() {
        let object: Value = serde_json::from_str(line).expect("an object");
        if let Some(mark) = object["attributes"]["test.mark"].as_i64() {
            *marks.entry(mark).or_default() += 1;
        }
    }
    let events = sent.lines().filter(|line| line.contains("resourceLogs")).count();
    assert_eq!((events, marks.len()), (24, 24), "every event");
    assert!(marks.values().all(|count| *count == 1), "once: {marks:?}");
}

#[test]
fn an_export_that_cannot_be_made_says_why() {
    let directory = tempfile::tempdir().expect("directory");
    let nothing = argument(directory.path());
    let cases: [(&[&str], &[&str]); 3] = [
        (&["--data-dir", nothing], &["there is no store in", "hint: --data-dir names"]),
        (&["--collector", "http://127.0.0.1:1"], &["http://127.0.0.1:1/api/v1/export", "hint: start one"]),
        (
            &["--from", "2025-11-18T12:00:00Z", "--to", "2025-11-18T11:00:00Z"],
            &["2025-11-18T12:00:00Z is later", "hint:"],
        ),
    ];
    for (arguments, wanted) in cases {
        let output = run(&[&["export"], arguments].concat());
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(2), true), "{arguments:?}");
        for wanted in wanted {
            assert!(errors(&output).contains(wanted), "{wanted}: {}", errors(&output));
        }
    }
    assert!(std::fs::read_dir(directory.path()).expect("directory").next().is_none(), "nothing was made");
}
