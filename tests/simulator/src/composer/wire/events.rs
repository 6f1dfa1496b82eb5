//! Events as log records: loads, panics, starts, exits and changes.

use super::json::{self, Commas, put};
use super::metrics::{site, version};
use super::unix_ns;
use crate::composer::content::{Config, Version};
use crate::composer::style::Style;
use crate::composer::timeline::{Ending, Life, Load};
use crate::composer::world::{Change, World};
use firstbad_protocol::names::{attribute, event};

/// Exit status of a process that ended without a signal (contract.md section 2).
const EXIT_STATUS: &str = "firstbad.exit.status";
/// Revision that all hosts' renderings of one version share (contract.md section 2).
const CONFIG_REVISION: &str = "firstbad.config.revision";

/// The sender of a record.
#[derive(Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) world: &'a World,
    pub(crate) style: &'a Style,
    pub(crate) host: usize,
    pub(crate) resource: &'a str,
    /// Identity of the life of the process, for senders that number their events.
    pub(crate) boot: &'a str,
    /// Seconds by which the sender's clock is ahead.
    pub(crate) clock_s: f64,
    /// Whether the name of the event is lost.
    pub(crate) nameless: bool,
}

/// The fields that every record has.
#[derive(Clone, Copy)]
struct Record {
    at: f64,
    name: &'static str,
    sequence: usize,
}

/// One panic.
#[derive(Clone, Copy)]
pub(crate) struct PanicEvent<'p> {
    pub(crate) at: f64,
    pub(crate) sequence: usize,
    /// The guilt that causes the panic; none for a usual panic.
    pub(crate) guilt: Option<usize>,
    /// Active version of each config.
    pub(crate) active: &'p [usize],
}

