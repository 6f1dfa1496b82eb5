//! What pipelines report: stored once, checked against its hash, within bounds, and known to the engine.

use super::support::{Answer, JSON, Running, answer_of, eventually, post};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{CHANGES_PER_REQUEST_MAX, CONTENT_BYTES_MAX};
use serde_json::{Value, json};

const FILE: &[u8] = b"name,weight\nua,1\nasn,2\n";

fn put(running: &Running, path: &str, body: &[u8]) -> Answer {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    answer_of(agent.put(format!("{}{path}", running.collector().api_url())).send(body).unwrap(), true)
}

fn report(running: &Running, headers: &[(&str, &str)], body: &Value) -> Answer {
    let url = format!("{}/api/v1/changes", running.collector().api_url());
    post(&url, headers, body.to_string().as_bytes())
}

/// Changes that the engine knows.
fn known(running: &Running) -> Vec<Value> {
    let snapshot: Value = serde_json::from_slice(&running.get("/api/v1/snapshot").body).unwrap();
    snapshot["changes"].as_array().unwrap().clone()
}

/// Events that are stored.
fn stored(running: &Running) -> usize {
    running.get("/api/v1/export?format=ndjson").text().lines().filter(|line| line.contains("firstbad.change")).count()
}

#[test]
fn changes_are_stored_and_known_to_the_engine() {
    let running = Running::start();
    let deploy =
        json!({"kind": "deploy", "id": "build-812", "target": "fl2", "description": "fl2 2.4.1 to all regions"});
    let answer = report(&running, JSON, &deploy);
    assert_eq!((answer.status, answer.text().as_str()), (200, "{\"changes\":1}"));
    let flag = json!({"kind": "flag", "id": "new-cache", "host": "edge-1"});
    assert_eq!(report(&running, JSON, &json!([flag, {"kind": "dns", "id": "x"}])).status, 200);
    eventually("the engine knows them", || known(&running).len() == 3);
    let text = format!("{:?}", known(&running));
    assert!(text.contains("build-812") && text.contains("new-cache"), "{text}");
}

#[test]
fn a_change_that_is_reported_again_counts_once() {
    let running = Running::start();
    let key = [JSON[0], ("idempotency-key", "run-77")];
    let deploy = json!([{"kind": "deploy", "id": "build-812"}, {"kind": "flag", "id": "a"}]);
    for _ in 0..3 {
        assert_eq!(report(&running, &key, &deploy).status, 200);
    }
    let at = json!({"kind": "flag", "id": "b", "at": crate::settings::Clock::default().now()});
    for _ in 0..3 {
        assert_eq!(report(&running, JSON, &at).status, 200);
    }
    assert_eq!(stored(&running), 3);
    assert_eq!(report(&running, JSON, &json!({"kind": "flag", "id": "a"})).status, 200);
    assert_eq!(stored(&running), 4, "the control: without key and time it is another change");
}

#[test]
fn a_version_is_kept_once_and_declared_once() {
    let running = Running::start();
    let path = format!("/api/v1/configs/{}?config=bot-features&format=csv", Hash::of(FILE));
    let first = put(&running, &path, FILE);
    assert_eq!(first.status, 201, "{}", first.text());
    assert!(first.text().contains("\"content\":\"kept\""), "{}", first.text());
    assert_eq!(put(&running, &path, FILE).status, 200);
    let kept = running.get(&format!("/api/v1/contents/{}", Hash::of(FILE)));
    assert_eq!((kept.status, kept.body.as_slice()), (200, FILE));
    assert_eq!(stored(&running), 1);
    let events = running.get("/api/v1/export?format=ndjson").text();
    let declared = events.lines().find(|line| line.contains("\"publish\"")).expect("a declared version");
    assert!(declared.contains(&Hash::of(FILE).to_string()) && declared.contains("bot-features"), "{declared}");
}

#[test]
fn contents_that_are_not_kept_are_declared() {
    let running = Running::with(|settings| settings.contents = crate::settings::Contents::Off);
    let answer = put(&running, &format!("/api/v1/configs/{}?config=bot-features", Hash::of(FILE)), FILE);
    assert!(answer.status == 201 && answer.text().contains("not kept"), "{}", answer.text());
    assert_eq!(stored(&running), 1);
}

#[test]
fn what_is_no_report_is_refused_with_a_reason() {
    let running = Running::start();
    let hash = Hash::of(FILE);
    let later = crate::settings::Clock::default().now() + 3600 * firstbad_protocol::time::SECOND_NS;
    let many: Vec<Value> = (0..=CHANGES_PER_REQUEST_MAX).map(|_| json!({"kind": "flag"})).collect();
    for (body, reason) in [
        (json!({}), "`kind`"),
        (json!({"kind": "deploy", "servce": "fl2"}), "servce"),
        (json!({"kind": "deploy", "config": "bots"}), "together"),
        (json!({"kind": "publish"}), "needs `config` and `hash`"),
        (json!({"kind": "deploy", "at": later}), "is to come"),
        (json!([{"kind": "flag"}, {"kind": "x".repeat(300)}]), "change 2"),
        (json!([]), "1 to"),
        (Value::from(many), "1 to"),
        (json!("deploy"), "no change"),
    ] {
        let answer = report(&running, JSON, &body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        assert!(answer.text().contains(reason), "{reason}: {}", answer.text());
    }
    let long = vec![b'x'; CONTENT_BYTES_MAX + 1];
    for (path, body, status, reason) in [
        (format!("{hash}?config=bots"), &b"other"[..], 422, "not sha256:"),
        (format!("{hash}"), FILE, 400, "`config`"),
        ("zz?config=bots".to_owned(), FILE, 400, "64 hex"),
        (format!("{hash}?config=bots"), &long, 413, "longer than"),
    ] {
        let answer = put(&running, &format!("/api/v1/configs/{path}"), body);
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert!(answer.text().contains(reason), "{path}: {}", answer.text());
    }
    let page = [JSON[0], ("origin", "http://127.0.0.1")];
    assert_eq!(report(&running, &page, &json!({"kind": "flag"})).status, 403);
    assert_eq!(stored(&running), 0);
}
