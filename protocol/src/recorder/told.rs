//! What one recorder has counted, as cumulative points with names and attributes (contract.md section 2), in no encoding: the shipper
//! in a proxy writes them as JSON, the agent beside it as protobuf, and both say the same. Their start is the recorder's
//! creation: a lost or repeated report does no harm.

use super::{
    ConfigImage, Dropped, Outcomes, RecorderImage, ScoreHistogram, VersionImage, defaulted_scores, score_histogram,
};
use crate::load::LoadResult;
use crate::names::{METRICS, attribute, metric};

/// `firstbad.change.kind` of the change to another version of the binary.
pub const NEW_BINARY_KIND: &str = "deploy";

/// The description of a change from one version of the binary to another.
#[must_use]
pub fn new_binary_text(before: &str, version: &str) -> String {
    format!("the process runs service.version {version}, the one before it ran {before}")
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text; untrusted.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A real number.
    Double(f64),
    /// True or false.
    Flag(bool),
    /// Texts; untrusted.
    Texts(Vec<String>),
}

/// Attributes in the order in which they are sent.
pub type Attributes = Vec<(String, Value)>;

/// A text as an attribute.
pub fn text(key: &str, value: impl Into<String>) -> (String, Value) {
    (key.to_owned(), Value::Text(value.into()))
}

/// A count as an attribute.
#[must_use]
pub fn int(key: &str, value: u64) -> (String, Value) {
    (key.to_owned(), Value::Int(integer(value)))
}

/// A time in seconds since the Unix epoch, exact to about a microsecond.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a double holds a time of this century to a quarter of a microsecond")]
pub fn seconds(time_ns: u64) -> f64 {
    time_ns as f64 / 1e9
}

/// A count as OTLP has it.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// One metric's points.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its OTLP name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its points, at least one.
    pub data: Data,
}

/// Points by kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// A monotonic, cumulative sum.
    Sum(Vec<(Attributes, i64)>),
    /// A gauge of whole numbers.
    Gauge(Vec<(Attributes, i64)>),
    /// A gauge of real numbers.
    Real(Vec<(Attributes, f64)>),
    /// Cumulative histograms.
    Histogram(Vec<(Attributes, ScoreHistogram)>),
}

/// Everything that `image` has counted until `now_ns`, and what its reader could not keep.
#[must_use]
pub fn metrics(image: &RecorderImage, now_ns: u64, lost: &[Dropped]) -> Vec<Metric> {
    let mut points = Points { image, now_ns, metrics: Vec::new() };
    points.requests();
    points.panics();
    points.scores();
    points.loads();
    points.contents();
    points.limits();
    let dropped = image.dropped.iter().chain(lost).filter(|dropped| dropped.count > 0);
    let dropped = dropped.map(|dropped| (vec![text(attribute::REASON, dropped.reason)], dropped.count));
    points.sum(metric::TELEMETRY_DROPPED, dropped.collect());
    points.metrics
}

type Counted = Vec<(Attributes, u64)>;

struct Points<'a> {
    image: &'a RecorderImage,
    now_ns: u64,
    metrics: Vec<Metric>,
}

/// Versions that have a hash, with their config and attributes.
fn versions(image: &RecorderImage) -> impl Iterator<Item = (&ConfigImage, &VersionImage, Attributes)> {
    image.versions.iter().filter_map(|found| {
        let config = image.config(found.config)?;
        Some((config, found, of_version(&config.name, &found.hash?.to_string())))
    })
}

fn of_version(config: &str, hash: &str) -> Attributes {
    vec![text(attribute::CONFIG_NAME, config), text(attribute::CONFIG_HASH, hash)]
}

fn with(mut attributes: Attributes, more: impl IntoIterator<Item = (String, Value)>) -> Attributes {
    attributes.extend(more);
    attributes
}

fn by_outcome(of: &Attributes, outcomes: Outcomes) -> impl Iterator<Item = (Attributes, u64)> {
    outcomes
        .by_word()
        .map(|outcome| (with(of.clone(), [text(attribute::OUTCOME, outcome.word)]), outcome.count))
        .into_iter()
}

