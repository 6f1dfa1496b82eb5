//! What this process has recorded, as named samples for the bridges to other metric libraries, off the request path.

use firstbad_protocol::names::{attribute, metric};
use firstbad_protocol::recorder::told::seconds;
use firstbad_protocol::recorder::{ConfigImage, RecorderImage, VersionImage, defaulted_scores};

/// One value of one series, in OpenTelemetry's names.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Name in `names::metric`.
    pub(crate) metric: &'static str,
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) value: Value,
}

/// A cumulative count, or a last value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Last(f64),
}

/// Every sample but the score distributions.
pub(crate) fn samples(image: &RecorderImage) -> Vec<Sample> {
    let mut samples = Samples(Vec::new());
    samples.outcomes(&[], image.totals);
    for (config, version, attributes) in versions(image) {
        samples.outcomes(&attributes, version.outcomes);
        if let Some(failed_ns) = version.first_failed_ns {
            let (attributes, value) = (attributes.clone(), Value::Last(seconds(failed_ns)));
            samples.0.push(Sample { metric: metric::REQUESTS_FIRST_FAILED, attributes, value });
        }
        for load in &version.loads {
            let mut attributes = attributes.clone();
            attributes.push((attribute::LOAD_RESULT, load.result.as_str().to_owned()));
            attributes.push((attribute::REASON, load.reason.unwrap_or("").to_owned()));
            samples.count(metric::CONFIG_LOADS, attributes, load.count);
        }
        for (declared, counts) in config.scores.iter().zip(&version.scores) {
            for (reason, count) in defaulted_scores(declared, counts) {
                let mut attributes = attributes.clone();
                attributes.push((attribute::SCORE_NAME, declared.name.clone()));
                attributes.push((attribute::REASON, reason.to_owned()));
                samples.count(metric::SCORES_DEFAULTED, attributes, count);
            }
        }
    }
    samples.panics(image);
    samples.contents(image);
    for dropped in &image.dropped {
        let attributes = vec![(attribute::REASON, dropped.reason.to_owned())];
        samples.count(metric::TELEMETRY_DROPPED, attributes, dropped.count);
    }
    samples.0
}

/// Versions that have a hash, with config name and hash.
pub(crate) fn versions(
    image: &RecorderImage,
) -> impl Iterator<Item = (&ConfigImage, &VersionImage, Vec<(&'static str, String)>)> {
    image.versions.iter().filter_map(|version| {
        let config = image.config(version.config)?;
        let attributes =
            vec![(attribute::CONFIG_NAME, config.name.clone()), (attribute::CONFIG_HASH, version.hash?.to_string())];
        Some((config, version, attributes))
    })
}

struct Samples(Vec<Sample>);

impl Samples {
    fn count(&mut self, metric: &'static str, attributes: Vec<(&'static str, String)>, count: u64) {
        self.0.push(Sample { metric, attributes, value: Value::Count(count) });
    }

    fn outcomes(&mut self, of: &[(&'static str, String)], outcomes: firstbad_protocol::recorder::Outcomes) {
        for outcome in outcomes.by_word() {
            let mut attributes = of.to_vec();
            attributes.push((attribute::OUTCOME, outcome.word.to_owned()));
            self.count(metric::REQUESTS, attributes, outcome.count);
        }
    }

    fn panics(&mut self, image: &RecorderImage) {
        for pair in &image.panic_pairs {
            let mut attributes: Vec<_> = versions(image)
                .find(|(_, version, _)| version.uid == pair.uid)
                .map(|(_, _, attributes)| attributes)
                .unwrap_or_default();
            if let Some(site) = image.sites.iter().find(|site| site.place == pair.site) {
                attributes.push((attribute::PANIC_SITE, format!("{}:{}:{}", site.file, site.line, site.column)));
            }
            self.count(metric::PANICS, attributes, pair.count);
        }
    }

    fn contents(&mut self, image: &RecorderImage) {
        for (config, version, attributes) in
            versions(image).filter(|(config, version, _)| config.active == Some(version.uid))
        {
            self.last(metric::CONFIG_ACTIVE, attributes.clone(), 1);
            let facts = [
                (metric::CONFIG_ROWS, version.facts.rows),
                (metric::CONFIG_DUPLICATE_ROWS, version.facts.duplicate_rows),
                (metric::CONFIG_SIZE, version.facts.size),
            ];
            for (metric, value) in facts {
                if let Some(value) = value {
                    self.last(metric, attributes.clone(), value);
                }
            }
            for ((name, limit), observed) in config.limits.iter().zip(&version.observed) {
                let attributes =
                    vec![(attribute::CONFIG_NAME, config.name.clone()), (attribute::LIMIT_NAME, name.clone())];
                self.last(metric::CONFIG_LIMIT, attributes.clone(), *limit);
                if let (Some(observed), 1..) = (observed, *limit) {
                    let value = Value::Last(number(*observed) / number(*limit));
                    self.0.push(Sample { metric: metric::CONFIG_LIMIT_USAGE, attributes, value });
                }
            }
        }
    }

    fn last(&mut self, metric: &'static str, attributes: Vec<(&'static str, String)>, value: u64) {
        self.0.push(Sample { metric, attributes, value: Value::Last(number(value)) });
    }
}

/// A count as a number that metric libraries take.
#[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers everywhere")]
pub(crate) const fn number(count: u64) -> f64 {
    count as f64
}
