//! Which metric means what: the contract's table of metrics, and the standard ones. Time and temporality are settled by
//! `series`, the gathering by `rows`.

use super::counts::{Outcome, amount, count, real, whole};
use super::gaps::Gaps;
use super::identity::{Key, Who, find, find_text};
use super::rows::{Gauge, Rows, Version};
use super::series::{Cumulative, Place, ResourceState, Step};
use super::{Batch, Normaliser, Time, histogram};
use crate::otlp::Metrics;
use crate::otlp::model::{Attribute, Data, Metric, NumberPoint, ResourceMetrics, Temporality};
use firstbad_diagnosis::observation::{Histogram, LoadCount, PanicCount};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::{attribute, metric};
use firstbad_protocol::time::{Span, Timestamp};

/// Everything that one resource's metrics need.
struct Taker<'n> {
    normaliser: &'n mut Normaliser,
    state: ResourceState,
    rows: Rows,
    gaps: &'n mut Gaps,
    accepted: u64,
    latest: i64,
}

pub(super) fn take(normaliser: &mut Normaliser, request: &Metrics<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut gaps = Gaps::default();
    for resource in &request.resource_metrics {
        take_resource(normaliser, resource, (&mut batch, &mut gaps));
    }
    batch.rejected = gaps.rejected;
    let at = batch.latest;
    batch.observations.extend(gaps.observations(at));
    batch
}

fn take_resource(normaliser: &mut Normaliser, resource: &ResourceMetrics<'_>, (batch, gaps): (&mut Batch, &mut Gaps)) {
    let Who { key, .. } = normaliser.who(&resource.resource);
    let who = normaliser.who(&resource.resource);
    let known = normaliser.resources.remove(&key.0);
    if known.is_none() && normaliser.resources.len() >= INSTANCES_MAX {
        gaps.reject(format!("more than {INSTANCES_MAX} instances report: further ones are not seen"));
        return;
    }
    let state = known.unwrap_or_default();
    let last_end = state.latest;
    let mut taker = Taker { normaliser, state, rows: Rows::new(who, last_end), gaps, accepted: 0, latest: 0 };
    let metrics =
        || resource.scope_metrics.iter().flat_map(|scope| scope.metrics.iter().map(move |metric| (scope, metric)));
    // The choice of one source must not depend on the order of metrics within a report.
    taker.state.native |= metrics().any(|(_, metric)| metric.name == metric::REQUESTS);
    // Limits are told of a config's active versions, so those come first.
    for limits in [false, true] {
        for (scope, metric) in metrics().filter(|(_, metric)| (metric.name == metric::CONFIG_LIMIT) == limits) {
            taker.metric(Key::EMPTY.with(scope.scope.name.as_bytes()).with(metric.name.as_bytes()), metric);
        }
    }
    taker.state.latest = taker.state.latest.max(taker.latest);
    batch.accepted += taker.accepted;
    if taker.latest > 0 {
        batch.latest = batch.latest.max(Some(Timestamp(taker.latest)));
    }
    let Taker { state, rows, normaliser, .. } = taker;
    batch.observations.extend(rows.finish());
    normaliser.resources.insert(key.0, state);
}

