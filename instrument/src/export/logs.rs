//! One recorder's events as OTLP log records in JSON, the same that the agent makes of them. `firstbad.boot` and
//! `firstbad.seq` make a repetition harmless. Which events are still to be told is in `shipped`.

use super::json::{attributes, quoted, resource, scope};
use firstbad_protocol::Hash;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::recorder::told::{Attributes, NEW_BINARY_KIND, Value, int, new_binary_text, text};
use firstbad_protocol::recorder::{
    ConfigImage, DeathImage, Ending, EventImage, EventKind, LoadImage, PanicImage, RecorderImage, SiteImage, State,
};
use std::fmt::Write;

const INFO: u8 = 9;
const WARN: u8 = 13;
const ERROR: u8 = 17;

/// One record, and the process in whose name it is sent if that is an earlier one.
pub(super) struct Record {
    at_ns: u64,
    name: &'static str,
    severity: u8,
    attributes: Attributes,
    /// None for most events, whose attributes say all.
    text: Option<String>,
    other: Option<(String, u32)>,
}

/// The fields of every OTLP log record.
#[derive(Clone, Copy)]
struct Event {
    /// Nanoseconds since the Unix epoch.
    at_ns: u64,
    /// The `eventName`.
    name: &'static str,
    /// The `severityNumber`, 1 to 24.
    severity: u8,
}

/// The body of one report, in the order of time.
pub(super) fn body(image: &RecorderImage, mut records: Vec<Record>) -> String {
    records.sort_by_key(|record| record.at_ns);
    let (others, own): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.other.is_some());
    let mut resources = Vec::new();
    let mut add = |other: Option<(&str, u32)>, records: Vec<String>| {
        let (resource, scope, records) = (resource(image, other), scope(), records.join(","));
        resources.push(format!("{{{resource},\"scopeLogs\":[{{{scope},\"logRecords\":[{records}]}}]}}"));
    };
    if !own.is_empty() {
        add(None, own.iter().map(Record::json).collect());
    }
    for record in &others {
        add(record.other.as_ref().map(|(instance, pid)| (instance.as_str(), *pid)), vec![record.json()]);
    }
    format!("{{\"resourceLogs\":[{}]}}", resources.join(","))
}

impl Record {
    fn json(&self) -> String {
        let (at, severity, name) = (self.at_ns, self.severity, quoted(self.name));
        let body = self.text.as_ref().map(|text| format!("\"body\":{{\"stringValue\":{}}},", quoted(text)));
        let body = body.unwrap_or_default();
        format!(
            "{{\"timeUnixNano\":\"{at}\",\"observedTimeUnixNano\":\"{at}\",\"severityNumber\":{severity},\"eventName\":{name},{body}{}}}",
            attributes(&self.attributes)
        )
    }

    fn of(image: &RecorderImage, event: Event, sequence: u64) -> Self {
        let Event { at_ns, name, severity } = event;
        let attributes = vec![text(attribute::BOOT, boot(image.boot)), int(attribute::SEQ, sequence)];
        Self { at_ns, name, severity, attributes, text: None, other: None }
    }

    fn with(mut self, more: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.attributes.extend(more);
        self
    }
}

fn boot(boot: u128) -> String {
    format!("{boot:032x}")
}

/// A start, exit, load, or the death of an earlier process. None for a load that was under way when it was written and has
/// ended since.
pub(super) fn event(image: &RecorderImage, found: &EventImage) -> Option<Record> {
    let record = |name, severity| Record::of(image, Event { at_ns: found.at_ns, name, severity }, found.number * 2);
    match &found.kind {
        EventKind::Start => Some(record(event::PROCESS_START, INFO)),
        EventKind::Exit => {
            let ending = image.ending();
            // A goodbye with a failing status is a death: `death` makes its event.
            ending.clean.then(|| record(event::PROCESS_EXIT, INFO).with(exit(ending, image.active_names(), None)))
        }
        EventKind::Load(load) => {
            let ended = |later: &EventImage| {
                later.number > found.number
                    && matches!(&later.kind, EventKind::Load(other) if other.config == load.config)
            };
            if load.result.is_none() && image.events.iter().any(ended) {
                return None;
            }
            let refused = load.result.is_some_and(firstbad_protocol::load::LoadResult::is_refusal);
            let config = image.config(load.config)?;
            let severity = if refused { WARN } else { INFO };
            Some(record(event::CONFIG_LOAD, severity).with(load_attributes(config, load)))
        }
        EventKind::NewBinary { before } => Some(new_binary(record(event::CHANGE, INFO), image, before)),
        EventKind::Death(told) => Some(earlier_death(told)),
    }
}

/// The change to another binary than that of the process before. Its identity is the version, so that the hosts of a fleet
/// tell of one change.
fn new_binary(record: Record, image: &RecorderImage, before: &str) -> Record {
    let version = image.attribute(attribute::SERVICE_VERSION).unwrap_or_default();
    let said = [
        text(attribute::CHANGE_KIND, NEW_BINARY_KIND),
        text(attribute::CHANGE_ID, version),
        text(attribute::CHANGE_TARGET, version),
    ];
    Record { text: Some(new_binary_text(before, version)), ..record.with(said) }
}