impl Points<'_> {
    fn requests(&mut self) {
        let mut points = Counted::new();
        // A proxy that records views only sends no total: zeros would say that nothing was served.
        if self.image.totals != Outcomes::default() {
            points.extend(by_outcome(&Vec::new(), self.image.totals));
        }
        for (_, version, attributes) in versions(self.image) {
            if version.first_applied_ns.is_some() || version.outcomes != Outcomes::default() {
                points.extend(by_outcome(&attributes, version.outcomes));
            }
        }
        self.sum(metric::REQUESTS, points);
        let failed =
            |(_, version, of): (&ConfigImage, &VersionImage, Attributes)| Some((of, seconds(version.first_failed_ns?)));
        self.push(metric::REQUESTS_FIRST_FAILED, Data::Real(versions(self.image).filter_map(failed).collect()));
    }

    fn panics(&mut self) {
        let image = self.image;
        let site = |place: usize| {
            let site = image.sites.iter().find(|site| site.place == place)?;
            Some(text(attribute::PANIC_SITE, format!("{}:{}:{}", site.file, site.line, site.column)))
        };
        let mut points = Counted::new();
        let mut add = |attributes: Attributes, count: u64| {
            // One location can have several entries: codegen units do not share its text.
            match points.iter_mut().find(|(known, _)| *known == attributes) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => points.push((attributes, count)),
            }
        };
        let mut told = 0_u64;
        for found in &image.sites {
            add(site(found.place).into_iter().collect(), found.count);
            told = told.saturating_add(found.count);
        }
        if image.panics > told {
            add(Vec::new(), image.panics - told);
        }
        for pair in &image.panic_pairs {
            let used = versions(image).find(|(_, version, _)| version.uid == pair.uid);
            // A count that a guard moved to another version and back can be short of zero for a moment.
            if let (Some((.., attributes)), true) = (used, pair.count < u64::MAX / 2) {
                add(with(attributes, site(pair.site)), pair.count);
            }
        }
        self.sum(metric::PANICS, points);
    }

    fn scores(&mut self) {
        let (mut histograms, mut defaulted) = (Vec::new(), Counted::new());
        for (config, version, of) in versions(self.image) {
            for (declared, counts) in config.scores.iter().zip(&version.scores) {
                let range = [
                    text(attribute::SCORE_NAME, &declared.name),
                    (attribute::SCORE_MIN.to_owned(), Value::Double(declared.least)),
                    (attribute::SCORE_MAX.to_owned(), Value::Double(declared.greatest)),
                ];
                let of = with(of.clone(), range);
                let out = defaulted_scores(declared, counts).into_iter().filter(|(_, count)| *count > 0);
                defaulted
                    .extend(out.map(|(reason, count)| (with(of.clone(), [text(attribute::REASON, reason)]), count)));
                let found = score_histogram(declared, counts);
                if found.count > 0 {
                    histograms.push((of, found));
                }
            }
        }
        self.push(metric::SCORES, Data::Histogram(histograms));
        self.sum(metric::SCORES_DEFAULTED, defaulted);
    }

    fn loads(&mut self) {
        let mut points = Counted::new();
        for (_, version, of) in versions(self.image) {
            for load in &version.loads {
                let reason = load.reason.map(|reason| text(attribute::REASON, reason));
                let of = with(of.clone(), [text(attribute::LOAD_RESULT, load.result.as_str())]);
                points.push((with(of, reason), load.count));
            }
        }
        for config in &self.image.configs {
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

    fn contents(&mut self) {
        let names = [metric::CONFIG_AGE, metric::CONFIG_ROWS, metric::CONFIG_DUPLICATE_ROWS, metric::CONFIG_SIZE];
        let (mut active, mut facts) = (Counted::new(), names.map(|name| (name, Counted::new())));
        for (config, found) in self.image.active() {
            let Some(hash) = found.hash else { continue };
            let of = of_version(&config.name, &hash.to_string());
            active.push((with(of.clone(), found.label.as_ref().map(|label| text(attribute::CONFIG_LABEL, label))), 1));
            let applied = found.last_applied_ns.unwrap_or(self.now_ns);
            let age = Some(self.now_ns.saturating_sub(applied) / 1_000_000_000);
            let numbers = [age, found.facts.rows, found.facts.duplicate_rows, found.facts.size];
            for ((_, points), number) in facts.iter_mut().zip(numbers) {
                points.extend(number.map(|number| (of.clone(), number)));
            }
        }
        self.gauge(metric::CONFIG_ACTIVE, active);
        for (name, points) in facts {
            self.gauge(name, points);
        }
    }

    fn limits(&mut self) {
        let (mut declared, mut usage) = (Counted::new(), Vec::new());
        for config in &self.image.configs {
            let active = config.active.and_then(|uid| self.image.version(uid));
            for (place, (name, limit)) in config.limits.iter().enumerate() {
                let of = vec![text(attribute::CONFIG_NAME, &config.name), text(attribute::LIMIT_NAME, name)];
                let observed = active.and_then(|version| version.observed.get(place).copied().flatten());
                if let Some(observed) = observed.filter(|_| *limit > 0) {
                    #[expect(clippy::cast_precision_loss, reason = "a share is a rounded figure")]
                    let share = observed as f64 / *limit as f64;
                    usage.push((of.clone(), share));
                }
                declared.push((of, *limit));
            }
        }
        self.gauge(metric::CONFIG_LIMIT, declared);
        self.push(metric::CONFIG_LIMIT_USAGE, Data::Real(usage));
    }

    fn sum(&mut self, name: &'static str, points: Counted) {
        self.push(name, Data::Sum(integers(points)));
    }

    fn gauge(&mut self, name: &'static str, points: Counted) {
        self.push(name, Data::Gauge(integers(points)));
    }

    fn push(&mut self, name: &'static str, data: Data) {
        let any = match &data {
            Data::Sum(points) | Data::Gauge(points) => !points.is_empty(),
            Data::Real(points) => !points.is_empty(),
            Data::Histogram(points) => !points.is_empty(),
        };
        if any {
            let unit = METRICS.iter().find(|known| known.otel == name).map_or("", |known| known.unit);
            self.metrics.push(Metric { name, unit, data });
        }
    }
}

fn integers(points: Counted) -> Vec<(Attributes, i64)> {
    points.into_iter().map(|(of, count)| (of, integer(count))).collect()
}
