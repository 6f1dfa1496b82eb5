//! Findings for senders that lack something, and none for a complete sender.

use super::*;
use firstbad_collector::otlp::{Limits, decode_line};
use serde_json::{Value, json};

fn attributes(told: &[(&str, &str)]) -> Value {
    told.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

fn taken(lines: &[Value]) -> Vec<Finding> {
    let mut examination = Examination::new();
    for line in lines {
        let text = line.to_string();
        examination.take(&decode_line(text.as_bytes(), Limits::REQUEST).unwrap());
    }
    examination.findings()
}

const HASH: &str = "sha256:4f2c0000000000000000000000000000000000000000000000000000000000aa";
const WHOLE: [(&str, &str); 5] = [
    ("service.name", "proxy"),
    ("service.version", "1"),
    ("service.instance.id", "i"),
    ("host.name", "h"),
    ("telemetry.sdk.language", "python"),
];

fn metrics(resource: &[(&str, &str)], name: &str, told: &[(&str, &str)]) -> Value {
    let point = json!({"attributes": attributes(told), "startTimeUnixNano": "1763460000000000000", "timeUnixNano": "1763460010000000000", "asInt": "7"});
    let data = if name.ends_with("active") {
        json!({"name": name, "gauge": {"dataPoints": [point]}})
    } else {
        json!({"name": name, "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [point]}})
    };
    json!({"resourceMetrics": [{"resource": {"attributes": attributes(resource)}, "scopeMetrics": [{"metrics": [data]}]}]})
}

fn load(resource: &[(&str, &str)], more: &[(&str, i64)]) -> Value {
    let version = [("firstbad.config.name", "c"), ("firstbad.config.hash", HASH), ("firstbad.load.result", "applied")];
    let mut told = attributes(&version);
    let numbers = more.iter().map(|(key, value)| json!({"key": key, "value": {"intValue": value.to_string()}}));
    told.as_array_mut().unwrap().extend(numbers);
    json!({"resourceLogs": [{"resource": {"attributes": attributes(resource)}, "scopeLogs": [{"logRecords": [
        {"timeUnixNano": "1763460001000000000", "eventName": "firstbad.config.load", "attributes": told}]}]}]})
}

/// Everything that a sender may send.
fn whole() -> Vec<Value> {
    let version = [("firstbad.config.name", "c"), ("firstbad.config.hash", HASH), ("firstbad.outcome", "ok")];
    vec![
        load(&WHOLE, &[("firstbad.config.rows", 60), ("firstbad.limit.rows", 200)]),
        metrics(&WHOLE, "firstbad.requests", &[("firstbad.outcome", "ok")]),
        metrics(&WHOLE, "firstbad.requests", &version),
        metrics(&WHOLE, "firstbad.config.active", &version),
    ]
}

fn missing(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().flat_map(|finding| finding.lacks.iter().map(|lack| lack.missing)).collect()
}

#[test]
fn a_sender_that_sends_everything_lacks_nothing() {
    let found = taken(&whole());
    assert_eq!((found.len(), missing(&found)), (1, Vec::new()), "{found:#?}");
    assert!(text(&found).contains("proxy: 1 processes, SDK for python\n  lacks nothing"), "{}", text(&found));
}

#[test]
fn each_thing_that_is_left_out_is_missed() {
    let without = |place: usize| {
        let mut lines = whole();
        lines.remove(place);
        missing(&taken(&lines))
    };
    assert_eq!(without(0), ["load events", "declared limits"]);
    assert_eq!(without(2), ["requests by the version that they used"]);
    assert_eq!(without(3), ["the active version in each report"]);
    let mut lines = whole();
    lines.push(load(&WHOLE, &[]));
    assert_eq!(missing(&taken(&lines)), ["facts of the content"]);
    lines = whole();
    lines.push(metrics(&WHOLE, "firstbad.requests", &[("firstbad.outcome", "error")]));
    assert_eq!(missing(&taken(&lines)), ["messages of failures"]);
    let nameless = taken(&[metrics(&[("service.name", "proxy")], "firstbad.requests", &[])]);
    assert!(missing(&nameless).contains(&"a name of host and process that stays"), "{nameless:#?}");
    assert!(missing(&nameless).contains(&"service.version"));
}

#[test]
fn every_language_is_told_its_own_way() {
    let how = |language: &str| {
        let resource = [("service.name", "proxy"), ("telemetry.sdk.language", language)];
        let found = taken(&[metrics(&resource, "jvm.gc", &[])]);
        found[0].lacks.iter().map(|lack| lack.how.clone()).collect::<String>()
    };
    for (language, own) in [
        ("python", "event_name=\"firstbad.config.load\""),
        ("nodejs", "eventName: 'firstbad.config.load'"),
        ("go", "SetEventName(\"firstbad.config.load\")"),
        ("java", "setEventName(\"firstbad.config.load\")"),
        ("rust", "the crate firstbad-instrument"),
    ] {
        assert!(how(language).contains(own), "{language}: {}", how(language));
        assert!(language == "go" || !how(language).contains("SetEventName"), "{language} is told only its own");
        assert!(how("cobol").contains(own), "an unknown language is told all");
    }
}

#[test]
fn what_was_not_understood_is_told_by_sender_and_name() {
    let other = [("service.name", "cache")];
    let mut lines = whole();
    lines.push(metrics(&other, "cache.hits", &[]));
    lines.push(metrics(&other, "firstbad.requests", &[("firstbad.outcome", "fine")]));
    let found = taken(&lines);
    let [cache, proxy] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(
        (cache.not_understood.as_slice(), proxy.not_understood.len()),
        (["cache.hits".to_owned()].as_slice(), 0)
    );
    assert_eq!((cache.gaps.len(), proxy.gaps.len()), (1, 0), "{found:#?}");
    assert!(text(&found).contains("NOT UNDERSTOOD  metrics cache.hits"), "{}", text(&found));
}

#[test]
fn no_name_of_a_sender_acts_on_the_terminal() {
    let found = taken(&[metrics(&[("service.name", "\u{1b}]0;x\u{7}")], "\u{1b}[2J", &[])]);
    assert!(!text(&found).contains('\u{1b}') && text(&found).contains("u{1b}"), "{}", text(&found));
}
