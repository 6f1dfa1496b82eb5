//! Telemetry as it really comes: mixed, jittered, repeated, reordered, junk, from several sources of one process. What is
//! counted must be what a clean sender would have been counted for.

use super::{T0, logs, metrics, ns, oks, requests, resource, rows, span, text};
use crate::normalise::{Batch, Normaliser};
use crate::otlp::tests::requests::{logs_request, metrics_request};
use crate::otlp::{Encoding, decode_metrics, logs_from_generated, metrics_from_generated};
use firstbad_diagnosis::observation::{Observation, Outcomes, Source};
use firstbad_protocol::names::{event, metric};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

const HASH: &str = super::HASH;

fn gauge(name: &str, time: i64, value: &Value, attributes: &[Value]) -> Value {
    json!({"name": name, "gauge": {"dataPoints": [{"attributes": attributes, "timeUnixNano": ns(time), "asDouble": value}]}})
}

fn version() -> Vec<Value> {
    vec![text("firstbad.config.name", "bots"), text("firstbad.config.hash", HASH)]
}

fn gaps(batch: &Batch) -> Vec<(String, u64)> {
    let gap = |seen: &Observation| match seen {
        Observation::Gap(gap) => Some((gap.sentence.to_string(), gap.count)),
        _ => None,
    };
    batch.observations.iter().filter_map(gap).collect()
}

#[test]
fn delta_and_cumulative_series_of_one_report_share_a_row() {
    let mut normaliser = Normaliser::new(&[]);
    metrics(&mut normaliser, &[requests(2, span(0, 10), 100, false), requests(1, span(0, 10), 40, true)]);
    let batch = metrics(&mut normaliser, &[requests(2, span(0, 20), 130, false), requests(1, span(10, 20), 30, true)]);
    assert_eq!(oks(&batch), [(10, 20, 30)]);
    assert_eq!(rows(&batch)[0].views[0].outcomes.ok, 30);
}

#[test]
fn instruments_that_are_read_one_after_another_make_one_row() {
    let at = |second: i64, jitter: i64| ((T0 + second) * 1_000_000_000 + jitter).to_string();
    let sum = |jitter: i64, attributes: Vec<Value>| {
        json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
            {"attributes": attributes, "startTimeUnixNano": at(0, jitter), "timeUnixNano": at(10, jitter + 7), "asInt": 5}]}})
    };
    let active = json!({"name": "firstbad.config.active", "gauge": {"dataPoints": [
        {"attributes": version(), "timeUnixNano": at(10, 4_000_000), "asInt": 1}]}});
    let batch = metrics(&mut Normaliser::new(&[]), &[active, sum(0, vec![]), sum(900_000, version())]);
    assert_eq!(rows(&batch).len(), 1, "{batch:?}");
    let row = rows(&batch)[0];
    assert_eq!((row.totals[0].outcomes.ok, row.views[0].outcomes.ok, row.active.len()), (5, 5, 1));
}

#[test]
fn a_quiet_delta_sender_says_zero_and_a_quiet_instant_says_nothing() {
    let memory = |time| gauge("process.memory.usage", time, &json!(5e8), &[]);
    let mut normaliser = Normaliser::new(&[]);
    let batch = metrics(&mut normaliser, &[memory(10)]);
    assert!(rows(&batch)[0].totals.is_empty(), "nobody said that it counts requests");
    metrics(&mut normaliser, &[requests(1, span(10, 20), 5, false), memory(20)]);
    let batch = metrics(&mut normaliser, &[memory(30)]);
    assert_eq!(oks(&batch), [(20, 30, 0)]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes::default());
    let batch = metrics(&mut normaliser, &[memory(900)]);
    assert_eq!(oks(&batch), [(900, 900, 0)], "after a long silence only its moment is known");
}

#[test]
fn junk_values_are_gaps_and_never_levels_or_counts() {
    let mut normaliser = Normaliser::new(&[]);
    let junk = [
        gauge("process.memory.usage", 10, &json!(-5.0), &[]),
        gauge("process.cpu.utilization", 10, &json!("NaN"), &[]),
        requests(1, span(0, 10), -3, false),
        gauge(
            "firstbad.config.active",
            10,
            &json!(1),
            &[text("firstbad.config.name", "bots"), text("firstbad.config.hash", "sha256:12")],
        ),
        json!({"name": "firstbad.requests", "gauge": {"dataPoints": [{"timeUnixNano": ns(10), "asInt": 1}]}}),
        json!({"name": "firstbad.requests", "sum": {"dataPoints": [{"timeUnixNano": ns(10), "asInt": 1}]}}),
        json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "dataPoints": [{"asInt": 1}]}}),
    ];
    let batch = metrics(&mut normaliser, &junk);
    assert_eq!((batch.accepted, batch.rejected), (0, 7));
    assert_eq!(gaps(&batch).iter().map(|(_, count)| count).sum::<u64>(), 7, "{:?}", gaps(&batch));
    assert!(rows(&batch).iter().all(|row| row.memory.is_none() && row.cpu.is_none() && row.active.is_empty()));
}

