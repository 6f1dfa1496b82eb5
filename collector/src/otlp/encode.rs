//! Writes a request as protobuf again, after secrets in it were hidden. Only the fields that were read are written.

use super::model::{
    Attribute, Buckets, Data, ExponentialPoint, HistogramPoint, LogRecord, Logs, Metric, Metrics, Number, NumberPoint,
    Resource, Span, SpanEvent, SpanKind, Temporality, Traces, Value,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Sent;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::{
    logs::v1 as logs, metrics::v1 as metrics, resource::v1 as resource, trace::v1 as trace,
};
use prost::Message as _;

/// A logs request as protobuf. All of it has to be read.
pub(crate) fn logs(request: &Logs<'_>) -> Vec<u8> {
    let resource_logs = request.resource_logs.iter().map(|from| {
        let records = from.scope_logs.iter().flat_map(|scope| &scope.log_records);
        logs::ResourceLogs {
            resource: Some(of_resource(&from.resource)),
            scope_logs: vec![logs::ScopeLogs {
                log_records: records.map(record).collect(),
                ..logs::ScopeLogs::default()
            }],
            ..logs::ResourceLogs::default()
        }
    });
    ExportLogsServiceRequest { resource_logs: resource_logs.collect() }.encode_to_vec()
}

/// A metrics request as protobuf. All of it has to be read; its summaries are left out: nothing reads them.
pub(crate) fn metrics(request: &Metrics<'_>) -> Vec<u8> {
    let resource_metrics = request.resource_metrics.iter().map(|from| metrics::ResourceMetrics {
        resource: Some(of_resource(&from.resource)),
        scope_metrics: from
            .scope_metrics
            .iter()
            .map(|scope| metrics::ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: scope.scope.name.to_string(),
                    ..InstrumentationScope::default()
                }),
                metrics: scope.metrics.iter().map(metric).collect(),
                ..metrics::ScopeMetrics::default()
            })
            .collect(),
        ..metrics::ResourceMetrics::default()
    });
    ExportMetricsServiceRequest { resource_metrics: resource_metrics.collect() }.encode_to_vec()
}