fn load_attributes(config: &ConfigImage, load: &LoadImage) -> Attributes {
    let phase = load.result.is_none().then(|| "loading".to_owned());
    let texts = [
        (attribute::CONFIG_NAME, Some(config.name.clone())),
        (attribute::CONFIG_HASH, load.hash.map(|hash| hash.to_string())),
        (attribute::LOAD_RESULT, load.result.map(|result| result.as_str().to_owned())),
        (attribute::LOAD_PHASE, phase),
        (attribute::REASON, load.reason.clone()),
        (attribute::ERROR, load.error.clone()),
        (attribute::CONFIG_PREVIOUS_HASH, load.previous.map(|hash| hash.to_string())),
        (attribute::CONFIG_ROWSET_HASH, load.facts.rowset.map(|hash| hash.to_string())),
        (attribute::CONFIG_LABEL, load.label.clone()),
        (attribute::CONFIG_SOURCE, load.source.clone()),
        (attribute::CONFIG_REVISION, load.revision.clone()),
    ];
    let mut found: Attributes = texts.into_iter().filter_map(|(key, value)| Some(text(key, value?))).collect();
    let numbers = [
        (attribute::CONFIG_SIZE, load.facts.size),
        (attribute::CONFIG_ROWS, load.facts.rows),
        (attribute::CONFIG_DUPLICATE_ROWS, load.facts.duplicate_rows),
        (attribute::CONFIG_BLANK_FIELDS, load.facts.blank_fields),
        (attribute::CONFIG_COLUMNS, load.facts.columns),
    ];
    found.extend(numbers.into_iter().filter_map(|(key, value)| Some(int(key, value?))));
    let generation = load.facts.generation.map(Value::Int);
    found.extend(generation.map(|value| (attribute::CONFIG_GENERATION.to_owned(), value)));
    let limits = config.limits.iter().map(|(name, limit)| int(&format!("{}{name}", attribute::LIMIT_PREFIX), *limit));
    found.extend(limits);
    found
}

/// A panic with its text.
pub(super) fn exception(image: &RecorderImage, panic: &PanicImage) -> Record {
    let named = panic.active.iter().filter_map(|uid| {
        let version = image.version(*uid)?;
        Some(format!("{}={}", image.config(version.config)?.name, version.hash?))
    });
    let named = Value::Texts(named.collect());
    let exception = Event { at_ns: panic.at_ns, name: event::EXCEPTION, severity: ERROR };
    let record = Record::of(image, exception, panic.number * 2 + 1).with([
        text("exception.type", "panic"),
        text("exception.message", &panic.message),
        text("code.file.path", &panic.file),
        int("code.line.number", u64::from(panic.line)),
        int("code.column.number", u64::from(panic.column)),
        (attribute::CONFIG_ACTIVE.to_owned(), named),
    ]);
    let site = panic.site.and_then(|place| image.sites.iter().find(|site| site.place == place));
    let stack = site.and_then(|site| stack(image, site)).map(|stack| text("exception.stacktrace", stack));
    record.with(panic.thread.as_ref().map(|thread| text("thread.name", thread))).with(stack)
}

/// Addresses within the binary, one in a line, and the build id by which `addr2line` finds it.
fn stack(image: &RecorderImage, site: &SiteImage) -> Option<String> {
    if site.frames.is_empty() {
        return None;
    }
    let mut stack = String::from("build id ");
    for byte in &image.build_id {
        let _ = write!(stack, "{byte:02x}");
    }
    for (number, frame) in site.frames.iter().enumerate() {
        let _ = write!(stack, "\n{number}: {:#x}", frame.wrapping_sub(image.load_bias));
    }
    Some(stack)
}

/// The exit event of the recorder's process, unless its goodbye is a clean exit and has an event of its own.
pub(super) fn death(image: &RecorderImage, at_ns: u64) -> Option<Record> {
    let ending = image.ending();
    if ending.clean && matches!(image.state, State::Clean(_)) {
        return None;
    }
    let severity = if ending.clean { INFO } else { ERROR };
    let event = Event { at_ns, name: event::PROCESS_EXIT, severity };
    let record = Record::of(image, event, death_sequence(image.event_head));
    Some(record.with(exit(ending, image.active_names(), image.loading())))
}

fn earlier_death(told: &DeathImage) -> Record {
    let loading = told.loading.as_ref().map(|(config, hash)| (config.as_str(), *hash));
    let ending = Ending { clean: false, signal: told.signal, status: told.status };
    let mut attributes =
        vec![text(attribute::BOOT, boot(told.boot)), int(attribute::SEQ, death_sequence(told.event_head))];
    attributes.extend(exit(ending, told.active.clone(), loading));
    let other = Some((told.instance.clone(), told.pid));
    Record { at_ns: told.last_sign_ns, name: event::PROCESS_EXIT, severity: ERROR, attributes, text: None, other }
}

fn exit(ending: Ending, active: Vec<String>, loading: Option<(&str, Hash)>) -> Attributes {
    let mut found = vec![
        (attribute::EXIT_CLEAN.to_owned(), Value::Flag(ending.clean)),
        (attribute::CONFIG_ACTIVE.to_owned(), Value::Texts(active)),
    ];
    found.extend(ending.signal.map(|signal| int(attribute::EXIT_SIGNAL, u64::from(signal))));
    found.extend(ending.status.map(|status| (attribute::EXIT_STATUS.to_owned(), Value::Int(i64::from(status)))));
    if let Some((config, hash)) = loading {
        found.push(text(attribute::LOAD_PHASE, "loading"));
        found.push(text(attribute::CONFIG_NAME, config));
        found.push(text(attribute::CONFIG_HASH, hash.to_string()));
    }
    found
}

/// The number of a death, the same whoever tells it: that of the next event. (The agent cuts at the same bound.)
fn death_sequence(event_head: u64) -> u64 {
    event_head.min(1 << 60) * 2
}
