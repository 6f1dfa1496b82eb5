//! The attributes of a point, interpreted once per distinct set: thousands of hosts send the same few sets again and again.

use super::gaps::Fault;
use super::identity::{self, Identity};
use super::keys::{self, Key};
use super::names::Names;
use super::spellings::{self, Spelling};
use super::table::AsIs;
use crate::otlp::model::{Attribute, Attributes, Value};
use crate::otlp::{Digest, Form};
use firstbad_diagnosis::observation::{Dimensions, Name};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::LABEL_SETS_MAX;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::attribute;
use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Denied,
    Error,
    Panic,
}

/// What a point's attributes say.
#[derive(Debug, Default)]
pub(super) struct Labels {
    /// Identity of the set.
    pub(super) key: Key,
    /// Identity of the cell of requests: version and own dimensions.
    pub(super) cell: Key,
    /// Identity of the cell of scores: version and score.
    pub(super) score_cell: Key,
    /// The config and version; none where neither was named.
    pub(super) version: Option<(Name, Hash)>,
    /// The config, with or without a version.
    pub(super) config: Option<Name>,
    /// Why config and hash, though named, are no version.
    pub(super) not_a_version: Option<Fault>,
    /// The point's own dimensions.
    pub(super) dimensions: Dimensions,
    /// The point's own identity.
    pub(super) identity: Identity,
    /// `firstbad.outcome`, if told.
    pub(super) outcome: Option<Result<Outcome, Fault>>,
    /// `firstbad.panic.site`.
    pub(super) site: Option<Name>,
    /// `firstbad.score.name`.
    pub(super) score: Option<Name>,
    /// `firstbad.score.min` and `.max`.
    pub(super) range: (Option<f64>, Option<f64>),
    /// `firstbad.reason`.
    pub(super) reason: Option<Name>,
    /// `firstbad.load.result`.
    pub(super) result: Option<LoadResult>,
    /// `firstbad.limit.name`.
    pub(super) limit: Option<Name>,
    /// Status of the HTTP response.
    status: Option<i64>,
    /// Whether the sender gave a kind of error.
    error_type: bool,
    /// Whether it is a part of a CPU's time in which the process did not run.
    pub(super) idle: bool,
    /// Whether a config or a version is named, in any form.
    pub(super) tagged: bool,
}

impl Labels {
    fn read(key: Key, attributes: &[Attribute<'_>], declared: &[String], names: &mut Names) -> Self {
        let mut labels = Self { key, ..Self::default() };
        let mut hash = None;
        let mut own = BTreeMap::new();
        labels.tagged = is_tagged(attributes);
        let spelling = Spelling::of(attributes, declared);
        for attribute in attributes {
            let key = spelling.meant(&attribute.key);
            if key == attribute::CONFIG_HASH {
                hash = attribute.value.as_text();
            } else {
                labels.take(key, &attribute.value, names);
            }
            if identity::is_dimension(key, declared)
                && let Some(value) = identity::shown(&attribute.value, names)
            {
                own.insert(names.name(key), value);
            }
        }
        labels.dimensions = names.dimensions(own);
        (labels.version, labels.not_a_version) = version(labels.config.as_ref(), hash);
        labels.name_cells();
        labels
    }

    fn name_cells(&mut self) {
        let version = self.version.as_ref().map_or(1, |(config, hash)| {
            keys::combine(keys::of_bytes(config.as_bytes(), 0), keys::of_bytes(&hash.0, 1))
        });
        let dimensions = self.dimensions.iter().fold(0, |key: Key, (name, value)| {
            key.wrapping_add(keys::combine(keys::of_bytes(name.as_bytes(), 0), keys::of_bytes(value.as_bytes(), 1)))
        });
        let score = self.score.as_deref().unwrap_or_default();
        self.cell = keys::combine(version, dimensions);
        self.score_cell = keys::combine(version, keys::of_bytes(score.as_bytes(), 2));
    }

    /// The outcome of a request that a standard HTTP metric counts: by its status, else by whether the sender gave a kind of
    /// error.
    pub(super) fn http_outcome(&self) -> Outcome {
        match self.status {
            Some(500..) => Outcome::Error,
            Some(400..500) => Outcome::Denied,
            Some(100..) => Outcome::Ok,
            _ if self.error_type => Outcome::Error,
            _ => Outcome::Ok,
        }
    }

    fn take(&mut self, key: &str, value: &Value<'_>, names: &mut Names) {
        let text = |names: &mut Names| value.as_text().filter(|text| !text.is_empty()).map(|text| names.name(text));
        match key {
            attribute::CONFIG_NAME => self.config = text(names),
            attribute::OUTCOME => self.outcome = Some(outcome(value.as_text())),
            attribute::PANIC_SITE => self.site = text(names),
            attribute::SCORE_NAME => self.score = text(names),
            attribute::SCORE_MIN => self.range.0 = real(value),
            attribute::SCORE_MAX => self.range.1 = real(value),
            attribute::REASON => self.reason = text(names),
            attribute::LOAD_RESULT => self.result = value.as_text().and_then(LoadResult::from_wire),
            attribute::LIMIT_NAME => self.limit = text(names),
            spellings::HTTP_STATUS => self.status = value.as_int().or(self.status),
            spellings::ERROR_TYPE => self.error_type |= *value != Value::Empty && value.as_text() != Some(""),
            "cpu.mode" | "cpu.state" | "process.cpu.state" | "state" => {
                self.idle = matches!(value.as_text(), Some("idle" | "wait" | "iowait" | "steal"));
            }
            _ => self.identity.take(key, value, names),
        }
    }
}

/// Whether attributes of a point name a config or a version.
pub(super) fn is_tagged(attributes: &[Attribute<'_>]) -> bool {
    let spelling = Spelling::of(attributes, &[]);
    let names_version = |key| matches!(spelling.meant(key), attribute::CONFIG_NAME | attribute::CONFIG_HASH);
    // Prometheus writes a missing attribute as an empty label.
    let is_empty = |value: &Value<'_>| value.as_text() == Some("");
    attributes.iter().any(|it| names_version(&it.key) && !is_empty(&it.value))
}

fn outcome(word: Option<&str>) -> Result<Outcome, Fault> {
    match word {
        Some("ok") => Ok(Outcome::Ok),
        Some("denied") => Ok(Outcome::Denied),
        Some("error") => Ok(Outcome::Error),
        Some("panic") => Ok(Outcome::Panic),
        _ => Err(Fault::UnknownOutcome),
    }
}

/// The version that a config name and a hash text name.
pub(super) fn version(config: Option<&Name>, hash: Option<&str>) -> (Option<(Name, Hash)>, Option<Fault>) {
    match (config, hash.filter(|hash| !hash.is_empty())) {
        (None, None) => (None, None),
        (Some(_), None) => (None, Some(Fault::NoHash)),
        (_, Some("other")) => (None, Some(Fault::Folded)),
        (config, Some(text)) => match (config, hash_of(text)) {
            (_, None) => (None, Some(Fault::BadHash)),
            (None, Some(_)) => (None, Some(Fault::NoConfig)),
            (Some(config), Some(hash)) => (Some((Name::clone(config), hash)), None),
        },
    }
}

/// The hash that `text` writes, with or without its prefix, in either case. A short form names no version: it may be the
/// start of several.
pub(super) fn hash_of(text: &str) -> Option<Hash> {
    let text = text.trim();
    let hex = text.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("sha256:")).and_then(|_| text.get(7..));
    hex.unwrap_or(text).parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "a declared bound of a score")]
