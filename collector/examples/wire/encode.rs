//! A process' points and events as protobuf, in the shape in which the agent posts them.

use firstbad_collector::recorder::metrics_request;
use firstbad_protocol::Hash;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::recorder::RecorderImage;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;

/// An event of a process.
pub(crate) struct Event {
    name: &'static str,
    at: i64,
    attributes: Vec<KeyValue>,
}

impl Event {
    /// A version was taken.
    pub(crate) fn load(config: &str, hash: Hash, rows: u64, at: i64) -> Self {
        let rows = i64::try_from(rows).unwrap_or(i64::MAX);
        let attributes = vec![
            text(attribute::CONFIG_NAME, config),
            text(attribute::CONFIG_HASH, hash.to_string()),
            text(attribute::LOAD_RESULT, "applied"),
            with(attribute::CONFIG_SIZE, Value::IntValue(70 * rows)),
            with(attribute::CONFIG_ROWS, Value::IntValue(rows)),
            with(attribute::CONFIG_DUPLICATE_ROWS, Value::IntValue(0)),
            with(&format!("{}rows", attribute::LIMIT_PREFIX), Value::IntValue(200)),
        ];
        Self { name: event::CONFIG_LOAD, at, attributes }
    }

    /// A panic, with what was active.
    pub(crate) fn panic(active: Vec<String>, at: i64) -> Self {
        let active = active.into_iter().map(|name| AnyValue { value: Some(Value::StringValue(name)) }).collect();
        let attributes = vec![
            text("exception.type", "panic"),
            text("exception.message", "called `Result::unwrap()` on an `Err` value: TooManyFeatures"),
            text("code.file.path", "src/features.rs"),
            with("code.line.number", Value::IntValue(88)),
            with("code.column.number", Value::IntValue(14)),
            with(attribute::CONFIG_ACTIVE, Value::ArrayValue(ArrayValue { values: active })),
        ];
        Self { name: event::EXCEPTION, at, attributes }
    }
}

/// The metrics request of one process, by the agent's own encoder, and how many points are in it.
pub(crate) fn metrics(image: &RecorderImage, end: i64) -> (Vec<u8>, usize) {
    let request = metrics_request(image, end.unsigned_abs(), &[]);
    let metrics = request.resource_metrics.iter().flat_map(|of| &of.scope_metrics).flat_map(|of| &of.metrics);
    let points = metrics.filter_map(|metric| metric.data.as_ref()).map(|data| match data {
        Data::Sum(sum) => sum.data_points.len(),
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Histogram(histogram) => histogram.data_points.len(),
        _ => 0,
    });
    let points = points.sum();
    (request.encode_to_vec(), points)
}

/// The logs request of one process; none without events.
pub(crate) fn logs(image: &RecorderImage, round: i64, events: &[Event]) -> Option<Vec<u8>> {
    let record = |(index, event): (i64, &Event)| {
        let mut attributes = event.attributes.clone();
        attributes.push(text(attribute::BOOT, format!("{:032x}", image.boot)));
        attributes.push(with(attribute::SEQ, Value::IntValue(100 * round + index)));
        let at = event.at.unsigned_abs();
        LogRecord {
            time_unix_nano: at,
            observed_time_unix_nano: at,
            event_name: event.name.to_owned(),
            attributes,
            ..LogRecord::default()
        }
    };
    let log_records: Vec<LogRecord> = (0..).zip(events).map(record).collect();
    if log_records.is_empty() {
        return None;
    }
    let scope = ScopeLogs { scope: Some(scope()), log_records, ..ScopeLogs::default() };
    let resource = ResourceLogs { resource: Some(resource(image)), scope_logs: vec![scope], ..ResourceLogs::default() };
    Some(ExportLogsServiceRequest { resource_logs: vec![resource] }.encode_to_vec())
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    with(key, Value::StringValue(value.into()))
}

fn with(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn resource(image: &RecorderImage) -> Resource {
    let mut attributes: Vec<KeyValue> = image.resource.iter().map(|(key, value)| text(key, value)).collect();
    attributes.push(with(attribute::PROCESS_PID, Value::IntValue(i64::from(image.pid))));
    Resource { attributes, ..Resource::default() }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "firstbad-instrument".to_owned(), version: "0.1.0".to_owned(), ..Default::default() }
}
