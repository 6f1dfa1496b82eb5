//! What is exported is what was committed: read again, it makes the same observations, in the same order, and every event has
//! the attributes of its sender.

use super::*;
use crate::normalise::{Content, Normaliser};
use crate::otlp::{Limits, Request, decode_line};
use crate::store::{Batch, Commit, SqliteStore, Store as _};
use firstbad_diagnosis::observation::{Row, Source};
use serde_json::{Value, json};

const T0: i64 = 1_763_460_000;

fn at(second: i64) -> String {
    ((T0 + second) * 1_000_000_000).to_string()
}

fn attributes(object: &Value) -> Value {
    let wrap = |value: &Value| match value {
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(truth) => json!({"boolValue": truth}),
        Value::Array(list) => {
            json!({"arrayValue": {"values": list.iter().map(|text| json!({"stringValue": text})).collect::<Vec<_>>()}})
        }
        number if number.is_i64() => json!({"intValue": number.to_string()}),
        number => json!({"doubleValue": number}),
    };
    object.as_object().unwrap().iter().map(|(key, value)| json!({"key": key, "value": wrap(value)})).collect()
}

fn log(resource: &Value, second: i64, name: &str, told: &Value) -> Value {
    json!({"resourceLogs": [{"resource": {"attributes": attributes(resource)}, "scopeLogs": [{"logRecords": [
        {"timeUnixNano": at(second), "eventName": name, "body": {"stringValue": format!("of {name}")}, "attributes": attributes(told)}]}]}]})
}

fn metrics(resource: &Value, metrics: &[Value]) -> Value {
    json!({"resourceMetrics": [{"resource": {"attributes": attributes(resource)}, "scopeMetrics": [{"scope": {"name": "s"}, "metrics": metrics}]}]})
}

