//! A collector killed in mid-incident by SIGKILL and started again: the incident keeps its id, and no request is lost or
//! counted twice, although every point is cumulative. Time is wound by hand, so that two minutes take seconds.

use super::kill::{Fault, start_child};
use super::support::{JSON, post};
use crate::client::Client;
use crate::settings::Clock;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::Incident;
use serde_json::{Value, json};
use std::path::Path;

const HOSTS: u64 = 24;
const BEGAN: Timestamp = Timestamp::from_seconds(1_763_460_000);
const BAD_AT: u64 = 60;
const GOOD: &str = "sha256:770e607624d689265ca6c44884d0807d9b054d23c473c106c72be9de08b7376c";
const BAD: &str = "sha256:2f05d4b689d270cafb02285f35f44866f7dc8a2d368a3f9d1124373eeab31fb1";

fn at(second: u64) -> Timestamp {
    BEGAN + i64::try_from(second).unwrap() * SECOND_NS
}

/// What a clock reads that another process winds through the file `now`.
pub(super) fn wound_clock(path: std::path::PathBuf) -> Clock {
    Clock::new(move || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        Timestamp(text.parse().unwrap_or(BEGAN.0))
    })
}

/// Renamed into place, so that the reader never sees half a number.
fn wind(directory: &Path, now: Timestamp) {
    let fresh = directory.join("now.fresh");
    std::fs::write(&fresh, now.0.to_string()).unwrap();
    std::fs::rename(fresh, directory.join("now")).unwrap();
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn resource(host: u64) -> Value {
    json!({"attributes": [text("service.name", "proxy"), text("service.instance.id", &format!("i{host}")),
        text("host.name", &format!("h{host}"))]})
}

fn load(host: u64, second: u64, hash: &str) -> Value {
    let rows = if hash == BAD { "240" } else { "60" };
    json!({"resource": resource(host), "scopeLogs": [{"logRecords": [{"timeUnixNano": (at(second) - SECOND_NS / 2).0.to_string(),
        "eventName": "firstbad.config.load", "attributes": [text("firstbad.config.name", "bot-features"),
        text("firstbad.config.hash", hash), text("firstbad.load.result", "applied"),
        {"key": "firstbad.config.rows", "value": {"intValue": rows}},
        {"key": "firstbad.limit.rows", "value": {"intValue": "200"}}]}]}]})
}

/// Requests so far, good and failed, of one host.
fn counted(host: u64, second: u64) -> (u64, u64) {
    let failing = if host.is_multiple_of(2) { second.saturating_sub(BAD_AT) } else { 0 };
    (100 * (second - failing) + 40 * failing, 60 * failing)
}

fn points(host: u64, second: u64) -> Value {
    let (ok, panic) = counted(host, second);
    let active = if host.is_multiple_of(2) && second >= BAD_AT { BAD } else { GOOD };
    let time = at(second).0.to_string();
    let point = |outcome: &str, n: u64| {
        json!({"startTimeUnixNano": BEGAN.0.to_string(), "timeUnixNano": time, "asInt": n.to_string(),
            "attributes": [text("firstbad.outcome", outcome)]})
    };
    let gauge = json!({"timeUnixNano": time, "asInt": "1",
        "attributes": [text("firstbad.config.name", "bot-features"), text("firstbad.config.hash", active)]});
    json!({"resource": resource(host), "scopeMetrics": [{"metrics": [
        {"name": "firstbad.requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
            "dataPoints": [point("ok", ok), point("panic", panic)]}},
        {"name": "firstbad.config.active", "gauge": {"dataPoints": [gauge]}}]}]})
}

fn report(url: &str, directory: &Path, second: u64) {
    wind(directory, at(second) + SECOND_NS / 2);
    let loads: Vec<Value> = match second {
        1 => (0..HOSTS).map(|host| load(host, 1, GOOD)).collect(),
        BAD_AT => (0..HOSTS).step_by(2).map(|host| load(host, BAD_AT, BAD)).collect(),
        _ => Vec::new(),
    };
    if !loads.is_empty() {
        let answer = post(&format!("{url}/v1/logs"), JSON, json!({"resourceLogs": loads}).to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let metrics: Vec<Value> = (0..HOSTS).map(|host| points(host, second)).collect();
    let body = json!({"resourceMetrics": metrics}).to_string();
    let answer = post(&format!("{url}/v1/metrics"), JSON, body.as_bytes());
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
}

/// The incident that accuses, once the engine has seen the last report.
fn named(client: &Client, second: u64) -> Incident {
    let mut found = None;
    super::support::eventually("the incident is named", || {
        let snapshot = client.snapshot().unwrap();
        let incidents = snapshot.diagnosis.incidents;
        found = incidents.into_iter().find(|incident| incident.verdict.accuses());
        found.is_some() && snapshot.at >= Some(at(second))
    });
    found.unwrap()
}

#[test]
fn a_collector_killed_in_mid_incident_goes_on_with_the_same_incident() {
    let directory = tempfile::tempdir().unwrap();
    wind(directory.path(), at(0));
    let (killed_at, end) = (BAD_AT + 30, BAD_AT + 60);
    let (mut child, urls) = start_child(directory.path(), Fault::WoundClock);
    (1..=killed_at).for_each(|second| report(&urls.otlp, directory.path(), second));
    let before = named(&Client::new(&urls.api), killed_at);
    assert_eq!(before.cause.as_ref().map(|cause| cause.hashes.clone()), Some(vec![BAD.parse().unwrap()]));
    child.kill().unwrap();
    child.wait().unwrap();

    let (mut child, urls) = start_child(directory.path(), Fault::WoundClock);
    let client = Client::new(&urls.api);
    assert_eq!(named(&client, killed_at).id, before.id, "before anything new is received");
    (killed_at + 1..=end).for_each(|second| report(&urls.otlp, directory.path(), second));
    let after = named(&client, end);
    assert_eq!((after.id, after.onset), (before.id, before.onset));
    // Two more seconds of nothing, so that every report is judged.
    wind(directory.path(), at(end + 3));
    let expected: u64 = (0..HOSTS).map(|host| counted(host, end).1 - counted(host, killed_at).1).sum();
    let sample = "firstbad_fleet_requests_total{outcome=\"panic\"} ";
    super::support::eventually("what failed since the restart is counted, and nothing twice", || {
        let text = client.metrics().unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix(sample)).map(str::to_owned);
        found == Some(expected.to_string())
    });
    drop(child.stdin.take());
    child.wait().unwrap();
}
