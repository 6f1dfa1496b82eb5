//! The telemetry of stock senders: pods and containers without an instance id, older and translated names, events that lost
//! their name, and unknown metrics.

use super::{HASH, T0, logs, ns, rows, text};
use crate::normalise::{Batch, Normaliser};
use crate::otlp::{Encoding, decode_metrics};
use firstbad_diagnosis::observation::{FirstFailure, NamedBy, Observation, Outcomes, Source};
use firstbad_protocol::time::Timestamp;
use serde_json::{Value, json};

fn send(normaliser: &mut Normaliser, resource: &[Value], metrics: &[Value]) -> Batch {
    let request =
        json!({"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": metrics}]}]});
    normaliser.metrics(&decode_metrics(request.to_string().as_bytes(), Encoding::Json).unwrap())
}

fn requests(time: i64, attributes: &[Value]) -> Value {
    json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
        {"attributes": attributes, "startTimeUnixNano": ns(time - 10), "timeUnixNano": ns(time), "asInt": "5"}]}})
}

/// A histogram of durations, one point for each (status key, status).
fn durations(name: &str, bounds: &[f64], points: &[(&str, &str)]) -> Value {
    let counts: Vec<&str> = std::iter::once("7").chain(bounds.iter().map(|_| "0")).collect();
    let points: Vec<Value> = points
        .iter()
        .map(|(key, status)| {
            json!({"attributes": [text(key, status)], "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "7",
                "sum": 3.0, "explicitBounds": bounds, "bucketCounts": counts})
        })
        .collect();
    json!({"name": name, "histogram": {"aggregationTemporality": 2, "dataPoints": points}})
}

fn gaps(batch: &Batch) -> Vec<&str> {
    let mut sentences = Vec::new();
    for seen in &batch.observations {
        if let Observation::Gap(gap) = seen {
            sentences.push(&*gap.sentence);
        }
    }
    sentences
}

#[test]
fn instance_and_host_are_the_finest_identities_that_are_sent() {
    use NamedBy::{Container, Host, Instance, Nothing, Pod};
    let (uid, pod, namespace) = ("k8s.pod.uid", "k8s.pod.name", "k8s.namespace.name");
    #[expect(clippy::type_complexity, reason = "a table of cases")]
    let cases: [(&[(&str, &str)], &str, &str, NamedBy); 12] = [
        (&[("service.instance.id", "i"), (pod, "p"), ("host.name", "h")], "i", "h", Host),
        (&[("service.instance.id", "i"), (pod, "p")], "i", "p", Pod),
        (&[("service.instance.id", "i")], "i", "i", Instance),
        (&[(uid, "u"), (pod, "p"), (namespace, "n")], "u", "n/p", Pod),
        (&[(uid, "u")], "u", "u", Pod),
        (&[(pod, "p"), (namespace, "n"), ("container.id", "c")], "n/p", "n/p", Pod),
        (&[(pod, "p"), ("host.name", "p")], "p", "p", Pod),
        (&[(pod, "p"), ("host.name", "node-1")], "p", "node-1", Host),
        (&[("container.id", "c0ffee")], "c0ffee", "c0ffee", Container),
        (&[("container.id", "c0ffee"), ("host.name", "c0ff")], "c0ffee", "c0ff", Container),
        (&[("host.name", "h"), ("process.pid", "7")], "h:7", "h", Host),
        (&[("service.name", "s"), ("process.pid", "7")], "", "", Nothing),
    ];
    for (told, instance, host, named_by) in cases {
        let resource: Vec<Value> = told.iter().map(|(key, value)| text(key, value)).collect();
        let batch = send(&mut Normaliser::new(&[]), &resource, &[requests(10, &[])]);
        let row = rows(&batch)[0];
        let expected = if instance.is_empty() {
            Source::Aggregate
        } else {
            Source::Instance { instance: instance.into(), host: host.into() }
        };
        assert_eq!((&row.source, row.named_by), (&expected, named_by), "{told:?}");
    }
}

