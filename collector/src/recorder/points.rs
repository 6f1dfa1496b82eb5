//! One recorder's points as OTLP in the protocol's own types. Which points there are is decided by
//! `firstbad_protocol::recorder::told`, for the shipper within a proxy as well.

use super::attributes::{attributes, resource, scope};
use firstbad_protocol::recorder::told::{self, Attributes};
use firstbad_protocol::recorder::{Dropped, RecorderImage, ScoreHistogram};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};

/// Everything that one recorder has counted until `now_ns`, and what its reader could not keep.
pub fn request(image: &RecorderImage, now_ns: u64, lost: &[Dropped]) -> ExportMetricsServiceRequest {
    let span = Span { start_ns: image.started_ns, now_ns };
    let metrics = told::metrics(image, now_ns, lost).into_iter().map(|metric| span.metric(metric)).collect();
    let scope = ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() };
    let resource =
        ResourceMetrics { resource: Some(resource(image)), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

/// What every point of a report covers.
#[derive(Clone, Copy)]
struct Span {
    start_ns: u64,
    now_ns: u64,
}

impl Span {
    fn metric(self, told: told::Metric) -> Metric {
        let cumulative = AggregationTemporality::Cumulative.into();
        let data = match told.data {
            told::Data::Sum(points) => Data::Sum(Sum {
                data_points: self.numbers(points, Value::AsInt),
                aggregation_temporality: cumulative,
                is_monotonic: true,
            }),
            told::Data::Gauge(points) => Data::Gauge(Gauge { data_points: self.numbers(points, Value::AsInt) }),
            told::Data::Real(points) => Data::Gauge(Gauge { data_points: self.numbers(points, Value::AsDouble) }),
            told::Data::Histogram(points) => Data::Histogram(Histogram {
                data_points: points.into_iter().map(|(of, found)| self.histogram(of, found)).collect(),
                aggregation_temporality: cumulative,
            }),
        };
        Metric { name: told.name.to_owned(), unit: told.unit.to_owned(), data: Some(data), ..Metric::default() }
    }

    fn numbers<T>(self, points: Vec<(Attributes, T)>, value: fn(T) -> Value) -> Vec<NumberDataPoint> {
        let point = |(of, number): (Attributes, T)| NumberDataPoint {
            attributes: attributes(of),
            start_time_unix_nano: self.start_ns,
            time_unix_nano: self.now_ns,
            value: Some(value(number)),
            ..NumberDataPoint::default()
        };
        points.into_iter().map(point).collect()
    }

    fn histogram(self, of: Attributes, found: ScoreHistogram) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes: attributes(of),
            start_time_unix_nano: self.start_ns,
            time_unix_nano: self.now_ns,
            count: found.count,
            sum: Some(found.sum),
            bucket_counts: found.counts,
            explicit_bounds: found.bounds,
            ..HistogramDataPoint::default()
        }
    }
}
