//! The requests of OTLP/JSON that the fleets of these tests send.

use serde_json::{Value, json};

pub(crate) fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

pub(crate) fn int(key: &str, value: i64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn nanoseconds(ms: i64) -> String {
    (ms * 1_000_000).to_string()
}

/// Returns a request with one log event.
pub(crate) fn event(resource: &Value, at_ms: i64, name: &str, attributes: &[Value]) -> Value {
    let time = nanoseconds(at_ms);
    let record =
        json!({"timeUnixNano": time, "observedTimeUnixNano": time, "eventName": name, "attributes": attributes});
    json!({"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [{"logRecords": [record]}]}]})
}

/// Returns a request with these metrics.
pub(crate) fn metrics(resource: &Value, metrics: &[Value]) -> Value {
    json!({"resourceMetrics": [{"resource": {"attributes": resource}, "scopeMetrics": [{"metrics": metrics}]}]})
}

/// When a point was reported and since when it counts, in milliseconds since 1970.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
}

impl Span {
    pub(crate) fn count(self, count: i64, attributes: &[Value]) -> Value {
        json!({"attributes": attributes, "startTimeUnixNano": nanoseconds(self.start_ms),
            "timeUnixNano": nanoseconds(self.end_ms), "asInt": count.to_string()})
    }

    /// Returns a point of a histogram of durations, all of them 40 ms.
    pub(crate) fn durations(self, count: i64, attributes: &[Value]) -> Value {
        json!({"attributes": attributes, "startTimeUnixNano": nanoseconds(self.start_ms),
            "timeUnixNano": nanoseconds(self.end_ms), "count": count.to_string(), "sum": count as f64 * 0.04,
            "explicitBounds": [0.025, 0.05, 0.5], "bucketCounts": ["0", count.to_string(), "0", "0"]})
    }
}

pub(crate) fn sum(name: &str, points: &[Value]) -> Value {
    json!({"name": name, "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": points}})
}

pub(crate) fn histogram(name: &str, points: &[Value]) -> Value {
    json!({"name": name, "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": points}})
}

pub(crate) fn gauge(name: &str, points: &[Value]) -> Value {
    json!({"name": name, "gauge": {"dataPoints": points}})
}