#[test]
fn a_points_own_host_wins_over_the_resources() {
    let request = json!({"resourceMetrics": [{"resource": {"attributes": [text("service.name", "gateway")]}, "scopeMetrics": [{"metrics": [
        {"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
            {"attributes": [text("host.name", "h1")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "asInt": 3},
            {"attributes": [text("host.name", "h2")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "asInt": 4}]}}]}]}]})
    .to_string();
    let batch = Normaliser::new(&[]).metrics(&decode_metrics(request.as_bytes(), Encoding::Json).unwrap());
    let seen: Vec<(&str, u64)> = rows(&batch)
        .into_iter()
        .map(|row| match &row.source {
            Source::Instance { host, .. } => (host.as_ref(), row.totals[0].outcomes.ok),
            Source::Aggregate => panic!("{row:?}"),
        })
        .collect();
    assert_eq!(seen, [("h1", 3), ("h2", 4)]);
}

#[test]
fn events_without_numbers_are_taken_once_and_equal_ones_of_one_report_each() {
    let change = json!({"timeUnixNano": ns(5), "eventName": "firstbad.change", "body": {"stringValue": "x"}, "attributes": [
        text("firstbad.change.kind", "flag"), text("firstbad.change.id", "f1")]});
    let panic = json!({"timeUnixNano": ns(5), "eventName": "exception", "attributes": [
        text("exception.type", "panic"), text("exception.message", "called unwrap"), text("code.file.path", "src/a.rs"),
        {"key": "code.line.number", "value": {"intValue": "7"}}]});
    let mut normaliser = Normaliser::new(&[]);
    let batch = logs(&mut normaliser, &[change.clone(), panic.clone(), panic.clone()]);
    assert_eq!(batch.observations.len(), 3);
    let Observation::Panic(seen) = &batch.observations[1] else { panic!("{batch:?}") };
    assert_eq!((seen.site.as_deref(), seen.message.as_ref()), (Some("src/a.rs:7"), "called unwrap"));
    let saved = postcard::to_stdvec(&normaliser).unwrap();
    let mut restored: Normaliser = postcard::from_bytes(&saved).unwrap();
    assert!(logs(&mut restored, &[change, panic]).observations.is_empty());
}

#[test]
fn loads_come_from_events_where_there_are_any_and_facts_are_told_once() {
    let loads = |time: i64, count: i64| {
        let mut attributes = version();
        attributes.push(text("firstbad.load.result", "applied"));
        json!({"name": "firstbad.config.loads", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
            {"attributes": attributes, "startTimeUnixNano": ns(0), "timeUnixNano": ns(time), "asInt": count}]}})
    };
    let limit = |time| {
        gauge(
            "firstbad.config.limit",
            time,
            &json!(200),
            &[text("firstbad.config.name", "bots"), text("firstbad.limit.name", "rows")],
        )
    };
    let facts = |time| {
        [
            gauge("firstbad.config.active", time, &json!(1), &version()),
            gauge("firstbad.config.rows", time, &json!(240), &version()),
            limit(time),
        ]
    };
    let mut normaliser = Normaliser::new(&[]);
    let batch = metrics(&mut normaliser, &[&facts(10)[..], &[loads(10, 1)]].concat());
    let row = rows(&batch)[0];
    assert_eq!((row.loads[0].count, row.facts[0].2.numbers["rows"], row.facts[0].2.limits["rows"]), (1, 240, 200));
    let event = json!({"timeUnixNano": ns(15), "eventName": "firstbad.config.load", "attributes": [
        text("firstbad.config.name", "bots"), text("firstbad.config.hash", HASH), text("firstbad.load.result", "applied")]});
    logs(&mut normaliser, &[event]);
    let batch = metrics(&mut normaliser, &[&facts(20)[..], &[loads(20, 2)]].concat());
    let row = rows(&batch)[0];
    assert!(row.loads.is_empty() && row.facts.is_empty() && row.active.len() == 1, "{row:?}");
}

#[test]
fn a_cumulative_exponential_histogram_is_differenced_across_scales() {
    let scores = |time: i64, scale: i64, offset: i64, counts: &[u64]| {
        json!({"name": "firstbad.scores", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
            {"attributes": [text("firstbad.score.name", "bot")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(time), "scale": scale,
             "zeroCount": counts[0], "positive": {"offset": offset, "bucketCounts": &counts[1..]}}]}})
    };
    let mut normaliser = Normaliser::new(&[]);
    // Buckets (32, 38.05] and (38.05, 45.25] at scale 2, then the same quarter octaves in halves at scale 3.
    metrics(&mut normaliser, &[scores(10, 2, 20, &[2, 4, 6])]);
    let batch = metrics(&mut normaliser, &[scores(20, 3, 40, &[9, 3, 3, 3, 4])]);
    let histogram = &rows(&batch)[0].scores[0].histogram;
    let filled: Vec<(f64, u64)> = histogram
        .bounds
        .iter()
        .zip(&histogram.counts)
        .filter(|(_, count)| **count > 0)
        .map(|(b, c)| (b.round(), *c))
        .collect();
    assert_eq!(filled, [(0.0, 7), (38.0, 2), (45.0, 1)]);
}

