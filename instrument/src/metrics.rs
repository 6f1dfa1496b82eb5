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
use firstbad_protocol::recorder::told::seconds;
use firstbad_protocol::recorder::{RecorderImage, score_histogram};
use metrics::{Label, counter, gauge};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

type Labels = Vec<(String, String)>;
type Attributes = Vec<(&'static str, String)>;
/// Counts by name and labels; versions that share the label `other` add up.
type Counts = BTreeMap<(&'static str, Labels), u64>;
/// Last values by name and labels. Of versions that share the label `other`, the smallest value is kept, which for first
/// failures is the earliest time.
type Lasts = BTreeMap<(&'static str, Labels), f64>;

/// What was published under a version's own labels, by name and attributes. Prometheus keeps it there: counted again under
/// `other`, it would look like new events.
static PUBLISHED: Mutex<BTreeMap<(&'static str, Attributes), u64>> = Mutex::new(BTreeMap::new());

/// Publishes everything recorded so far under the names of the Prometheus form (`firstbad_requests_total{config,
/// config_hash, outcome}`, ..) to the facade's recorder. Of each config the 8 versions loaded last have labels of their
/// own; what older ones count from then on adds up under `config_hash="other"`, and they are counted. Cost: a copy of the recorder, below 1 ms for 1 MiB.
pub fn publish() {
    let Some(image) = crate::own::image() else { return };
    let hashes = ShortHashes::of(&image);
    let (mut counts, mut lasts) = (Counts::new(), Lasts::new());
    publish_load_times(&image, &hashes);
    forget_versions_not_in(&image);
    for sample in bridge::samples(&image) {
        let Some(metric) = METRICS.iter().find(|metric| metric.otel == sample.metric) else { continue };
        let labels = hashes.labels(&sample);
        match sample.value {
            Value::Count(count) => {
                let count = hashes.not_published(metric.prometheus, &sample, count);
                *counts.entry((metric.prometheus, labels)).or_default() += count;
            }
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

/// Forgets what was published of versions that the recorder has no place for any more.
fn forget_versions_not_in(image: &RecorderImage) {
    let known: Vec<String> = image.versions.iter().filter_map(|version| Some(version.hash?.to_string())).collect();
    let is_known = |attributes: &Attributes| {
        attributes.iter().any(|(key, value)| *key == attribute::CONFIG_HASH && known.contains(value))
    };
    PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, attributes), _| is_known(attributes));
}

/// When the active version of each config became active.
fn publish_load_times(image: &RecorderImage, hashes: &ShortHashes) {
    let active = bridge::versions(image).filter(|(config, version, _)| config.active == Some(version.uid));
    for (_, version, attributes) in active {
        if let Some(applied_ns) = version.last_applied_ns {
            let metric = names::CONFIG_LOAD_TIMESTAMP.prometheus;
            let value = seconds(applied_ns);
            let labels = hashes.labels(&Sample { metric, attributes, value: Value::Last(value) });
            gauge!(metric, to_facade(labels)).set(value);
        }
    }
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
                let bucket = Sample {
                    attributes: [sample.attributes.clone(), vec![("le", bound.clone())]].concat(),
                    ..sample.clone()
                };
                let labels = [labels.clone(), vec![("le".to_owned(), bound)]].concat();
                let count = hashes.not_published("firstbad_scores_bucket", &bucket, sum);
                *counts.entry(("firstbad_scores_bucket", labels)).or_default() += count;
            }
            let count = hashes.not_published("firstbad_scores_count", &sample, found.count);
            *counts.entry(("firstbad_scores_count", labels.clone())).or_default() += count;
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

    /// What is to be published of a count: all of it under labels of its own, else what was not published there before.
    fn not_published(&self, metric: &'static str, sample: &Sample, count: u64) -> u64 {
        let hash = sample.attributes.iter().find(|(key, _)| *key == attribute::CONFIG_HASH);
        let Some((_, hash)) = hash else { return count };
        let mut published = PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (metric, sample.attributes.clone());
        if self.own.contains(hash) {
            published.insert(key, count);
            return count;
        }
        count.saturating_sub(published.get(&key).copied().unwrap_or(0))
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
