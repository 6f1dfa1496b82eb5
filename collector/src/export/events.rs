//! Turns an event into a logs request: the sender's own record if the store has it, else a record made of the parsed fields.

use super::Item;
use super::metrics::nanoseconds;
use super::resource::{IDENTITY, resource};
use crate::normalise::{Content, source_of, time_of};
use crate::recorder::attributes::{flag, signed, text, texts, version};
use firstbad_diagnosis::observation::{Change, Dimensions, Exit, Load, MorePanics, Name, NamedBy, Observation, Panic};
use firstbad_protocol::Hash;
use firstbad_protocol::names::{attribute, event};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// Process life of exported events whose sender numbers none: equal events are then no repeats of each other.
const BOOT: &str = "firstbad.export";
/// Events of one batch are numbered from the batch's number times this: more than a commit holds.
const EVENTS_OF_BATCH: u64 = 1 << 24;

/// Returns the event as a logs request. A gap becomes a plain record, since the contract has no event for it.
pub(super) fn request(item: Item<'_>) -> ExportLogsServiceRequest {
    let (name, dimensions) = name_and_dimensions(item.observation);
    let resource = resource(source_of(item.observation), &dimensions, NamedBy::Host);
    let kept = item.record.unwrap_or_else(|| rebuilt(item.observation));
    let mut record =
        LogRecord { time_unix_nano: nanoseconds(time_of(item.observation).0), event_name: name.to_owned(), ..kept };
    record.attributes.retain(|attribute| !IDENTITY.contains(&attribute.key.as_str()));
    let has = |key: &str| record.attributes.iter().any(|attribute| attribute.key == key);
    let is_numbered = has(attribute::BOOT) && has(attribute::SEQ);
    if !is_numbered && !name.is_empty() {
        record.attributes.retain(|told| told.key != attribute::BOOT && told.key != attribute::SEQ);
        let number = item.batch.saturating_mul(EVENTS_OF_BATCH).saturating_add(item.place as u64);
        record.attributes.push(text(attribute::BOOT, BOOT));
        record.attributes.push(signed(attribute::SEQ, i64::try_from(number).unwrap_or(i64::MAX)));
    }
    one(resource, record)
}

/// The request that holds the content of a version, from the process that loaded it.
pub(super) fn content(load: &Load, content: &Content) -> ExportLogsServiceRequest {
    let mut attributes = version(&content.config, content.hash);
    attributes.push(text(attribute::CONTENT_FORMAT, content.format.as_ref()));
    let body = match String::from_utf8(content.body.clone()) {
        Ok(body) => Value::StringValue(body),
        Err(error) => Value::BytesValue(error.into_bytes()),
    };
    let record = LogRecord {
        time_unix_nano: nanoseconds(load.at.0),
        event_name: event::CONFIG_CONTENT.to_owned(),
        attributes,
        body: Some(AnyValue { value: Some(body) }),
        ..LogRecord::default()
    };
    one(resource(Some(&load.source), &load.dimensions, NamedBy::Host), record)
}

fn one(resource: Resource, record: LogRecord) -> ExportLogsServiceRequest {
    let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
    let logs = ResourceLogs { resource: Some(resource), scope_logs: vec![scope], ..ResourceLogs::default() };
    ExportLogsServiceRequest { resource_logs: vec![logs] }
}

/// Returns the event's name in the contract (empty for rows and gaps) and the dimensions of its resource.
fn name_and_dimensions(observation: &Observation) -> (&'static str, Dimensions) {
    match observation {
        Observation::Load(load) => (event::CONFIG_LOAD, Dimensions::clone(&load.dimensions)),
        Observation::Panic(panic) | Observation::MorePanics(MorePanics { first: panic, .. }) => {
            (event::EXCEPTION, Dimensions::clone(&panic.dimensions))
        }
        Observation::Start(start) => (event::PROCESS_START, Dimensions::clone(&start.dimensions)),
        Observation::Exit(exit) => (event::PROCESS_EXIT, Dimensions::clone(&exit.dimensions)),
        Observation::Change(change) => (event::CHANGE, Dimensions::clone(&change.dimensions)),
        Observation::Row(_) | Observation::Gap(_) => ("", Dimensions::default()),
    }
}

