//! Bridge to the `metrics` facade: [`publish`] hands over what was counted, with absolute values, every few seconds or at
//! every scrape. Nothing here runs on the request path, and no score becomes a sample of the facade's own histograms,
//! which some exporters keep one by one until they are scraped.
//!
//! ```
//! // At every scrape, or every few seconds from a timer, whatever recorder the facade has:
//! firstbad_instrument::metrics::publish();
//! ```

use crate::bridge::{self, Sample, Value};
use firstbad_protocol::limits::METRIC_HASHES_MAX;
use firstbad_protocol::names::{self, METRICS, attribute};
use firstbad_protocol::recorder::{RecorderImage, score_histogram};
use metrics::{Label, counter, gauge};
use std::collections::BTreeMap;

type Labels = Vec<(String, String)>;
/// Counts by name and labels; versions that share the label `other` add up.
type Counts = BTreeMap<(&'static str, Labels), u64>;
/// Last values by name and labels. Of versions that share the label `other`, the smallest value is kept, which for first
/// failures is the earliest time.
type Lasts = BTreeMap<(&'static str, Labels), f64>;

/// Publishes everything recorded so far under the names of the Prometheus form (`firstbad_requests_total{config,
/// config_hash, outcome}`, ..) to the facade's recorder. Of each config the 8 versions loaded last have labels of their
/// own; older ones add up under `config_hash="other"` and are counted. Cost: a copy of the recorder, below 1 ms for 1 MiB.
pub fn publish() {
    let Some(image) = crate::own::image() else { return };
    let hashes = ShortHashes::of(&image);
    let (mut counts, mut lasts) = (Counts::new(), Lasts::new());
    for sample in bridge::samples(&image) {
        let Some(metric) = METRICS.iter().find(|metric| metric.otel == sample.metric) else { continue };
        let labels = hashes.labels(&sample);
        match sample.value {
            Value::Count(count) => *counts.entry((metric.prometheus, labels)).or_default() += count,
            Value::Last(value) => {
                let least = lasts.entry((metric.prometheus, labels)).or_insert(value);
                *least = least.min(value);
            }
        }
    }
    for ((name, labels), value) in lasts {
        gauge!(name, to_facade(labels)).set(value);
    }
    publish_scores(&image, &hashes, &mut counts);
    for ((name, labels), count) in counts {
        counter!(name, to_facade(labels)).absolute(count);
    }
    counter!("firstbad_metric_hashes_evicted_total").absolute(hashes.evicted);
}

/// Adds the score distributions, as the counters that a Prometheus histogram is made of.
fn publish_scores(image: &RecorderImage, hashes: &ShortHashes, counts: &mut Counts) {
    for (_, version, attributes) in bridge::versions(image) {
        let config = image.config(version.config);
        for (declared, scores) in config.into_iter().flat_map(|config| &config.scores).zip(&version.scores) {
            let sample = Sample {
                metric: names::metric::SCORES,
                attributes: [attributes.clone(), vec![(attribute::SCORE_NAME, declared.name.clone())]].concat(),
                value: Value::Count(0),
            };
            let labels = hashes.labels(&sample);
            let found = score_histogram(declared, scores);
            let mut sum = 0;
            for (place, count) in found.counts.iter().enumerate() {
                sum += count;
                let bound = found.bounds.get(place).map_or_else(|| "+Inf".to_owned(), |bound| format!("{bound:?}"));
                let labels = [labels.clone(), vec![("le".to_owned(), bound)]].concat();
                *counts.entry(("firstbad_scores_bucket", labels)).or_default() += sum;
            }
            *counts.entry(("firstbad_scores_count", labels.clone())).or_default() += found.count;
            gauge!("firstbad_scores_sum", to_facade(labels)).set(found.sum);
        }
    }
}

fn to_facade(labels: Labels) -> Vec<Label> {
    labels.into_iter().map(|(key, value)| Label::new(key, value)).collect()
}

/// Hashes that have labels of their own.
struct ShortHashes {
    own: Vec<String>,
    evicted: u64,
}

impl ShortHashes {
    fn of(image: &RecorderImage) -> Self {
        let mut own = Vec::new();
        let mut evicted = 0;
        for config in &image.configs {
            let mut versions: Vec<_> = image
                .versions
                .iter()
                .filter(|version| version.config == config.place && version.hash.is_some())
                .map(|version| (version.last_applied_ns, version.uid, version.hash))
                .collect();
            versions.sort();
            versions.reverse();
            evicted += versions.len().saturating_sub(METRIC_HASHES_MAX) as u64;
            own.extend(versions.iter().take(METRIC_HASHES_MAX).filter_map(|(.., hash)| Some((*hash)?.to_string())));
        }
        Self { own, evicted }
    }

    fn labels(&self, sample: &Sample) -> Labels {
        let label = |(key, value): &(&'static str, String)| {
            let name = match *key {
                attribute::CONFIG_NAME => "config",
                attribute::CONFIG_HASH => "config_hash",
                attribute::OUTCOME => "outcome",
                attribute::PANIC_SITE => "site",
                attribute::SCORE_NAME => "score",
                attribute::LOAD_RESULT => "result",
                attribute::REASON => "reason",
                attribute::LIMIT_NAME => "limit",
                other => other,
            };
            let value = match *key {
                attribute::CONFIG_HASH if self.own.contains(value) => value.chars().skip(7).take(12).collect(),
                attribute::CONFIG_HASH => "other".to_owned(),
                _ => value.clone(),
            };
            (name.to_owned(), value)
        };
        sample.attributes.iter().map(label).collect()
    }
}
