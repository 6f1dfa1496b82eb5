//! Senders of standard metrics only, as stock SDKs write them.

use super::{Seconds, ns, rows, span, text};
use crate::normalise::{Batch, Normaliser};
use crate::otlp::{Encoding, decode_metrics};
use firstbad_diagnosis::observation::Outcomes;
use serde_json::{Value, json};

fn send(normaliser: &mut Normaliser, metrics: &[Value]) -> Batch {
    let resource = json!({"attributes": [text("service.instance.id", "i1"), text("host.name", "h1")]});
    let request = json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"scope": {"name": "http"}, "metrics": metrics}]}]});
    normaliser.metrics(&decode_metrics(request.to_string().as_bytes(), Encoding::Json).unwrap())
}

fn duration(temporality: &Value, points: &[Value]) -> Value {
    json!({"name": "http.server.request.duration", "unit": "s",
        "histogram": {"aggregationTemporality": temporality, "dataPoints": points}})
}

fn point(attributes: &[Value], span: Seconds, counts: [u64; 3]) -> Value {
    json!({"attributes": attributes, "startTimeUnixNano": ns(span.start), "timeUnixNano": ns(span.end), "count": counts.iter().sum::<u64>().to_string(),
        "sum": 1.5, "min": 0.001, "max": 0.7, "explicitBounds": [0.005, 0.5], "bucketCounts": counts.map(|count| count.to_string())})
}

fn status(value: &Value) -> Value {
    json!({"key": "http.response.status_code", "value": value})
}

#[test]
fn requests_are_counted_from_durations_and_failed_by_status_or_error_type() {
    let points = [
        point(&[status(&json!({"intValue": "200"})), text("http.request.method", "GET")], span(0, 10), [50, 30, 0]),
        point(&[status(&json!({"intValue": 404})), text("http.request.method", "GET")], span(0, 10), [5, 0, 0]),
        point(&[status(&json!({"intValue": 500}))], span(0, 10), [1, 1, 1]),
        point(&[status(&json!({"stringValue": "503"}))], span(0, 10), [0, 0, 4]),
        point(&[text("error.type", "timeout")], span(0, 10), [0, 0, 2]),
        point(&[status(&json!({"intValue": "302"})), text("error.type", "")], span(0, 10), [6, 0, 0]),
    ];
    for temporality in [json!(1), json!("AGGREGATION_TEMPORALITY_DELTA"), json!("AGGREGATION_TEMPORALITY_CUMULATIVE")] {
        let batch = send(&mut Normaliser::new(&[]), &[duration(&temporality, &points)]);
        let row = rows(&batch)[0];
        assert_eq!(row.totals[0].outcomes, Outcomes { ok: 86, denied: 5, error: 9, panic: 0 }, "{temporality}");
        let latency = row.latency.as_ref().unwrap();
        assert_eq!((&latency.counts[..], latency.sum), (&[62, 31, 7][..], Some(9.0)));
    }
}

#[test]
fn durations_count_in_the_exponential_form_and_without_buckets_too() {
    let exponential = json!({"name": "http.server.request.duration", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
        {"startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "12", "sum": 3.0, "scale": 3, "zeroCount": 0,
         "positive": {"offset": -40, "bucketCounts": ["4", "8"]}, "attributes": [status(&json!({"intValue": 502}))]}]}});
    let batch = send(&mut Normaliser::new(&[]), &[exponential]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes, Outcomes { error: 12, ..Outcomes::default() });
    let bare = json!({"startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "count": "9", "sum": 3.0});
    let batch = send(&mut Normaliser::new(&[]), &[duration(&json!(1), &[bare])]);
    assert_eq!(rows(&batch)[0].totals[0].outcomes.ok, 9);
}

#[test]
fn the_state_of_the_process_is_read_as_gauges_or_as_sums_that_may_fall() {
    let level = |name: &str, points: &[(&[Value], f64)], as_sum: bool| {
        let points: Vec<Value> = points
            .iter()
            .map(|(attributes, value)| json!({"attributes": attributes, "startTimeUnixNano": ns(0), "timeUnixNano": ns(10), "asDouble": value}))
            .collect();
        if as_sum {
            json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": false, "dataPoints": points}})
        } else {
            json!({"name": name, "gauge": {"dataPoints": points}})
        }
    };
    let mode = |word: &str| [text("cpu.mode", word)];
    let state = |word: &str| [text("state", word)];
    for as_sum in [false, true] {
        let metrics = [
            level(
                "process.cpu.utilization",
                &[(&mode("user"), 0.5), (&mode("system"), 0.25), (&mode("wait"), 0.125), (&state("idle"), 0.75)],
                as_sum,
            ),
            level("process.memory.usage", &[(&[], 6e8)], as_sum),
            level(
                "http.server.active_requests",
                &[(&[text("http.request.method", "GET")], 3.0), (&[text("http.request.method", "POST")], 4.0)],
                as_sum,
            ),
            level("process.uptime", &[(&[], 100.0)], as_sum),
        ];
        let batch = send(&mut Normaliser::new(&[]), &metrics);
        let row = rows(&batch)[0];
        assert_eq!(
            (row.cpu, row.memory, row.in_flight, batch.rejected),
            (Some(0.75), Some(6e8), Some(7.0), 0),
            "{as_sum}"
        );
    }
}

#[test]
fn an_idle_delta_sender_of_standard_metrics_has_a_zero() {
    let mut normaliser = Normaliser::new(&[]);
    let memory = |time| json!({"name": "process.memory.usage", "gauge": {"dataPoints": [{"timeUnixNano": ns(time), "asInt": 1}]}});
    send(&mut normaliser, &[duration(&json!(1), &[point(&[], span(0, 10), [3, 0, 0])]), memory(10)]);
    let batch = send(&mut normaliser, &[memory(20)]);
    assert_eq!(super::oks(&batch), [(10, 20, 0)]);
    assert_eq!(rows(&batch)[0].totals.len(), 1);
}
