//! This host's recorders in Prometheus form, from the very points that are shipped: same names as the proxy's own
//! `/metrics`, with the instance as a label (contract.md section 3).

use crate::fleet::scores::ScoreCounts;
use crate::fleet::text::{Labels, Text};
use crate::recorder::Export;
use firstbad_protocol::Hash;
use firstbad_protocol::limits::METRIC_HASHES_MAX;
use firstbad_protocol::names::{
    CONFIG_LOAD_TIMESTAMP, Kind, METRIC_HASHES_EVICTED, METRICS, Metric, attribute, metric,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{HistogramDataPoint, NumberDataPoint};
use std::collections::{BTreeMap, BTreeSet};

/// Which attribute a label comes from.
const SOURCES: [(&str, &str); 8] = [
    ("config", attribute::CONFIG_NAME),
    ("config_hash", attribute::CONFIG_HASH),
    ("outcome", attribute::OUTCOME),
    ("site", attribute::PANIC_SITE),
    ("score", attribute::SCORE_NAME),
    ("reason", attribute::REASON),
    ("result", attribute::LOAD_RESULT),
    ("limit", attribute::LIMIT_NAME),
];

/// Instance, then label values in the metric's order.
type Key = (String, Vec<String>);

/// The sums of one metric by label set; folded versions add up.
#[derive(Default)]
struct Samples {
    numbers: BTreeMap<Key, f64>,
    scores: BTreeMap<Key, ScoreCounts>,
}

/// Everything of one poll, in the order of the names list.
#[derive(Default)]
struct Collected {
    samples: BTreeMap<&'static str, Samples>,
    folded: u64,
}

/// Prometheus text of `exports`.
pub(super) fn text(exports: &[Export]) -> String {
    let mut collected = Collected::default();
    for export in exports {
        collected.add(export);
    }
    let mut text = Text::default();
    for listed in METRICS {
        let Some(samples) = collected.samples.get(listed.prometheus) else { continue };
        let mut family = text.family(listed);
        for ((instance, values), number) in &samples.numbers {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            family.suffixed("", Labels { values: &values, instance, le: "" }, number);
        }
        for ((instance, values), scores) in &samples.scores {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            scores.write(&mut family, Labels { values: &values, instance, le: "" });
        }
    }
    text.family(&METRIC_HASHES_EVICTED).sample(&[], collected.folded);
    text.0
}

impl Collected {
    fn add(&mut self, export: &Export) {
        for of_resource in export.metrics.iter().flat_map(|request| &request.resource_metrics) {
            let attributes = of_resource.resource.as_ref().map_or(&[][..], |resource| &resource.attributes);
            let instance = text_of(attributes, attribute::SERVICE_INSTANCE_ID).unwrap_or_default();
            let metrics = || of_resource.scope_metrics.iter().flat_map(|scope| &scope.metrics);
            let shown = shown_hashes(metrics().flat_map(|metric| attributes_of(metric.data.as_ref())));
            self.folded = self.folded.saturating_add(shown.1);
            for sent in metrics() {
                let Some(listed) = METRICS.iter().find(|m| !m.otel.is_empty() && m.otel == sent.name) else { continue };
                let place = |attributes: &[KeyValue]| (instance.to_owned(), values(listed, attributes, &shown.0));
                match &sent.data {
                    Some(Data::Sum(sum)) => self.numbers(listed, &sum.data_points, place),
                    Some(Data::Gauge(gauge)) => self.numbers(listed, &gauge.data_points, place),
                    Some(Data::Histogram(histogram)) => self.histograms(listed, &histogram.data_points, place),
                    _ => {}
                }
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "Prometheus samples are doubles")]
    fn numbers(&mut self, listed: &Metric, points: &[NumberDataPoint], place: impl Fn(&[KeyValue]) -> Key) {
        for point in points {
            let number = match point.value {
                Some(Value::AsInt(number)) => number as f64,
                Some(Value::AsDouble(number)) => number,
                None => continue,
            };
            let key = place(&point.attributes);
            if listed.otel == metric::CONFIG_AGE {
                let loaded = point.time_unix_nano as f64 / 1e9 - number;
                let samples = self.samples.entry(CONFIG_LOAD_TIMESTAMP.prometheus).or_default();
                samples.numbers.insert(key.clone(), loaded);
            }
            let numbers = &mut self.samples.entry(listed.prometheus).or_default().numbers;
            let folded = numbers.entry(key);
            match listed.kind {
                // Only first failures have several values here, and the earliest is the first; other gauges have one version.
                Kind::Gauge => folded.and_modify(|least| *least = least.min(number)).or_insert(number),
                Kind::Counter | Kind::Histogram => folded.and_modify(|sum| *sum += number).or_insert(number),
            };
        }
    }

    fn histograms(&mut self, listed: &Metric, points: &[HistogramDataPoint], place: impl Fn(&[KeyValue]) -> Key) {
        for point in points {
            let scores = &mut self.samples.entry(listed.prometheus).or_default().scores;
            let counts = scores.entry(place(&point.attributes)).or_default();
            counts.add_buckets(&point.explicit_bounds, &point.bucket_counts, point.sum);
        }
    }
}

/// The last hashes of each config that keep labels of their own, and how many do not: a recorder tells oldest first.
fn shown_hashes<'a>(points: impl Iterator<Item = &'a [KeyValue]>) -> (BTreeSet<String>, u64) {
    let mut by_config: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for attributes in points {
        let (Some(config), Some(hash)) =
            (text_of(attributes, attribute::CONFIG_NAME), text_of(attributes, attribute::CONFIG_HASH))
        else {
            continue;
        };
        let hashes = by_config.entry(config).or_default();
        if !hashes.contains(&hash) {
            hashes.push(hash);
        }
    }
    let folded = by_config.values().map(|hashes| hashes.len().saturating_sub(METRIC_HASHES_MAX) as u64).sum();
    let shown = by_config.values().flat_map(|hashes| hashes.iter().rev().take(METRIC_HASHES_MAX));
    (shown.map(|hash| (*hash).to_owned()).collect(), folded)
}

fn attributes_of(data: Option<&Data>) -> Vec<&[KeyValue]> {
    match data {
        Some(Data::Sum(sum)) => sum.data_points.iter().map(|point| point.attributes.as_slice()).collect(),
        Some(Data::Gauge(gauge)) => gauge.data_points.iter().map(|point| point.attributes.as_slice()).collect(),
        Some(Data::Histogram(scores)) => scores.data_points.iter().map(|point| point.attributes.as_slice()).collect(),
        _ => Vec::new(),
    }
}

fn values(listed: &Metric, attributes: &[KeyValue], shown: &BTreeSet<String>) -> Vec<String> {
    let value = |label: &&str| {
        let source = SOURCES.iter().find(|(name, _)| name == label)?.1;
        let text = text_of(attributes, source)?;
        if source != attribute::CONFIG_HASH {
            return Some(text.to_owned());
        }
        let short = text.parse::<Hash>().ok().filter(|_| shown.contains(text)).map(|hash| hash.short());
        Some(short.unwrap_or_else(|| "other".to_owned()))
    };
    listed.labels.iter().map(|label| value(label).unwrap_or_default()).collect()
}

fn text_of<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()?;
    match value {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::metrics::v1::{
        Gauge, Histogram, Metric as Sent, ResourceMetrics, ScopeMetrics, Sum,
    };
    use opentelemetry_proto::tonic::resource::v1::Resource;

    fn word(key: &str, value: &str) -> KeyValue {
        let value = Some(AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) });
        KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
    }

    fn version(n: u8) -> Vec<KeyValue> {
        vec![word(attribute::CONFIG_NAME, "c"), word(attribute::CONFIG_HASH, &Hash([n; 32]).to_string())]
    }

    fn point(attributes: Vec<KeyValue>, n: i64) -> NumberDataPoint {
        let value = Some(Value::AsInt(n));
        NumberDataPoint { attributes, value, time_unix_nano: 100_000_000_000, ..NumberDataPoint::default() }
    }

    fn sent(name: &str, data: Data) -> Sent {
        Sent { name: name.to_owned(), data: Some(data), ..Sent::default() }
    }

    #[test]
    fn points_become_prometheus_text_and_only_eight_versions_keep_their_name() {
        let requests = (1..=10).map(|n| {
            let mut attributes = version(n);
            attributes.push(word(attribute::OUTCOME, "ok"));
            point(attributes, i64::from(n))
        });
        let requests = Sum { data_points: requests.collect(), ..Sum::default() };
        let failed = (1..=10).map(|n| point(version(n), 100 + i64::from(n)));
        let failed = Gauge { data_points: failed.collect() };
        let mut scored = version(10);
        scored.push(word(attribute::SCORE_NAME, "bot"));
        let scores = HistogramDataPoint {
            attributes: scored,
            bucket_counts: vec![7, 2, 1],
            explicit_bounds: vec![0.0, 30.0],
            sum: Some(90.0),
            ..HistogramDataPoint::default()
        };
        let metrics = vec![
            sent(metric::REQUESTS, Data::Sum(requests)),
            sent(metric::REQUESTS_FIRST_FAILED, Data::Gauge(failed)),
            sent(metric::SCORES, Data::Histogram(Histogram { data_points: vec![scores], ..Histogram::default() })),
            sent(metric::CONFIG_AGE, Data::Gauge(Gauge { data_points: vec![point(version(10), 40)] })),
            sent("foreign.metric", Data::Gauge(Gauge { data_points: vec![point(Vec::new(), 1)] })),
        ];
        let scope = ScopeMetrics { metrics, ..ScopeMetrics::default() };
        let resource = Resource { attributes: vec![word("service.instance.id", "i\"1\n")], ..Resource::default() };
        let of = ResourceMetrics { resource: Some(resource), scope_metrics: vec![scope], ..ResourceMetrics::default() };
        let metrics = Some(ExportMetricsServiceRequest { resource_metrics: vec![of] });
        let text = text(&[Export { metrics, logs: None }]);
        let instance = r#"instance="i\"1\\u{a}""#;
        for line in [
            format!(r#"firstbad_requests_total{{config="c",config_hash="0a0a0a0a0a0a",outcome="ok",{instance}}} 10"#),
            format!(r#"firstbad_requests_total{{config="c",config_hash="other",outcome="ok",{instance}}} 3"#),
            format!(
                r#"firstbad_requests_first_failed_seconds{{config="c",config_hash="0a0a0a0a0a0a",{instance}}} 110"#
            ),
            format!(r#"firstbad_requests_first_failed_seconds{{config="c",config_hash="other",{instance}}} 101"#),
            format!(
                r#"firstbad_scores_bucket{{config="c",config_hash="0a0a0a0a0a0a",score="bot",{instance},le="0.5"}} 7"#
            ),
            format!(
                r#"firstbad_scores_bucket{{config="c",config_hash="0a0a0a0a0a0a",score="bot",{instance},le="30"}} 9"#
            ),
            format!(r#"firstbad_scores_count{{config="c",config_hash="0a0a0a0a0a0a",score="bot",{instance}}} 10"#),
            format!(r#"firstbad_config_load_timestamp_seconds{{config="c",config_hash="0a0a0a0a0a0a",{instance}}} 60"#),
            "firstbad_metric_hashes_evicted_total 2".to_owned(),
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("foreign"), "{text}");
    }
}