#[test]
fn json_and_protobuf_give_equal_observations() {
    let standard = json!({"name": "http.server.request.duration", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"attributes": [text("error.type", "timeout")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "3", "sum": 0.7,
         "explicitBounds": [0.005, 0.1], "bucketCounts": ["1", "1", "1"]}]}});
    let metrics = [requests(2, span(0, 10), 100, false), requests(2, span(0, 10), 90, true), standard];
    let json =
        json!({"resourceMetrics": [{"resource": resource(), "scopeMetrics": [{"metrics": metrics}]}]}).to_string();
    let generated: ExportMetricsServiceRequest = serde_json::from_str(&json).unwrap();
    let bytes = generated.encode_to_vec();
    let from_json = Normaliser::new(&[]).metrics(&decode_metrics(json.as_bytes(), Encoding::Json).unwrap());
    let from_bytes = Normaliser::new(&[]).metrics(&decode_metrics(&bytes, Encoding::Protobuf).unwrap());
    assert_eq!(from_json, from_bytes);
    assert_eq!(rows(&from_json)[0].latency.as_ref().unwrap().counts, [1, 1, 1]);
}

/// What all rows of many batches add up to, by version tag.
fn sums(batches: &[Batch]) -> (u64, u64) {
    let all = batches.iter().flat_map(rows);
    all.fold((0, 0), |(total, view), row| {
        (
            total + row.totals.iter().map(|total| total.outcomes.ok).sum::<u64>(),
            view + row.views.iter().map(|view| view.outcomes.ok).sum::<u64>(),
        )
    })
}

proptest! {
    #[test]
    fn delta_counts_do_not_depend_on_order_or_repeats(
        order in Just((0..16_i64).collect::<Vec<_>>()).prop_shuffle(), again in prop::collection::vec(0..16_i64, 0..8)
    ) {
        let mut normaliser = Normaliser::new(&[]);
        let batches: Vec<Batch> = order.iter().chain(&again)
            .map(|k| metrics(&mut normaliser, &[requests(1, span(k * 10, k * 10 + 10), 10 + k, false), requests(1, span(k * 10, k * 10 + 10), k + 1, true)]))
            .collect();
        prop_assert_eq!(sums(&batches), ((0..16).map(|k| 10 + k).sum(), (1..=16).sum()));
    }

    #[test]
    fn cumulative_counts_do_not_depend_on_losses_or_repeats(reports in prop::collection::vec(1..40_i64, 1..30)) {
        let mut normaliser = Normaliser::new(&[]);
        let mut batches = vec![metrics(&mut normaliser, &[requests(2, span(0, 5), 7, false)])];
        batches.extend(reports.iter().map(|k| metrics(&mut normaliser, &[requests(2, span(0, k * 10), k * k + 7, false)])));
        let latest = reports.iter().max().unwrap();
        prop_assert_eq!(sums(&batches).0, u64::try_from(latest * latest + 7).unwrap());
    }

    #[test]
    fn no_request_panics_or_loses_a_point(mut request in metrics_request(), names in prop::collection::vec(0..18_usize, 1..8)) {
        const NAMES: [&str; 18] = [
            metric::REQUESTS, metric::PANICS, metric::SCORES, metric::SCORES_DEFAULTED, metric::CONFIG_LOADS, metric::CONFIG_ACTIVE,
            metric::CONFIG_ROWS, metric::CONFIG_SIZE, metric::CONFIG_LIMIT, metric::CONFIG_LIMIT_USAGE, metric::TELEMETRY_DROPPED,
            metric::HTTP_SERVER_REQUEST_DURATION, metric::HTTP_SERVER_ACTIVE_REQUESTS, metric::PROCESS_CPU_UTILIZATION,
            metric::PROCESS_MEMORY_USAGE, metric::PROCESS_UPTIME, metric::CONFIG_AGE, "other.metric",
        ];
        let all = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics).flat_map(|scope| &mut scope.metrics);
        for (metric, name) in all.zip(names.iter().cycle()) {
            metric.name = NAMES[*name].to_owned();
        }
        let decoded = metrics_from_generated(&request);
        let mut normaliser = Normaliser::new(&["a".to_owned()]);
        let batch = normaliser.metrics(&decoded);
        prop_assert_eq!(batch.rejected, gaps(&batch).iter().map(|(_, count)| count).sum::<u64>());
        normaliser.metrics(&decoded);
    }

    #[test]
    fn no_log_request_panics(mut request in logs_request(), names in prop::collection::vec(0..6_usize, 1..4)) {
        const NAMES: [&str; 6] =
            [event::CONFIG_LOAD, event::EXCEPTION, event::PROCESS_START, event::PROCESS_EXIT, event::CHANGE, event::CONFIG_CONTENT];
        let all = request.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs).flat_map(|scope| &mut scope.log_records);
        for (record, name) in all.zip(names.iter().cycle()) {
            record.event_name = NAMES[*name].to_owned();
        }
        let batch = Normaliser::new(&[]).logs(&logs_from_generated(&request));
        prop_assert_eq!(batch.rejected, gaps(&batch).iter().map(|(_, count)| count).sum::<u64>());
    }
}
