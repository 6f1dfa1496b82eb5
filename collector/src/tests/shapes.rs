//! The query API's shapes, and what Prometheus reads: outsiders build on both.

use super::support::{JSON, Running, eventually, log_request};
use crate::client::{ClientError, Update};
use firstbad_protocol::names::METRICS;
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn answers_have_the_keys_that_outsiders_read() {
    let running = Running::start();
    eventually("the first tick", || running.collector().publisher().latest().snapshot.at.is_some());
    let get = |path: &str| -> Value { serde_json::from_slice(&running.get(path).body).unwrap() };
    assert_eq!(
        keys(&get("/api/v1/snapshot")),
        ["at", "census", "changes", "deaths", "diagnosis", "fleet", "hosts", "lines", "rollouts", "sites", "versions"]
    );
    assert_eq!(keys(&get("/api/v1/diagnosis")), ["asked", "blind_spots", "incidents", "schema", "window"]);
    assert_eq!(get("/api/v1/incidents"), Value::Array(Vec::new()));
    let status = get("/api/v1/status");
    let expected = [
        "at",
        "batch",
        "data_dir",
        "degraded",
        "hosts_reporting",
        "hosts_silent",
        "insecure",
        "listen",
        "not_ready",
        "notices",
        "pid",
        "queue",
        "received",
        "recorders",
        "recorders_unreadable",
        "refused",
        "shadow",
        "started_at",
        "store_bytes",
        "version",
    ];
    assert_eq!(keys(&status), expected);
    assert_eq!(keys(&status["queue"]), ["capacity", "length"]);
    assert_eq!(keys(&status["listen"]), ["api", "otlp_grpc", "otlp_http"]);
    assert_eq!(running.get("/health").text(), "ok\n");
    for (path, status, says) in [
        ("/api/v1/incidents/20251118-112804-errors", 404, "20251118-112804-errors"),
        ("/api/v1/incidents/20251118-112804-errors/bundle", 404, "20251118-112804-errors"),
        ("/api/v1/contents/zz", 400, "64 hex"),
        ("/api/v1/contents/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 404, "not kept"),
        ("/api/v2/snapshot", 404, "/api/v1/"),
    ] {
        let answer = running.get(path);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(answer.status, status, "{path}");
        assert!(body["error"].as_str().unwrap().contains(says), "{path}: {body}");
    }
}

/// Whether each method of each path is served exactly where it is described.
#[test]
fn the_description_of_the_api_names_each_method_that_is_served() {
    let running = Running::start();
    let document: Value = serde_json::from_slice(&running.get("/api/v1/openapi.json").body).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    // A connection is not used again: a refused method leaves its request unread.
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_idle_connections(0).build();
    let agent: ureq::Agent = config.into();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let filled = path.replace("{id}", "1").replace("{kind}", "ack").replace("{hash}", "zz");
        let url = format!("{}{filled}", running.collector().api_url());
        for method in ["get", "post", "put", "delete"]
            .into_iter()
            .filter(|method| !filled.ends_with("/stream") || *method != "get")
        {
            let request = ureq::http::Request::builder().method(method.to_uppercase().as_str()).uri(&url);
            let answer = agent.run(request.body(()).unwrap()).unwrap();
            let is_served = answer.status() != 405;
            assert_eq!(is_served, methods.get(method).is_some(), "{method} {path}: {}", answer.status());
        }
        for operation in methods.as_object().unwrap().values() {
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.ends_with('.')), "{path}: {operation}");
            assert!(
                operation["responses"]["2XX"].is_object() && operation["security"].is_array(),
                "{path}: {operation}"
            );
        }
    }
}

#[test]
fn a_client_gets_the_same_from_memory_and_over_the_wire() {
    let running = Running::start();
    let client = running.collector().client();
    assert_eq!(client.status().unwrap().pid, std::process::id());
    assert!(matches!(client.incident("no-such"), Err(ClientError::NotFound { .. })));
    let follower = client.follow();
    let first = follower.next_within(Duration::from_secs(10));
    assert!(matches!(first, Some(Update::Snapshot(_))), "{first:?}");
    let at = |update: Option<Update>| match update {
        Some(Update::Snapshot(snapshot)) => snapshot.at,
        other => panic!("{other:?}"),
    };
    let (one, two) =
        (at(follower.next_within(Duration::from_secs(10))), at(follower.next_within(Duration::from_secs(10))));
    assert!(two > one, "time is seen to pass: {one:?}, {two:?}");
    let url = running.collector().api_url();
    drop(running);
    let mut lost = None;
    eventually("the loss is told", || {
        lost = follower.next_within(Duration::from_secs(1));
        matches!(lost, Some(Update::Lost(_)))
    });
    let Some(Update::Lost(error)) = lost else { panic!("{lost:?}") };
    assert!(error.to_string().contains(&url), "{error}");
}

/// Metrics of the process itself, by the names that every Prometheus client library gives them.
const OF_THE_PROCESS: [&str; 8] = [
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_threads",
];

#[test]
fn prometheus_text_has_only_listed_names_and_labels_and_starts_at_zero() {
    let running = Running::start();
    assert_eq!(running.post("/v1/logs", JSON, &log_request("x")).status, 200);
    let text = running.collector().client().metrics().unwrap();
    let mut seen = BTreeSet::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        if OF_THE_PROCESS.contains(&name) {
            continue;
        }
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
        let metric = METRICS.iter().find(|metric| metric.prometheus == name || metric.prometheus == base);
        let metric = metric.unwrap_or_else(|| panic!("`{name}` is not listed: {line}"));
        let labels = line.split_once('{').map_or("", |(_, rest)| rest.split('}').next().unwrap());
        for label in labels.split("\",").filter(|label| !label.is_empty()) {
            let label = label.split('=').next().unwrap();
            assert!(metric.labels.contains(&label) || label == "le", "{line}");
        }
        seen.insert(metric.prometheus);
    }
    for family in ["firstbad_collector_refused_total", "firstbad_collector_incidents", "firstbad_fleet_requests_total"]
    {
        assert!(seen.contains(family), "{family} is missing before anything happened");
    }
    assert!(text.contains("firstbad_fleet_requests_total{outcome=\"panic\"} 0"), "{text}");
    assert!(text.contains("firstbad_collector_store_commit_seconds_bucket{le=\"0.001\"}"), "{text}");
}
