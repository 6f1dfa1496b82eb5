//! What the log events of the contract say (contract.md section 2, second table).

use super::Content;
use super::gaps::Fault;
use super::identity::{self, Identity};
use super::labels;
use super::names::Names;
use super::processes::Heard;
use super::senders::{Sender, Senders};
use crate::otlp::model::{Attribute, LogRecord, Value};
use firstbad_diagnosis::observation::{
    Change, Dimensions, Exit, Facts, Load, MorePanics, Name, Observation, Panic, Source, Start,
};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::CONTENT_BYTES_MAX;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::Timestamp;
use std::collections::BTreeMap;

/// Around a record.
pub(super) struct Context<'a> {
    pub(super) at: Timestamp,
    pub(super) sender: &'a Sender,
    pub(super) senders: &'a mut Senders,
    pub(super) declared: &'a [String],
    pub(super) names: &'a mut Names,
}

/// The observation that an event makes.
pub(super) fn read(name: &str, record: &LogRecord<'_>, context: &mut Context<'_>) -> Result<Observation, Fault> {
    let said = Said(&record.attributes);
    let (source, dimensions) = who(said, context);
    let at = context.at;
    let status = said.int(attribute::EXIT_STATUS).and_then(|status| i32::try_from(status).ok());
    Ok(match name {
        event::CONFIG_LOAD => Observation::Load(load(said, source, dimensions, context)?),
        event::EXCEPTION => several(
            said,
            Panic {
                at,
                source,
                dimensions,
                exception: said.name("exception.type", context.names).filter(|kind| kind.as_ref() != "panic"),
                message: Names::text(said.text("exception.message").or(record.body.as_text()).unwrap_or_default()),
                site: site(said, context.names),
                active: active(said, context.names),
            },
        ),
        event::PROCESS_START => Observation::Start(Start { at, source, dimensions }),
        event::PROCESS_EXIT => Observation::Exit(Exit {
            at,
            source,
            dimensions,
            clean: said.get(attribute::EXIT_CLEAN).and_then(Value::as_bool).unwrap_or(status == Some(0)),
            signal: said.int(attribute::EXIT_SIGNAL).and_then(|signal| i32::try_from(signal).ok()),
            status,
            active: active(said, context.names),
            loading: said.text(attribute::LOAD_PHASE).and_then(|_| version(said, context.names).ok().flatten()),
        }),
        _ => Observation::Change(change(record, source, dimensions, context)?),
    })
}

/// A panic, or as many as its event stands for.
fn several(said: Said<'_>, panic: Panic) -> Observation {
    let count = said.int(attribute::EXCEPTION_COUNT).and_then(|count| u64::try_from(count).ok());
    match count {
        Some(count) if count > 1 => {
            let first = said.int(attribute::EXCEPTION_FIRST).map_or(panic.at, Timestamp).min(panic.at);
            let last = panic.at;
            Observation::MorePanics(MorePanics { first: Panic { at: first, ..panic }, last, count })
        }
        _ => Observation::Panic(panic),
    }
}

/// The captured content that a record holds.
pub(super) fn content(record: &LogRecord<'_>, names: &mut Names) -> Result<Content, Fault> {
    let said = Said(&record.attributes);
    let (config, hash) = version(said, names)?.ok_or(Fault::ContentWithoutVersion)?;
    let body = match &record.body {
        Value::Text(text) => text.as_bytes(),
        Value::Bytes(bytes) => bytes,
        _ if said.get(crate::redact::WITHHELD).is_some() => return Err(Fault::ContentNotText),
        _ => return Err(Fault::NoBody),
    };
    if body.len() > CONTENT_BYTES_MAX {
        return Err(Fault::ContentTooLong);
    }
    let format = said.name(attribute::CONTENT_FORMAT, names).unwrap_or_default();
    Ok(Content { hash, config, format, body: body.to_vec() })
}

/// The attributes of a record.
#[derive(Clone, Copy)]
struct Said<'a>(&'a [Attribute<'a>]);

impl<'a> Said<'a> {
    fn get(self, key: &str) -> Option<&'a Value<'a>> {
        self.0.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
    }

    fn text(self, key: &str) -> Option<&'a str> {
        self.get(key)?.as_text().filter(|text| !text.is_empty())
    }

    fn int(self, key: &str) -> Option<i64> {
        self.get(key)?.as_int()
    }

    fn name(self, key: &str, names: &mut Names) -> Option<Name> {
        Some(names.name(self.text(key)?))
    }

    fn hash(self, key: &str) -> Option<Hash> {
        labels::hash_of(self.text(key)?)
    }
}

/// The record's own identity and dimensions win over the resource's.
fn who(said: Said<'_>, context: &mut Context<'_>) -> (Source, Dimensions) {
    let sender = context.sender;
    let own = Identity::of(said.0, context.names);
    let source = if own.is_empty() {
        sender.source.clone()
    } else {
        let who = own.over(&sender.identity).who(sender.resource, context.names);
        context.senders.source(&who, Heard::of_event(context.at), context.names).source
    };
    let mut dimensions = Dimensions::clone(&sender.dimensions);
    if said.0.iter().any(|attribute| identity::is_dimension(&attribute.key, context.declared)) {
        let mut merged = BTreeMap::clone(&dimensions);
        let own = identity::dimensions(said.0, context.declared, context.names);
        merged.extend(own.iter().map(|(key, value)| (Name::clone(key), Name::clone(value))));
        dimensions = context.names.dimensions(merged);
    }
    (source, dimensions)
}