/// A traces request as protobuf.
pub(crate) fn traces(request: &Traces<'_>) -> Vec<u8> {
    let resource_spans = request.resource_spans.iter().map(|from| {
        let spans = from.scope_spans.iter().flat_map(|scope| &scope.spans).map(span).collect();
        trace::ResourceSpans {
            resource: Some(of_resource(&from.resource)),
            scope_spans: vec![trace::ScopeSpans { spans, ..trace::ScopeSpans::default() }],
            ..trace::ResourceSpans::default()
        }
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

fn of_resource(from: &Resource<'_>) -> resource::Resource {
    resource::Resource { attributes: key_values(&from.attributes), ..resource::Resource::default() }
}

/// A log record.
pub(crate) fn record(from: &LogRecord<'_>) -> logs::LogRecord {
    logs::LogRecord {
        time_unix_nano: from.time,
        observed_time_unix_nano: from.observed,
        event_name: from.event_name.to_string(),
        body: any_value(&from.body),
        attributes: key_values(&from.attributes),
        ..logs::LogRecord::default()
    }
}

fn span(from: &Span<'_>) -> trace::Span {
    let event = |event: &SpanEvent<'_>| trace::span::Event {
        time_unix_nano: event.time,
        name: event.name.to_string(),
        attributes: key_values(&event.attributes),
        ..trace::span::Event::default()
    };
    let kind = match from.kind {
        SpanKind::Other => trace::span::SpanKind::Unspecified,
        SpanKind::Server => trace::span::SpanKind::Server,
        SpanKind::Consumer => trace::span::SpanKind::Consumer,
    };
    let code = if from.status.is_error { trace::status::StatusCode::Error } else { trace::status::StatusCode::Unset };
    trace::Span {
        span_id: from.span_id.to_vec(),
        kind: kind.into(),
        start_time_unix_nano: from.start,
        end_time_unix_nano: from.end,
        attributes: key_values(&from.attributes),
        events: from.events.iter().map(event).collect(),
        status: Some(trace::Status { code: code.into(), ..trace::Status::default() }),
        ..trace::Span::default()
    }
}

fn metric(from: &Metric<'_>) -> metrics::Metric {
    use metrics::metric::Data as To;
    let data = match &from.data {
        Data::None | Data::Summary(_) => None,
        Data::Gauge(points) => Some(To::Gauge(metrics::Gauge { data_points: points.iter().map(number).collect() })),
        Data::Sum { temporality, monotonic, points } => Some(To::Sum(metrics::Sum {
            data_points: points.iter().map(number).collect(),
            aggregation_temporality: temporality_number(*temporality),
            is_monotonic: *monotonic,
        })),
        Data::Histogram { temporality, points } => Some(To::Histogram(metrics::Histogram {
            data_points: points.iter().map(histogram).collect(),
            aggregation_temporality: temporality_number(*temporality),
        })),
        Data::Exponential { temporality, points } => Some(To::ExponentialHistogram(metrics::ExponentialHistogram {
            data_points: points.iter().map(exponential).collect(),
            aggregation_temporality: temporality_number(*temporality),
        })),
    };
    metrics::Metric { name: from.name.to_string(), data, ..metrics::Metric::default() }
}

const fn temporality_number(temporality: Temporality) -> i32 {
    match temporality {
        Temporality::Unspecified => 0,
        Temporality::Delta => 1,
        Temporality::Cumulative => 2,
    }
}

fn number(from: &NumberPoint<'_>) -> metrics::NumberDataPoint {
    use metrics::number_data_point::Value as To;
    metrics::NumberDataPoint {
        attributes: key_values(&from.attributes),
        start_time_unix_nano: from.start,
        time_unix_nano: from.time,
        value: match from.value {
            Number::None => None,
            Number::Int(value) => Some(To::AsInt(value)),
            Number::Double(value) => Some(To::AsDouble(value)),
        },
        flags: from.flags,
        ..metrics::NumberDataPoint::default()
    }
}

fn histogram(from: &HistogramPoint<'_>) -> metrics::HistogramDataPoint {
    metrics::HistogramDataPoint {
        attributes: key_values(&from.attributes),
        start_time_unix_nano: from.start,
        time_unix_nano: from.time,
        count: from.count,
        sum: from.sum,
        bucket_counts: from.bucket_counts.clone(),
        explicit_bounds: from.bounds.clone(),
        flags: from.flags,
        ..metrics::HistogramDataPoint::default()
    }
}

fn exponential(from: &ExponentialPoint<'_>) -> metrics::ExponentialHistogramDataPoint {
    let buckets = |from: &Buckets| {
        Some(metrics::exponential_histogram_data_point::Buckets {
            offset: from.offset,
            bucket_counts: from.counts.clone(),
        })
    };
    metrics::ExponentialHistogramDataPoint {
        attributes: key_values(&from.attributes),
        start_time_unix_nano: from.start,
        time_unix_nano: from.time,
        count: from.count,
        sum: from.sum,
        scale: from.scale,
        zero_count: from.zero_count,
        positive: buckets(&from.positive),
        negative: buckets(&from.negative),
        flags: from.flags,
        ..metrics::ExponentialHistogramDataPoint::default()
    }
}

fn key_values(attributes: &[Attribute<'_>]) -> Vec<KeyValue> {
    attributes
        .iter()
        .map(|attribute| KeyValue {
            key: attribute.key.to_string(),
            value: any_value(&attribute.value),
            ..KeyValue::default()
        })
        .collect()
}

/// The value in the protocol's own types; none if it is empty.
fn any_value(value: &Value<'_>) -> Option<AnyValue> {
    let sent = match value {
        Value::Empty => return None,
        Value::Text(text) => Sent::StringValue(text.to_string()),
        Value::Bool(truth) => Sent::BoolValue(*truth),
        Value::Int(integer) => Sent::IntValue(*integer),
        Value::Double(real) => Sent::DoubleValue(*real),
        Value::Bytes(bytes) => Sent::BytesValue(bytes.to_vec()),
        Value::List(values) => Sent::ArrayValue(ArrayValue {
            values: values.iter().map(|value| any_value(value).unwrap_or_default()).collect(),
        }),
        Value::Map(fields) => Sent::KvlistValue(KeyValueList { values: key_values(fields) }),
    };
    Some(AnyValue { value: Some(sent) })
}
