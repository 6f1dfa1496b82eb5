//! Log events into observations (contract.md section 2, the table of log events). Events that come again are known by boot
//! and sequence number; records of other kinds are accepted and not read.

use super::gaps::Gaps;
use super::identity::{Key, Who, find, find_text, value_text};
use super::metrics::version;
use super::names::Names;
use super::rows::Version;
use super::{Batch, Content, Normaliser, Time};
use crate::otlp::Logs;
use crate::otlp::model::{Attribute, LogRecord, Value};
use firstbad_diagnosis::observation::{Change, Exit, Facts, Load, Name, Observation, Panic, Start};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{BOOTS_MAX, CONTENT_BYTES_MAX, INSTANCES_MAX};
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Sequence numbers kept above the contiguous ones: events that overtook others.
const OVERTAKING_MAX: usize = 1024;
/// Versions listed in one `firstbad.config.active`.
const ACTIVE_MAX: usize = 64;

/// Sequence numbers seen of one boot.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    /// All up to and including this one are seen, or given up.
    floor: Option<i64>,
    above: BTreeSet<i64>,
}

impl Seen {
    /// Whether `seq` is new; it is seen from now on.
    fn insert(&mut self, seq: i64) -> bool {
        if self.floor.is_some_and(|floor| seq <= floor) || !self.above.insert(seq) {
            return false;
        }
        while let Some(first) = self.above.first().copied() {
            let contiguous = self.floor.is_some_and(|floor| first == floor + 1);
            if !contiguous && self.above.len() <= OVERTAKING_MAX {
                break;
            }
            self.above.pop_first();
            self.floor = Some(first);
        }
        true
    }
}

/// What one record needs to become an observation.
struct Record<'r, 'a> {
    who: &'r Who,
    at: Timestamp,
    attributes: &'r [Attribute<'a>],
    body: &'r Value<'a>,
}

/// What one record comes to.
enum Read {
    Event(Box<Observation>),
    Captured(Content),
    /// None of firstbad's.
    Other,
    /// It cannot be used, and why.
    Refused(&'static str),
}

impl Read {
    fn event(observation: Observation) -> Self {
        Self::Event(Box::new(observation))
    }
}

pub(super) fn take(normaliser: &mut Normaliser, request: &Logs<'_>) -> Batch {
    let mut batch = Batch::default();
    let mut gaps = Gaps::default();
    for resource in &request.resource_logs {
        let who = normaliser.who(&resource.resource);
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            take_record(normaliser, (&who, record), (&mut batch, &mut gaps));
        }
    }
    batch.rejected = gaps.rejected;
    let at = batch.latest;
    batch.observations.extend(gaps.observations(at));
    batch
}

