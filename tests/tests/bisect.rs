//! `firstbad bisect run` on the versions that a real collector keeps: the first bad one, git-bisect's exit codes, and what it
//! says when it cannot tell.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_protocol::Hash;
use firstbad_tests::collector::{Collector, wait_for};
use serde_json::{Value, json};
use std::process::{Command, Output};
use std::time::SystemTime;

/// Versions that the collector has the contents of; version `n` has `n + 1` rows.
const VERSIONS: i64 = 9;

fn content(version: i64) -> String {
    (0..=version).map(|row| format!("row-{row}\n")).collect()
}

fn hash(version: i64) -> String {
    Hash::of(content(version).as_bytes()).to_string()
}

fn record(at_ns: i64, name: &str, version: i64, more: (&str, &str)) -> Value {
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let body = if name == "firstbad.config.content" { content(version) } else { String::new() };
    let told = [text("firstbad.config.name", "c"), text("firstbad.config.hash", &hash(version)), text(more.0, more.1)];
    json!({"timeUnixNano": at_ns.to_string(), "eventName": name, "body": {"stringValue": body}, "attributes": told})
}

/// A collector to which one host reported the loads of all versions in order, and all contents but that of `without`.
fn collector(directory: &std::path::Path, without: &[i64]) -> Collector {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_nanos();
    let began = i64::try_from(now).expect("a clock before 2262") - 60_000_000_000;
    let mut records = Vec::new();
    for version in 0..VERSIONS {
        let at = began + version * 5_000_000_000;
        records.push(record(at, "firstbad.config.load", version, ("firstbad.load.result", "applied")));
        if !without.contains(&version) {
            records.push(record(at, "firstbad.config.content", version, ("firstbad.content.format", "lines")));
        }
    }
    let resource = json!({"attributes": [{"key": "host.name", "value": {"stringValue": "h1"}}]});
    let line = json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}).to_string();
    let collector = Collector::start(directory);
    collector.send([line.as_str()].into_iter());
    wait_for("all versions", || {
        let (_, snapshot) = collector.get("/api/v1/snapshot").ok()?;
        let snapshot: Value = serde_json::from_str(&snapshot).ok()?;
        (snapshot["versions"].as_array()?.len() as i64 == VERSIONS).then_some(())
    });
    collector
}

/// The bisection with a shell command, which finds the file in `$0`.
fn bisect(collector: &Collector, flags: &[&str], script: &str) -> Output {
    let mut command = Command::new(firstbad_tests::firstbad());
    command.args(["bisect", "run", "--config", "c", "--collector", &collector.api_url()]);
    command.args(flags).args(["--", "sh", "-c", script]).output().expect("target/*/firstbad is built")
}

/// A reader that breaks on more than five rows.
const BREAKS: &str = r#"test "$(wc -l < "$0")" -le 5"#;

#[test]
fn the_first_bad_version_is_found_and_named_with_the_good_one_before_it() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = collector(directory.path(), &[]);
    let found = bisect(&collector, &[], BREAKS);
    let (out, err) = (String::from_utf8_lossy(&found.stdout), String::from_utf8_lossy(&found.stderr));
    assert_eq!(found.status.code(), Some(0), "{err}");
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with(&hash(5)) && lines[0].ends_with("is the first bad version"), "{out}");
    assert!(lines[1].contains(&hash(4)), "{out}");
    assert!((3..=5).contains(&err.lines().count()), "a logarithm of tries: {err}");

    let none = bisect(&collector, &[], "true");
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stdout).contains("no version is bad"));
    let within = bisect(&collector, &["--good", &hash(6), "--bad", &hash(7)], BREAKS);
    let out = String::from_utf8_lossy(&within.stdout).into_owned();
    assert!(out.starts_with(&hash(7)) && out.contains("the oldest of them is bad already"), "{out}");
    let same_bytes =
        bisect(&collector, &[], r#"echo "sha256:$(sha256sum < "$0" | cut -c1-64)" | grep -q "$FIRSTBAD_VERSION_HASH""#);
    assert_eq!(
        same_bytes.status.code(),
        Some(1),
        "the file is the version: {}",
        String::from_utf8_lossy(&same_bytes.stdout)
    );
}

#[test]
fn a_command_that_aborts_and_versions_that_cannot_be_tried_are_told() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = collector(directory.path(), &[4]);
    let passed_over = bisect(&collector, &[], BREAKS);
    let out = String::from_utf8_lossy(&passed_over.stdout).into_owned();
    assert_eq!(passed_over.status.code(), Some(2), "{out}");
    assert!(out.contains(&hash(4)) && out.contains(&hash(5)) && !out.contains(&hash(3)), "{out}");
    assert!(String::from_utf8_lossy(&passed_over.stderr).contains("its content was not kept"));
    for (script, wanted) in [("exit 126", "126"), ("kill -9 $$", "signal: 9"), ("exit 125", "")] {
        let ended = bisect(&collector, &[], script);
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.code() == Some(2) && err.contains(wanted), "{script}: {err}");
        assert_eq!(err.contains("hint: 0 is good, 1 to 124 bad"), !wanted.is_empty(), "{script}: {err}");
    }
    let unknown = bisect(&collector, &["--good", "0123456789ab"], BREAKS);
    let err = String::from_utf8_lossy(&unknown.stderr).into_owned();
    assert!(unknown.status.code() == Some(2) && err.contains("0123456789ab") && err.contains("hint:"), "{err}");
}
