//! Attributes and events that were read before are looked up. The observations equal those of a full read.

use super::super::Normaliser;
use crate::otlp::tests::requests::{logs_request, metrics_request};
use crate::otlp::{Encoding, Form, decode_logs, decode_metrics, decode_new_logs, decode_new_metrics, model::Data};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{
    Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric,
    number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use proptest::prelude::*;
use prost::Message as _;

const SECOND: u64 = 1_000_000_000;

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

/// Label sets as proxies send them: views, totals, one with a host of its own, one that cannot be used.
fn labels(set: usize) -> Vec<KeyValue> {
    let version = vec![
        text("firstbad.config.name", "rules"),
        text("firstbad.config.hash", &format!("sha256:{}", "ab".repeat(32))),
    ];
    let mut labels = match set {
        0 => Vec::new(),
        1 => version,
        2 => [version, vec![text("host.name", "another")]].concat(),
        3 => vec![text("firstbad.config.name", ""), text("cloud.region", "eu")],
        _ => vec![text("firstbad.config.name", "rules"), text("firstbad.config.hash", "ab12")],
    };
    labels.push(text("firstbad.outcome", ["ok", "error"][set % 2]));
    labels
}

fn report(host: u64, round: u64, temporality: i32) -> Vec<u8> {
    let (start, time) = ((600 + 10 * round) * SECOND, (610 + 10 * round) * SECOND);
    let start = if temporality == 1 { start } else { 600 * SECOND };
    let points = (0..5).map(|set| NumberDataPoint {
        attributes: labels(set),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value: Some(number_data_point::Value::AsInt(i64::try_from(10 * round).unwrap() + set as i64)),
        ..NumberDataPoint::default()
    });
    let histogram = HistogramDataPoint {
        attributes: [labels(1), vec![text("firstbad.score.name", "bot")]].concat(),
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: 3 * round,
        bucket_counts: vec![round, 2 * round],
        explicit_bounds: vec![0.5],
        ..HistogramDataPoint::default()
    };
    let requests = Sum { data_points: points.collect(), aggregation_temporality: temporality, is_monotonic: true };
    let scores = Histogram { data_points: vec![histogram], aggregation_temporality: temporality };
    let metric = |name: &str, data| Metric { name: name.to_owned(), data: Some(data), ..Metric::default() };
    let metrics = vec![
        metric("firstbad.requests", metric::Data::Sum(requests)),
        metric("firstbad.scores", metric::Data::Histogram(scores)),
    ];
    let resource = Resource { attributes: vec![text("host.name", &format!("h{host}"))], ..Resource::default() };
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let of_resource = ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }.encode_to_vec()
}

#[test]
fn label_sets_that_were_read_before_come_to_the_same() {
    for temporality in [1, 2] {
        let (mut reading, mut knowing) = (Normaliser::new(&[]), Normaliser::new(&[]));
        let mut known = 0;
        for (host, round) in (0..6).flat_map(|round| (0..3).map(move |host| (host, round))) {
            let body = report(host, round, temporality);
            // Sent twice: the second is a repeat for both.
            for _ in 0..2 {
                let read = reading.metrics(&decode_metrics(&body, Encoding::Protobuf).unwrap());
                knowing.prepare();
                let metrics = decode_new_metrics(&body, Encoding::Protobuf, &knowing).unwrap();
                if let Data::Sum { points, .. } = &metrics.resource_metrics[0].scope_metrics[0].metrics[0].data {
                    known += points.iter().filter(|point| matches!(point.form, Form::Known(_))).count();
                }
                assert_eq!(knowing.metrics(&metrics), read, "host {host}, round {round}, temporality {temporality}");
            }
        }
        assert_eq!(known, 5 * (2 * 18 - 1), "or nothing was tested");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_requests_come_to_the_same(
        metrics in prop::collection::vec(metrics_request(), 1..4),
        logs in prop::collection::vec(logs_request(), 1..4),
    ) {
        let (mut reading, mut knowing) = (Normaliser::new(&[]), Normaliser::new(&[]));
        for _ in 0..2 {
            for request in &metrics {
                let body = request.encode_to_vec();
                let read = decode_metrics(&body, Encoding::Protobuf).map(|request| reading.metrics(&request));
                knowing.prepare();
                let known = decode_new_metrics(&body, Encoding::Protobuf, &knowing);
                prop_assert_eq!(known.map(|request| knowing.metrics(&request)), read);
            }
            for request in &logs {
                let body = request.encode_to_vec();
                let read = decode_logs(&body, Encoding::Protobuf).map(|request| reading.logs(&request));
                knowing.prepare();
                let known = decode_new_logs(&body, Encoding::Protobuf, &knowing);
                prop_assert_eq!(known.map(|request| knowing.logs(&request)), read);
            }
        }
    }
}
