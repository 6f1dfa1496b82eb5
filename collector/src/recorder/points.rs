//! One recorder's counts as cumulative OTLP points (contract.md section 2). Start time is the recorder's creation, so that
//! a repeated or lost report does no harm.

use super::attributes::{double, resource, scope, text, version};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::{METRICS, attribute, metric};
use firstbad_protocol::recorder::{
    ConfigImage, Dropped, Outcomes, RecorderImage, VersionImage, defaulted_scores, score_histogram,
};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, Sum,
};

/// Everything that one recorder has counted until `now_ns`, and what its reader could not keep.
pub(super) fn request(image: &RecorderImage, now_ns: u64, lost: &[Dropped]) -> ExportMetricsServiceRequest {
    let mut points = Points { start_ns: image.started_ns, now_ns, metrics: Vec::new() };
    points.requests(image);
    points.panics(image);
    points.scores(image);
    points.loads(image);
    points.contents(image);
    points.limits(image);
    let dropped = image.dropped.iter().chain(lost).filter(|dropped| dropped.count > 0);
    let dropped = dropped.map(|dropped| (vec![text(attribute::REASON, dropped.reason)], dropped.count));
    points.sum(metric::TELEMETRY_DROPPED, dropped.collect());
    let scope = ScopeMetrics { scope: Some(scope()), metrics: points.metrics, ..ScopeMetrics::default() };
    let resource =
        ResourceMetrics { resource: Some(resource(image)), scope_metrics: vec![scope], ..ResourceMetrics::default() };
    ExportMetricsServiceRequest { resource_metrics: vec![resource] }
}

struct Points {
    start_ns: u64,
    now_ns: u64,
    metrics: Vec<Metric>,
}

type Counted = Vec<(Vec<KeyValue>, u64)>;

impl Points {
    fn requests(&mut self, image: &RecorderImage) {
        let mut points = Vec::new();
        // A proxy that records views only sends no total: zeros would say that nothing was served.
        if image.totals != Outcomes::default() {
            points.extend(by_outcome(Vec::new(), image.totals));
        }
        for (_, version, of_version) in versions(image) {
            if version.first_applied_ns.is_some() || version.outcomes != Outcomes::default() {
                points.extend(by_outcome(of_version, version.outcomes));
            }
        }
        self.sum(metric::REQUESTS, points);
    }