fn sum(name: &str, temporality: i64, points: &[Value]) -> Value {
    json!({"name": name, "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points}})
}

fn gauge(name: &str, points: &[Value]) -> Value {
    json!({"name": name, "gauge": {"dataPoints": points}})
}

fn point(times: [i64; 2], value: &Value, told: &Value) -> Value {
    let [start, end] = times.map(at);
    json!({"attributes": attributes(told), "startTimeUnixNano": start, "timeUnixNano": end, "asDouble": value})
}

fn histogram(name: &str, times: [i64; 2], counts: [i64; 3], told: &Value) -> Value {
    let [start, end] = times.map(at);
    let counts_text = counts.map(|count| count.to_string());
    json!({"name": name, "histogram": {"aggregationTemporality": 1, "dataPoints": [{"attributes": attributes(told),
        "startTimeUnixNano": start, "timeUnixNano": end, "count": counts.iter().sum::<i64>().to_string(), "sum": 1.1,
        "explicitBounds": [0.1, 0.7], "bucketCounts": counts_text}]}})
}

fn hash(of: &str) -> String {
    Hash::of(of.as_bytes()).to_string()
}

fn version() -> Value {
    json!({"firstbad.config.name": "c", "firstbad.config.hash": hash("good")})
}

/// The attributes of the good version and more.
fn tagged(more: &Value) -> Value {
    let mut told = version().as_object().unwrap().clone();
    told.extend(more.as_object().unwrap().clone());
    Value::Object(told)
}

fn host() -> Value {
    json!({"service.name": "proxy", "service.version": "1", "service.instance.id": "i1", "host.name": "h1"})
}

/// Processes that send standard metrics: a pod, a container, one with a generated id.
fn standard() -> [Value; 3] {
    [
        json!({"service.name": "proxy", "k8s.namespace.name": "n", "k8s.pod.name": "p", "container.id": "c0ffee"}),
        json!({"service.name": "proxy", "container.id": "c0ffee11", "host.name": "c0ff"}),
        json!({"service.name": "proxy", "service.instance.id": "uuid"}),
    ]
}

/// Two processes that only their pids tell apart, and two relays without an identity.
fn shared() -> [Value; 4] {
    [
        json!({"service.name": "proxy", "host.name": "h2", "process.pid": "7"}),
        json!({"service.name": "proxy", "host.name": "h2", "process.pid": "8"}),
        json!({"service.name": "proxy", "relay": "a"}),
        json!({"service.name": "proxy", "relay": "b"}),
    ]
}

/// Events of each kind, with attributes of their own, and a metric that cannot be read.
fn events() -> Vec<Value> {
    let host = host();
    let load = "firstbad.config.load";
    let applied = json!({"firstbad.load.result": "applied", "firstbad.config.rows": 60, "firstbad.config.generation": 7,
        "firstbad.config.label": "v7", "firstbad.limit.rows": 200, "ticket": "OPS-1", "share": 0.5,
        "firstbad.config.rowset_hash": hash("rows"), "firstbad.boot": "b", "firstbad.seq": 1});
    let kept = json!({"firstbad.config.name": "c", "firstbad.config.hash": hash("bad"), "firstbad.load.result": "kept_last_good",
        "firstbad.reason": "limit", "firstbad.error": "too many rows", "firstbad.config.previous_hash": hash("good")});
    let panic = json!({"exception.type": "panic", "exception.message": "boom", "code.file.path": "a.rs", "code.line.number": 3,
        "exception.stacktrace": "0: a\n1: b", "firstbad.config.active": [format!("c={}", hash("good"))]});
    let died = json!({"firstbad.exit.clean": false, "firstbad.exit.signal": 6, "firstbad.load.phase": "loading"});
    let flag = json!({"firstbad.change.kind": "flag", "firstbad.change.id": "f", "firstbad.change.target": "t", "who": "an engineer"});
    let publish = json!({"firstbad.change.kind": "publish", "firstbad.change.id": "2"});
    vec![
        log(&host, 1, "firstbad.process.start", &json!({"argv": ["proxy", "-c"]})),
        log(&host, 2, load, &tagged(&json!({"firstbad.load.phase": "loading"}))),
        log(&host, 2, load, &tagged(&applied)),
        log(&host, 3, "firstbad.config.content", &tagged(&json!({"firstbad.content.format": "csv"}))),
        log(&host, 4, load, &kept),
        log(&host, 5, "exception", &panic),
        log(&host, 5, "exception", &json!({"exception.type": "IndexError", "exception.message": "out of range"})),
        log(&host, 6, "firstbad.process.exit", &tagged(&died)),
        log(&json!({"service.name": "deployer"}), 7, "firstbad.change", &flag),
        log(&host, 7, "firstbad.change", &tagged(&publish)),
        metrics(&host, &[sum("firstbad.nonsense", 1, &[point([0, 10], &json!(1), &json!({}))])]),
    ]
}

/// A report of the host: everything that the contract knows, cumulative where a metric may be.
fn report(round: i64) -> Value {
    let (from, to, n) = (10 * round, 10 * round + 10, round + 1);
    // The process restarts at second 21: its counts begin anew.
    let (start, counted) = if from >= 20 { (21, n - 2) } else { (0, n) };
    let count = |value: i64, told: &Value| point([start, to], &json!(value * counted), told);
    let level = |value: f64, told: &Value| point([0, to], &json!(value), told);
    let outcome = |word: &str| json!({"firstbad.outcome": word});
    let limit = |name: &str| tagged(&json!({"firstbad.limit.name": name}));
    let mut panicked = outcome("panic");
    panicked["cloud.region"] = "eu".into();
    let requests = [
        count(90, &outcome("ok")),
        count(3, &outcome("denied")),
        count(90, &tagged(&outcome("ok"))),
        count(1, &tagged(&panicked)),
    ];
    metrics(
        &host(),
        &[
            sum("firstbad.requests", 2, &requests),
            sum("firstbad.panics", 2, &[count(1, &tagged(&json!({"firstbad.panic.site": "a.rs:3:1"})))]),
            sum("firstbad.telemetry.dropped", 2, &[count(5, &json!({"firstbad.reason": "full"}))]),
            gauge("firstbad.config.active", &[level(1.0, &version())]),
            gauge("firstbad.config.rows", &[level(if round > 1 { 61.0 } else { 60.0 }, &version())]),
            gauge("firstbad.config.limit", &[level(200.0, &limit("rows")), level(50.0, &limit("depth"))]),
            gauge("firstbad.config.limit_usage", &[level(0.5, &limit("depth"))]),
            gauge("firstbad.requests.first_failed", &[level(1_763_460_005.25, &version())]),
            gauge("process.cpu.utilization", &[level(0.1, &json!({}))]),
            histogram("firstbad.scores", [from, to], [n, 2, 1], &tagged(&json!({"firstbad.score.name": "bot"}))),
            sum(
                "firstbad.scores.defaulted",
                1,
                &[point([from, to], &json!(4), &tagged(&json!({"firstbad.reason": "sentinel"})))],
            ),
            histogram(
                "http.server.request.duration",
                [from, to],
                [n, 2, 1],
                &json!({"http.response.status_code": 200}),
            ),
        ],
    )
}

/// A fleet that sends everything in every way, and late reports, newest first.
fn requests() -> Vec<Value> {
    let mut all = events();
    let ok = json!({"firstbad.outcome": "ok"});
    let delta = |resource: &Value, times: [i64; 2], count: i64| {
        metrics(resource, &[sum("firstbad.requests", 1, &[point(times, &json!(count), &ok)])])
    };
    for round in 0..4 {
        let (times, n) = ([10 * round, 10 * round + 10], round + 1);
        all.push(report(round));
        for resource in &standard() {
            all.push(metrics(
                resource,
                &[
                    histogram(
                        "http.server.request.duration",
                        times,
                        [n, 2, 1],
                        &json!({"http.response.status_code": 503}),
                    ),
                    gauge("process.memory.usage", &[point([0, times[1]], &json!(1e8), &json!({}))]),
                ],
            ));
        }
        all.extend(shared().iter().map(|resource| delta(resource, times, n)));
        let loads = [point(times, &json!(1), &tagged(&json!({"firstbad.load.result": "applied"})))];
        all.push(metrics(&standard()[2], &[sum("firstbad.config.loads", 1, &loads)]));
    }
    let [worker, _, relay, _] = shared();
    for from in [70, 60, 50] {
        all.push(delta(&relay, [from, from + 10], 1));
        all.push(delta(&worker, [from, from + 10], 0));
    }
    all.push(metrics(&worker, &[gauge("process.memory.usage", &[point([0, 90], &json!(1e8), &json!({}))])]));
    all
}

/// What lines of OTLP come to, line by line.
fn normalised<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<crate::normalise::Batch> {
    let mut normaliser = Normaliser::new(&[]);
    lines
        .map(|line| match decode_line(line, Limits::REQUEST).unwrap() {
            Request::Metrics(request) => normaliser.metrics(&request),
            Request::Logs(request) => normaliser.logs(&request),
            Request::Traces(request) => normaliser.traces(&request),
            Request::Other => crate::normalise::Batch::default(),
        })
        .collect()
}

fn exported(directory: &Path, options: Options) -> Vec<u8> {
    let mut text = Vec::new();
    let reader = SqliteReader::open_alone(directory).unwrap();
    export(&reader, &options, &mut |chunk| {
        text.extend(chunk);
        Ok(())
    })
    .unwrap();
    text
}

fn lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}

/// A store that holds what the fleet sent, a request a batch; and its observations and contents.
fn filled(directory: &Path) -> (Vec<Observation>, Vec<Content>) {
    let sent: Vec<String> = requests().iter().map(Value::to_string).collect();
    let batches = normalised(sent.iter().map(String::as_bytes));
    let (mut store, _) = SqliteStore::open(directory, Timestamp::from_seconds(T0)).unwrap();
    for (index, batch) in batches.iter().enumerate() {
        let seq = index as u64 + 1;
        let stored = Batch {
            seq,
            tick: Timestamp::from_seconds(T0),
            observations: batch.observations.clone(),
            words: Vec::new(),
        };
        let (records, contents) = (&batch.records, &batch.contents);
        store.commit(&Commit { batch: &stored, records, journal: &[], contents, normaliser: None }).unwrap();
    }
    let contents = batches.iter().flat_map(|batch| batch.contents.clone()).collect();
    (batches.into_iter().flat_map(|batch| batch.observations).collect(), contents)
}

#[test]
fn a_capture_makes_the_same_observations_again() {
    let directory = tempfile::tempdir().unwrap();
    let (observations, contents) = filled(directory.path());
    let is_row =
        |wanted: fn(&Row) -> bool| observations.iter().any(|told| matches!(told, Observation::Row(row) if wanted(row)));
    assert!(is_row(|row| row.restarted) && is_row(|row| row.source == Source::Aggregate), "the control");
    let text = exported(directory.path(), Options::default());
    let again = normalised(lines(&text).into_iter());
    let found: Vec<Observation> = again.iter().flat_map(|batch| batch.observations.clone()).collect();
    // The intake answered its sender about records that it could not read; they are no telemetry.
    let told: Vec<_> = observations.iter().filter(|told| !matches!(told, Observation::Gap(_))).collect();
    assert_eq!(told.len() + 1, observations.len(), "the control: one gap");
    for (index, (found, told)) in found.iter().zip(&told).enumerate() {
        assert_eq!(&found, told, "observation {index}");
    }
    assert_eq!(found.len(), told.len());
    assert_eq!(again.into_iter().flat_map(|batch| batch.contents).collect::<Vec<_>>(), contents);
}

#[test]
fn an_object_shows_what_was_read_and_what_the_sender_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let (observations, _) = filled(directory.path());
    let text = exported(directory.path(), Options { format: Form::Ndjson, ..Options::default() });
    let objects: Vec<Value> = lines(&text).iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(objects.len(), observations.len());
    let numbers: Vec<_> = objects.iter().map(|object| (object["batch"].as_u64(), object["index"].as_u64())).collect();
    assert!(numbers.is_sorted(), "in commit order: {numbers:?}");
    let load = objects.iter().find(|object| object["attributes"]["ticket"] == "OPS-1").unwrap();
    assert_eq!((&load["kind"], &load["body"]), (&json!("load"), &json!("of firstbad.config.load")), "{load:#}");
    assert_eq!(load["attributes"]["share"], 0.5);
    assert_eq!(load["attributes"]["firstbad.seq"], 1, "as it was numbered");
    assert_eq!(load["observation"]["hash"], hash("good").as_str());
    let start = objects.iter().find(|object| object["kind"] == "start").unwrap();
    assert_eq!(start["attributes"]["argv"], json!(["proxy", "-c"]));
    let window = Options {
        from: Some(Timestamp::from_seconds(T0 + 5)),
        to: Some(Timestamp::from_seconds(T0 + 6)),
        format: Form::Ndjson,
    };
    let within = exported(directory.path(), window);
    assert_eq!(lines(&within).len(), 3, "two exceptions and an exit: {}", String::from_utf8_lossy(&within));
}

#[test]
fn an_event_of_an_earlier_store_is_written_from_what_was_read_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (observations, _) = filled(directory.path());
    let change = rusqlite::Connection::open(directory.path().join("firstbad.db")).unwrap();
    change.execute_batch("DROP TABLE word; DROP TABLE event; PRAGMA user_version = 3;").unwrap();
    drop(change);
    let text = exported(directory.path(), Options::default());
    let again = normalised(lines(&text).into_iter());
    let found: Vec<Observation> = again.into_iter().flat_map(|batch| batch.observations).collect();
    let told: Vec<_> = observations.into_iter().filter(|told| !matches!(told, Observation::Gap(_))).collect();
    assert_eq!(found, told);
}
