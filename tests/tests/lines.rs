//! The same telemetry, cut into lines, files and encodings in every way that the contract allows, is the same capture:
//! `firstbad diagnose` gives the same bytes, at the end and as of any moment.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, Form, START_S, hash_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const FLEET: Fleet = Fleet {
    start_s: START_S,
    hosts: 24,
    interval_s: 10,
    intervals: 90,
    fault_at: 45,
    form: Form::Native,
    fault: Fault::Oversized,
};

fn diagnose(arguments: &[&str], paths: &[PathBuf]) -> Output {
    let mut command = Command::new(firstbad_tests::firstbad());
    command.args(["diagnose", "--format", "json"]).args(arguments).args(paths);
    command.output().expect("target/*/firstbad is built")
}

/// The verdict, which must be one.
fn verdict(arguments: &[&str], paths: &[PathBuf]) -> String {
    let output = diagnose(arguments, paths);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn write(directory: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("write");
    path
}

fn parsed(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// One line for all of a kind that `key` puts together, in order of appearance.
fn together(lines: &[Value], key: impl Fn(&Value) -> String) -> String {
    let mut groups: BTreeMap<(String, &str), Vec<Value>> = BTreeMap::new();
    for line in lines {
        let kind = if line.get("resourceLogs").is_some() { "resourceLogs" } else { "resourceMetrics" };
        let resources = line[kind].as_array().expect("resources").clone();
        groups.entry((key(line), kind)).or_default().extend(resources);
    }
    groups.into_iter().map(|((_, kind), resources)| json!({ kind: resources }).to_string() + "\n").collect()
}

fn host_of(line: &Value) -> String {
    let kind = if line.get("resourceLogs").is_some() { "resourceLogs" } else { "resourceMetrics" };
    line[kind][0]["resource"].to_string()
}

/// All reports of a host as one resource with one metric of each name, as a batching pipeline writes them.
fn merged_points(lines: &[Value]) -> String {
    let mut hosts: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut text = String::new();
    for line in lines {
        if line.get("resourceLogs").is_some() {
            text += &(line.to_string() + "\n");
            continue;
        }
        let metrics = hosts.entry(host_of(line)).or_default();
        for metric in line["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().expect("metrics") {
            let name = metric["name"].as_str().expect("a name").to_owned();
            let kind = if metric.get("sum").is_some() { "sum" } else { "histogram" };
            match metrics.get_mut(&name) {
                Some(known) => {
                    let points = metric[kind]["dataPoints"].as_array().expect("points").clone();
                    known[kind]["dataPoints"].as_array_mut().expect("points").extend(points);
                }
                None => drop(metrics.insert(name, metric.clone())),
            }
        }
    }
    for (resource, metrics) in hosts {
        let resource: Value = serde_json::from_str(&resource).expect("JSON");
        let metrics: Vec<Value> = metrics.into_values().collect();
        let scope = json!({"scope": {"name": "proxy"}, "metrics": metrics});
        text += &(json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}).to_string() + "\n");
    }
    text
}

#[test]
fn how_reports_are_cut_into_lines_does_not_matter() {
    for form in [Form::Native, Form::NativeDelta, Form::StandardOnly] {
        let directory = tempfile::tempdir().expect("directory");
        let text = Fleet { form, ..FLEET }.lines();
        let lines = parsed(&text);
        let cuts = [
            ("all", together(&lines, |_| String::new())),
            ("by host", together(&lines, host_of)),
            ("points by host", merged_points(&lines)),
            ("backwards", text.lines().rev().map(|line| line.to_owned() + "\n").collect()),
            ("thrice", text.lines().map(|line| format!("{line}\n{line}\n{line}\n")).collect()),
        ];
        let plain = [write(directory.path(), "plain.jsonl", &text)];
        for arguments in [&[][..], &["--at", "2026-03-02T10:09:33Z"]] {
            let expected = verdict(arguments, &plain);
            assert!(expected.contains(&hash_of("pushed")), "{form:?}: {expected}");
            for (name, cut) in &cuts {
                let path = [write(directory.path(), "cut.jsonl", cut)];
                assert_eq!(verdict(arguments, &path), expected, "{form:?}, {name} {arguments:?}");
            }
        }
    }
}