#[test]
fn an_event_without_a_pid_belongs_to_the_only_process_of_its_host() {
    let mut normaliser = Normaliser::new(&[]);
    let worker = [text("service.name", "p"), text("host.name", "h1"), text("process.pid", "41")];
    send(&mut normaliser, &worker, &[requests(10, &[])]);
    let request = json!({"resourceLogs": [{"resource": {"attributes": &worker[..2]}, "scopeLogs": [{"logRecords": [
        {"timeUnixNano": ns(12), "eventName": "firstbad.process.exit"}]}]}]});
    let read =
        crate::otlp::decode_logs(request.to_string().as_bytes(), Encoding::Json).map(|logs| normaliser.logs(&logs));
    let Observation::Exit(exit) = &read.unwrap().observations[0] else { panic!() };
    assert_eq!(exit.source, Source::Instance { instance: "h1:41".into(), host: "h1".into() });
}

#[test]
fn durations_are_the_same_under_all_their_names() {
    let seconds = [0.005, 0.25];
    let old = [5.0, 250.0];
    for (name, key, bounds) in [
        ("http.server.request.duration", "http.response.status_code", &seconds),
        ("http.server.duration", "http.status_code", &old),
        ("http_server_request_duration_seconds", "http_response_status_code", &seconds),
        ("http_server_duration_milliseconds", "http_status_code", &old),
    ] {
        let metric = durations(name, bounds, &[(key, "200"), (key, "404"), (key, "503")]);
        let batch = send(&mut Normaliser::new(&[]), &[text("host.name", "h")], &[metric]);
        let row = rows(&batch)[0];
        assert_eq!(row.totals[0].outcomes, Outcomes { ok: 7, denied: 7, error: 7, panic: 0 }, "{name}");
        let latency = row.latency.as_ref().unwrap();
        assert_eq!((&latency.bounds[..], &latency.counts[..]), (&seconds[..], &[21, 0, 0][..]), "{name}");
    }
}

#[test]
fn a_status_decides_whatever_the_kind_of_error() {
    let mut metric = durations("http.server.request.duration", &[1.0], &[("http.response.status_code", "404")]);
    metric["histogram"]["dataPoints"][0]["attributes"].as_array_mut().unwrap().push(text("error.type", "404"));
    let batch = send(&mut Normaliser::new(&[]), &[text("host.name", "h")], &[metric]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes { denied: 7, ..Outcomes::default() });
}

#[test]
fn a_sender_of_both_names_is_counted_once() {
    let both = [
        durations("http.server.duration", &[5.0], &[("http.status_code", "200")]),
        durations("http.server.request.duration", &[0.005], &[("http.response.status_code", "200")]),
    ];
    let counted = |metrics: &[Value]| {
        let batch = send(&mut Normaliser::new(&[]), &[text("host.name", "h")], metrics);
        let row = rows(&batch)[0];
        (row.totals[0].outcomes.ok, row.latency.as_ref().unwrap().counts[0])
    };
    assert_eq!(counted(&both), (7, 7));
    assert_eq!(counted(&both[..1]), (7, 7), "the control");
}

#[test]
fn a_histogram_sent_as_separate_series_counts_requests() {
    let count = |status: &str, value: &str| {
        json!({"attributes": [text("http_response_status_code", status)], "startTimeUnixNano": ns(0),
            "timeUnixNano": ns(10), "asDouble": value.parse::<f64>().unwrap()})
    };
    let metric = json!({"name": "http_server_request_duration_seconds_count", "sum": {"aggregationTemporality": 2,
        "isMonotonic": true, "dataPoints": [count("200", "90"), count("500", "3")]}});
    let batch = send(&mut Normaliser::new(&[]), &[text("host.name", "h")], &[metric]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes { ok: 90, error: 3, ..Outcomes::default() });
}

