//! Series into OTLP metrics. Targets become resources (`job` is the service, `instance` the instance), labels the attributes of
//! points. A short hash is written in full where one known version begins so; elsewhere it stays, and names no version.

use super::histograms::{KnownBounds, Parts, Whole};
use super::series::{Label, Sample, Series, Version, read};
use crate::normalise::{SeriesKind, series_kind};
use crate::otlp::DecodeError;
use firstbad_protocol::Hash;
use firstbad_protocol::names::attribute;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use std::collections::BTreeMap;

/// Bits of the float that Prometheus writes where a series ended.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// Number of unread metrics of a target that are passed on, so that a target without any known metric is noticed.
const FOREIGN_MAX: usize = 3;

/// A translated request.
#[derive(Debug, Default)]
pub(crate) struct Translated {
    /// The same in OTLP.
    pub(crate) request: ExportMetricsServiceRequest,
    /// Samples in the request.
    pub(crate) samples: u64,
    /// Native histograms in the request. None of them is read.
    pub(crate) histograms: u64,
    /// Exemplars in the request. None of them is read.
    pub(crate) exemplars: u64,
}

/// Who a series is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Target<'a> {
    job: &'a str,
    instance: &'a str,
}

/// The identity of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct HistogramKey<'a> {
    name: &'a str,
    /// Sorted; without `le`.
    labels: Vec<(&'a str, &'a str)>,
}

/// The metrics of one target.
#[derive(Debug, Default)]
struct OfTarget<'a> {
    numbers: BTreeMap<&'a str, Vec<NumberDataPoint>>,
    histograms: BTreeMap<HistogramKey<'a>, BTreeMap<i64, Parts>>,
    foreign: Vec<Metric>,
}

/// A request of remote write as OTLP. `versions` are the versions known, and `bounds` the histograms seen before.
///
/// # Errors
/// If the bytes are malformed or beyond a limit.
pub(crate) fn translate(
    bytes: &[u8],
    version: Version,
    versions: &[Hash],
    bounds: &KnownBounds,
) -> Result<Translated, DecodeError> {
    let mut translated = Translated::default();
    let mut targets: BTreeMap<Target<'_>, OfTarget<'_>> = BTreeMap::new();
    read(bytes, version, &mut |series| {
        translated.samples += series.samples.len() as u64;
        translated.histograms += series.histograms;
        translated.exemplars += series.exemplars;
        let target = Target { job: series.label("job"), instance: series.label("instance") };
        targets.entry(target).or_default().take(&series, versions);
        Ok(())
    })?;
    let resources = targets.into_iter().map(|(target, of)| of.finish(target, versions, bounds));
    translated.request.resource_metrics =
        resources.filter(|resource| resource.scope_metrics.iter().any(|scope| !scope.metrics.is_empty())).collect();
    Ok(translated)
}

impl<'a> OfTarget<'a> {
    fn take(&mut self, series: &Series<'a>, versions: &[Hash]) {
        let name = series.label("__name__");
        let samples = || series.samples.iter().filter(|sample| sample.value.to_bits() != STALE);
        match series_kind(name) {
            Some(SeriesKind::Sum | SeriesKind::Gauge) => {
                let points = samples().map(|sample| number_point(sample, attributes(&series.labels, versions)));
                self.numbers.entry(name).or_default().extend(points);
            }
            Some(SeriesKind::Bucket(base)) => {
                let le = series.label("le");
                for sample in samples() {
                    let parts = self.histogram(base, series, sample);
                    parts.take_bucket(le, sample.value);
                }
            }
            Some(SeriesKind::SumOfHistogram(base)) => {
                for sample in samples() {
                    self.histogram(base, series, sample).sum = Some(sample.value);
                }
            }
            // The last bucket says the same.
            Some(SeriesKind::CountOfHistogram) => {}
            None => self.take_foreign(name, series),
        }
    }

    fn histogram(&mut self, name: &'a str, series: &Series<'a>, sample: &Sample) -> &mut Parts {
        let own = series.labels.iter().filter(|label| is_own(label.name) && label.name != "le");
        let mut labels: Vec<(&str, &str)> = own.map(|label| (label.name, label.value)).collect();
        labels.sort_unstable();
        let by_time = self.histograms.entry(HistogramKey { name, labels }).or_default();
        let parts = by_time.entry(sample.time_ms).or_default();
        parts.start_ms = sample.start_ms;
        parts
    }