impl Taker<'_> {
    fn metric(&mut self, key: Key, metric: &Metric<'_>) {
        match &metric.data {
            Data::Sum { temporality, monotonic: true, points } => {
                for point in points {
                    self.sum(&metric.name, key, (*temporality, point));
                }
            }
            Data::Gauge(points) | Data::Sum { points, .. } => {
                for point in points {
                    self.gauge(&metric.name, point);
                }
            }
            Data::Histogram { temporality, points } => {
                for point in points {
                    let place = self.place(key, (*temporality, &point.attributes), (point.start, point.time));
                    if let Some(place) = place.filter(|_| point.flags & 1 == 0) {
                        self.histogram(&metric.name, &point.attributes, (place, histogram::explicit(point)));
                    }
                }
            }
            Data::Exponential { temporality, points } => {
                for point in points {
                    let place = self.place(key, (*temporality, &point.attributes), (point.start, point.time));
                    if let Some(place) = place.filter(|_| point.flags & 1 == 0) {
                        self.histogram(&metric.name, &point.attributes, (place, histogram::exponential(point)));
                    }
                }
            }
            Data::Summary(points) => self.accepted += *points as u64,
            Data::None => {}
        }
    }

    /// Where a point stands; none if its times cannot be, or may not be read.
    fn place(
        &mut self,
        key: Key,
        (temporality, attributes): (Temporality, &[Attribute<'_>]),
        (start, time): (u64, u64),
    ) -> Option<Place> {
        if temporality == Temporality::Unspecified {
            self.gaps.reject("points without a temporality cannot be used");
            return None;
        }
        let time = self.time(time)?;
        let start = i64::try_from(start).unwrap_or(0).min(time);
        let cumulative = temporality == Temporality::Cumulative;
        Some(Place { key: key.with_attributes(attributes), start, time, cumulative })
    }

    fn time(&mut self, nanoseconds: u64) -> Option<i64> {
        match self.normaliser.event_time(nanoseconds) {
            Time::At(ns) => {
                self.latest = self.latest.max(ns);
                Some(ns)
            }
            Time::BeyondHorizon => None,
            Time::Absurd => {
                self.gaps.reject("points without a usable time cannot be used");
                None
            }
        }
    }

    /// What happened since the point before, if that is known.
    fn step<T: Cumulative>(&mut self, place: Place, value: T) -> Option<(Span, T)> {
        self.accepted += 1;
        match self.state.step(place, value, &mut self.normaliser.series) {
            Step::Counted { span, value, restarted } => {
                if restarted {
                    self.rows.row(span).restarted = true;
                }
                Some((span, value))
            }
            Step::Repeat => None,
            Step::Baseline { time } => {
                self.rows.gauge(time, Gauge::Reported);
                None
            }
            Step::Full => {
                self.gaps.note("more series than can be kept: further ones are not seen", 1);
                None
            }
        }
    }

    fn sum(&mut self, name: &str, key: Key, (temporality, point): (Temporality, &NumberPoint<'_>)) {
        if !is_counter(name) {
            self.accepted += 1;
            return;
        }
        let Some(place) = self.place(key, (temporality, &point.attributes), (point.start, point.time)) else { return };
        if point.flags & 1 == 1 {
            return;
        }
        let Some(value) = amount(point.value) else {
            self.gaps.reject(format!("{name}: a count that is negative, absurd or not a number"));
            return;
        };
        let Some((span, value)) = self.step(place, value) else { return };
        self.counted(name, &point.attributes, (span, count(value)));
    }

    fn counted(&mut self, name: &str, attributes: &[Attribute<'_>], (span, count): (Span, u64)) {
        // A version that is named but cannot be read belongs to nobody; its points would distort the total.
        let Ok(version) = self.version(attributes) else {
            self.gaps.reject(format!("{name}: a config without a readable hash"));
            return;
        };
        match name {
            metric::REQUESTS => {
                let word = find_text(attributes, attribute::OUTCOME).unwrap_or_default();
                let Some(outcome) = Outcome::from_wire(&word) else {
                    self.gaps.reject(format!("{name}: an outcome that is not ok, error or panic"));
                    return;
                };
                let dimensions = self.normaliser.dimensions_of(attributes);
                match version {
                    Some(version) => self.rows.view(span, &version, (outcome, &dimensions, count)),
                    None => self.rows.requests(span, (outcome, &dimensions), count),
                }
            }
            metric::PANICS => {
                let site = find_text(attributes, attribute::PANIC_SITE).map(|site| self.normaliser.names.name(&site));
                self.rows.panics(span, PanicCount { version, site, count });
            }
            metric::SCORES_DEFAULTED => self.defaulted(attributes, version.as_ref(), (span, count)),
            metric::CONFIG_LOADS => self.loads(attributes, version, (span, count)),
            metric::TELEMETRY_DROPPED => self.rows.row(span).dropped += count,
            _ => {}
        }
    }

    fn defaulted(&mut self, attributes: &[Attribute<'_>], version: Option<&Version>, (span, count): (Span, u64)) {
        let score = self.score(attributes);
        let reason = find_text(attributes, attribute::REASON).unwrap_or_default();
        let Some(scores) = self.rows.scores(span, version, &score) else { return };
        match reason.as_ref() {
            "sentinel" => scores.sentinel += count,
            "nan" => scores.nan += count,
            "below" => scores.below += count,
            "above" => scores.above += count,
            _ => self.gaps.reject("a defaulted score whose reason is not sentinel, nan, below or above"),
        }
    }

    fn loads(&mut self, attributes: &[Attribute<'_>], version: Option<Version>, (span, count): (Span, u64)) {
        if self.state.load_events {
            return;
        }
        let result = find_text(attributes, attribute::LOAD_RESULT).and_then(|word| LoadResult::from_wire(&word));
        let (Some((config, hash)), Some(result)) = (version, result) else {
            self.gaps.reject("loads without a version or a known result");
            return;
        };
        let reason = find_text(attributes, attribute::REASON).map(|reason| self.normaliser.names.name(&reason));
        self.rows.loads(span, LoadCount { config, hash, result, reason, count });
    }

    fn score(&mut self, attributes: &[Attribute<'_>]) -> firstbad_diagnosis::observation::Name {
        let name = find_text(attributes, attribute::SCORE_NAME);
        self.normaliser.names.name(name.as_deref().unwrap_or("score"))
    }

    fn histogram(&mut self, name: &str, attributes: &[Attribute<'_>], (place, value): (Place, Option<Histogram>)) {
        if name != metric::SCORES && name != metric::HTTP_SERVER_REQUEST_DURATION {
            self.accepted += 1;
            return;
        }
        let Some(value) = value else {
            self.gaps.reject(format!("{name}: bounds and counts that do not fit together"));
            return;
        };
        let Some((span, value)) = self.step(place, value) else { return };
        if name == metric::SCORES {
            self.scores(attributes, (span, &value))
        } else {
            self.duration(attributes, (span, &value))
        }
    }

    fn scores(&mut self, attributes: &[Attribute<'_>], (span, value): (Span, &Histogram)) {
        let Ok(version) = self.version(attributes) else {
            self.gaps.reject("scores of a config without a readable hash");
            return;
        };
        let score = self.score(attributes);
        let Some(scores) = self.rows.scores(span, version.as_ref(), &score) else { return };
        if scores.histogram.counts.is_empty() {
            scores.histogram = value.clone();
        } else if !histogram::add(&mut scores.histogram, value) {
            self.gaps.note("scores of one version with several sets of bounds: only the first is used", 1);
        }
    }

    /// Standard requests: the histogram's count, with errors by status or error type (semantic conventions for HTTP).
    fn duration(&mut self, attributes: &[Attribute<'_>], (span, value): (Span, &Histogram)) {
        self.rows.latency(span, value);
        if self.state.native {
            return;
        }
        let status = find(attributes, "http.response.status_code").and_then(|status| status.as_int());
        let failed = status.is_some_and(|status| status >= 500) || find_text(attributes, "error.type").is_some();
        let outcome = if failed { Outcome::Error } else { Outcome::Ok };
        let dimensions = self.normaliser.dimensions_of(attributes);
        let count = value.counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        self.rows.requests(span, (outcome, &dimensions), count);
    }

    fn gauge(&mut self, name: &str, point: &NumberPoint<'_>) {
        let Some(time) = self.time(point.time) else { return };
        if point.flags & 1 == 1 {
            return;
        }
        self.accepted += 1;
        let Some(value) = real(point.value) else {
            self.gaps.note(format!("{name}: not a number"), 1);
            return;
        };
        let attributes = point.attributes.as_slice();
        let gauge = match name {
            metric::HTTP_SERVER_ACTIVE_REQUESTS => Some(Gauge::InFlight(value)),
            metric::PROCESS_CPU_UTILIZATION => Some(Gauge::Cpu(value)),
            metric::PROCESS_MEMORY_USAGE => Some(Gauge::Memory(value)),
            metric::PROCESS_UPTIME => {
                let fell = self.state.uptime_s.replace(value).is_some_and(|before| value < before);
                Some(if fell { Gauge::Restarted } else { Gauge::Reported })
            }
            metric::CONFIG_LIMIT => self.limit(attributes, point),
            _ => self.version_gauge(name, attributes, point),
        };
        if let Some(gauge) = gauge {
            self.rows.gauge(time, gauge);
        }
    }

    fn limit(&mut self, attributes: &[Attribute<'_>], point: &NumberPoint<'_>) -> Option<Gauge> {
        let config = find_text(attributes, attribute::CONFIG_NAME)?;
        let limit = find_text(attributes, attribute::LIMIT_NAME)?;
        let names = &mut self.normaliser.names;
        Some(Gauge::Limit(names.name(&config), names.name(&limit), whole(point.value)?))
    }

    fn version_gauge(&mut self, name: &str, attributes: &[Attribute<'_>], point: &NumberPoint<'_>) -> Option<Gauge> {
        let fact = match name {
            metric::CONFIG_ACTIVE => None,
            metric::CONFIG_ROWS => Some("rows"),
            metric::CONFIG_DUPLICATE_ROWS => Some("duplicate_rows"),
            metric::CONFIG_SIZE => Some("size"),
            _ => return None,
        };
        let value = whole(point.value)?;
        let Ok(Some(version)) = self.version(attributes) else {
            self.gaps.note(format!("{name}: a version without a readable hash"), 1);
            return None;
        };
        match fact {
            None => (value > 0).then_some(Gauge::Active(version)),
            Some(fact) => (!self.state.load_events).then_some(Gauge::Fact(version, fact, value)),
        }
    }

    /// The version that a point names: none if it names no config, an error if it names one that cannot be read.
    fn version(&mut self, attributes: &[Attribute<'_>]) -> Result<Option<Version>, ()> {
        version(self.normaliser, attributes, (attribute::CONFIG_NAME, attribute::CONFIG_HASH))
    }
}

/// Whether `name` is one of the monotonic Sums of the contract.
fn is_counter(name: &str) -> bool {
    [metric::REQUESTS, metric::PANICS, metric::SCORES_DEFAULTED, metric::CONFIG_LOADS, metric::TELEMETRY_DROPPED]
        .contains(&name)
}

/// The version under the two keys: none if no config is named, an error if one is named that cannot be read.
pub(super) fn version(
    normaliser: &mut Normaliser,
    attributes: &[Attribute<'_>],
    (name, hash): (&str, &str),
) -> Result<Option<Version>, ()> {
    let name = find_text(attributes, name);
    let hash = find_text(attributes, hash);
    match (name, hash) {
        (None, None) => Ok(None),
        (Some(name), Some(hash)) => {
            let hash: Hash = hash.parse().map_err(|_| ())?;
            Ok(Some((normaliser.names.name(&name), hash)))
        }
        _ => Err(()),
    }
}