#[test]
fn denied_requests_and_first_failures_are_read_under_both_spellings() {
    let version = [text("firstbad.config.name", "bots"), text("firstbad.config.hash", HASH)];
    let first = |name: &str, at: i64| {
        json!({"name": name, "gauge": {"dataPoints": [
            {"attributes": version, "timeUnixNano": ns(10), "asDouble": (T0 + at) as f64 + 0.25}]}})
    };
    let mut normaliser = Normaliser::new(&[]);
    let host = [text("host.name", "h")];
    let denied = requests(10, &[text("firstbad.outcome", "denied")]);
    let batch = send(&mut normaliser, &host, &[denied, first("firstbad.requests.first_failed", 3)]);
    let row = rows(&batch)[0];
    assert_eq!(row.totals[0].outcomes, Outcomes { denied: 5, ..Outcomes::default() });
    let at = Timestamp((T0 + 3) * 1_000_000_000 + 250_000_000);
    assert_eq!(row.first_failed, [FirstFailure { config: "bots".into(), hash: HASH.parse().unwrap(), at }]);
    let again = first("firstbad_requests_first_failed_seconds", 3);
    let batch = send(&mut normaliser, &host, &[requests(20, &[]), again]);
    assert!(rows(&batch)[0].first_failed.is_empty(), "it is sent once");
}

#[test]
fn an_exception_is_a_panic_only_if_it_says_so() {
    let read = |attributes: &[Value]| {
        let record = json!({"timeUnixNano": ns(8), "body": {"stringValue": "boom"}, "attributes": attributes});
        let batch = logs(&mut Normaliser::new(&[]), &[record]);
        let Some(Observation::Panic(panic)) = batch.observations.first().cloned() else { panic!("{batch:?}") };
        (panic.exception.map(|kind| kind.to_string()), panic.message.to_string())
    };
    let other = [text("exception.type", "IndexError"), text("exception.message", "list index out of range")];
    assert_eq!(read(&other), (Some("IndexError".to_owned()), "list index out of range".to_owned()));
    assert_eq!(read(&[text("exception.type", "panic")]), (None, "boom".to_owned()));
}

#[test]
fn an_exit_has_its_status_and_a_load_its_revision() {
    let status = |value: i64| {
        let attributes = [json!({"key": "firstbad.exit.status", "value": {"intValue": value}})];
        let record = json!({"timeUnixNano": ns(8), "attributes": attributes});
        let batch = logs(&mut Normaliser::new(&[]), &[record]);
        let Some(Observation::Exit(exit)) = batch.observations.first().cloned() else { panic!("{batch:?}") };
        (exit.status, exit.clean)
    };
    assert_eq!([status(0), status(70)], [(Some(0), true), (Some(70), false)]);
    let record = json!({"timeUnixNano": ns(8), "attributes": [text("firstbad.config.name", "bots"),
        text("firstbad.config.hash", HASH), text("firstbad.load.result", "applied"), text("firstbad.config.revision", "c0ffee")]});
    let batch = logs(&mut Normaliser::new(&[]), &[record]);
    let Some(Observation::Load(load)) = batch.observations.first() else { panic!("{batch:?}") };
    assert_eq!(load.facts.words.get("revision").map(AsRef::as_ref), Some("c0ffee"));
}

fn unknown(name: &str, time: i64) -> Value {
    json!({"name": name, "gauge": {"dataPoints": [{"timeUnixNano": ns(time), "asDouble": 1.0}]}})
}

