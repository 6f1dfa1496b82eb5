//! Secrets are hidden before anything is written: 1,000 are sent through every way in, and none is in the journal, the store, an
//! answer, an export or a bundle. Control: a word that is no secret is in each of them.

use super::support::{JSON, Running, eventually, post};
use crate::otlp::{self, Encoding, encode};
use crate::store::{BatchRange, SqliteReader, StoreReader as _};
use firstbad_protocol::Hash;
use serde_json::{Value, json};
use std::path::Path;

const SECRETS: usize = 1042;
/// What stands beside each secret, and is none.
const PLAIN: &str = "PLAINWORD";

/// A part of the secret with this number.
fn mark(index: usize) -> String {
    format!("Q7X{index:04}Z")
}

/// A text that holds a secret.
fn secret(index: usize) -> String {
    let mark = mark(index);
    match index % 8 {
        0 => format!("{PLAIN}: connect to postgres://svc:{mark}pw@db:5432/x failed"),
        1 => format!("{PLAIN}: Authorization: Bearer {mark}abcdefabcdef"),
        2 => format!("{PLAIN}: password={mark}hunter2"),
        3 => format!("{PLAIN}: key AKIA{mark}IOSFODNN was refused"),
        4 => format!("{PLAIN}: ghp_{mark}abcdefghijklmnop is no token of ours"),
        5 => format!("{PLAIN}: eyJhbGciOiJIUzI1{mark}.eyJzdWIiOiIx.c2ln"),
        6 => format!("{PLAIN}: -----BEGIN PRIVATE KEY-----\n{mark}abc\n-----END PRIVATE KEY-----"),
        _ => format!("{PLAIN}: https://hooks.slack.com/services/T0/{mark}"),
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn now() -> String {
    crate::settings::Clock::default().now().0.to_string()
}

fn resource(index: usize) -> Value {
    json!({"attributes": [text("host.name", "h1"), text("service.name", "edge"), text("deployment.note", &secret(index))]})
}

/// Events with a secret in the message, in an attribute, in one that is named for it, in the body, and in the resource.
fn logs(from: usize) -> Value {
    let record = |index: usize| {
        json!({"timeUnixNano": now(), "eventName": "exception", "body": {"stringValue": secret(index + 3)}, "attributes": [
            text("exception.type", "Error"), text("exception.message", &secret(index)),
            text("http.note", &secret(index + 1)), text("db.password", &mark(index + 2))]})
    };
    let records: Vec<Value> = (0..50).map(|event| record(from + 4 * event)).collect();
    json!({"resourceLogs": [{"resource": resource(from + 200), "scopeLogs": [{"logRecords": records}]}]})
}

/// Counts with a secret in a label.
fn metrics(from: usize) -> Value {
    let point = |index: usize| {
        json!({"timeUnixNano": now(), "startTimeUnixNano": now(), "asInt": "1", "attributes": [
            text("firstbad.outcome", "ok"), text("cloud.region", &secret(index))]})
    };
    let points: Vec<Value> = (from..from + 199).map(point).collect();
    let sum = json!({"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": points});
    json!({"resourceMetrics": [{"resource": resource(from + 199), "scopeMetrics": [{"metrics": [
        {"name": "firstbad.requests", "sum": sum}]}]}]})
}

/// Spans with a secret in an attribute and in an exception.
fn traces(from: usize) -> Value {
    let span = |index: usize| {
        json!({"kind": 2, "startTimeUnixNano": now(), "endTimeUnixNano": now(), "attributes": [text("a", &secret(index))],
            "events": [{"name": "exception", "timeUnixNano": now(), "attributes": [
                text("exception.type", "Span"), text("exception.message", &secret(index + 1))]}]})
    };
    let spans: Vec<Value> = (0..99).map(|place| span(from + 2 * place)).collect();
    json!({"resourceSpans": [{"resource": resource(from + 198), "scopeSpans": [{"spans": spans}]}]})
}

/// The lines of a file, each with a secret.
fn content(from: usize) -> String {
    let lines = (from..from + 100).map(|index| format!("name: {PLAIN}\npassword: {}hunter2\n", mark(index)));
    lines.collect()
}

fn put(running: &Running, path: &str, body: &[u8]) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}{path}", running.collector().api_url());
    agent.put(url).send(body).unwrap().status().as_u16()
}

