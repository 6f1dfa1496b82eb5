//! What requests come to, case by case: temporality, resets, repeats, late series, identity, sources, events, junk.

use super::{Batch, Normaliser};
use crate::otlp::{Encoding, decode_logs, decode_metrics};
use firstbad_diagnosis::observation::{Observation, Outcomes, Row, Source};
use proptest::prelude::*;
use serde_json::{Value, json};

mod events;
mod forms;
mod known;
mod spans;
mod standard;
mod stock;
mod telemetry;

const T0: i64 = 1_772_445_600;
const HASH: &str = "sha256:abababababababababababababababababababababababababababababababab";

fn ns(second: i64) -> String {
    ((T0 + second) * 1_000_000_000).to_string()
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn resource() -> Value {
    json!({"attributes": [text("service.name", "p"), text("service.instance.id", "i1"), text("host.name", "h1"), text("cloud.region", "eu")]})
}

fn metrics(normaliser: &mut Normaliser, metrics: &[Value]) -> Batch {
    let request =
        json!({"resourceMetrics": [{"resource": resource(), "scopeMetrics": [{"metrics": metrics}]}]}).to_string();
    normaliser.metrics(&decode_metrics(request.as_bytes(), Encoding::Json).unwrap())
}

fn logs(normaliser: &mut Normaliser, records: &[Value]) -> Batch {
    let request =
        json!({"resourceLogs": [{"resource": resource(), "scopeLogs": [{"logRecords": records}]}]}).to_string();
    normaliser.logs(&decode_logs(request.as_bytes(), Encoding::Json).unwrap())
}

/// What a point covers, seconds from T0.
#[derive(Clone, Copy)]
struct Seconds {
    /// Where it starts.
    start: i64,
    /// Where it ends: the point's own time.
    end: i64,
}

/// From `start` to `end`, seconds from T0.
const fn span(start: i64, end: i64) -> Seconds {
    Seconds { start, end }
}

/// A requests Sum with one `ok` point.
fn requests(temporality: i64, span: Seconds, value: i64, tagged: bool) -> Value {
    let mut attributes = vec![text("firstbad.outcome", "ok")];
    if tagged {
        attributes.extend([text("firstbad.config.name", "bots"), text("firstbad.config.hash", HASH)]);
    }
    json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": [
        {"attributes": attributes, "startTimeUnixNano": ns(span.start), "timeUnixNano": ns(span.end), "asInt": value.to_string()}]}})
}

fn rows(batch: &Batch) -> Vec<&Row> {
    batch
        .observations
        .iter()
        .filter_map(|seen| if let Observation::Row(row) = seen { Some(row) } else { None })
        .collect()
}

/// (span start, span end, ok) of each row, seconds from T0.
fn oks(batch: &Batch) -> Vec<(i64, i64, u64)> {
    let second = |time: firstbad_protocol::time::Timestamp| time.0 / 1_000_000_000 - T0;
    let ok = |row: &Row| row.totals.iter().map(|total| total.outcomes.ok).sum();
    rows(batch).into_iter().map(|row| (second(row.span.start), second(row.span.end), ok(row))).collect()
}

#[test]
fn cumulative_points_count_from_their_predecessor() {
    let mut normaliser = Normaliser::new(&[]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(0, 10), 100, false)])), [(0, 10, 100)]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(0, 20), 150, false)])), [(10, 20, 50)]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(0, 20), 150, false)])), [], "a repeat");
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(0, 15), 120, false)])), [], "older than what is known");
    assert_eq!(
        oks(&metrics(&mut normaliser, &[requests(2, span(0, 40), 170, false)])),
        [(20, 40, 20)],
        "a lost report"
    );
}