/// The version that a record names; an unreadable one is a fault, none at all is none.
fn version(said: Said<'_>, names: &mut Names) -> Result<Option<(Name, Hash)>, Fault> {
    let config = said.name(attribute::CONFIG_NAME, names);
    match labels::version(config.as_ref(), said.text(attribute::CONFIG_HASH)) {
        (_, Some(Fault::BadHash)) => Err(Fault::BadHash),
        (version, _) => Ok(version),
    }
}

fn load(said: Said<'_>, source: Source, dimensions: Dimensions, context: &mut Context<'_>) -> Result<Load, Fault> {
    let (config, hash) = version(said, context.names)?.ok_or(Fault::LoadWithoutVersion)?;
    let result = match said.text(attribute::LOAD_RESULT) {
        Some(word) => Some(LoadResult::from_wire(word).ok_or(Fault::UnknownResult)?),
        None if said.text(attribute::LOAD_PHASE) == Some("loading") => None,
        None => return Err(Fault::UnknownResult),
    };
    Ok(Load {
        at: context.at,
        source,
        dimensions,
        config,
        hash,
        result,
        reason: said.name(attribute::REASON, context.names),
        error: said.text(attribute::ERROR).map(Names::text),
        previous: said.hash(attribute::CONFIG_PREVIOUS_HASH),
        facts: facts(said, context.names),
    })
}

fn facts(said: Said<'_>, names: &mut Names) -> Facts {
    const NUMBERS: [(&str, &str); 6] = [
        (attribute::CONFIG_ROWS, "rows"),
        (attribute::CONFIG_DUPLICATE_ROWS, "duplicate_rows"),
        (attribute::CONFIG_SIZE, "size"),
        (attribute::CONFIG_BLANK_FIELDS, "blank_fields"),
        (attribute::CONFIG_COLUMNS, "columns"),
        (attribute::CONFIG_GENERATION, "generation"),
    ];
    const WORDS: [(&str, &str); 3] = [
        (attribute::CONFIG_SOURCE, "source"),
        (attribute::CONFIG_LABEL, "label"),
        (attribute::CONFIG_REVISION, "revision"),
    ];
    let mut facts = Facts { rowset: said.hash(attribute::CONFIG_ROWSET_HASH), ..Facts::default() };
    for (key, name) in NUMBERS {
        if let Some(value) = said.int(key) {
            facts.numbers.insert(names.name(name), value);
        }
    }
    for (key, name) in WORDS {
        if let Some(word) = said.get(key).and_then(|value| identity::shown(value, names)) {
            facts.words.insert(names.name(name), word);
        }
    }
    for attribute in said.0 {
        let limit =
            attribute.key.strip_prefix(attribute::LIMIT_PREFIX).filter(|_| attribute.key != attribute::LIMIT_NAME);
        if let (Some(limit), Some(value)) = (limit, attribute.value.as_int()) {
            facts.limits.insert(names.name(limit), value);
        }
    }
    facts
}

/// `file:line:column`, as far as it is told.
fn site(said: Said<'_>, names: &mut Names) -> Option<Name> {
    if let Some(site) = said.name(attribute::PANIC_SITE, names) {
        return Some(site);
    }
    // The second names are those of conventions before 1.30.
    let mut site = said.text("code.file.path").or_else(|| said.text("code.filepath"))?.to_owned();
    for (number, before) in [("code.line.number", "code.lineno"), ("code.column.number", "code.column")] {
        let Some(number) = said.int(number).or_else(|| said.int(before)) else { break };
        site.push(':');
        site.push_str(&number.to_string());
    }
    Some(names.name(&site))
}

/// The versions that `firstbad.config.active` names among `attributes`.
pub(super) fn active_in(attributes: &[Attribute<'_>], names: &mut Names) -> Vec<(Name, Hash)> {
    active(Said(attributes), names)
}

/// `firstbad.config.active`: `name=sha256:..` each. A name may hold `=`; a hash never does.
fn active(said: Said<'_>, names: &mut Names) -> Vec<(Name, Hash)> {
    let texts: Vec<&str> = match said.get(attribute::CONFIG_ACTIVE) {
        Some(Value::List(values)) => values.iter().filter_map(Value::as_text).collect(),
        // Log pipelines without arrays join them.
        Some(Value::Text(text)) => text.split(',').collect(),
        _ => return Vec::new(),
    };
    let pairs = texts.into_iter().filter_map(|pair| pair.trim().rsplit_once('='));
    pairs.filter_map(|(name, hash)| Some((names.name(name), labels::hash_of(hash)?))).collect()
}

fn change(
    record: &LogRecord<'_>,
    source: Source,
    dimensions: Dimensions,
    context: &mut Context<'_>,
) -> Result<Change, Fault> {
    let said = Said(&record.attributes);
    let kind = said.name(attribute::CHANGE_KIND, context.names).ok_or(Fault::ChangeWithoutKind)?;
    let version = version(said, context.names)?;
    let own = Identity::of(said.0, context.names);
    // A pod that serves requests is one of the fleet; one that does not may be where the deployer runs.
    let serves = context.senders.instance(context.sender.instance).is_some_and(|pod| pod.sends_requests());
    let names_one = own.over(&context.sender.identity).names_host_or_instance() || serves;
    if kind.as_ref() == "publish" && version.is_none() {
        return Err(Fault::PublishWithoutVersion);
    }
    let names = &mut *context.names;
    let mut name = |key| said.get(key).and_then(|value| identity::shown(value, names)).unwrap_or_default();
    Ok(Change {
        at: context.at,
        // Without a host or an instance of its own, a change reached the whole fleet, whatever `service.name` is.
        source: names_one.then_some(source).filter(|source| *source != Source::Aggregate),
        dimensions,
        kind,
        id: name(attribute::CHANGE_ID),
        target: name(attribute::CHANGE_TARGET),
        description: Names::text(record.body.as_text().unwrap_or_default()),
        version,
    })
}