    fn panics(&mut self, image: &RecorderImage) {
        let mut points: Counted = Vec::new();
        let mut add = |attributes: Vec<KeyValue>, count: u64| {
            // One location can have several entries: codegen units do not share its text.
            match points.iter_mut().find(|(known, _)| *known == attributes) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => points.push((attributes, count)),
            }
        };
        let name = |place: usize| {
            let site = image.sites.iter().find(|site| site.place == place)?;
            Some(text(attribute::PANIC_SITE, format!("{}:{}:{}", site.file, site.line, site.column)))
        };
        let mut told = 0_u64;
        for site in &image.sites {
            add(name(site.place).into_iter().collect(), site.count);
            told = told.saturating_add(site.count);
        }
        if image.panics > told {
            add(Vec::new(), image.panics - told);
        }
        for pair in &image.panic_pairs {
            let Some((config, used)) =
                image.version(pair.uid).and_then(|used| Some((image.config(used.config)?, used)))
            else {
                continue;
            };
            // A count that a guard moved to another version and back can be short of zero for a moment.
            if let (Some(hash), true) = (used.hash, pair.count < u64::MAX / 2) {
                add(version(&config.name, hash).into_iter().chain(name(pair.site)).collect(), pair.count);
            }
        }
        self.sum(metric::PANICS, points);
    }

    fn scores(&mut self, image: &RecorderImage) {
        let mut histograms = Vec::new();
        let mut defaulted = Vec::new();
        for (config, version, of_version) in versions(image) {
            for (declared, counts) in config.scores.iter().zip(&version.scores) {
                let mut attributes = of_version.clone();
                attributes.push(text(attribute::SCORE_NAME, &declared.name));
                attributes.push(double(attribute::SCORE_MIN, declared.least));
                attributes.push(double(attribute::SCORE_MAX, declared.greatest));
                let found = score_histogram(declared, counts);
                let out = defaulted_scores(declared, counts);
                for (reason, count) in out.into_iter().filter(|(_, count)| *count > 0) {
                    let mut attributes = attributes.clone();
                    attributes.push(text(attribute::REASON, reason));
                    defaulted.push((attributes, count));
                }
                if found.count > 0 {
                    histograms.push(HistogramDataPoint {
                        attributes,
                        start_time_unix_nano: self.start_ns,
                        time_unix_nano: self.now_ns,
                        count: found.count,
                        sum: Some(found.sum),
                        bucket_counts: found.counts,
                        explicit_bounds: found.bounds,
                        ..HistogramDataPoint::default()
                    });
                }
            }
        }
        self.push(metric::SCORES, !histograms.is_empty(), || {
            Data::Histogram(Histogram {
                data_points: histograms,
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            })
        });
        self.sum(metric::SCORES_DEFAULTED, defaulted);
    }

    fn loads(&mut self, image: &RecorderImage) {
        let mut points = Vec::new();
        for (_, version, of_version) in versions(image) {
            for load in &version.loads {
                let mut attributes = of_version.clone();
                attributes.push(text(attribute::LOAD_RESULT, load.result.as_str()));
                attributes.extend(load.reason.map(|reason| text(attribute::REASON, reason)));
                points.push((attributes, load.count));
            }
        }
        for config in &image.configs {
            let unreadable =
                [(LoadResult::KeptLastGood, config.unreadable.0), (LoadResult::Rejected, config.unreadable.1)];
            for (result, count) in unreadable.into_iter().filter(|(_, count)| *count > 0) {
                let attributes = vec![
                    text(attribute::CONFIG_NAME, &config.name),
                    text(attribute::LOAD_RESULT, result.as_str()),
                    text(attribute::REASON, "io"),
                ];
                points.push((attributes, count));
            }
        }
        self.sum(metric::CONFIG_LOADS, points);
    }

    fn contents(&mut self, image: &RecorderImage) {
        let (mut active, mut age) = (Vec::new(), Vec::new());
        let mut facts: [(&str, Counted); 3] = [
            (metric::CONFIG_ROWS, Vec::new()),
            (metric::CONFIG_DUPLICATE_ROWS, Vec::new()),
            (metric::CONFIG_SIZE, Vec::new()),
        ];
        for (config, found) in image.active() {
            let Some(hash) = found.hash else { continue };
            let attributes = version(&config.name, hash);
            let mut labelled = attributes.clone();
            labelled.extend(found.label.as_ref().map(|label| text(attribute::CONFIG_LABEL, label)));
            active.push((labelled, 1));
            let applied = found.last_applied_ns.unwrap_or(self.now_ns);
            age.push((attributes.clone(), self.now_ns.saturating_sub(applied) / 1_000_000_000));
            let numbers = [found.facts.rows, found.facts.duplicate_rows, found.facts.size];
            for ((_, points), number) in facts.iter_mut().zip(numbers) {
                points.extend(number.map(|number| (attributes.clone(), number)));
            }
        }
        self.gauge(metric::CONFIG_ACTIVE, active);
        self.gauge(metric::CONFIG_AGE, age);
        for (name, points) in facts {
            self.gauge(name, points);
        }
    }

    fn limits(&mut self, image: &RecorderImage) {
        let (mut declared, mut usage) = (Vec::new(), Vec::new());
        for config in &image.configs {
            let active = config.active.and_then(|uid| image.version(uid));
            for (place, (name, limit)) in config.limits.iter().enumerate() {
                let attributes = vec![text(attribute::CONFIG_NAME, &config.name), text(attribute::LIMIT_NAME, name)];
                declared.push((attributes.clone(), *limit));
                let observed = active.and_then(|version| version.observed.get(place).copied().flatten());
                if let Some(observed) = observed.filter(|_| *limit > 0) {
                    #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
                    usage.push((attributes, observed as f64 / *limit as f64));
                }
            }
        }
        self.gauge(metric::CONFIG_LIMIT, declared);
        let points: Vec<_> =
            usage.into_iter().map(|(attributes, share)| self.point(attributes, Value::AsDouble(share))).collect();
        self.push(metric::CONFIG_LIMIT_USAGE, !points.is_empty(), || Data::Gauge(Gauge { data_points: points }));
    }

    fn sum(&mut self, name: &str, points: Counted) {
        let points = self.number_points(points);
        self.push(name, !points.is_empty(), || {
            Data::Sum(Sum {
                data_points: points,
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            })
        });
    }

    fn gauge(&mut self, name: &str, points: Counted) {
        let points = self.number_points(points);
        self.push(name, !points.is_empty(), || Data::Gauge(Gauge { data_points: points }));
    }

    fn number_points(&self, points: Counted) -> Vec<NumberDataPoint> {
        let integer = |count: u64| Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX));
        points.into_iter().map(|(attributes, count)| self.point(attributes, integer(count))).collect()
    }

    fn point(&self, attributes: Vec<KeyValue>, value: Value) -> NumberDataPoint {
        NumberDataPoint {
            attributes,
            start_time_unix_nano: self.start_ns,
            time_unix_nano: self.now_ns,
            value: Some(value),
            ..NumberDataPoint::default()
        }
    }

    fn push(&mut self, name: &str, any: bool, data: impl FnOnce() -> Data) {
        if any {
            let unit = METRICS.iter().find(|known| known.otel == name).map_or("", |known| known.unit);
            let (name, unit) = (name.to_owned(), unit.to_owned());
            self.metrics.push(Metric { name, unit, data: Some(data()), ..Metric::default() });
        }
    }
}

/// Versions that have a hash, with their config and attributes.
fn versions(image: &RecorderImage) -> impl Iterator<Item = (&ConfigImage, &VersionImage, Vec<KeyValue>)> {
    image.versions.iter().filter_map(|found| {
        let config = image.config(found.config)?;
        Some((config, found, version(&config.name, found.hash?)))
    })
}

fn by_outcome(attributes: Vec<KeyValue>, outcomes: Outcomes) -> impl Iterator<Item = (Vec<KeyValue>, u64)> {
    [("ok", outcomes.ok), ("error", outcomes.error), ("panic", outcomes.panic)].into_iter().map(
        move |(outcome, count)| {
            let mut attributes = attributes.clone();
            attributes.push(text(attribute::OUTCOME, outcome));
            (attributes, count)
        },
    )
}
