//! Random requests in generated form: every kind of metric and value, some empty, a few of each.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span::Event};
use proptest::prelude::*;

/// A metrics request.
pub(crate) fn metrics_request() -> impl Strategy<Value = ExportMetricsServiceRequest> {
    let metric = (".{0,12}", prop::option::of(data())).prop_map(|(name, data)| Metric {
        name,
        data,
        unit: "1".to_owned(),
        ..Metric::default()
    });
    let scope =
        (prop::option::of(".{0,8}"), prop::collection::vec(metric, 0..4)).prop_map(|(name, metrics)| ScopeMetrics {
            scope: name.map(|name| InstrumentationScope { name, ..InstrumentationScope::default() }),
            metrics,
            ..ScopeMetrics::default()
        });
    let resource = (resource(), prop::collection::vec(scope, 0..3)).prop_map(|(resource, scope_metrics)| {
        ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }
    });
    prop::collection::vec(resource, 0..3).prop_map(|resource_metrics| ExportMetricsServiceRequest { resource_metrics })
}

/// A logs request.
pub(crate) fn logs_request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let record = (any::<u64>(), any::<u64>(), prop::option::of(value()), attributes(), ".{0,12}").prop_map(
        |(time_unix_nano, observed_time_unix_nano, body, attributes, event_name)| LogRecord {
            time_unix_nano,
            observed_time_unix_nano,
            body,
            attributes,
            event_name,
            severity_number: 9,
            trace_id: vec![1; 16],
            ..LogRecord::default()
        },
    );
    let resource = (resource(), prop::collection::vec(record, 0..4)).prop_map(|(resource, log_records)| ResourceLogs {
        resource,
        scope_logs: vec![ScopeLogs { log_records, ..ScopeLogs::default() }],
        ..ResourceLogs::default()
    });
    prop::collection::vec(resource, 0..3).prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

/// A traces request.
pub(crate) fn traces_request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    let event = (any::<u64>(), ".{0,12}", attributes()).prop_map(|(time_unix_nano, name, attributes)| Event {
        time_unix_nano,
        name,
        attributes,
        dropped_attributes_count: 3,
    });
    let ends = (any::<u64>(), any::<u64>(), 0..7_i32, prop::option::of(0..4_i32));
    let span = (ends, prop::collection::vec(any::<u8>(), 0..9), attributes(), prop::collection::vec(event, 0..3))
        .prop_map(|((start_time_unix_nano, end_time_unix_nano, kind, status), span_id, attributes, events)| Span {
            trace_id: vec![1; 16],
            span_id,
            trace_state: "a=b".to_owned(),
            name: "GET /".to_owned(),
            flags: 1,
            kind,
            start_time_unix_nano,
            end_time_unix_nano,
            attributes,
            events,
            status: status.map(|code| Status { code, message: "m".to_owned() }),
            ..Span::default()
        });
    let resource = (resource(), prop::collection::vec(span, 0..4)).prop_map(|(resource, spans)| ResourceSpans {
        resource,
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    prop::collection::vec(resource, 0..3).prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn resource() -> impl Strategy<Value = Option<Resource>> {
    prop::option::of(attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() }))
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let pair =
        (".{0,12}", prop::option::of(value())).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
    prop::collection::vec(pair, 0..4)
}

fn value() -> impl Strategy<Value = AnyValue> {
    use any_value::Value;
    let leaf = prop_oneof![
        ".{0,12}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-1e9_f64..1e9).prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..8).prop_map(Value::BytesValue),
    ]
    .prop_map(|value| AnyValue { value: Some(value) });
    leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(|values| AnyValue { value: Some(Value::ArrayValue(ArrayValue { values })) }),
            prop::collection::vec((".{0,4}", inner), 0..3).prop_map(|pairs| {
                let values =
                    pairs.into_iter().map(|(key, value)| KeyValue { key, value: Some(value), ..KeyValue::default() });
                AnyValue { value: Some(Value::KvlistValue(KeyValueList { values: values.collect() })) }
            }),
        ]
    })
}

fn data() -> impl Strategy<Value = Data> {
    prop_oneof![
        prop::collection::vec(number_point(), 0..4).prop_map(|data_points| Data::Gauge(Gauge { data_points })),
        (prop::collection::vec(number_point(), 0..4), 0..3, any::<bool>()).prop_map(
            |(data_points, aggregation_temporality, is_monotonic)| {
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
            }
        ),
        (prop::collection::vec(histogram_point(), 0..4), 0..3).prop_map(|(data_points, aggregation_temporality)| {
            Data::Histogram(Histogram { data_points, aggregation_temporality })
        }),
        (prop::collection::vec(exponential_point(), 0..4), 0..3).prop_map(|(data_points, aggregation_temporality)| {
            Data::ExponentialHistogram(ExponentialHistogram { data_points, aggregation_temporality })
        }),
    ]
}

fn number_point() -> impl Strategy<Value = NumberDataPoint> {
    let value = prop_oneof![any::<i64>().prop_map(Number::AsInt), (-1e9_f64..1e9).prop_map(Number::AsDouble)];
    (attributes(), any::<u64>(), any::<u64>(), prop::option::of(value), 0_u32..2).prop_map(
        |(attributes, start_time_unix_nano, time_unix_nano, value, flags)| NumberDataPoint {
            attributes,
            start_time_unix_nano,
            time_unix_nano,
            value,
            flags,
            ..NumberDataPoint::default()
        },
    )
}

fn histogram_point() -> impl Strategy<Value = HistogramDataPoint> {
    let buckets = (prop::collection::vec(any::<u64>(), 0..6), prop::collection::vec(-1e6_f64..1e6, 0..6));
    (attributes(), any::<u64>(), any::<u64>(), prop::option::of(0.0_f64..1e9), buckets).prop_map(
        |(attributes, time_unix_nano, count, sum, (bucket_counts, explicit_bounds))| HistogramDataPoint {
            attributes,
            time_unix_nano,
            count,
            sum,
            bucket_counts,
            explicit_bounds,
            ..HistogramDataPoint::default()
        },
    )
}

fn exponential_point() -> impl Strategy<Value = ExponentialHistogramDataPoint> {
    let buckets = || {
        prop::option::of(
            (any::<i32>(), prop::collection::vec(any::<u64>(), 0..6))
                .prop_map(|(offset, bucket_counts)| Buckets { offset, bucket_counts }),
        )
    };
    (attributes(), any::<u64>(), any::<i32>(), any::<u64>(), (buckets(), buckets())).prop_map(
        |(attributes, count, scale, zero_count, (positive, negative))| ExponentialHistogramDataPoint {
            attributes,
            count,
            scale,
            zero_count,
            positive,
            negative,
            ..ExponentialHistogramDataPoint::default()
        },
    )
}
