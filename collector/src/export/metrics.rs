//! A row as a metrics request: delta points over the row's own span, in the names of the contract.

use super::resource::{Resources, resource};
use crate::recorder::attributes::{text, version};
use firstbad_diagnosis::observation::{Dimensions, Facts, Histogram, Name, Outcomes, Row};
use firstbad_protocol::Hash;
use firstbad_protocol::names::{EXPORT_SCOPE, attribute, metric};
use firstbad_protocol::time::{SECOND_NS, Span};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram as Distribution, HistogramDataPoint, Metric, NumberDataPoint,
    ResourceMetrics, ScopeMetrics, Sum,
};

/// Difference, seconds, between the exported uptime of the process before a restart and that of its successor.
const UPTIME_BEFORE_S: f64 = 3600.0;

/// The request that tells what `row` tells.
pub(super) fn request(row: &Row, resources: &mut Resources) -> ExportMetricsServiceRequest {
    let scope = match resources.series(&row.source, row.span.end) {
        0 => EXPORT_SCOPE.to_owned(),
        number => format!("{EXPORT_SCOPE}.{number}"),
    };
    let mut points = Points { span: row.span, metrics: Vec::new() };
    points.counts(row);
    points.distributions(row);
    points.levels(row);
    points.of_versions(row);
    let scope = InstrumentationScope { name: scope, ..InstrumentationScope::default() };
    let scope = ScopeMetrics { scope: Some(scope), metrics: points.metrics, ..ScopeMetrics::default() };
    let resource = resource(Some(&row.source), &row.dimensions, row.named_by);
    let resource =
        ResourceMetrics { resource: Some(resource), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

/// A point before it has a time.
struct Told {
    attributes: Vec<KeyValue>,
    value: Value,
}

impl Told {
    fn count(attributes: Vec<KeyValue>, count: u64) -> Self {
        Self { attributes, value: Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX)) }
    }

    fn level(attributes: Vec<KeyValue>, level: f64) -> Self {
        Self { attributes, value: Value::AsDouble(level) }
    }
}

/// Points of one row.
struct Points {
    span: Span,
    metrics: Vec<Metric>,
}

impl Points {
    fn counts(&mut self, row: &Row) {
        let totals = row.totals.iter().flat_map(|total| outcomes(&[], &total.dimensions, total.outcomes));
        let views = row.views.iter().flat_map(|view| {
            let of = version(&view.config, view.hash);
            outcomes(&of, &view.dimensions, view.outcomes)
        });
        self.sum(metric::REQUESTS, totals.chain(views).collect());
        let panics = row.panics.iter().map(|panics| {
            let mut attributes = of_version(panics.version.as_ref());
            attributes.extend(panics.site.iter().map(|site| text(attribute::PANIC_SITE, site.as_ref())));
            Told::count(attributes, panics.count)
        });
        self.sum(metric::PANICS, panics.collect());
        let loads = row.loads.iter().map(|loads| {
            let mut attributes = version(&loads.config, loads.hash);
            attributes.push(text(attribute::LOAD_RESULT, loads.result.as_str()));
            attributes.extend(loads.reason.iter().map(|reason| text(attribute::REASON, reason.as_ref())));
            Told::count(attributes, loads.count)
        });
        self.sum(metric::CONFIG_LOADS, loads.collect());
        // Also where nothing was dropped: it says which times the report covers, whatever else is in it.
        self.sum(metric::TELEMETRY_DROPPED, vec![Told::count(Vec::new(), row.dropped)]);
    }

    fn distributions(&mut self, row: &Row) {
        let scores = row.scores.iter().filter(|scores| !scores.histogram.counts.is_empty());
        let scores = scores.map(|scores| self.histogram(score(scores), &scores.histogram)).collect();
        self.histograms(metric::SCORES, scores);
        let defaulted = row.scores.iter().flat_map(|scores| {
            let by =
                [("sentinel", scores.sentinel), ("nan", scores.nan), ("below", scores.below), ("above", scores.above)];
            by.into_iter().filter(|(_, count)| *count > 0).map(|(reason, count)| {
                let mut attributes = score(scores);
                attributes.push(text(attribute::REASON, reason));
                Told::count(attributes, count)
            })
        });
        self.sum(metric::SCORES_DEFAULTED, defaulted.collect());
        let latency = row.latency.iter().map(|latency| self.histogram(Vec::new(), latency)).collect();
        self.histograms(metric::HTTP_SERVER_REQUEST_DURATION, latency);
    }

    fn levels(&mut self, row: &Row) {
        for (name, level) in [
            (metric::HTTP_SERVER_ACTIVE_REQUESTS, row.in_flight),
            (metric::PROCESS_CPU_UTILIZATION, row.cpu),
            (metric::PROCESS_MEMORY_USAGE, row.memory),
        ] {
            self.gauge(name, level.map(|level| Told::level(Vec::new(), level)).into_iter().collect());
        }
        if row.restarted {
            // A reader detects a restart by an uptime that falls, so the uptime before the restart is written as well.
            let uptime = seconds(self.span.end.since(self.span.start));
            let before = Told::level(Vec::new(), uptime + UPTIME_BEFORE_S);
            self.gauge(metric::PROCESS_UPTIME, vec![before, Told::level(Vec::new(), uptime)]);
        }
    }

