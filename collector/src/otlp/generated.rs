//! Generated OTLP types into the internal form: for senders inside the process (the recorder source) that build requests
//! rather than bytes, and as the oracle that the byte walker is tested against.

mod spans;

pub use spans::traces_from_generated;

use super::digest::Form;
use super::model::{
    Attribute, Buckets, Data, ExponentialPoint, HistogramPoint, LogRecord, Logs, Metric, Metrics, Number, NumberPoint,
    Resource, ResourceLogs, ResourceMetrics, Scope, ScopeLogs, ScopeMetrics, Temporality, Value,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::{logs::v1 as logs, metrics::v1 as metrics, resource::v1 as resource};
use std::borrow::Cow;

/// The internal form of a metrics request.
#[must_use]
pub fn metrics_from_generated(request: &ExportMetricsServiceRequest) -> Metrics<'_> {
    Metrics { resource_metrics: request.resource_metrics.iter().map(resource_metrics).collect() }
}

/// The internal form of a logs request.
#[must_use]
pub fn logs_from_generated(request: &ExportLogsServiceRequest) -> Logs<'_> {
    Logs { resource_logs: request.resource_logs.iter().map(resource_logs).collect() }
}

fn resource_metrics(from: &metrics::ResourceMetrics) -> ResourceMetrics<'_> {
    ResourceMetrics {
        resource: resource(from.resource.as_ref()),
        scope_metrics: from.scope_metrics.iter().map(scope_metrics).collect(),
    }
}

fn resource_logs(from: &logs::ResourceLogs) -> ResourceLogs<'_> {
    ResourceLogs {
        resource: resource(from.resource.as_ref()),
        scope_logs: from
            .scope_logs
            .iter()
            .map(|scope| ScopeLogs { log_records: scope.log_records.iter().map(log_record).collect() })
            .collect(),
    }
}

fn resource(from: Option<&resource::Resource>) -> Resource<'_> {
    Resource { attributes: from.map(|resource| attributes(&resource.attributes)).unwrap_or_default() }
}

fn scope_metrics(from: &metrics::ScopeMetrics) -> ScopeMetrics<'_> {
    let name = from.scope.as_ref().map_or("", |scope| scope.name.as_str());
    ScopeMetrics { scope: Scope { name: Cow::Borrowed(name) }, metrics: from.metrics.iter().map(metric).collect() }
}

fn metric(from: &metrics::Metric) -> Metric<'_> {
    use metrics::metric::Data as From;
    let temporality = |number: i32| Temporality::from_wire(i64::from(number));
    let data = match &from.data {
        None => Data::None,
        Some(From::Gauge(gauge)) => Data::Gauge(gauge.data_points.iter().map(number_point).collect()),
        Some(From::Sum(sum)) => Data::Sum {
            temporality: temporality(sum.aggregation_temporality),
            monotonic: sum.is_monotonic,
            points: sum.data_points.iter().map(number_point).collect(),
        },
        Some(From::Histogram(histogram)) => Data::Histogram {
            temporality: temporality(histogram.aggregation_temporality),
            points: histogram.data_points.iter().map(histogram_point).collect(),
        },
        Some(From::ExponentialHistogram(histogram)) => Data::Exponential {
            temporality: temporality(histogram.aggregation_temporality),
            points: histogram.data_points.iter().map(exponential_point).collect(),
        },
        Some(From::Summary(summary)) => Data::Summary(summary.data_points.len()),
    };
    Metric { name: Cow::Borrowed(&from.name), data }
}

fn number_point(from: &metrics::NumberDataPoint) -> NumberPoint<'_> {
    use metrics::number_data_point::Value as From;
    NumberPoint {
        attributes: attributes(&from.attributes),
        start: from.start_time_unix_nano,
        time: from.time_unix_nano,
        value: match from.value {
            None => Number::None,
            Some(From::AsInt(value)) => Number::Int(value),
            Some(From::AsDouble(value)) => Number::Double(value),
        },
        flags: from.flags,
        form: Form::Read,
    }
}

fn histogram_point(from: &metrics::HistogramDataPoint) -> HistogramPoint<'_> {
    HistogramPoint {
        attributes: attributes(&from.attributes),
        start: from.start_time_unix_nano,
        time: from.time_unix_nano,
        count: from.count,
        sum: from.sum,
        bucket_counts: from.bucket_counts.clone(),
        bounds: from.explicit_bounds.clone(),
        flags: from.flags,
        form: Form::Read,
    }
}

fn exponential_point(from: &metrics::ExponentialHistogramDataPoint) -> ExponentialPoint<'_> {
    let buckets = |from: &Option<metrics::exponential_histogram_data_point::Buckets>| {
        from.as_ref()
            .map(|buckets| Buckets { offset: buckets.offset, counts: buckets.bucket_counts.clone() })
            .unwrap_or_default()
    };
    ExponentialPoint {
        attributes: attributes(&from.attributes),
        start: from.start_time_unix_nano,
        time: from.time_unix_nano,
        count: from.count,
        sum: from.sum,
        scale: from.scale,
        zero_count: from.zero_count,
        positive: buckets(&from.positive),
        negative: buckets(&from.negative),
        flags: from.flags,
        form: Form::Read,
    }
}

fn log_record(from: &logs::LogRecord) -> LogRecord<'_> {
    LogRecord {
        time: from.time_unix_nano,
        observed: from.observed_time_unix_nano,
        event_name: Cow::Borrowed(&from.event_name),
        body: value(from.body.as_ref()),
        attributes: attributes(&from.attributes),
        form: Form::Read,
        undecoded: None,
    }
}

fn attributes(from: &[KeyValue]) -> Vec<Attribute<'_>> {
    from.iter().map(|pair| Attribute { key: Cow::Borrowed(&pair.key), value: value(pair.value.as_ref()) }).collect()
}

fn value(from: Option<&AnyValue>) -> Value<'_> {
    use any_value::Value as From;
    match from.and_then(|value| value.value.as_ref()) {
        None | Some(From::StringValueStrindex(_)) => Value::Empty,
        Some(From::StringValue(text)) => Value::Text(Cow::Borrowed(text)),
        Some(From::BoolValue(truth)) => Value::Bool(*truth),
        Some(From::IntValue(integer)) => Value::Int(*integer),
        Some(From::DoubleValue(real)) => Value::Double(*real),
        Some(From::ArrayValue(array)) => Value::List(array.values.iter().map(|item| value(Some(item))).collect()),
        Some(From::KvlistValue(list)) => Value::Map(attributes(&list.values)),
        Some(From::BytesValue(bytes)) => Value::Bytes(Cow::Borrowed(bytes)),
    }
}