#[test]
fn a_restart_is_seen_by_its_start_time_and_a_fall_alone_is_a_series_begun_anew() {
    let mut normaliser = Normaliser::new(&[]);
    metrics(&mut normaliser, &[requests(2, span(0, 10), 100, false)]);
    let batch = metrics(&mut normaliser, &[requests(2, span(14, 20), 30, false)]);
    assert_eq!(oks(&batch), [(14, 20, 30)]);
    assert!(rows(&batch)[0].restarted);
    let batch = metrics(&mut normaliser, &[requests(2, span(14, 30), 7, false)]);
    assert_eq!(oks(&batch), [(20, 30, 7)]);
    assert!(!rows(&batch)[0].restarted);
}

#[test]
fn what_was_counted_before_anybody_looked_is_not_counted() {
    let mut normaliser = Normaliser::new(&[]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(-4000, 10), 1_000_000, false)])), [(10, 10, 0)]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(2, span(-4000, 20), 1_000_040, false)])), [(10, 20, 40)]);
}

#[test]
fn a_series_that_appears_later_began_with_nothing() {
    let mut normaliser = Normaliser::new(&[]);
    metrics(&mut normaliser, &[requests(2, span(-4000, 10), 1000, false)]);
    let batch = metrics(&mut normaliser, &[requests(2, span(-4000, 20), 1040, false)]);
    assert_eq!(oks(&batch), [(10, 20, 40)]);
    // The tagged series of a new version has the process's start, and comes in a request of its own.
    let batch = metrics(&mut normaliser, &[requests(2, span(-4000, 20), 25, true)]);
    assert_eq!(rows(&batch)[0].views[0].outcomes, Outcomes { ok: 25, ..Outcomes::default() });
}

#[test]
fn delta_points_are_taken_once_in_any_order() {
    let mut normaliser = Normaliser::new(&[]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(1, span(10, 20), 5, false)])), [(10, 20, 5)]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(1, span(0, 10), 7, false)])), [(0, 10, 7)]);
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(1, span(10, 20), 5, false)])), []);
}

#[test]
fn standard_requests_count_only_where_no_native_ones_do() {
    let duration = |time: i64, ok: u64, failed: u64| {
        let point = |status: i64, count: u64| {
            json!({"attributes": [{"key": "http.response.status_code", "value": {"intValue": status.to_string()}}],
                "startTimeUnixNano": ns(time - 10), "timeUnixNano": ns(time), "count": count.to_string(), "sum": 1.0,
                "explicitBounds": [0.1], "bucketCounts": [count.to_string(), "0"]})
        };
        json!({"name": "http.server.request.duration", "histogram": {"aggregationTemporality": 1, "dataPoints": [point(200, ok), point(503, failed)]}})
    };
    let mut normaliser = Normaliser::new(&[]);
    let batch = metrics(&mut normaliser, &[duration(10, 90, 10)]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes { ok: 90, error: 10, ..Outcomes::default() });
    let batch = metrics(&mut normaliser, &[duration(20, 90, 10), requests(1, span(10, 20), 100, false)]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes { ok: 100, ..Outcomes::default() });
    assert_eq!(rows(&batch)[0].latency.as_ref().unwrap().counts, [100, 0]);
}

#[test]
fn a_resource_without_instance_or_host_is_an_aggregate_with_dimensions_of_its_points() {
    let mut normaliser = Normaliser::new(&["cdn".to_owned()]);
    let request = json!({"resourceMetrics": [{"resource": {"attributes": [text("service.name", "player")]}, "scopeMetrics": [{"metrics": [
        {"name": "firstbad.requests", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
            {"attributes": [text("cdn", "3"), text("firstbad.outcome", "error")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(60), "asInt": "4"}]}}]}]}]});
    let request = request.to_string();
    let batch = normaliser.metrics(&decode_metrics(request.as_bytes(), Encoding::Json).unwrap());
    let row = rows(&batch)[0];
    assert_eq!(row.source, Source::Aggregate);
    assert_eq!(row.totals[0].dimensions.get("cdn").map(|value| value.as_ref()), Some("3"));
    assert_eq!(row.totals[0].outcomes.error, 4);
}