fn take_record(
    normaliser: &mut Normaliser,
    (who, record): (&Who, &LogRecord<'_>),
    (batch, gaps): (&mut Batch, &mut Gaps),
) {
    let named = if record.event_name.is_empty() { find_text(&record.attributes, "event.name") } else { None };
    let name = named.as_deref().unwrap_or(&record.event_name);
    let at = match normaliser.event_time(if record.time > 0 { record.time } else { record.observed }) {
        Time::At(ns) => Timestamp(ns),
        Time::BeyondHorizon => return,
        Time::Absurd => return gaps.reject("log events without a usable time cannot be used"),
    };
    batch.latest = batch.latest.max(Some(at));
    if !is_new(normaliser, who.key, &record.attributes) {
        batch.accepted += 1;
        return;
    }
    let record = Record { who, at, attributes: &record.attributes, body: &record.body };
    match read(normaliser, name, &record) {
        Read::Event(observation) => batch.observations.push(*observation),
        Read::Captured(content) => batch.contents.push(content),
        Read::Other => {}
        Read::Refused(sentence) => return gaps.reject(sentence),
    }
    batch.accepted += 1;
}

/// Whether a record was not seen before, by boot and sequence number; one without them is always new.
fn is_new(normaliser: &mut Normaliser, key: Key, attributes: &[Attribute<'_>]) -> bool {
    let boot = find_text(attributes, attribute::BOOT);
    let seq = find(attributes, attribute::SEQ).and_then(Value::as_int);
    let (Some(boot), Some(seq)) = (boot, seq) else { return true };
    let key = key.with(boot.as_bytes()).0;
    if !normaliser.boots.contains_key(&key) && normaliser.boots.len() >= BOOTS_MAX {
        // Keys are hashes, so this forgets an arbitrary boot; a repeat of it would be counted again as evidence.
        normaliser.boots.pop_first();
    }
    normaliser.boots.entry(key).or_default().insert(seq)
}

fn read(normaliser: &mut Normaliser, name: &str, record: &Record<'_, '_>) -> Read {
    match name {
        event::CONFIG_LOAD => load(normaliser, record),
        event::EXCEPTION => exception(normaliser, record),
        event::PROCESS_START => Read::event(Observation::Start(Start {
            at: record.at,
            source: record.who.source.clone(),
            dimensions: Arc::clone(&record.who.dimensions),
        })),
        event::PROCESS_EXIT => exit(normaliser, record),
        event::CHANGE => change(normaliser, record),
        event::CONFIG_CONTENT => content(normaliser, record),
        _ => Read::Other,
    }
}

fn own_version(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Result<Option<Version>, ()> {
    version(normaliser, record.attributes, (attribute::CONFIG_NAME, attribute::CONFIG_HASH))
}

fn load(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Read {
    let Ok(Some((config, hash))) = own_version(normaliser, record) else {
        return Read::Refused("load events without a config or a readable hash cannot be used");
    };
    let attributes = record.attributes;
    let loading = find_text(attributes, attribute::LOAD_PHASE).is_some_and(|phase| phase == "loading");
    let result = find_text(attributes, attribute::LOAD_RESULT).and_then(|word| LoadResult::from_wire(&word));
    if result.is_none() && !loading {
        return Read::Refused("load events without a known result cannot be used");
    }
    if normaliser.resources.len() < INSTANCES_MAX {
        normaliser.resources.entry(record.who.key.0).or_default().load_events = true;
    }
    let hash_under = |key| find_text(attributes, key).and_then(|text| text.parse::<Hash>().ok());
    Read::event(Observation::Load(Load {
        at: record.at,
        source: record.who.source.clone(),
        dimensions: Arc::clone(&record.who.dimensions),
        config,
        hash,
        result,
        reason: find_text(attributes, attribute::REASON).map(|reason| normaliser.names.name(&reason)),
        error: find_text(attributes, attribute::ERROR).map(|error| Names::text(&error)),
        previous: hash_under(attribute::CONFIG_PREVIOUS_HASH),
        facts: facts(normaliser, attributes),
    }))
}

fn facts(normaliser: &mut Normaliser, attributes: &[Attribute<'_>]) -> Facts {
    let mut facts = Facts::default();
    for attribute in attributes {
        let number = || attribute.value.as_int();
        let fact = match attribute.key.as_ref() {
            attribute::CONFIG_ROWS => "rows",
            attribute::CONFIG_DUPLICATE_ROWS => "duplicate_rows",
            attribute::CONFIG_SIZE => "size",
            attribute::CONFIG_BLANK_FIELDS => "blank_fields",
            attribute::CONFIG_COLUMNS => "columns",
            attribute::CONFIG_GENERATION => "generation",
            attribute::CONFIG_SOURCE | attribute::CONFIG_LABEL => {
                let key = if attribute.key == attribute::CONFIG_SOURCE { "source" } else { "label" };
                let (key, value) = (normaliser.names.name(key), normaliser.names.name(&value_text(&attribute.value)));
                facts.words.insert(key, value);
                continue;
            }
            attribute::CONFIG_ROWSET_HASH => {
                facts.rowset = value_text(&attribute.value).parse().ok();
                continue;
            }
            other => {
                let limit = other.strip_prefix(attribute::LIMIT_PREFIX).filter(|name| *name != "name");
                if let Some((name, value)) = limit.zip(number()) {
                    facts.limits.insert(normaliser.names.name(name), value);
                }
                continue;
            }
        };
        if let Some(value) = number() {
            facts.numbers.insert(normaliser.names.name(fact), value);
        }
    }
    facts
}

/// `file:line:column`, as far as it is told.
fn site(normaliser: &mut Normaliser, attributes: &[Attribute<'_>]) -> Option<Name> {
    let mut site =
        find_text(attributes, "code.file.path").or_else(|| find_text(attributes, "code.filepath"))?.into_owned();
    for key in ["code.line.number", "code.column.number"] {
        let Some(number) = find(attributes, key).and_then(Value::as_int) else { break };
        site.push_str(&format!(":{number}"));
    }
    Some(normaliser.names.name(&site))
}

fn exception(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Read {
    if find_text(record.attributes, "exception.type").is_none_or(|kind| kind != "panic") {
        return Read::Other;
    }
    Read::event(Observation::Panic(Panic {
        at: record.at,
        source: record.who.source.clone(),
        dimensions: Arc::clone(&record.who.dimensions),
        message: Names::text(&find_text(record.attributes, "exception.message").unwrap_or_default()),
        site: site(normaliser, record.attributes),
        active: active(normaliser, record.attributes),
    }))
}

/// `name=sha256:..` each; what cannot be read is left out.
fn active(normaliser: &mut Normaliser, attributes: &[Attribute<'_>]) -> Vec<Version> {
    let Some(Value::List(values)) = find(attributes, attribute::CONFIG_ACTIVE) else { return Vec::new() };
    let mut versions = Vec::new();
    for text in values.iter().take(ACTIVE_MAX).filter_map(Value::as_text) {
        if let Some((name, hash)) = text.rsplit_once('=')
            && let Ok(hash) = hash.parse()
        {
            versions.push((normaliser.names.name(name), hash));
        }
    }
    versions
}

fn exit(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Read {
    let attributes = record.attributes;
    let loading = find_text(attributes, attribute::LOAD_PHASE).is_some_and(|phase| phase == "loading");
    let version = own_version(normaliser, record).ok().flatten();
    let signal = find(attributes, attribute::EXIT_SIGNAL).and_then(Value::as_int);
    Read::event(Observation::Exit(Exit {
        at: record.at,
        source: record.who.source.clone(),
        dimensions: Arc::clone(&record.who.dimensions),
        clean: find(attributes, attribute::EXIT_CLEAN).and_then(Value::as_bool).unwrap_or(false),
        signal: signal.and_then(|signal| i32::try_from(signal).ok()),
        active: active(normaliser, attributes),
        loading: version.filter(|_| loading),
    }))
}

fn change(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Read {
    let text = |normaliser: &mut Normaliser, key| {
        let text = find_text(record.attributes, key).unwrap_or_default();
        normaliser.names.name(&text)
    };
    let kind = text(normaliser, attribute::CHANGE_KIND);
    let version = own_version(normaliser, record).ok().flatten();
    if kind.is_empty() {
        return Read::Refused("change events without a kind cannot be used");
    }
    if kind.as_ref() == "publish" && version.is_none() {
        return Read::Refused("publish events without a config or a readable hash cannot be used");
    }
    Read::event(Observation::Change(Change {
        at: record.at,
        source: record.who.is_somebody.then(|| record.who.source.clone()),
        dimensions: Arc::clone(&record.who.dimensions),
        kind,
        id: text(normaliser, attribute::CHANGE_ID),
        target: text(normaliser, attribute::CHANGE_TARGET),
        description: Names::text(&value_text(record.body)),
        version,
    }))
}

fn content(normaliser: &mut Normaliser, record: &Record<'_, '_>) -> Read {
    let Ok(Some((config, hash))) = own_version(normaliser, record) else {
        return Read::Refused("contents without a config or a readable hash cannot be used");
    };
    let body = match record.body {
        Value::Text(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
        _ => return Read::Refused("contents without a body cannot be used"),
    };
    if body.len() > CONTENT_BYTES_MAX {
        return Read::Refused("contents beyond the size limit are not kept");
    }
    let format = find_text(record.attributes, attribute::CONTENT_FORMAT).unwrap_or_default();
    Read::Captured(Content { hash, config, format: normaliser.names.name(&format), body })
}