#[test]
fn a_sender_that_is_not_understood_is_reported_once_with_its_metrics() {
    let mut normaliser = Normaliser::new(&[]);
    let host = [text("host.name", "h")];
    let mut send_at = |time: i64| {
        let batch = send(&mut normaliser, &host, &[unknown("rpc.server.duration", time), unknown("jvm.gc", time)]);
        gaps(&batch).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(send_at(10).is_empty() && send_at(20).is_empty());
    let told = send_at(30);
    assert!(told.len() == 1 && told[0].ends_with("jvm.gc, rpc.server.duration"), "{told:?}");
    assert!(send_at(40).is_empty());
    let understanding = normaliser.understanding();
    assert_eq!((understanding.resources, understanding.outcomes, understanding.anything), (1, 0, 0));
}

#[test]
fn a_capture_that_ends_early_reports_such_senders_at_its_end() {
    let mut normaliser = Normaliser::new(&[]);
    send(&mut normaliser, &[text("host.name", "h1")], &[unknown("rpc.server.duration", 10)]);
    send(&mut normaliser, &[text("host.name", "h2")], &[requests(10, &[])]);
    let told = normaliser.report_not_understood(Timestamp(1));
    assert_eq!(told.len(), 1);
    assert_eq!(normaliser.report_not_understood(Timestamp(1)), []);
    assert_eq!(normaliser.understanding().outcomes, 1);
}

#[test]
fn any_report_of_a_known_process_is_a_sign_of_life() {
    let mut normaliser = Normaliser::new(&[]);
    let host = [text("host.name", "h")];
    assert!(rows(&send(&mut normaliser, &host, &[unknown("k8s.pod.phase", 10)])).is_empty(), "it may be no process");
    let cumulative = json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
        "dataPoints": [{"startTimeUnixNano": ns(10), "timeUnixNano": ns(20), "asInt": "5"}]}});
    send(&mut normaliser, &host, &[cumulative]);
    let batch = send(&mut normaliser, &host, &[unknown("jvm.gc", 30)]);
    let row = rows(&batch)[0];
    assert_eq!((row.span.start, row.span.end), (row.span.end, Timestamp::from_seconds(T0 + 30)));
    assert!(row.totals.is_empty());
}

#[test]
fn a_misspelled_metric_of_firstbad_is_refused_and_reported() {
    let batch = send(&mut Normaliser::new(&[]), &[text("host.name", "h")], &[unknown("firstbad.request", 10)]);
    assert_eq!(batch.rejected, 1);
    assert!(gaps(&batch)[0].contains("firstbad.*"), "{batch:?}");
}

#[test]
fn processes_that_share_all_attributes_are_counted_each_by_itself_and_reported_once() {
    let mut normaliser = Normaliser::new(&[]);
    let shared = [text("service.name", "shop"), text("host.name", "h")];
    let (mut counted, mut said, mut restarts) = (0, Vec::new(), 0);
    for round in 1..=6 {
        // Each process began long before it was first seen and has a total of its own.
        for (process, start) in [(0, -3600), (1, -1800), (2, -600)] {
            let (time, value) = (10 * round + 3 * process, 1000 * (3 - process) + 7 * round);
            let sum = json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{"startTimeUnixNano": ns(start), "timeUnixNano": ns(time), "asInt": value.to_string()}]}});
            let batch = send(&mut normaliser, &shared, &[sum]);
            counted += rows(&batch).iter().flat_map(|row| &row.totals).map(|total| total.outcomes.ok).sum::<u64>();
            restarts += rows(&batch).iter().filter(|row| row.restarted).count();
            said.extend(gaps(&batch).into_iter().map(str::to_owned));
        }
    }
    assert_eq!((counted, restarts), (7 * 5 * 3, 0), "the requests of each since it was first seen");
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("service.instance.id") && said[0].contains("process.pid"), "{said:?}");
}

#[test]
fn counts_of_too_many_processes_with_one_start_are_left_out_and_reported() {
    let mut normaliser = Normaliser::new(&[]);
    let shared = [text("service.name", "shop"), text("service.instance.id", "same")];
    let (mut said, mut late) = (Vec::new(), Vec::new());
    for round in 1..=10 {
        // Forks of one parent: they have its start time and its identity.
        for process in 0..30 {
            let (time, value) = (30 * round + process, 1000 * (30 - process) + (7 + process) * round);
            let sum = json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true,
                "dataPoints": [{"startTimeUnixNano": ns(-3600), "timeUnixNano": ns(time), "asInt": value.to_string()}]}});
            let batch = send(&mut normaliser, &shared, &[sum]);
            said.extend(gaps(&batch).into_iter().filter(|gap| gap.contains("left out")).map(str::to_owned));
            late.extend(rows(&batch).into_iter().filter(|_| round > 2).cloned());
        }
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("more than 8 processes") && said[0].contains("service.instance.id"), "{said:?}");
    assert_eq!(late.len(), 8 * 30, "every report is a sign of life");
    assert!(late.iter().all(|row| row.totals.is_empty()), "nothing is counted that may be wrong");
    let understood = normaliser.understanding();
    assert_eq!((understood.resources, understood.outcomes), (1, 0), "what is left out is not understood");
}
