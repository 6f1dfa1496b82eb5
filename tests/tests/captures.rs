//! `firstbad diagnose` on captures in the contract's format: what must be named, what must not be accused, and what is
//! said of input that cannot be read.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form, START_S, hash_of};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FLEET: Fleet = Fleet {
    start_s: START_S,
    hosts: 24,
    interval_s: 10,
    intervals: 120,
    fault_at: 60,
    form: Form::Native,
    fault: Fault::Oversized,
};

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("write");
    path
}

fn diagnose(arguments: &[&str]) -> Output {
    Command::new(firstbad_tests::firstbad())
        .arg("diagnose")
        .args(arguments)
        .output()
        .expect("target/*/firstbad is built")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

fn diagnose_fleet(fleet: &Fleet) -> (Option<i32>, Value) {
    let directory = tempfile::tempdir().expect("directory");
    let path = write(directory.path(), "fleet.jsonl", &fleet.lines());
    let output = diagnose(&["--format", "json", path.to_str().expect("UTF-8")]);
    (output.status.code(), json(&output))
}

#[test]
fn an_oversized_file_is_named_in_every_form_of_telemetry() {
    for form in [Form::Native, Form::NativeDelta, Form::StandardOnly] {
        let (code, found) = diagnose_fleet(&Fleet { form, ..FLEET });
        assert_eq!(code, Some(1), "{form:?}: {found:#}");
        assert_eq!(found["incidents"].as_array().map(Vec::len), Some(1), "{form:?}: {found:#}");
        let incident = &found["incidents"][0];
        assert_eq!(incident["verdict"], "cause", "{form:?}: {incident:#}");
        let cause = &incident["cause"];
        assert_eq!((&cause["kind"], &cause["config"]), (&"config".into(), &"bot-features".into()), "{form:?}");
        assert_eq!(cause["hashes"], serde_json::json!([hash_of("pushed")]), "{form:?}");
        assert_eq!(cause["property"], "rows > 200", "{form:?}: {incident:#}");
        assert_eq!(incident["last_known_good"]["hash"], hash_of("good").as_str(), "{form:?}");
        assert_eq!(incident["input"]["rows"], 240, "{form:?}");
    }
}

#[test]
fn both_engines_are_one_incident() {
    let (_, found) = diagnose_fleet(&FLEET);
    let signals = found["incidents"][0]["signals"].to_string();
    assert!(signals.contains("panics") && signals.contains("scores"), "{signals}");
}

#[test]
fn a_surge_accuses_no_change() {
    for form in [Form::Native, Form::StandardOnly] {
        let (_, found) = diagnose_fleet(&Fleet { fault: Fault::Surge, form, ..FLEET });
        for incident in found["incidents"].as_array().expect("incidents") {
            let accuses = incident["verdict"] == "cause" || incident["verdict"] == "suspect";
            assert!(!accuses, "{form:?}: {incident:#}");
        }
    }
}

#[test]
fn a_calm_fleet_is_clean() {
    let (code, found) = diagnose_fleet(&Fleet { fault: Fault::None, ..FLEET });
    assert_eq!(code, Some(0), "{found:#}");
    assert_eq!(found["incidents"], serde_json::json!([]));
    assert_eq!(found["window"]["hosts"], 24);
    assert_eq!(found["window"]["report_interval_s"], 10.0);
}

#[test]
fn two_runs_and_shuffled_or_repeated_lines_give_the_same_bytes() {
    let directory = tempfile::tempdir().expect("directory");
    let lines = FLEET.lines();
    let plain = write(directory.path(), "a.jsonl", &lines);
    let once = diagnose(&["--format", "json", plain.to_str().expect("UTF-8")]).stdout;
    assert_eq!(once, diagnose(&["--format", "json", plain.to_str().expect("UTF-8")]).stdout);
    let repeated: String = lines.lines().flat_map(|line| [line, "\n", line, "\n"]).collect();
    let repeated = write(directory.path(), "b.jsonl", &repeated);
    let twice = diagnose(&["--format", "json", repeated.to_str().expect("UTF-8")]).stdout;
    assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
}

#[test]
fn what_is_known_at_a_moment_uses_nothing_later() {
    let directory = tempfile::tempdir().expect("directory");
    let path = write(directory.path(), "a.jsonl", &FLEET.lines());
    let before = diagnose(&["--format", "json", "--at", "2026-03-02T10:09:00Z", path.to_str().expect("UTF-8")]);
    let found = json(&before);
    assert_eq!(found["asked"], true);
    let text = found.to_string();
    assert!(!text.contains(&hash_of("pushed")), "the pushed version was not known then: {text}");
}

#[test]
fn in_a_window_what_was_active_before_is_known_and_nothing_else_of_before() {
    let directory = tempfile::tempdir().expect("directory");
    for form in [Form::Native, Form::NativeDelta, Form::StandardOnly] {
        let path = write(directory.path(), "day.jsonl", &Fleet { form, ..FLEET }.lines());
        let within = |times: &[&str]| {
            let output = diagnose(&[&["--format", "json", path.to_str().expect("UTF-8")], times].concat());
            (output.status.code(), json(&output))
        };
        let (code, found) = within(&["--from", "2026-03-02T10:05:00Z", "--to", "2026-03-02T10:15:00Z"]);
        assert_eq!((code, &found["asked"]), (Some(1), &false.into()), "{form:?}: {found:#}");
        let incident = &found["incidents"][0];
        let cause = &incident["cause"];
        assert_eq!((&incident["verdict"], &cause["property"]), (&"cause".into(), &"rows > 200".into()), "{form:?}");
        assert_eq!(cause["hashes"], serde_json::json!([hash_of("pushed")]), "{form:?}");
        // Its load was told five minutes before the window.
        assert_eq!(incident["last_known_good"]["hash"], hash_of("good").as_str(), "{form:?}: {incident:#}");
        assert!(found["window"]["from"].as_str() >= Some("2026-03-02T10:04:50"), "{form:?}: {}", found["window"]);
        assert!(found["window"]["to"].as_str() <= Some("2026-03-02T10:15:01"), "{form:?}: {}", found["window"]);
        let (code, found) = within(&["--to", "2026-03-02T10:09:50Z"]);
        assert_eq!((code, &found["incidents"]), (Some(0), &serde_json::json!([])), "{form:?}: before the fault");
        // Everybody had the bad version already: it is no push at the beginning of the window.
        let (_, found) = within(&["--from", "2026-03-02T10:14:00Z"]);
        for incident in found["incidents"].as_array().expect("incidents") {
            let accuses = incident["verdict"] == "cause" || incident["verdict"] == "suspect";
            assert!(!accuses, "{form:?}: {incident:#}");
        }
    }
}

#[test]
fn a_window_that_holds_nothing_is_trouble_and_not_calm() {
    let directory = tempfile::tempdir().expect("directory");
    let path = write(directory.path(), "day.jsonl", &FLEET.lines());
    let cases: [(&[&str], &str); 4] = [
        (&["--from", "2026-03-02T11:00:00Z"], "hold nothing from 2026-03-02T11:00:00Z on"),
        (&["--to", "2026-03-02T09:00:00Z"], "hold nothing up to 2026-03-02T09:00:00Z"),
        (&["--from", "2026-03-02T10:05:00Z", "--to", "2026-03-02T10:04:00Z"], "the window is empty"),
        (&["--from", "2026-03-02T10:05:00Z", "--at", "2026-03-02T10:04:00Z"], "the window is empty"),
    ];
    for (times, wanted) in cases {
        let output = diagnose(&[&["--format", "json", path.to_str().expect("UTF-8")], times].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{times:?}: {said}");
        assert!(said.contains(wanted) && said.contains("hint:"), "{times:?}: {said}");
    }
}

#[test]
fn a_broken_line_is_named_and_the_rest_is_diagnosed() {
    let directory = tempfile::tempdir().expect("directory");
    let mut lines: Vec<String> = FLEET.lines().lines().map(str::to_owned).collect();
    lines.insert(7, "{\"resourceMetrics\": [{]".to_owned());
    let path = write(directory.path(), "broken.jsonl", &lines.join("\n"));
    let output = diagnose(&["--format", "json", path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    let blind = json(&output)["blind_spots"].to_string();
    assert!(blind.contains("broken.jsonl") && blind.contains('8'), "file and line are named: {blind}");
}

#[test]
fn what_cannot_be_read_is_trouble_and_says_what() {
    let directory = tempfile::tempdir().expect("directory");
    let junk = write(directory.path(), "junk.jsonl", "not json\n\u{0}\u{1}\n");
    let missing = directory.path().join("missing.jsonl");
    for path in [&junk, &missing] {
        let output = diagnose(&["--format", "json", path.to_str().expect("UTF-8")]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(path.file_name().and_then(|name| name.to_str()).expect("name")), "{said}");
    }
}
