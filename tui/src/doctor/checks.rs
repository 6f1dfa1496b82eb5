//! The one list of what a sender may lack: what is missing, what a verdict then cannot say, and how the SDK of each language
//! sets it.

use super::{Lack, Sender};
use std::collections::BTreeSet;

/// Reports less often than this, seconds, make a verdict late. Chosen: the crate's own interval is 10 s.
const INTERVAL_MAX_S: i64 = 15;

/// How to set what is missing.
enum How {
    /// The same in every SDK: environment variables of OpenTelemetry.
    Everywhere(&'static str),
    /// A log event of that name with these attributes.
    Event { name: &'static str, attributes: &'static str },
    /// A metric of that kind and name with these attributes.
    Metric { kind: &'static str, name: &'static str, attributes: &'static str },
}

/// One thing that a sender may lack.
pub(super) struct Check {
    missing: &'static str,
    effect: &'static str,
    how: How,
    pub(super) is_missing: fn(&Sender) -> bool,
}

impl Check {
    pub(super) fn lack(&self, languages: &BTreeSet<String>) -> Lack {
        Lack { missing: self.missing, effect: self.effect, how: self.how.text(languages) }
    }
}

impl How {
    fn text(&self, languages: &BTreeSet<String>) -> String {
        let known: Vec<&str> = languages.iter().filter_map(|language| known_language(language)).collect();
        let languages = if known.is_empty() { LANGUAGES.to_vec() } else { known };
        let each = |line: &dyn Fn(&str) -> String| {
            languages.iter().map(|language| format!("{language}: {}", line(language))).collect::<Vec<_>>().join("\n")
        };
        match self {
            Self::Everywhere(text) => (*text).to_owned(),
            Self::Event { name, attributes } => {
                format!("{}\nwith {attributes}", each(&|language| of_event(language, name)))
            }
            Self::Metric { kind, name, attributes } => {
                format!("{}\nwith {attributes}", each(&|language| of_metric(language, kind, name)))
            }
        }
    }
}

/// The languages with a way of their own, by their word in `telemetry.sdk.language`.
const LANGUAGES: [&str; 5] = ["python", "nodejs", "go", "java", "rust"];

fn known_language(language: &str) -> Option<&'static str> {
    LANGUAGES.into_iter().find(|known| *known == language)
}

fn of_event(language: &str, name: &str) -> String {
    match language {
        "python" => format!(
            "get_logger(\"proxy\").emit(LogRecord(timestamp=time.time_ns(), event_name=\"{name}\", attributes=..))"
        ),
        "nodejs" => {
            format!("logs.getLogger('proxy').emit({{eventName: '{name}', timestamp: Date.now(), attributes: ..}})")
        }
        "go" => format!("record.SetEventName(\"{name}\"); record.AddAttributes(..); logger.Emit(ctx, record)"),
        "java" => format!("logger.logRecordBuilder().setEventName(\"{name}\").setAttribute(..).emit()"),
        _ => format!("the crate firstbad-instrument sends `{name}`"),
    }
}

fn of_metric(language: &str, kind: &str, name: &str) -> String {
    match (language, kind) {
        ("python", "counter") => format!("meter.create_counter(\"{name}\").add(1, attributes)"),
        ("python", _) => format!("meter.create_gauge(\"{name}\").set(1, attributes)"),
        ("nodejs", "counter") => format!("meter.createCounter('{name}').add(1, attributes)"),
        ("nodejs", _) => format!("meter.createGauge('{name}').record(1, attributes)"),
        ("go", "counter") => {
            format!("c, err := meter.Int64Counter(\"{name}\"); c.Add(ctx, 1, metric.WithAttributes(..))")
        }
        ("go", _) => format!("g, err := meter.Int64Gauge(\"{name}\"); g.Record(ctx, 1, metric.WithAttributes(..))"),
        ("java", "counter") => format!("meter.counterBuilder(\"{name}\").build().add(1, attributes)"),
        ("java", _) => format!("meter.gaugeBuilder(\"{name}\").ofLongs().build().set(1, attributes)"),
        _ => format!("the crate firstbad-instrument sends `{name}`"),
    }
}

/// The attributes that name a version.
const VERSION: &str = "firstbad.config.name, firstbad.config.hash = sha256:<64 hex> of the bytes that were parsed";

/// Everything that is looked at, what matters most first.
pub(super) const CHECKS: &[Check] = &[
    Check {
        missing: "requests and how they ended",
        effect: "failing cannot be seen",
        how: How::Metric {
            kind: "counter",
            name: "firstbad.requests",
            attributes: "firstbad.outcome = ok, denied, error or panic; or any standard instrumentation that sends http.server.request.duration",
        },
        is_missing: |sender| !sender.outcomes && !sender.scores,
    },
    Check {
        missing: "load events",
        effect: "no version can be named, or only late and by the reports that hold it",
        how: How::Event {
            name: "firstbad.config.load",
            attributes: "firstbad.config.name, firstbad.config.hash = sha256:<64 hex> of the bytes that were parsed, firstbad.load.result = applied, unchanged, kept_last_good or rejected",
        },
        is_missing: |sender| sender.loads == 0,
    },
    Check {
        missing: "a name of host and process that stays",
        effect: "hosts are not counted, and silence is not seen",
        how: How::Everywhere("OTEL_RESOURCE_ATTRIBUTES=host.name=<host>,service.instance.id=<one for each process>"),
        is_missing: |sender| sender.rows_unnamed > 0,
    },
    Check {
        missing: "service.version",
        effect: "a bad build cannot be told from a bad input",
        how: How::Everywhere("OTEL_RESOURCE_ATTRIBUTES=service.version=<version of the binary>"),
        is_missing: |sender| !sender.binary,
    },
    Check {
        missing: "the active version in each report",
        effect: "after a lost event it is not known what a host runs",
        how: How::Metric { kind: "gauge", name: "firstbad.config.active", attributes: VERSION },
        is_missing: |sender| !sender.active,
    },
    Check {
        missing: "requests by the version that they used",
        effect: "in a report that holds a load, requests before it and after it cannot be told apart",
        how: How::Metric {
            kind: "counter",
            name: "firstbad.requests",
            attributes: "firstbad.outcome, firstbad.config.name and firstbad.config.hash, beside the count without them",
        },
        is_missing: |sender| sender.outcomes && !sender.views,
    },
    Check {
        missing: "facts of the content",
        effect: "what the bad versions have in common cannot be named",
        how: How::Event {
            name: "firstbad.config.load",
            attributes: "firstbad.config.rows, .duplicate_rows, .size (integers) in each load event",
        },
        is_missing: |sender| sender.loads > sender.loads_with_size,
    },
    Check {
        missing: "declared limits",
        effect: "a limit that was passed cannot be named",
        how: How::Event {
            name: "firstbad.config.load",
            attributes: "firstbad.limit.<fact> = <limit>, such as firstbad.limit.rows = 200",
        },
        is_missing: |sender| !sender.limits,
    },
    Check {
        missing: "messages of failures",
        effect: "the first error is not shown",
        how: How::Event {
            name: "exception",
            attributes: "exception.type (`panic` if it is one), exception.message, exception.stacktrace",
        },
        is_missing: |sender| sender.failures && !sender.exceptions,
    },
    Check {
        missing: "reports every 10 s",
        effect: "a verdict takes several reports, so it comes late",
        how: How::Everywhere("OTEL_METRIC_EXPORT_INTERVAL=10000"),
        is_missing: |sender| sender.interval_s.is_some_and(|interval_s| interval_s > INTERVAL_MAX_S),
    },
];
