//! Which playbook fits which incident: one line a case. The incidents are the contract's JSON, so that the test also holds
//! the form in which a recorded incident is read back.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may fail loudly")]

use firstbad_protocol::verdict::Incident;
use serde_json::{Value, json};

fn incident(changes: &Value) -> Incident {
    let mut whole = json!({
        "id": "20251118-112804-errors", "state": "open", "pattern": "step", "onset": "2025-11-18T11:28:04Z",
        "named_at": null, "resolved_at": null, "signals": ["errors"],
        "impact": {"requests_failed": 1, "failed_share": 0.1, "hosts_affected": 3, "hosts_reporting": 9},
        "verdict": "cause", "cause": null, "suspects": [], "ruled_out": [], "first_error": null, "input": null,
        "last_known_good": null, "history": [], "playbook": null, "blind_spots": []
    });
    for (key, value) in changes.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).expect("an incident of schema 1")
}

/// The cause of 18 November: the outgrown limit is its property, and the repeated rows separate as well.
fn outgrown_by_repetition() -> Value {
    let mut cause = cause("config", Some("rows > 200"));
    cause["also_separates"] = json!(["duplicate_rows > 0"]);
    cause
}

/// What the input is found to be: over its limit, which a property found afterwards need not be.
fn exceeding() -> Value {
    json!({"rows": 240, "duplicate_rows": 120, "limits": [{"name": "rows", "value": 240, "limit": 200}], "against": null,
        "findings": ["240 rows exceed the declared limit of 200"]})
}

fn cause(kind: &str, property: Option<&str>) -> Value {
    json!({"kind": kind, "config": "bot-features", "hashes": [format!("sha256:{}", "ab".repeat(32))],
        "property": property, "also_separates": [], "scope": {"service.version": "fl2"}, "change": null, "dimensions": {}})
}

#[test]
fn every_failure_mode_finds_its_playbook() {
    let cases = [
        (
            "oversized-input",
            json!({"signals": ["panics", "errors", "scores"], "cause": cause("config", Some("rows > 200")), "input": exceeding()}),
        ),
        (
            "oversized-input",
            json!({"signals": ["panics", "scores"], "cause": outgrown_by_repetition(), "input": exceeding()}),
        ),
        ("score-drift", json!({"signals": ["scores"], "cause": cause("config", Some("rows > 200"))})),
        (
            "silent-zero-scores",
            json!({"signals": ["scores"], "cause": cause("config", Some("rows > 200")), "input": exceeding()}),
        ),
        (
            "oversized-input",
            json!({"cause": cause("config", Some("rows > 200 and duplicate_rows > 0")), "input": exceeding()}),
        ),
        ("bad-input", json!({"cause": cause("config", Some("rows > 66"))})),
        ("duplicate-rows", json!({"cause": cause("config", Some("duplicate_rows > 0"))})),
        ("score-drift", json!({"signals": ["scores"], "cause": cause("config", None)})),
        ("blank-fields", json!({"cause": cause("config", Some("blank_fields > 0"))})),
        ("empty-input", json!({"cause": cause("config", Some("empty"))})),
        ("hang", json!({"signals": ["throughput"], "cause": cause("config", None)})),
        ("input-went-backwards", json!({"cause": cause("config", Some("generation went backwards"))})),
        ("refused-load", json!({"signals": ["loads"], "cause": cause("config", None)})),
        ("refused-by-host", json!({"signals": ["loads"], "verdict": "insufficient_evidence"})),
        ("insufficient-evidence", json!({"signals": ["errors", "loads"], "verdict": "insufficient_evidence"})),
        ("bad-input", json!({"signals": ["answers"], "verdict": "suspect", "cause": cause("config", None)})),
        ("crash-loop-on-load", json!({"signals": ["deaths"], "cause": cause("config", None)})),
        ("memory-growth", json!({"signals": ["memory", "deaths"], "cause": cause("config", None)})),
        ("crash-loop-on-load", json!({"signals": ["silent_hosts", "loads"], "cause": cause("config", None)})),
        ("resource-exhaustion", json!({"signals": ["cpu", "latency"], "cause": cause("config", None)})),
        // Its scope is one build, and nothing in its content tells it from the good ones.
        ("input-with-binary", json!({"cause": cause("config", None)})),
        (
            "oversized-input",
            json!({"signals": ["panics", "silent_hosts"], "cause": cause("config", Some("rows > 200")), "input": exceeding()}),
        ),
        ("bad-binary", json!({"cause": cause("binary", None)})),
        ("flag-or-change", json!({"cause": cause("change", None)})),
        ("external-dimension", json!({"verdict": "external", "cause": cause("dimension", None)})),
        ("one-host", json!({"verdict": "external", "cause": cause("host", None)})),
        ("time-boundary", json!({"verdict": "external", "cause": cause("time", None)})),
        ("traffic-surge", json!({"verdict": "external", "cause": cause("traffic", None)})),
        ("poison-request", json!({"verdict": "external", "cause": cause("request", None)})),
        ("insufficient-evidence", json!({"verdict": "insufficient_evidence"})),
        ("silent-hosts", json!({"verdict": "insufficient_evidence", "signals": ["silent_hosts"]})),
    ];
    for (expected, changes) in cases {
        let found = firstbad_playbooks::matching(&incident(&changes)).map(|playbook| playbook.name.as_str());
        assert_eq!(found, Some(expected), "{changes}");
    }
}

#[test]
fn slots_are_filled_from_the_verdict_and_hostile_names_are_refused() {
    let mut hostile = incident(&json!({"cause": cause("config", Some("rows > 200"))}));
    let (filled, refused) = firstbad_playbooks::fill("Stop {config}, not {last_known_good}.", &hostile);
    assert_eq!(filled, "Stop bot-features, not version (none known here).");
    assert_eq!(refused.len(), 1);
    if let Some(cause) = &mut hostile.cause {
        cause.config = Some("a;touch /tmp/pwn".to_owned());
    }
    let (filled, refused) = firstbad_playbooks::fill("Stop {config}.", &hostile);
    assert_eq!((filled.as_str(), refused.len()), ("Stop config.", 1));
}