    fn of_versions(&mut self, row: &Row) {
        let active = row.active.iter().map(|(config, hash)| Told::count(version(config, *hash), 1));
        self.gauge(metric::CONFIG_ACTIVE, active.collect());
        let first = row.first_failed.iter();
        let first = first.map(|first| Told::level(version(&first.config, first.hash), seconds(first.at.0)));
        self.gauge(metric::REQUESTS_FIRST_FAILED, first.collect());
        for (fact, name) in [
            ("rows", metric::CONFIG_ROWS),
            ("duplicate_rows", metric::CONFIG_DUPLICATE_ROWS),
            ("size", metric::CONFIG_SIZE),
        ] {
            let told = row.facts.iter().filter_map(|(config, hash, facts)| {
                facts
                    .numbers
                    .get(fact)
                    .map(|value| Told { attributes: version(config, *hash), value: Value::AsInt(*value) })
            });
            self.gauge(name, told.collect());
        }
        let all = || row.facts.iter().flat_map(|(config, hash, facts)| limits(config, *hash, facts));
        self.gauge(
            metric::CONFIG_LIMIT,
            all().map(|limit| Told { attributes: limit.of(), value: Value::AsInt(limit.limit) }).collect(),
        );
        let usages = all().filter_map(|limit| Some(Told::level(limit.of(), limit.usage?)));
        self.gauge(metric::CONFIG_LIMIT_USAGE, usages.collect());
    }

    fn sum(&mut self, name: &str, told: Vec<Told>) {
        let data_points = told.into_iter().map(|told| self.number(told)).collect();
        let aggregation_temporality = AggregationTemporality::Delta.into();
        self.put(name, Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic: true }));
    }

    fn gauge(&mut self, name: &str, told: Vec<Told>) {
        let data_points = told.into_iter().map(|told| self.number(told)).collect();
        self.put(name, Data::Gauge(Gauge { data_points }));
    }

    fn histograms(&mut self, name: &str, data_points: Vec<HistogramDataPoint>) {
        let aggregation_temporality = AggregationTemporality::Delta.into();
        self.put(name, Data::Histogram(Distribution { data_points, aggregation_temporality }));
    }

    /// A metric without points is left out.
    fn put(&mut self, name: &str, data: Data) {
        let is_empty = match &data {
            Data::Sum(sum) => sum.data_points.is_empty(),
            Data::Gauge(gauge) => gauge.data_points.is_empty(),
            Data::Histogram(histogram) => histogram.data_points.is_empty(),
            Data::ExponentialHistogram(_) | Data::Summary(_) => false,
        };
        if !is_empty {
            self.metrics.push(Metric { name: name.to_owned(), data: Some(data), ..Metric::default() });
        }
    }

    fn number(&self, Told { attributes, value }: Told) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: nanoseconds(self.span.start.0),
            time_unix_nano: nanoseconds(self.span.end.0),
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn histogram(&self, attributes: Vec<KeyValue>, histogram: &Histogram) -> HistogramDataPoint {
        HistogramDataPoint {
            attributes,
            start_time_unix_nano: nanoseconds(self.span.start.0),
            time_unix_nano: nanoseconds(self.span.end.0),
            count: histogram.counts.iter().fold(0, |sum, count| sum.saturating_add(*count)),
            sum: histogram.sum,
            bucket_counts: histogram.counts.clone(),
            explicit_bounds: histogram.bounds.to_vec(),
            ..HistogramDataPoint::default()
        }
    }
}

/// A declared limit of a version.
struct Limit<'a> {
    config: &'a Name,
    hash: Hash,
    name: &'a Name,
    limit: i64,
    /// The value over the limit, where no metric of its own tells the value.
    usage: Option<f64>,
}

impl Limit<'_> {
    fn of(&self) -> Vec<KeyValue> {
        let mut attributes = version(self.config, self.hash);
        attributes.push(text(attribute::LIMIT_NAME, self.name.as_ref()));
        attributes
    }
}

fn limits<'a>(config: &'a Name, hash: Hash, facts: &'a Facts) -> impl Iterator<Item = Limit<'a>> {
    facts.limits.iter().map(move |(name, limit)| {
        let told = matches!(name.as_ref(), "rows" | "duplicate_rows" | "size");
        let value = facts.numbers.get(name).filter(|_| !told && *limit != 0);
        #[expect(clippy::cast_precision_loss, reason = "a declared limit is far below 2^53")]
        let usage = value.map(|value| *value as f64 / *limit as f64);
        Limit { config, hash, name, limit: *limit, usage }
    })
}

/// Requests by outcome: those that there were, or one zero.
fn outcomes(of: &[KeyValue], dimensions: &Dimensions, outcomes: Outcomes) -> Vec<Told> {
    let Outcomes { ok, denied, error, panic } = outcomes;
    let by = [("ok", ok), ("denied", denied), ("error", error), ("panic", panic)];
    let none = outcomes.all() == 0;
    let told = by.into_iter().filter(|(word, count)| *count > 0 || (none && *word == "ok"));
    told.map(|(word, count)| {
        let mut attributes = of.to_vec();
        attributes.extend(dimensions.iter().map(|(key, value)| text(key, value.as_ref())));
        attributes.push(text(attribute::OUTCOME, word));
        Told::count(attributes, count)
    })
    .collect()
}

fn of_version(named: Option<&(Name, Hash)>) -> Vec<KeyValue> {
    named.map(|(config, hash)| version(config, *hash)).unwrap_or_default()
}

fn score(scores: &firstbad_diagnosis::observation::Scores) -> Vec<KeyValue> {
    let mut attributes = of_version(scores.version.as_ref());
    attributes.push(text(attribute::SCORE_NAME, scores.score.as_ref()));
    attributes
}

#[expect(clippy::cast_precision_loss, reason = "such times are read to the microsecond")]
fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / SECOND_NS as f64
}

pub(super) fn nanoseconds(time: i64) -> u64 {
    u64::try_from(time).unwrap_or(0)
}
