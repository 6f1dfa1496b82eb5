//! A row as metrics (contract.md section 2, first table): firstbad's own, or standard ones only.

use super::style::{Style, real, resource, text, texts, version};
use crate::plan::Plan;
use firstbad_diagnosis::observation::{Histogram, Outcomes, Row, Source};
use firstbad_protocol::names::{attribute, metric};
use firstbad_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What each process has counted so far, where points are cumulative: like an SDK, it repeats all of it in every report.
pub(super) struct Series {
    cumulative: bool,
    processes: BTreeMap<String, Process>,
}

/// One process: its start, and its series by metric and attributes, with what they look like and hold.
struct Process {
    start: Timestamp,
    series: BTreeMap<(&'static str, String), Counted>,
}

#[derive(Clone)]
struct Counted {
    attributes: Vec<Value>,
    counts: Vec<u64>,
    /// Bounds and sum of a histogram; none for a sum.
    histogram: Option<(Vec<f64>, Option<f64>)>,
}

impl Series {
    pub(super) fn new(cumulative: bool) -> Self {
        Self { cumulative, processes: BTreeMap::new() }
    }

    /// The counts of the process that sends `row`, as of its start; what a process before it counted is gone.
    fn process(&mut self, row: &Row) -> &mut Process {
        let name = match &row.source {
            Source::Instance { instance, .. } => instance.to_string(),
            Source::Aggregate => String::new(),
        };
        let new = || Process { start: row.span.start, series: BTreeMap::new() };
        let process = self.processes.entry(name).or_insert_with(new);
        if row.restarted || !self.cumulative {
            *process = new();
        }
        process
    }
}

impl Process {
    fn add(&mut self, metric: &'static str, new: Counted) {
        let key = (metric, Value::from(new.attributes.clone()).to_string());
        let Some(known) = self.series.get_mut(&key) else {
            self.series.insert(key, new);
            return;
        };
        known.counts.iter_mut().zip(new.counts).for_each(|(sum, count)| *sum += count);
        if let (Some((_, sum)), Some((_, more))) = (&mut known.histogram, new.histogram) {
            *sum = sum.zip(more).map(|(sum, more)| sum + more);
        }
    }
}

/// Points of one row while they are gathered.
struct Points<'a> {
    process: &'a mut Process,
    style: Style,
    end: Timestamp,
    gauges: BTreeMap<&'static str, Vec<Value>>,
}

impl Points<'_> {
    fn sum(&mut self, metric: &'static str, attributes: Vec<Value>, count: u64) {
        if count > 0 {
            self.process.add(metric, Counted { attributes, counts: vec![count], histogram: None });
        }
    }

    fn histogram(&mut self, metric: &'static str, attributes: Vec<Value>, histogram: &Histogram) {
        let shape = Some((histogram.bounds.to_vec(), histogram.sum));
        self.process.add(metric, Counted { attributes, counts: histogram.counts.clone(), histogram: shape });
    }

    fn gauge(&mut self, metric: &'static str, attributes: Vec<Value>, value: f64) {
        let point =
            json!({ "attributes": attributes, "timeUnixNano": self.style.whole(self.end.0), "asDouble": real(value) });
        self.gauges.entry(metric).or_default().push(point);
    }

    fn finish(self) -> Vec<Value> {
        let Self { process, style, end, gauges } = self;
        let (start, end) = (style.whole(process.start.0), style.whole(end.0));
        let point = |counted: &Counted| {
            let Counted { attributes, counts, histogram } = counted;
            let count = style.count(counts.iter().sum());
            let Some((bounds, sum)) = histogram else {
                return json!({ "attributes": attributes, "startTimeUnixNano": start, "timeUnixNano": end, "asInt": count });
            };
            let buckets: Vec<Value> = counts.iter().map(|count| style.count(*count)).collect();
            json!({ "attributes": attributes, "startTimeUnixNano": start, "timeUnixNano": end, "count": count,
                "bucketCounts": buckets, "explicitBounds": bounds, "sum": sum.map_or(Value::Null, real) })
        };
        let mut metrics: BTreeMap<(&str, bool), Vec<Value>> = BTreeMap::new();
        for ((name, _), counted) in &process.series {
            metrics.entry((*name, counted.histogram.is_some())).or_default().push(point(counted));
        }
        let counted = metrics.into_iter().map(|((name, histogram), points)| {
            let data =
                json!({ "aggregationTemporality": style.temporality(), "isMonotonic": true, "dataPoints": points });
            json!({ "name": name, (if histogram { "histogram" } else { "sum" }): data })
        });
        let levels =
            gauges.into_iter().map(|(name, points)| json!({ "name": name, "gauge": { "dataPoints": points } }));
        counted.chain(levels).collect()
    }
}