/// Makes a record of the parsed fields of an event whose own record is not kept.
fn rebuilt(observation: &Observation) -> LogRecord {
    let (attributes, body) = match observation {
        Observation::Load(load) => (of_load(load), None),
        Observation::Panic(panic) => (of_panic(panic), None),
        Observation::MorePanics(more) => (of_more_panics(more), None),
        Observation::Exit(exit) => (of_exit(exit), None),
        Observation::Change(change) => (of_change(change), Some(change.description.as_ref())),
        Observation::Gap(gap) => {
            let count = i64::try_from(gap.count).unwrap_or(i64::MAX);
            (vec![signed("count", count)], Some(gap.sentence.as_ref()))
        }
        Observation::Start(_) | Observation::Row(_) => (Vec::new(), None),
    };
    let body = body.map(|body| AnyValue { value: Some(Value::StringValue(body.to_owned())) });
    LogRecord { attributes, body, ..LogRecord::default() }
}

fn of_load(load: &Load) -> Vec<KeyValue> {
    let mut told = version(&load.config, load.hash);
    told.push(match load.result {
        Some(result) => text(attribute::LOAD_RESULT, result.as_str()),
        None => text(attribute::LOAD_PHASE, "loading"),
    });
    let words = [(attribute::REASON, &load.reason), (attribute::ERROR, &load.error)];
    told.extend(words.into_iter().filter_map(|(key, word)| Some(text(key, word.as_deref()?))));
    let hashes = [(attribute::CONFIG_PREVIOUS_HASH, load.previous), (attribute::CONFIG_ROWSET_HASH, load.facts.rowset)];
    told.extend(hashes.into_iter().filter_map(|(key, hash)| Some(text(key, hash?.to_string()))));
    let facts = &load.facts;
    told.extend(facts.numbers.iter().map(|(name, value)| signed(&format!("firstbad.config.{name}"), *value)));
    told.extend(facts.words.iter().map(|(name, word)| text(&format!("firstbad.config.{name}"), word.as_ref())));
    let limit = |(name, value): (&Name, &i64)| signed(&format!("{}{name}", attribute::LIMIT_PREFIX), *value);
    told.extend(facts.limits.iter().map(limit));
    told
}

fn of_panic(panic: &Panic) -> Vec<KeyValue> {
    let mut told = vec![
        text("exception.type", panic.exception.as_deref().unwrap_or("panic")),
        text("exception.message", panic.message.as_ref()),
    ];
    told.extend(panic.site.iter().map(|site| text(attribute::PANIC_SITE, site.as_ref())));
    told.extend(of_active(&panic.active));
    told
}

/// The record of the first of them, with their number and the time of the last.
fn of_more_panics(more: &MorePanics) -> Vec<KeyValue> {
    let mut told = of_panic(&more.first);
    told.push(signed(attribute::EXCEPTION_COUNT, i64::try_from(more.count).unwrap_or(i64::MAX)));
    told.push(signed(attribute::EXCEPTION_FIRST, more.first.at.0));
    told
}

fn of_exit(exit: &Exit) -> Vec<KeyValue> {
    let mut told = vec![flag(attribute::EXIT_CLEAN, exit.clean)];
    let numbers = [(attribute::EXIT_SIGNAL, exit.signal), (attribute::EXIT_STATUS, exit.status)];
    told.extend(numbers.into_iter().filter_map(|(key, number)| Some(signed(key, i64::from(number?)))));
    if let Some((config, hash)) = &exit.loading {
        told.push(text(attribute::LOAD_PHASE, "loading"));
        told.extend(version(config, *hash));
    }
    told.extend(of_active(&exit.active));
    told
}

fn of_change(change: &Change) -> Vec<KeyValue> {
    let mut told = vec![
        text(attribute::CHANGE_KIND, change.kind.as_ref()),
        text(attribute::CHANGE_ID, change.id.as_ref()),
        text(attribute::CHANGE_TARGET, change.target.as_ref()),
    ];
    if let Some((config, hash)) = &change.version {
        told.extend(version(config, *hash));
    }
    told
}

/// `firstbad.config.active`, where anything was.
fn of_active(active: &[(Name, Hash)]) -> Option<KeyValue> {
    let named = active.iter().map(|(config, hash)| format!("{config}={hash}"));
    (!active.is_empty()).then(|| texts(attribute::CONFIG_ACTIVE, named))
}
