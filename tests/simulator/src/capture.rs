//! Writes a run as a capture in the contract's format (OTLP/JSON lines, section 4), for tests that go the whole way. The
//! same observations that the bench applies become metrics and log events; temporality and style vary by seed. Which
//! metric carries what follows contract.md section 2.

use crate::plan::{Overrides, Plan};
use crate::random::Random;
use crate::scenario::Scenario;
use crate::simulation::{Simulation, step_s};
use firstbad_diagnosis::observation::{Dimensions, Facts, Histogram, Load, Observation, Outcomes, Row, Source};
use firstbad_protocol::names::{attribute, event, metric};
use firstbad_protocol::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Writes run `seed` of `scenario`.
///
/// # Errors
/// If `out` refuses.
pub fn write(scenario: &Scenario, seed: u64, overrides: Overrides, out: &mut impl Write) -> io::Result<()> {
    let plan = Plan::draw(scenario, seed, overrides);
    let mut random = Random::fork(plan.seed, "capture");
    let mut series = Series { cumulative: random.chance(0.5).then(BTreeMap::new), starts: BTreeMap::new() };
    let mut simulation = Simulation::new(&plan);
    let mut sequence = 0_u64;
    let mut at = 0.0;
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        for observation in simulation.step(at) {
            sequence += 1;
            let Some(line) = line(&plan, &mut series, (&observation, sequence)) else { continue };
            writeln!(out, "{line}")?;
            // Senders repeat what was not acknowledged: receivers know repeats by series and time, or boot and sequence.
            if random.chance(0.01) {
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// Sums by series where points are cumulative; none where they are delta.
struct Series {
    cumulative: Option<BTreeMap<String, Vec<u64>>>,
    starts: BTreeMap<String, Timestamp>,
}

impl Series {
    /// The numbers to send for `counts` of one series.
    fn sum(&mut self, key: String, counts: Vec<u64>) -> Vec<u64> {
        let Some(sums) = &mut self.cumulative else { return counts };
        let slot = sums.entry(key).or_insert_with(|| vec![0; counts.len()]);
        slot.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        slot.clone()
    }

    /// Start time of points of `row`; forgets the sums of a process that restarted.
    fn start(&mut self, instance: &str, row: &Row) -> Timestamp {
        let Some(sums) = &mut self.cumulative else { return row.span.start };
        if row.restarted {
            sums.retain(|key, _| !key.starts_with(&format!("{instance}|")));
            self.starts.insert(instance.into(), row.span.start);
        }
        *self.starts.entry(instance.into()).or_insert(row.span.start)
    }

    fn temporality(&self) -> u8 {
        if self.cumulative.is_some() { 2 } else { 1 }
    }
}

fn line(plan: &Plan, series: &mut Series, (observation, sequence): (&Observation, u64)) -> Option<Value> {
    match observation {
        Observation::Row(row) => Some(metrics(plan, series, row)),
        other => log(other, sequence),
    }
}

fn text(key: &str, value: impl Into<String>) -> Value {
    json!({ "key": key, "value": { "stringValue": value.into() } })
}

fn integer(key: &str, value: i64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn texts(dimensions: &Dimensions) -> Vec<Value> {
    dimensions.iter().map(|(key, value)| text(key, &**value)).collect()
}

fn resource(source: Option<&Source>, dimensions: &Dimensions) -> Value {
    let mut attributes = texts(dimensions);
    if let Some(Source::Instance { instance, host }) = source {
        attributes.push(text(attribute::SERVICE_INSTANCE_ID, &**instance));
        attributes.push(text(attribute::HOST_NAME, &**host));
    }
    if attributes.is_empty() {
        attributes.push(text(attribute::SERVICE_NAME, "pipeline"));
    }
    json!({ "attributes": attributes })
}

/// Points of one row while they are gathered.
struct Points<'a> {
    series: &'a mut Series,
    instance: String,
    start: Timestamp,
    end: Timestamp,
    sums: BTreeMap<&'static str, Vec<Value>>,
    histograms: BTreeMap<&'static str, Vec<Value>>,
    gauges: BTreeMap<&'static str, Vec<Value>>,
}

impl Points<'_> {
    fn sum(&mut self, metric: &'static str, attributes: Vec<Value>, count: u64) {
        let key = format!("{}|{metric}|{}", self.instance, Value::from(attributes.clone()));
        let Some(count) = self.series.sum(key, vec![count]).first().copied() else { return };
        if count == 0 {
            return;
        }
        let point = json!({ "attributes": attributes, "startTimeUnixNano": self.start.0.to_string(),
            "timeUnixNano": self.end.0.to_string(), "asInt": count.to_string() });
        self.sums.entry(metric).or_default().push(point);
    }

    fn histogram(&mut self, metric: &'static str, attributes: Vec<Value>, histogram: &Histogram) {
        let key = format!("{}|{metric}|{}", self.instance, Value::from(attributes.clone()));
        let counts = self.series.sum(key, histogram.counts.clone());
        let count: u64 = counts.iter().sum();
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let point = json!({ "attributes": attributes, "startTimeUnixNano": self.start.0.to_string(),
            "timeUnixNano": self.end.0.to_string(), "count": count.to_string(), "bucketCounts": counts,
            "explicitBounds": &*histogram.bounds });
        self.histograms.entry(metric).or_default().push(point);
    }

    fn gauge(&mut self, metric: &'static str, attributes: Vec<Value>, value: f64) {
        if value.is_finite() {
            let point = json!({ "attributes": attributes, "timeUnixNano": self.end.0.to_string(), "asDouble": value });
            self.gauges.entry(metric).or_default().push(point);
        }
    }

    fn finish(self) -> Vec<Value> {
        let temporality = self.series.temporality();
        let sums = self.sums.into_iter().map(|(name, points)| {
            json!({ "name": name, "sum": { "aggregationTemporality": temporality, "isMonotonic": true, "dataPoints": points } })
        });
        let histograms = self.histograms.into_iter().map(|(name, points)| {
            json!({ "name": name, "histogram": { "aggregationTemporality": temporality, "dataPoints": points } })
        });
        let gauges =
            self.gauges.into_iter().map(|(name, points)| json!({ "name": name, "gauge": { "dataPoints": points } }));
        sums.chain(histograms).chain(gauges).collect()
    }
}

fn version(config: &str, hash: impl ToString) -> Vec<Value> {
    vec![text(attribute::CONFIG_NAME, config), text(attribute::CONFIG_HASH, hash.to_string())]
}

fn metrics(plan: &Plan, series: &mut Series, row: &Row) -> Value {
    let instance = match &row.source {
        Source::Instance { instance, .. } => instance.to_string(),
        Source::Aggregate => String::new(),
    };
    let start = series.start(&instance, row);
    let mut points = Points {
        series,
        instance,
        start,
        end: row.span.end,
        sums: BTreeMap::new(),
        histograms: BTreeMap::new(),
        gauges: BTreeMap::new(),
    };
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
        points.gauge(name, Vec::new(), value.unwrap_or(f64::NAN));
    }
    json!({ "resourceMetrics": [{ "resource": resource(Some(&row.source), &row.dimensions),
        "scopeMetrics": [{ "metrics": points.finish() }] }] })
}

fn outcomes(points: &mut Points, attributes: &[Value], outcomes: Outcomes) {
    for (word, count) in [("ok", outcomes.ok), ("error", outcomes.error), ("panic", outcomes.panic)] {
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
            let value = facts.numbers.get(fact).map_or(f64::NAN, |value| *value as f64);
            points.gauge(name, version(config, hash), value);
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
    let failed: u64 = row.totals.iter().map(|total| total.outcomes.error + total.outcomes.panic).sum();
    let mut rest = failed;
    let mut good = latency.clone();
    let mut bad = Histogram { bounds: latency.bounds.clone(), counts: vec![0; latency.counts.len()], sum: None };
    for (good, bad) in good.counts.iter_mut().zip(&mut bad.counts) {
        *bad = rest.min(*good);
        *good -= *bad;
        rest -= *bad;
    }
    for (status, histogram) in [(200, &good), (500, &bad)] {
        let attributes = vec![integer("http.response.status_code", status)];
        points.histogram(metric::HTTP_SERVER_REQUEST_DURATION, attributes, histogram);
    }
}

fn facts(facts: &Facts) -> Vec<Value> {
    let numbers = facts.numbers.iter().map(|(fact, value)| integer(&format!("firstbad.config.{fact}"), *value));
    let words = facts.words.iter().map(|(fact, value)| text(&format!("firstbad.config.{fact}"), &**value));
    let limits =
        facts.limits.iter().map(|(limit, value)| integer(&format!("{}{limit}", attribute::LIMIT_PREFIX), *value));
    let rowset = facts.rowset.map(|hash| text(attribute::CONFIG_ROWSET_HASH, hash.to_string()));
    numbers.chain(words).chain(limits).chain(rowset).collect()
}

fn load(load: &Load) -> Vec<Value> {
    let mut attributes = version(&load.config, load.hash);
    match load.result {
        Some(result) => attributes.push(text(attribute::LOAD_RESULT, result.as_str())),
        None => attributes.push(text(attribute::LOAD_PHASE, "loading")),
    }
    attributes.extend(load.reason.iter().map(|reason| text(attribute::REASON, &**reason)));
    attributes.extend(load.error.iter().map(|error| text(attribute::ERROR, &**error)));
    attributes.extend(load.previous.map(|hash| text(attribute::CONFIG_PREVIOUS_HASH, hash.to_string())));
    attributes.extend(facts(&load.facts));
    attributes
}

fn active<N: AsRef<str>>(versions: &[(N, firstbad_protocol::Hash)]) -> Value {
    let values: Vec<Value> =
        versions.iter().map(|(config, hash)| json!({ "stringValue": format!("{}={hash}", config.as_ref()) })).collect();
    json!({ "key": attribute::CONFIG_ACTIVE, "value": { "arrayValue": { "values": values } } })
}

/// The log record of an event; none for what is no event.
fn log(observation: &Observation, sequence: u64) -> Option<Value> {
    let mut body = None;
    let (at, source, dimensions, name, mut attributes) = match observation {
        Observation::Row(_) | Observation::Gap(_) => return None,
        Observation::Load(event) => (event.at, Some(&event.source), &event.dimensions, event::CONFIG_LOAD, load(event)),
        Observation::Panic(event) => {
            let mut attributes = vec![text("exception.type", "panic"), text("exception.message", &*event.message)];
            attributes.push(active(&event.active));
            let mut place = event.site.as_deref().unwrap_or("").splitn(3, ':');
            attributes.extend(place.next().map(|path| text("code.file.path", path)));
            for key in ["code.line.number", "code.column.number"] {
                attributes
                    .extend(place.next().and_then(|number| number.parse().ok()).map(|number| integer(key, number)));
            }
            (event.at, Some(&event.source), &event.dimensions, event::EXCEPTION, attributes)
        }
        Observation::Start(event) => {
            (event.at, Some(&event.source), &event.dimensions, event::PROCESS_START, Vec::new())
        }
        Observation::Exit(event) => {
            let mut attributes = vec![json!({ "key": attribute::EXIT_CLEAN, "value": { "boolValue": event.clean } })];
            attributes.extend(event.signal.map(|signal| integer(attribute::EXIT_SIGNAL, i64::from(signal))));
            attributes.push(active(&event.active));
            if let Some((config, hash)) = &event.loading {
                attributes.extend(version(config, hash));
                attributes.push(text(attribute::LOAD_PHASE, "loading"));
            }
            (event.at, Some(&event.source), &event.dimensions, event::PROCESS_EXIT, attributes)
        }
        Observation::Change(event) => {
            let mut attributes =
                vec![text(attribute::CHANGE_KIND, &*event.kind), text(attribute::CHANGE_ID, &*event.id)];
            attributes.push(text(attribute::CHANGE_TARGET, &*event.target));
            attributes.extend(event.version.iter().flat_map(|(config, hash)| version(config, hash)));
            body = Some(json!({ "stringValue": &*event.description }));
            (event.at, event.source.as_ref(), &event.dimensions, event::CHANGE, attributes)
        }
    };
    if let Some(Source::Instance { instance, .. }) = source {
        attributes.push(text(attribute::BOOT, format!("boot-{instance}")));
        attributes.push(integer(attribute::SEQ, i64::try_from(sequence).unwrap_or(i64::MAX)));
    }
    let record = json!({ "timeUnixNano": at.0.to_string(), "eventName": name, "attributes": attributes, "body": body });
    Some(
        json!({ "resourceLogs": [{ "resource": resource(source, dimensions), "scopeLogs": [{ "logRecords": [record] }] }] }),
    )
}