/// The request that holds `row`.
pub(super) fn metrics(plan: &Plan, style: Style, series: &mut Series, row: &Row) -> Value {
    let process = series.process(row);
    let mut points = Points { process, style, end: row.span.end, gauges: BTreeMap::new() };
    if plan.fleet.full {
        own(&mut points, row)
    } else {
        standard(&mut points, row)
    }
    for (name, value) in [
        (metric::PROCESS_CPU_UTILIZATION, row.cpu),
        (metric::PROCESS_MEMORY_USAGE, row.memory),
        (metric::HTTP_SERVER_ACTIVE_REQUESTS, row.in_flight),
    ] {
        if let Some(value) = value {
            points.gauge(name, Vec::new(), value);
        }
    }
    json!({ "resourceMetrics": [{ "resource": resource(Some(&row.source), &row.dimensions),
        "scopeMetrics": [{ "metrics": points.finish() }] }] })
}

fn outcomes(points: &mut Points, attributes: &[Value], outcomes: Outcomes) {
    let Outcomes { ok, denied, error, panic } = outcomes;
    for (word, count) in [("ok", ok), ("denied", denied), ("error", error), ("panic", panic)] {
        let mut attributes = attributes.to_vec();
        attributes.push(text(attribute::OUTCOME, word));
        points.sum(metric::REQUESTS, attributes, count);
    }
}

/// firstbad's own metrics.
fn own(points: &mut Points, row: &Row) {
    for total in &row.totals {
        outcomes(points, &texts(&total.dimensions), total.outcomes);
    }
    for view in &row.views {
        let mut attributes = version(&view.config, view.hash);
        attributes.extend(texts(&view.dimensions));
        outcomes(points, &attributes, view.outcomes);
    }
    for panics in &row.panics {
        let mut attributes = panics.version.as_ref().map_or_else(Vec::new, |(config, hash)| version(config, hash));
        attributes.extend(panics.site.iter().map(|site| text(attribute::PANIC_SITE, &**site)));
        points.sum(metric::PANICS, attributes, panics.count);
    }
    for scores in &row.scores {
        let mut attributes = scores.version.as_ref().map_or_else(Vec::new, |(config, hash)| version(config, hash));
        attributes.push(text(attribute::SCORE_NAME, &*scores.score));
        points.histogram(metric::SCORES, attributes.clone(), &scores.histogram);
        attributes.push(text(attribute::REASON, "sentinel"));
        points.sum(metric::SCORES_DEFAULTED, attributes, scores.sentinel);
    }
    for (config, hash) in &row.active {
        points.gauge(metric::CONFIG_ACTIVE, version(config, hash), 1.0);
    }
    for (config, hash, facts) in &row.facts {
        for (fact, name) in [
            ("rows", metric::CONFIG_ROWS),
            ("duplicate_rows", metric::CONFIG_DUPLICATE_ROWS),
            ("size", metric::CONFIG_SIZE),
        ] {
            if let Some(value) = facts.numbers.get(fact) {
                points.gauge(name, version(config, hash), *value as f64);
            }
        }
        for (limit, value) in &facts.limits {
            let attributes = vec![text(attribute::CONFIG_NAME, &**config), text(attribute::LIMIT_NAME, &**limit)];
            points.gauge(metric::CONFIG_LIMIT, attributes, *value as f64);
        }
    }
    if let Some(latency) = &row.latency {
        points.histogram(metric::HTTP_SERVER_REQUEST_DURATION, Vec::new(), latency);
    }
}

/// Standard metrics only: the latency histogram by status is all there is.
fn standard(points: &mut Points, row: &Row) {
    let Some(latency) = &row.latency else { return };
    let failed: u64 = row.totals.iter().map(|total| total.outcomes.failed()).sum();
    let mut rest = failed;
    let mut good = latency.clone();
    let mut bad = Histogram { bounds: latency.bounds.clone(), counts: vec![0; latency.counts.len()], sum: None };
    for (good, bad) in good.counts.iter_mut().zip(&mut bad.counts) {
        *bad = rest.min(*good);
        *good -= *bad;
        rest -= *bad;
    }
    for (status, histogram) in [(200, &good), (500, &bad)] {
        let attributes = vec![points.style.integer("http.response.status_code", status)];
        points.histogram(metric::HTTP_SERVER_REQUEST_DURATION, attributes, histogram);
    }
}
