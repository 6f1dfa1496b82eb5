//! One recorder's events as OTLP log records (contract.md section 2). `firstbad.boot` and `firstbad.seq` make a
//! repetition harmless.

use super::attributes::{active, boot, flag, int, resource, scope, signed, text, texts, version};
use super::stacks::Stacks;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::recorder::told::{NEW_BINARY_KIND, new_binary_text};
use firstbad_protocol::recorder::{
    ConfigImage, DeathImage, Ending, EventImage, EventKind, LoadImage, PanicImage, RecorderImage, SiteImage, State,
};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};

/// Longest stack in names, bytes; the innermost functions are kept.
const STACK_BYTES_MAX: usize = 16 << 10;

/// First sequence number of contents: above those of events and panics, below the sign bit.
const CONTENT_SEQUENCE: u64 = 1 << 62;

/// Records of one recorder, in the order of time.
pub(super) fn request(image: &RecorderImage, mut records: Vec<LogRecord>) -> Option<ExportLogsServiceRequest> {
    if records.is_empty() {
        return None;
    }
    records.sort_by_key(|record| record.time_unix_nano);
    let scope = ScopeLogs { scope: Some(scope()), log_records: records, ..ScopeLogs::default() };
    let resource = ResourceLogs { resource: Some(resource(image)), scope_logs: vec![scope], ..ResourceLogs::default() };
    Some(ExportLogsServiceRequest { resource_logs: vec![resource] })
}

/// A record under construction.
struct Record<'a> {
    image: &'a RecorderImage,
    name: &'static str,
    at_ns: u64,
    sequence: u64,
    severity: SeverityNumber,
}

impl Record<'_> {
    fn with(self, mut attributes: Vec<KeyValue>) -> LogRecord {
        attributes.push(text(attribute::BOOT, boot(self.image)));
        attributes.push(int(attribute::SEQ, self.sequence));
        LogRecord {
            time_unix_nano: self.at_ns,
            observed_time_unix_nano: self.at_ns,
            severity_number: self.severity.into(),
            event_name: self.name.to_owned(),
            attributes,
            ..LogRecord::default()
        }
    }
}

/// A start, exit or load. None for a load that was under way when it was written and has ended since.
pub(super) fn event(image: &RecorderImage, found: &EventImage) -> Option<LogRecord> {
    let record = |name, severity| Record { image, name, at_ns: found.at_ns, sequence: found.number * 2, severity };
    match &found.kind {
        EventKind::Start => Some(record(event::PROCESS_START, SeverityNumber::Info).with(Vec::new())),
        EventKind::Exit => {
            let ending = image.ending();
            // A goodbye with a failing status is a death: `death` makes its event.
            let said = || record(event::PROCESS_EXIT, SeverityNumber::Info).with(exit(ending, active(image), None));
            ending.clean.then(said)
        }
        EventKind::NewBinary { before } => Some(new_binary(record(event::CHANGE, SeverityNumber::Info), before)),
        // Another process's: see `earlier_death`.
        EventKind::Death(_) => None,
        EventKind::Load(load) => {
            let ended = |later: &EventImage| {
                later.number > found.number
                    && matches!(&later.kind, EventKind::Load(other) if other.config == load.config)
            };
            if load.result.is_none() && image.events.iter().any(ended) {
                return None;
            }
            let refused = load.result.is_some_and(firstbad_protocol::load::LoadResult::is_refusal);
            let severity = if refused { SeverityNumber::Warn } else { SeverityNumber::Info };
            let config = image.config(load.config)?;
            Some(record(event::CONFIG_LOAD, severity).with(load_attributes(config, load)))
        }
    }
}

/// The change to another binary than that of the process before. Its identity is the version, so that the hosts of a fleet
/// tell of one change.
fn new_binary(record: Record<'_>, before: &str) -> LogRecord {
    let version = record.image.attribute(attribute::SERVICE_VERSION).unwrap_or_default();
    let said = new_binary_text(before, version);
    let attributes = vec![
        text(attribute::CHANGE_KIND, NEW_BINARY_KIND),
        text(attribute::CHANGE_ID, version),
        text(attribute::CHANGE_TARGET, version),
    ];
    let body = Some(AnyValue { value: Some(Value::StringValue(said)) });
    LogRecord { body, ..record.with(attributes) }
}