    /// A metric that nothing reads, without its labels.
    fn take_foreign(&mut self, name: &str, series: &Series<'_>) {
        let Some(sample) = series.samples.last() else { return };
        if name.is_empty() || self.foreign.len() >= FOREIGN_MAX || self.foreign.iter().any(|known| known.name == name) {
            return;
        }
        let gauge = Gauge { data_points: vec![number_point(sample, Vec::new())] };
        self.foreign.push(Metric { name: name.to_owned(), data: Some(Data::Gauge(gauge)), ..Metric::default() });
    }

    fn finish(self, target: Target<'_>, versions: &[Hash], bounds: &KnownBounds) -> ResourceMetrics {
        let mut metrics = Vec::new();
        for (name, data_points) in self.numbers {
            let data = if series_kind(name) == Some(SeriesKind::Sum) {
                let aggregation_temporality = AggregationTemporality::Cumulative.into();
                Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true })
            } else {
                Data::Gauge(Gauge { data_points })
            };
            metrics.push(Metric { name: name.to_owned(), data: Some(data), ..Metric::default() });
        }
        for (key, by_time) in self.histograms {
            let labels: Vec<Label<'_>> = key.labels.iter().map(|(name, value)| Label { name, value }).collect();
            let whole = by_time.iter().filter_map(|(time_ms, parts)| {
                let whole = parts.whole(&(target, &key), bounds)?;
                Some(histogram_point(*time_ms, parts, whole, attributes(&labels, versions)))
            });
            let data_points: Vec<HistogramDataPoint> = whole.collect();
            if !data_points.is_empty() {
                let aggregation_temporality = AggregationTemporality::Cumulative.into();
                let data = Some(Data::Histogram(Histogram { data_points, aggregation_temporality }));
                metrics.push(Metric { name: key.name.to_owned(), data, ..Metric::default() });
            }
        }
        metrics.extend(self.foreign);
        ResourceMetrics {
            resource: Some(Resource { attributes: target.attributes(), ..Resource::default() }),
            scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
            ..ResourceMetrics::default()
        }
    }
}

impl Target<'_> {
    /// The instance is `HOST:PORT`, as Prometheus writes it; processes of one host differ in their ports.
    fn attributes(self) -> Vec<KeyValue> {
        let host = self.instance.rsplit_once(':').filter(|(host, port)| !host.is_empty() && is_port(port));
        let pairs = [
            (attribute::SERVICE_NAME, self.job),
            (attribute::SERVICE_INSTANCE_ID, self.instance),
            (attribute::HOST_NAME, host.map_or("", |(host, _)| host)),
        ];
        pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| text(key, value)).collect()
    }
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

/// Whether a label is no part of the name or of the target.
fn is_own(name: &str) -> bool {
    !matches!(name, "__name__" | "job" | "instance")
}

fn attributes(labels: &[Label<'_>], versions: &[Hash]) -> Vec<KeyValue> {
    let own = labels.iter().filter(|label| is_own(label.name));
    own.map(|label| match label.name {
        "config_hash" | "firstbad_config_hash" => text(label.name, &in_full(label.value, versions)),
        name => text(name, label.value),
    })
    .collect()
}

/// The hash of the one known version that begins with `short`; `short` itself if there is none, or several.
fn in_full(short: &str, versions: &[Hash]) -> String {
    const SHORT_DIGITS: usize = 12;
    if short.len() != SHORT_DIGITS {
        return short.to_owned();
    }
    let mut fitting = versions.iter().filter(|hash| hash.short() == short);
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => only.to_string(),
        _ => short.to_owned(),
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn nanoseconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or_default().saturating_mul(1_000_000)
}

fn number_point(sample: &Sample, attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint {
        attributes,
        start_time_unix_nano: nanoseconds(sample.start_ms),
        time_unix_nano: nanoseconds(sample.time_ms),
        value: Some(number_data_point::Value::AsDouble(sample.value)),
        ..NumberDataPoint::default()
    }
}

fn histogram_point(time_ms: i64, parts: &Parts, whole: Whole, attributes: Vec<KeyValue>) -> HistogramDataPoint {
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: nanoseconds(parts.start_ms),
        time_unix_nano: nanoseconds(time_ms),
        count: whole.count,
        sum: parts.sum,
        bucket_counts: whole.counts,
        explicit_bounds: whole.bounds,
        ..HistogramDataPoint::default()
    }
}