#[test]
fn an_exponential_histogram_keeps_zeros_and_magnitudes_apart() {
    let mut normaliser = Normaliser::new(&[]);
    let scores = json!({"name": "firstbad.scores", "exponentialHistogram": {"aggregationTemporality": 1, "dataPoints": [
        {"attributes": [text("firstbad.score.name", "bot")], "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "12",
         "scale": 0, "zeroCount": "5", "positive": {"offset": 5, "bucketCounts": ["7"]}}]}});
    let batch = metrics(&mut normaliser, &[scores]);
    let histogram = &rows(&batch)[0].scores[0].histogram;
    assert_eq!(histogram.counts.first(), Some(&5));
    let place = histogram.counts.iter().rposition(|count| *count == 7).unwrap();
    assert!((32.0..=64.0).contains(&histogram.bounds[place]), "{}", histogram.bounds[place]);
}

#[test]
fn events_are_read_once_and_refused_with_a_reason() {
    let load = |seq: i64, hash: &str| {
        json!({"timeUnixNano": ns(5), "eventName": "firstbad.config.load", "attributes": [
            text("firstbad.config.name", "bots"), text("firstbad.config.hash", hash), text("firstbad.load.result", "applied"),
            {"key": "firstbad.config.rows", "value": {"intValue": "240"}}, {"key": "firstbad.limit.rows", "value": {"intValue": 200}},
            text("firstbad.boot", "b"), {"key": "firstbad.seq", "value": {"intValue": seq.to_string()}}]})
    };
    let mut normaliser = Normaliser::new(&[]);
    let batch = logs(&mut normaliser, &[load(1, HASH), load(1, HASH), load(2, "sha256:12")]);
    assert_eq!((batch.accepted, batch.rejected), (2, 1));
    let Some(Observation::Load(load)) = batch.observations.first() else { panic!("{batch:?}") };
    assert_eq!((load.facts.numbers.get("rows"), load.facts.limits.get("rows")), (Some(&240), Some(&200)));
    assert!(
        matches!(batch.observations.last(), Some(Observation::Gap(gap)) if gap.sentence.contains("hash is not sha256"))
    );
}

#[test]
fn state_survives_a_restart() {
    let mut normaliser = Normaliser::new(&[]);
    metrics(&mut normaliser, &[requests(2, span(0, 10), 100, false)]);
    let saved = postcard::to_stdvec(&normaliser).unwrap();
    let mut restored: Normaliser = postcard::from_bytes(&saved).unwrap();
    let again = [requests(2, span(0, 20), 150, false)];
    assert_eq!(metrics(&mut restored, &again), metrics(&mut normaliser, &again));
}

#[test]
fn nothing_later_than_the_horizon_is_read() {
    let mut normaliser = Normaliser::new(&[]);
    normaliser.read_until(firstbad_protocol::time::Timestamp::from_seconds(T0 + 10));
    assert_eq!(oks(&metrics(&mut normaliser, &[requests(1, span(0, 10), 5, false)])), [(0, 10, 5)]);
    let batch = metrics(&mut normaliser, &[requests(1, span(10, 20), 5, false)]);
    assert_eq!((oks(&batch), batch.latest), (vec![], None));
}

proptest! {
    #[test]
    fn absurd_numbers_and_times_never_panic(values in prop::collection::vec((any::<i64>(), any::<u64>(), any::<u64>(), 0_i64..4), 1..20)) {
        let mut normaliser = Normaliser::new(&[]);
        for (value, start, time, temporality) in values {
            let point = json!({"attributes": [text("firstbad.outcome", "ok")], "startTimeUnixNano": start.to_string(),
                "timeUnixNano": time.to_string(), "asInt": value.to_string()});
            let metric = json!({"name": "firstbad.requests", "sum": {"aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": [point]}});
            let batch = metrics(&mut normaliser, &[metric]);
            prop_assert!(batch.accepted + batch.rejected <= 2);
        }
    }
}