fn load_attributes(config: &ConfigImage, load: &LoadImage) -> Vec<KeyValue> {
    let mut found = vec![text(attribute::CONFIG_NAME, &config.name)];
    let mut texts = |key: &str, value: Option<String>| found.extend(value.map(|value| text(key, value)));
    texts(attribute::CONFIG_HASH, load.hash.map(|hash| hash.to_string()));
    match load.result {
        Some(result) => texts(attribute::LOAD_RESULT, Some(result.as_str().to_owned())),
        None => texts(attribute::LOAD_PHASE, Some("loading".to_owned())),
    }
    texts(attribute::REASON, load.reason.clone());
    texts(attribute::ERROR, load.error.clone());
    texts(attribute::CONFIG_PREVIOUS_HASH, load.previous.map(|hash| hash.to_string()));
    texts(attribute::CONFIG_ROWSET_HASH, load.facts.rowset.map(|hash| hash.to_string()));
    texts(attribute::CONFIG_LABEL, load.label.clone());
    texts(attribute::CONFIG_SOURCE, load.source.clone());
    texts(attribute::CONFIG_REVISION, load.revision.clone());
    let numbers = [
        (attribute::CONFIG_SIZE, load.facts.size),
        (attribute::CONFIG_ROWS, load.facts.rows),
        (attribute::CONFIG_DUPLICATE_ROWS, load.facts.duplicate_rows),
        (attribute::CONFIG_BLANK_FIELDS, load.facts.blank_fields),
        (attribute::CONFIG_COLUMNS, load.facts.columns),
    ];
    found.extend(numbers.into_iter().filter_map(|(key, value)| value.map(|value| int(key, value))));
    found.extend(load.facts.generation.map(|generation| signed(attribute::CONFIG_GENERATION, generation)));
    for (name, limit) in &config.limits {
        found.push(int(&format!("{}{name}", attribute::LIMIT_PREFIX), *limit));
    }
    found
}

/// A panic with its text, its stack in names if `stacks` knows them.
pub(super) fn exception(image: &RecorderImage, panic: &PanicImage, stacks: Option<&Stacks>) -> LogRecord {
    let record = Record {
        image,
        name: event::EXCEPTION,
        at_ns: panic.at_ns,
        sequence: panic.number * 2 + 1,
        severity: SeverityNumber::Error,
    };
    let named = panic.active.iter().filter_map(|uid| {
        let version = image.version(*uid)?;
        super::attributes::named(image.config(version.config)?, version)
    });
    let mut attributes = vec![
        text("exception.type", "panic"),
        text("exception.message", &panic.message),
        text("code.file.path", &panic.file),
        int("code.line.number", u64::from(panic.line)),
        int("code.column.number", u64::from(panic.column)),
        texts(attribute::CONFIG_ACTIVE, named),
    ];
    attributes.extend(panic.thread.as_ref().map(|thread| text("thread.name", thread)));
    if let Some(stack) = image.site_of(panic).and_then(|site| stack(image, site, stacks)) {
        attributes.push(text("exception.stacktrace", stack));
    }
    record.with(attributes)
}

/// Functions, or else addresses within the binary, one in a line, and the build id by which `addr2line` finds it.
fn stack(image: &RecorderImage, site: &SiteImage, stacks: Option<&Stacks>) -> Option<String> {
    use std::fmt::Write;
    if site.frames.is_empty() {
        return None;
    }
    let mut stack = String::from("build id ");
    for byte in &image.build_id {
        let _ = write!(stack, "{byte:02x}");
    }
    let names = stacks.and_then(|stacks| stacks.names(image, site));
    let addresses = site.frames.iter().map(|frame| format!("{:#x}", frame.wrapping_sub(image.load_bias)));
    let lines = names.map_or_else(|| addresses.collect(), <[String]>::to_vec);
    for (number, line) in lines.iter().enumerate() {
        if stack.len() + line.len() > STACK_BYTES_MAX {
            break;
        }
        let _ = write!(stack, "\n{number}: {line}");
    }
    Some(stack)
}

