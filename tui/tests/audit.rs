//! `firstbad audit` as scripts meet it: exit codes, filters, the schema, and marks of what panicked.
#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may fail loudly")]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const SOURCE: &str = "\
use std::hint::black_box;
#[inline(never)]
fn load(rows: &[u32], at: usize) -> u32 {
    rows[at]
}
#[inline(never)]
fn apply(value: Option<u32>) -> u32 {
    value.expect(\"a value\")
}
fn main() {
    let found = load(black_box(&[1, 2]), black_box(1)) ^ apply(black_box(Some(1)));
    black_box(found);
}
";

fn compiled(directory: &Path, name: &str, source: &str) {
    let file = format!("{name}.rs");
    std::fs::write(directory.join(&file), source).expect("written");
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .current_dir(directory)
        .args(["--crate-name", "proxy", "-O", "-Cdebuginfo=2", &file, "-o", name])
        .output()
        .expect("rustc runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn firstbad(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firstbad"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FIRSTBAD_")) {
        command.env_remove(name);
    }
    command.current_dir(directory).arg("audit").args(arguments).output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

#[test]
fn own_code_is_listed_and_the_rest_is_summed() {
    let directory = tempfile::tempdir().expect("a directory");
    compiled(directory.path(), "old", SOURCE);
    let listed = firstbad(directory.path(), &["old"]);
    assert_eq!(listed.status.code(), Some(0));
    let said = text(&listed);
    for wanted in [
        "2 sites listed",
        "old.rs:4:5",
        "index         proxy::load",
        "called by proxy::main",
        "\"a value\"",
        "not listed, of",
    ] {
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
    let found = json(&firstbad(directory.path(), &["old", "--format", "json"]));
    assert_eq!(found["schema"], 1);
    assert_eq!(found["sites"].as_array().map(Vec::len), Some(2));
    let expect = &found["sites"][1];
    assert_eq!(
        (&expect["kind"], &expect["line"], &expect["site"]),
        (&"expect".into(), &8.into(), &"old.rs:8:11".into())
    );
    assert_eq!(expect["callers"], serde_json::json!(["proxy::main"]));
    let sums = found["crates"].as_array().expect("crates");
    assert!(sums.iter().any(|one| one["crate"] == "std" && one["origin"] == "std" && one["sites"].as_u64() > Some(10)));
    let all = json(&firstbad(directory.path(), &["old", "--all", "--format", "json"]));
    let sum: u64 = sums.iter().filter_map(|one| one["sites"].as_u64()).sum();
    assert_eq!(all["sites"].as_array().map(Vec::len), Some(2 + sum as usize), "summed or listed, none is lost");
    assert_eq!(all["crates"], serde_json::json!([]));
}

#[test]
fn filters_choose_what_is_listed() {
    let directory = tempfile::tempdir().expect("a directory");
    compiled(directory.path(), "old", SOURCE);
    let sites = |arguments: &[&str]| -> Vec<Value> {
        let arguments: Vec<&str> = ["old", "--format", "json"].iter().chain(arguments).copied().collect();
        json(&firstbad(directory.path(), &arguments))["sites"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!(sites(&["--kind", "index"]).len(), 1);
    assert!(sites(&["--crate", "alloc"]).iter().all(|site| site["crate"] == "alloc"));
    assert!(!sites(&["--crate", "alloc"]).is_empty());
    assert_eq!(sites(&["--path", "old"]).len(), 2);
    assert_eq!(sites(&["--path", "src/"]).len(), 0);
    let refused = firstbad(directory.path(), &["old", "--kind", "sorrow"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("known are unwrap, expect"));
}

#[test]
fn only_new_sites_of_own_code_give_exit_code_1() {
    let directory = tempfile::tempdir().expect("a directory");
    compiled(directory.path(), "old", SOURCE);
    let moved = SOURCE.replace("#[inline(never)]\nfn load", "// One\n// and two more.\n#[inline(never)]\nfn load");
    compiled(directory.path(), "same", &moved);
    compiled(directory.path(), "new", &moved.replace("    rows[at]\n", "    rows[at].checked_add(1).unwrap()\n"));
    let same = firstbad(directory.path(), &["same", "--against", "old"]);
    assert_eq!((same.status.code(), text(&same).contains("0 sites new, 0 gone")), (Some(0), true), "{}", text(&same));
    let new = firstbad(directory.path(), &["new", "--against", "same"]);
    assert_eq!(new.status.code(), Some(1));
    assert!(text(&new).contains("1 site new, 0 gone") && text(&new).contains("NEW  new.rs:6:29"), "{}", text(&new));
    let found = json(&firstbad(directory.path(), &["new", "--against", "old", "--format", "json"]));
    assert_eq!(found["difference"]["new"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["difference"]["new"][0]["kind"], "unwrap");
    assert_eq!(found["difference"]["gone"], serde_json::json!([]));
    let fixed = firstbad(directory.path(), &["old", "--against", "new"]);
    assert_eq!((fixed.status.code(), text(&fixed).contains("GONE new.rs:6:29")), (Some(0), true), "{}", text(&fixed));
}

#[test]
fn sites_that_panicked_are_marked_and_others_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    compiled(directory.path(), "old", SOURCE);
    let point = |site: &str, count: &str| {
        serde_json::json!({"startTimeUnixNano": "1772445600000000000", "timeUnixNano": "1772445610000000000", "asInt": count,
            "attributes": [{"key": "firstbad.panic.site", "value": {"stringValue": site}}]})
    };
    let capture = serde_json::json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "host.name", "value": {"stringValue": "a"}}]},
        "scopeMetrics": [{"metrics": [{"name": "firstbad.panics", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
            "dataPoints": [point("old.rs:4:5", "327"), point("src/other.rs:1:1", "2")]}}]}]}]});
    std::fs::write(directory.path().join("seen.jsonl"), capture.to_string() + "\n").expect("written");
    let seen = firstbad(directory.path(), &["old", "--seen", "seen.jsonl"]);
    let said = text(&seen);
    assert!(said.lines().any(|line| line.contains("old.rs:4:5") && line.ends_with("SEEN 327 panics")), "{said}");
    assert!(said.lines().any(|line| line.contains("old.rs:8:11") && !line.contains("SEEN")), "{said}");
    assert!(said.contains("src/other.rs:1:1 (2 panics) is no site of this binary"), "{said}");
    let found = json(&firstbad(directory.path(), &["old", "--seen", "seen.jsonl", "--format", "json"]));
    assert_eq!((&found["sites"][0]["seen"], &found["sites"][0]["panics"]), (&true.into(), &327.into()));
    assert_eq!(found["sites"][1]["seen"], false);
    assert_eq!(found["seen_elsewhere"][0]["site"], "src/other.rs:1:1");
    let missing = firstbad(directory.path(), &["old", "--seen", "nothing.jsonl"]);
    assert_eq!(missing.status.code(), Some(2));
    std::fs::create_dir(directory.path().join("empty")).expect("made");
    let empty = firstbad(directory.path(), &["old", "--seen", "empty"]);
    assert_eq!(empty.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&empty.stderr).contains("firstbad recorder list"));
    let unreachable = firstbad(directory.path(), &["old", "--collector", "http://127.0.0.1:1"]);
    assert_eq!(unreachable.status.code(), Some(0));
    assert!(text(&unreachable).contains("BLIND    sites of incidents are not marked: no collector answers"));
}

#[test]
fn trouble_is_exit_code_2_with_a_hint() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("script"), "#!/bin/sh\n").expect("written");
    for (arguments, wanted) in [
        (&["missing"][..], "cannot read missing"),
        (&["script"], "script is not an ELF binary"),
        (&["."], "no regular file"),
        (&["script", "--against", "missing"], "script is not an ELF binary"),
    ] {
        let refused = firstbad(directory.path(), arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(wanted) && said.contains("hint: give a"), "{said}");
    }
}