#[test]
fn how_lines_are_kept_in_files_does_not_matter() {
    let directory = tempfile::tempdir().expect("directory");
    let text = FLEET.lines();
    let expected = verdict(&[], &[write(directory.path(), "plain.jsonl", &text)]);
    let mut parts = vec![String::new(); 3];
    for (index, line) in text.lines().enumerate() {
        parts[index * 7 % 3] += &(line.to_owned() + "\n");
    }
    let gzip = Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut gzip = gzip.expect("gzip is installed");
    let mut input = gzip.stdin.take().expect("piped");
    let packed = parts[1].clone();
    let feeding = std::thread::spawn(move || input.write_all(packed.as_bytes()));
    let packed = gzip.wait_with_output().expect("gzip ends").stdout;
    feeding.join().expect("no panic").expect("gzip reads");
    let split = [
        write(directory.path(), "a.jsonl", &parts[0]),
        write(directory.path(), "b.jsonl.gz", packed),
        write(directory.path(), "c.jsonl", parts[2].replace('\n', "\r\n\r\n")),
    ];
    assert_eq!(verdict(&[], &split), expected, "split over files");
    let marked = write(directory.path(), "marked.jsonl", format!("\u{feff}{text}"));
    assert_eq!(verdict(&[], &[marked]), expected, "a byte order mark");
    let standard_input = std::fs::File::open(directory.path().join("plain.jsonl")).expect("open");
    let output = Command::new(firstbad_tests::firstbad())
        .args(["diagnose", "--format", "json", "-"])
        .stdin(standard_input)
        .output()
        .expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "standard input");
}

#[test]
fn what_cannot_be_read_is_named_and_changes_nothing_else() {
    let directory = tempfile::tempdir().expect("directory");
    let text = FLEET.lines();
    let strip = |verdict: &str| -> Value {
        let mut found: Value = serde_json::from_str(verdict).expect("JSON");
        found["blind_spots"] = Value::Null;
        found
    };
    let expected = strip(&verdict(&[], &[write(directory.path(), "plain.jsonl", &text)]));
    let deep = format!("{{\"resourceMetrics\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let junk: [(&str, Vec<u8>); 6] = [
        ("binary", (0..=255_u8).filter(|byte| *byte != b'\n').cycle().take(4096).collect()),
        ("deep", deep.into_bytes()),
        ("foreign", b"{\"level\":\"info\",\"msg\":\"hello\"}".to_vec()),
        ("no json", b"resourceMetrics".to_vec()),
        ("wrong types", b"{\"resourceMetrics\":[{\"resource\":7}]}".to_vec()),
        ("cut off", text.as_bytes()[..1000].to_vec()),
    ];
    let mut bytes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        bytes.extend_from_slice(line.as_bytes());
        bytes.push(b'\n');
        if let Some((_, junk)) = index.checked_sub(500).and_then(|index| junk.get(index)) {
            bytes.extend_from_slice(junk);
            bytes.push(b'\n');
        }
    }
    bytes.extend_from_slice(br#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"ho"#);
    let missing = directory.path().join("missing.jsonl");
    let found = verdict(&[], &[write(directory.path(), "junk.jsonl", bytes), missing]);
    let blind = serde_json::from_str::<Value>(&found).expect("JSON")["blind_spots"].to_string();
    for line in [502, 504, 506, 508, 510, 512] {
        assert!(blind.contains(&format!("junk.jsonl: line {line} (byte ")), "line {line}: {blind}");
    }
    assert!(blind.contains("missing.jsonl"), "{blind}");
    assert_eq!(strip(&found), expected);
}

#[test]
fn what_is_named_like_a_bundle_and_is_none_is_called_so() {
    let directory = tempfile::tempdir().expect("directory");
    for (name, bytes) in [("garbage", b"resourceMetrics or so".as_slice()), ("short", b"x"), ("empty", b"")] {
        let path = write(directory.path(), &format!("{name}.tar.zst"), bytes);
        let output = diagnose(&[], &[path]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{name}: {said}");
        assert!(said.contains(&format!("{name}.tar.zst: it is no bundle")), "{name}: {said}");
        assert!(!said.contains("JSON"), "{name}: {said}");
    }
}

#[test]
fn a_capture_without_outcomes_is_not_calm_and_one_that_is_none_is_named() {
    let directory = tempfile::tempdir().expect("directory");
    let request =
        FLEET.lines().lines().find(|line| line.contains("firstbad.requests")).expect("a line").to_owned() + "\n";
    let spans = "{\"resourceSpans\":[{\"scopeSpans\":[]}]}\n";
    let timeless = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"eventName\":\"firstbad.change\"}]}]}]}\n";
    let (calm, not_understood, no_capture) = ((0, ""), (2, "were understood"), (2, "small.jsonl"));
    let cases = [
        (request.as_str(), calm),
        (request.trim_end(), calm),
        ("{}\n", not_understood),
        ("{\"resourceMetrics\":[]}\n", not_understood),
        ("{\"resourceLogs\":null}\n", not_understood),
        (spans, not_understood),
        (timeless, not_understood),
        ("", no_capture),
        ("\n\r\n \n", no_capture),
        ("{\"a\":1}\n", no_capture),
        ("[]\n", no_capture),
        ("\u{feff}\n", no_capture),
    ];
    for (text, (code, says)) in cases {
        let path = [write(directory.path(), "small.jsonl", text)];
        for arguments in [&[][..], &["--at", "2026-03-02T10:01:00Z"]] {
            let output = diagnose(arguments, &path);
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{text:?} {arguments:?}: {said}");
            assert!(said.contains(says), "{text:?}: {said}");
        }
    }
}