/// The exit event of a process, unless its goodbye is a clean exit and has an event of its own.
pub(super) fn death(image: &RecorderImage, at_ns: u64) -> Option<LogRecord> {
    let ending = image.ending();
    if ending.clean && matches!(image.state, State::Clean(_)) {
        return None;
    }
    let record = Record {
        image,
        name: event::PROCESS_EXIT,
        at_ns,
        sequence: death_sequence(image.event_head),
        severity: if ending.clean { SeverityNumber::Info } else { SeverityNumber::Error },
    };
    Some(record.with(exit(ending, active(image), image.loading())))
}

fn exit(ending: Ending, active: Vec<String>, loading: Option<(&str, Hash)>) -> Vec<KeyValue> {
    let mut attributes = vec![flag(attribute::EXIT_CLEAN, ending.clean), texts(attribute::CONFIG_ACTIVE, active)];
    attributes.extend(ending.signal.map(|signal| int(attribute::EXIT_SIGNAL, u64::from(signal))));
    attributes.extend(ending.status.map(|status| signed(attribute::EXIT_STATUS, i64::from(status))));
    if let Some((config, hash)) = loading {
        attributes.push(text(attribute::LOAD_PHASE, "loading"));
        attributes.extend(version(config, hash));
    }
    attributes
}

/// The death of an earlier process, in that one's name: the same record as the agent would have made of its recorder, so
/// that it counts once whoever tells it.
pub(super) fn earlier_death(image: &RecorderImage, told: &DeathImage) -> ResourceLogs {
    let loading = told.loading.as_ref().map(|(config, hash)| (config.as_str(), *hash));
    let ending = Ending { clean: false, signal: told.signal, status: told.status };
    let mut attributes = exit(ending, told.active.clone(), loading);
    attributes.push(text(attribute::BOOT, format!("{:032x}", told.boot)));
    attributes.push(int(attribute::SEQ, death_sequence(told.event_head)));
    let record = LogRecord {
        time_unix_nano: told.last_sign_ns,
        observed_time_unix_nano: told.last_sign_ns,
        severity_number: SeverityNumber::Error.into(),
        event_name: event::PROCESS_EXIT.to_owned(),
        attributes,
        ..LogRecord::default()
    };
    let theirs = [attribute::SERVICE_INSTANCE_ID, attribute::PROCESS_PID];
    let mut resource = resource(image);
    resource.attributes.retain(|attribute| !theirs.contains(&attribute.key.as_str()));
    resource.attributes.push(text(attribute::SERVICE_INSTANCE_ID, &told.instance));
    resource.attributes.push(int(attribute::PROCESS_PID, u64::from(told.pid)));
    let scope = ScopeLogs { scope: Some(scope()), log_records: vec![record], ..ScopeLogs::default() };
    ResourceLogs { resource: Some(resource), scope_logs: vec![scope], ..ResourceLogs::default() }
}

fn death_sequence(event_head: u64) -> u64 {
    event_head.min(CONTENT_SEQUENCE / 4) * 2
}

/// The content of one version, as the instrument kept it.
pub(super) struct Content<'a> {
    /// Name of the config.
    pub(super) config: &'a str,
    /// Hash of the version.
    pub(super) hash: Hash,
    /// Whole, or with values hidden by the proxy's rules.
    pub(super) bytes: Vec<u8>,
    /// Format of the bytes.
    pub(super) format: Format,
    /// When the version was first applied, ns.
    pub(super) at_ns: u64,
}

/// The record of a content.
pub(super) fn content(image: &RecorderImage, content: Content<'_>) -> LogRecord {
    let Content { config, hash, bytes, format, at_ns } = content;
    let [a, b, c, d, e, f, g, ..] = hash.0;
    let sequence = CONTENT_SEQUENCE | u64::from_be_bytes([0, a, b, c, d, e, f, g]);
    let record = Record { image, name: event::CONFIG_CONTENT, at_ns, sequence, severity: SeverityNumber::Info };
    let mut attributes = version(config, hash);
    attributes.push(text(attribute::CONTENT_FORMAT, format.as_str()));
    let value = match String::from_utf8(bytes) {
        Ok(text) => Value::StringValue(text),
        Err(error) => Value::BytesValue(error.into_bytes()),
    };
    LogRecord { body: Some(AnyValue { value: Some(value) }), ..record.with(attributes) }
}