fn real(value: &Value<'_>) -> Option<f64> {
    let value = match value {
        Value::Double(real) => *real,
        Value::Int(integer) => *integer as f64,
        Value::Text(text) => text.parse().ok()?,
        _ => return None,
    };
    value.is_finite().then_some(value)
}

/// Label sets whose bytes are remembered. Chosen: the sets of 1,000 proxies of 64 sets each that are all different.
const DIGESTS_MAX: usize = 65_536;

/// Label sets by identity, and by the bytes in which they were sent.
#[derive(Debug, Default)]
pub(super) struct LabelSets {
    sets: HashMap<Key, Arc<Labels>, BuildHasherDefault<AsIs>>,
    digests: HashMap<Digest, Arc<Labels>, BuildHasherDefault<AsIs>>,
}

impl LabelSets {
    /// What `attributes` say.
    pub(super) fn get(
        &mut self,
        attributes: Attributes<'_, '_>,
        declared: &[String],
        names: &mut Names,
    ) -> Arc<Labels> {
        if let Form::Known(digest) | Form::New(digest) = attributes.form
            && let Some(known) = self.digests.get(&digest)
        {
            return Arc::clone(known);
        }
        let labels = self.of(attributes.read, declared, names);
        if let Form::New(digest) = attributes.form
            && self.digests.len() < DIGESTS_MAX
        {
            self.digests.insert(digest, Arc::clone(&labels));
        }
        labels
    }

    fn of(&mut self, attributes: &[Attribute<'_>], declared: &[String], names: &mut Names) -> Arc<Labels> {
        let key = keys::of_attributes(attributes);
        if let Some(known) = self.sets.get(&key) {
            return Arc::clone(known);
        }
        if self.sets.len() >= LABEL_SETS_MAX {
            self.sets.clear();
        }
        let labels = Arc::new(Labels::read(key, attributes, declared, names));
        self.sets.insert(key, Arc::clone(&labels));
        labels
    }

    /// Forgets all bytes when there are too many. Only before a request is read: what it is read with has to stay.
    pub(super) fn make_room(&mut self) {
        if self.digests.len() >= DIGESTS_MAX {
            self.digests.clear();
        }
    }

    pub(super) fn knows(&self, digest: Digest) -> bool {
        self.digests.contains_key(&digest)
    }

    /// Whether `attributes` name a config or a version.
    pub(super) fn is_tagged(&self, attributes: Attributes<'_, '_>) -> bool {
        match attributes.form {
            Form::Known(digest) => self.digests.get(&digest).is_some_and(|known| known.tagged),
            Form::Read | Form::New(_) => is_tagged(attributes.read),
        }
    }
}
