//! Batches in the shapes of the contract: panics as log records, and three points of `firstbad.requests` to one histogram of
//! `firstbad.scores`. They are encoded once and stamped anew for each send, so that no two are equal.

use crate::settings::Signal;
use firstbad_protocol::Hash;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use std::time::{SystemTime, UNIX_EPOCH};

/// What stands where a time and a start time are written later.
const TIME: u64 = 0x5afe_71ed_c0de_0001;
const START: u64 = 0x5afe_71ed_c0de_0002;
/// Hosts that report.
const HOSTS: u64 = 64;
/// A point covers this long.
const SPAN_NS: u64 = 1_000_000_000;

/// An encoded request, and where its times stand.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    body: Vec<u8>,
    times: Vec<usize>,
    starts: Vec<usize>,
}

impl Batch {
    fn new(body: Vec<u8>) -> Self {
        let places = |stamp: u64| {
            let stamp = stamp.to_le_bytes();
            body.windows(stamp.len()).enumerate().filter(|(_, at)| **at == stamp).map(|(at, _)| at).collect()
        };
        let (times, starts) = (places(TIME), places(START));
        Self { body, times, starts }
    }

    /// The body with the present time. Items of one batch are a nanosecond apart.
    pub(crate) fn stamped(&self) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let mut body = self.body.clone();
        let mut put = |at: usize, stamp: u64| {
            if let Some(place) = body.get_mut(at..at + 8) {
                place.copy_from_slice(&stamp.to_le_bytes());
            }
        };
        for (later, at) in (0..).zip(&self.times) {
            put(*at, now + later);
        }
        for at in &self.starts {
            put(*at, now.saturating_sub(SPAN_NS));
        }
        body
    }
}

/// One batch of `items` for each of the hosts.
pub(crate) fn batches(signal: Signal, items: usize) -> Vec<Batch> {
    let batch = |host| match signal {
        Signal::Logs => logs(host, items).encode_to_vec(),
        Signal::Metrics => metrics(host, items).encode_to_vec(),
    };
    (0..HOSTS).map(|host| Batch::new(batch(host))).collect()
}

/// A request with panics whose messages were in no request with another `number`, from a host of that number.
pub(crate) fn new_messages(number: usize, items: usize) -> Vec<u8> {
    let mut request = logs(number as u64, items);
    let records = request.resource_logs.iter_mut().flat_map(|of| &mut of.scope_logs).flat_map(|of| &mut of.log_records);
    for (item, record) in records.enumerate() {
        let message = format!("no such key: {number}-{item}");
        record
            .attributes
            .iter_mut()
            .filter(|it| it.key == "exception.message")
            .for_each(|it| *it = text("exception.message", &message));
    }
    Batch::new(request.encode_to_vec()).stamped()
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

fn hash(version: u64) -> String {
    Hash::of(&version.to_le_bytes()).to_string()
}

fn resource(host: u64) -> Option<Resource> {
    let region = ["eu-west-1", "us-east-1", "ap-south-1", "sa-east-1"].into_iter().cycle().nth((host % 4) as usize);
    let attributes = vec![
        text("service.name", "fl2-proxy"),
        text("service.version", "2025.11.18-1"),
        text("service.instance.id", format!("b4c1f1c2-6c0e-4f2a-9f3e-{host:012x}")),
        text("host.name", format!("edge-{host:05}.example.net")),
        text("cloud.region", region.unwrap_or_default()),
        text("deployment.environment.name", "prod"),
        text("telemetry.sdk.language", "rust"),
        text("process.runtime.name", "rustc"),
    ];
    Some(Resource { attributes, ..Resource::default() })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope { name: "firstbad".to_owned(), ..InstrumentationScope::default() })
}

fn logs(host: u64, items: usize) -> ExportLogsServiceRequest {
    let log_records = (0..items).map(|item| panic(item, host)).collect();
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { resource: resource(host), scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

fn panic(item: usize, host: u64) -> LogRecord {
    let what =
        format!("called Result::unwrap() on an Err value: TooManyFeatures {{ got: {}, limit: 200 }}", 200 + item % 97);
    let attributes = vec![
        text("exception.type", "panic"),
        text("exception.message", what.clone()),
        text("code.file.path", "src/bots/features.rs"),
        attribute("code.line.number", Value::IntValue(71)),
        attribute("code.column.number", Value::IntValue(14)),
        text("thread.name", "fl2_worker_thread"),
        text("firstbad.config.name", "bot-features"),
        text("firstbad.config.hash", hash(host % 2)),
    ];
    let body = Value::StringValue(format!("thread fl2_worker_thread panicked: {what}"));
    LogRecord {
        time_unix_nano: TIME,
        observed_time_unix_nano: TIME,
        severity_number: 21,
        severity_text: "FATAL".to_owned(),
        body: Some(AnyValue { value: Some(body) }),
        attributes,
        trace_id: vec![7; 16],
        span_id: vec![9; 8],
        event_name: "exception".to_owned(),
        ..LogRecord::default()
    }
}

fn metrics(host: u64, items: usize) -> ExportMetricsServiceRequest {
    let (histograms, sums): (Vec<usize>, Vec<usize>) = (0..items).partition(|item| item % 4 == 3);
    let requests = sums.into_iter().map(|item| requests(item, host)).collect();
    let sum = Sum { data_points: requests, aggregation_temporality: 1, is_monotonic: true };
    let mut metrics = vec![metric("firstbad.requests", "{request}", Data::Sum(sum))];
    if !histograms.is_empty() {
        let scores = histograms.into_iter().map(|item| scores(item, host)).collect();
        let histogram = Histogram { data_points: scores, aggregation_temporality: 1 };
        metrics.push(metric("firstbad.scores", "1", Data::Histogram(histogram)));
    }
    let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: resource(host), scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

/// The config and version of an item, and the route that tells the items of a large batch apart.
fn labels(item: usize, host: u64, last: KeyValue) -> Vec<KeyValue> {
    let group = item as u64 / 4;
    let config = ["bot-features", "waf-rules", "routes"].into_iter().cycle().nth((group % 3) as usize);
    let mut labels = vec![
        text("firstbad.config.name", config.unwrap_or_default()),
        text("firstbad.config.hash", hash(group % 6 / 3 + host % 2)),
    ];
    if group >= 6 {
        labels.push(text("http.route", format!("/r{}", group / 6)));
    }
    labels.push(last);
    labels
}

fn requests(item: usize, host: u64) -> NumberDataPoint {
    let outcomes = [("ok", 971), ("error", 23), ("panic", 2)];
    let (outcome, count) = outcomes.into_iter().cycle().nth(item % 4).unwrap_or_default();
    NumberDataPoint {
        attributes: labels(item, host, text("firstbad.outcome", outcome)),
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        value: Some(number_data_point::Value::AsInt(count)),
        ..NumberDataPoint::default()
    }
}

fn scores(item: usize, host: u64) -> HistogramDataPoint {
    let bucket_counts: Vec<u64> = (0..14).map(|bucket| (bucket * 7 + item as u64) % 90).collect();
    HistogramDataPoint {
        attributes: labels(item, host, text("firstbad.score.name", "bot")),
        start_time_unix_nano: START,
        time_unix_nano: TIME,
        count: bucket_counts.iter().sum(),
        sum: Some(51_234.5),
        bucket_counts,
        explicit_bounds: vec![0.5, 1.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0],
        ..HistogramDataPoint::default()
    }
}