impl Writer<'_> {
    fn record(&self, out: &mut String, record: Record, attributes: impl FnOnce(&mut String)) {
        let Record { at, name, sequence } = record;
        put(
            out,
            format_args!("{{\"resourceLogs\":[{{\"resource\":{},\"scopeLogs\":[{{\"logRecords\":[{{", self.resource),
        );
        out.push_str("\"timeUnixNano\":");
        json::number(out, self.style, unix_ns(at + self.clock_s));
        if !self.style.older_events && !self.nameless {
            put(out, format_args!(",\"eventName\":\"{name}\""));
        }
        out.push_str(",\"attributes\":[");
        if self.style.older_events && !self.nameless {
            json::text(out, "event.name", name);
            out.push(',');
        }
        if self.style.life_events {
            json::text(out, attribute::BOOT, self.boot);
            out.push(',');
            json::whole(out, self.style, attribute::SEQ, sequence as i64);
            out.push(',');
        }
        attributes(out);
        // JSON forbids a trailing comma.
        if out.ends_with(',') {
            out.pop();
        }
        out.push_str("]}]}]}]}");
    }

    /// Writes a load event.
    pub(crate) fn load(&self, out: &mut String, load: &Load, sequence: usize) {
        let (world, style) = (self.world, self.style);
        let Some(loaded) = world.versions.get(load.version) else { return };
        let Some(config) = world.configs.get(loaded.config) else { return };
        let record = Record { at: load.at, name: event::CONFIG_LOAD, sequence };
        self.record(out, record, |out| {
            version(out, world, self.host, load.version);
            out.push(',');
            json::text(out, attribute::LOAD_RESULT, result(load));
            out.push(',');
            if let Some(refusal) = load.refusal {
                json::text(out, attribute::REASON, refusal.reason);
                out.push(',');
                json::text(out, attribute::ERROR, refusal.error);
                out.push(',');
            }
            if let Some(previous) =
                load.previous.and_then(|previous| world.versions.get(previous)).filter(|_| style.previous)
            {
                json::text(out, attribute::CONFIG_PREVIOUS_HASH, &previous.hash_on(self.host).to_string());
                out.push(',');
            }
            facts(out, style, config, loaded);
        });
    }

    /// Writes a panic as an exception event.
    pub(crate) fn panic(&self, out: &mut String, panic: &PanicEvent<'_>) {
        let PanicEvent { at, sequence, guilt, active } = *panic;
        let style = self.style;
        let place = site(guilt);
        let mut parts = place.split(':');
        self.record(out, Record { at, name: event::EXCEPTION, sequence }, |out| {
            json::text(out, "exception.type", "panic");
            out.push(',');
            let message =
                if guilt.is_some() { "called `Result::unwrap()` on an `Err` value" } else { "connection reset" };
            json::text(out, "exception.message", message);
            out.push(',');
            json::text(out, "code.file.path", parts.next().unwrap_or(""));
            out.push(',');
            for key in ["code.line.number", "code.column.number"] {
                let number = parts.next().and_then(|part| part.parse().ok()).unwrap_or(1);
                json::whole(out, style, key, number);
                out.push(',');
            }
            self.active(out, active);
        });
    }

    fn active(&self, out: &mut String, active: &[usize]) {
        put(out, format_args!("{{\"key\":\"{}\",\"value\":{{\"arrayValue\":{{\"values\":[", attribute::CONFIG_ACTIVE));
        let mut commas = Commas::new();
        for number in active {
            let Some(version) = self.world.versions.get(*number) else { continue };
            let name = self.world.configs.get(version.config).map_or("", |config| config.name);
            commas.next(out);
            put(out, format_args!("{{\"stringValue\":\"{name}={}\"}}", version.hash_on(self.host)));
        }
        out.push_str("]}}}");
    }

    /// Writes the start of a process.
    pub(crate) fn start(&self, out: &mut String, at: f64) {
        self.record(out, Record { at, name: event::PROCESS_START, sequence: 0 }, |_| ());
    }

    /// Writes the exit of a process.
    pub(crate) fn exit(&self, out: &mut String, life: &Life, active: &[usize]) {
        let record = Record { at: life.to, name: event::PROCESS_EXIT, sequence: 9_999 };
        self.record(out, record, |out| {
            json::truth(out, attribute::EXIT_CLEAN, life.ending == Ending::Clean);
            out.push(',');
            match life.ending {
                Ending::Signal(signal) => json::whole(out, self.style, attribute::EXIT_SIGNAL, signal),
                Ending::Status(status) => json::whole(out, self.style, EXIT_STATUS, status),
                Ending::Clean | Ending::None => json::whole(out, self.style, EXIT_STATUS, 0),
            }
            out.push(',');
            if let Some(loading) = life.loading {
                json::text(out, attribute::LOAD_PHASE, "loading");
                out.push(',');
                version(out, self.world, self.host, loading);
                out.push(',');
            }
            self.active(out, active);
        });
    }

    /// Writes a change that reaches this process, or the whole fleet.
    pub(crate) fn change(&self, out: &mut String, change: &Change, at: f64) {
        self.record(out, Record { at, name: event::CHANGE, sequence: 5_000 }, |out| {
            json::text(out, attribute::CHANGE_KIND, change.kind);
            out.push(',');
            json::text(out, attribute::CHANGE_ID, &change.id);
            out.push(',');
            json::text(out, attribute::CHANGE_TARGET, &change.target);
        });
    }

    /// Writes the publish event that declares a version.
    pub(crate) fn publish(&self, out: &mut String, number: usize, at: f64) {
        self.record(out, Record { at, name: event::CHANGE, sequence: number }, |out| {
            json::text(out, attribute::CHANGE_KIND, "publish");
            out.push(',');
            json::text(out, attribute::CHANGE_ID, &format!("publish-{number}"));
            out.push(',');
            version(out, self.world, self.host, number);
        });
    }
}

/// Returns the result of a load as the wire spells it.
pub(crate) fn result(load: &Load) -> &'static str {
    match load.refusal {
        None => "applied",
        Some(refusal) if refusal.rejected => "rejected",
        Some(_) => "kept_last_good",
    }
}

fn facts(out: &mut String, style: &Style, config: &Config, version: &Version) {
    if style.facts {
        for (key, value) in [
            (attribute::CONFIG_ROWS, version.rows),
            (attribute::CONFIG_DUPLICATE_ROWS, version.duplicates),
            (attribute::CONFIG_SIZE, version.size),
            (attribute::CONFIG_BLANK_FIELDS, version.blanks),
            (attribute::CONFIG_COLUMNS, version.columns),
            (attribute::CONFIG_GENERATION, version.generation),
        ] {
            json::whole(out, style, key, value);
            out.push(',');
        }
        json::text(out, attribute::CONFIG_SOURCE, &version.source);
        out.push(',');
    }
    if let Some(limit) = config.limit_rows.filter(|_| style.limits) {
        json::whole(out, style, "firstbad.limit.rows", limit);
        out.push(',');
    }
    if style.labels {
        json::text(out, attribute::CONFIG_LABEL, &version.label);
        out.push(',');
    }
    if style.revision {
        json::text(out, CONFIG_REVISION, &version.revision);
    }
}