/// Sends each secret. Each OTLP request is sent twice, since attributes that were read before are looked up and not read again.
fn send(running: &Running) {
    let ok = |path: &str, headers: &[(&str, &str)], body: &[u8]| {
        for _ in 0..2 {
            let answer = running.post(path, headers, body);
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        }
    };
    ok("/v1/logs", JSON, logs(0).to_string().as_bytes());
    let protobuf = [("content-type", "application/x-protobuf")];
    let read = logs(201).to_string();
    ok("/v1/logs", &protobuf, &encode::logs(&otlp::decode_logs(read.as_bytes(), Encoding::Json).unwrap()));
    ok("/v1/metrics", JSON, metrics(402).to_string().as_bytes());
    ok("/v1/traces", JSON, traces(602).to_string().as_bytes());
    let changes: Vec<Value> = (801..841).map(|index| json!({"kind": "deploy", "description": secret(index)})).collect();
    let url = format!("{}/api/v1/changes", running.collector().api_url());
    assert_eq!(post(&url, JSON, Value::from(changes).to_string().as_bytes()).status, 200);
    let body = content(841);
    let hash = Hash::of(body.as_bytes());
    assert_eq!(put(running, &format!("/api/v1/configs/{hash}?config=bots&format=yaml"), body.as_bytes()), 201);
    let until = crate::settings::Clock::default().now() + 60 * firstbad_protocol::time::SECOND_NS;
    let quiet = json!({"author": "anna", "text": secret(941), "until": until, "host": "h1"});
    let url = format!("{}/api/v1/admin/quiet", running.collector().api_url());
    assert_eq!(post(&url, JSON, quiet.to_string().as_bytes()).status, 200);
    let body = content(942);
    let event = json!({"timeUnixNano": now(), "eventName": "firstbad.config.content", "body": {"stringValue": body},
        "attributes": [text("firstbad.config.name", "waf"), text("firstbad.config.hash", &Hash::of(body.as_bytes()).to_string())]});
    let request = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [event]}]}]});
    ok("/v1/logs", JSON, request.to_string().as_bytes());
}

/// Every file of the data directory as it is, and what the store holds, as text.
fn stored(directory: &Path) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.display().to_string(), String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
        })
        .collect();
    let reader = SqliteReader::open(directory).unwrap();
    let mut batches = String::new();
    let all = BatchRange { after: 0, last: u64::MAX >> 1 };
    reader
        .recorded(all, &mut |recorded| {
            let records: Vec<_> = recorded.records.iter().map(|record| record.decoded().unwrap()).collect();
            batches.push_str(&format!("{:?} {records:?}", recorded.batch));
            true
        })
        .unwrap();
    found.push(("batches".to_owned(), batches));
    found.push(("words".to_owned(), format!("{:?}", reader.words().unwrap())));
    for from in [841, 942] {
        let content = reader.content(&Hash::of(content(from).as_bytes())).unwrap().expect("it is kept");
        found.push((format!("content {from}"), String::from_utf8(content.body).unwrap()));
    }
    found
}

#[test]
fn of_a_thousand_secrets_none_is_stored_or_answered() {
    let running = Running::start();
    send(&running);
    eventually("the engine has read it", || {
        running.get("/api/v1/snapshot").text().contains("deploy")
            && running.get("/api/v1/export").text().contains(PLAIN)
    });
    let mut found = stored(running.directory.path());
    let paths = ["snapshot", "diagnosis", "status", "incidents", "words", "export", "export?format=ndjson"];
    for path in paths.iter().map(|path| format!("/api/v1/{path}")).chain(["/metrics".to_owned()]) {
        let answer = running.get(&path);
        assert_eq!(answer.status, 200, "{path}");
        found.push((path, answer.text()));
    }
    let leaks: Vec<String> = found
        .iter()
        .flat_map(|(place, text)| {
            (0..SECRETS).filter(|index| text.contains(&mark(*index))).map(move |index| format!("{place}: {index}"))
        })
        .collect();
    assert!(leaks.is_empty(), "{} leaks: {:?}", leaks.len(), leaks.iter().take(20).collect::<Vec<_>>());
    // The control: the words beside them are where they belong.
    for place in ["batches", "words", "content 841", "content 942", "/api/v1/export", "/api/v1/export?format=ndjson"] {
        let text = &found.iter().find(|(name, _)| name == place).unwrap().1;
        assert!(text.contains(PLAIN) && text.contains("***"), "{place}");
    }
    let journal = &found.iter().find(|(name, _)| name.ends_with("/journal")).unwrap().1;
    assert!(journal.contains(PLAIN), "requests are journalled");
}
