//! Blind spots: the data that a diagnosis lacks, each kind with its numbers and its sentence. JSON holds the sentence, and
//! only `read` parses it. The part that lacks the data (engine, normaliser, capture) decides that there is a blind spot.

mod read;

use crate::Untrusted;
use crate::time::ClockTime;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One kind of missing data. Names are untrusted text; the sentence escapes them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum BlindSpot {
    /// Hosts that stopped without a clean exit or a replacement.
    Silent {
        /// How many.
        hosts: u64,
        /// Time of the last report from the host that fell silent first; none where only the number is known.
        since: Option<ClockTime>,
        /// The first few names.
        names: Vec<String>,
    },
    /// Clocks that differ from the fleet's; their times were corrected.
    Clocks {
        /// The first few.
        clocks: Vec<ClockOffset>,
    },
    /// Rows that came too late to be judged, or with an impossible time.
    Late {
        /// How many.
        rows: u64,
    },
    /// Telemetry that senders dropped.
    Dropped {
        /// Events.
        events: u64,
    },
    /// Resources whose requests or scores were not understood.
    NotUnderstood {
        /// How many.
        resources: u64,
        /// The first few names of their metrics; empty where there are too many names.
        metrics: Vec<String>,
    },
    /// A capture without anything that is understood. An incident in it could not have been found.
    NothingUnderstood,
    /// A line of a capture that cannot be read.
    BrokenLine {
        /// File, line and byte: `a.jsonl: line 3 (byte 120)`.
        place: String,
        /// What is wrong with it.
        fault: String,
    },
    /// Lines of captures that cannot be read, in addition to those that are named.
    BrokenLines {
        /// How many.
        lines: u64,
    },
    /// Processes that report under one identity and differ only in their start times.
    SharedIdentity {
        /// Number of times that it was seen.
        times: u64,
    },
    /// Hosts whose version history was truncated after an onset. They count neither for nor against a suspect.
    TruncatedHistory {
        /// How many.
        hosts: u64,
    },
    /// Entries for which the engine's tables had no room.
    Bounds {
        /// Number of names, versions and hosts together.
        entries: u64,
    },
    /// A sentence of another kind.
    Other {
        /// The sentence.
        sentence: String,
        /// Number of times that it holds.
        count: u64,
    },
}

/// The difference between a host's clock and the fleet's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockOffset {
    /// The host. It is untrusted text.
    pub host: String,
    /// Seconds; positive where the clock is ahead.
    pub offset_s: i64,
}

impl BlindSpot {
    /// The blind spot for a `sentence` that holds `count` times.
    #[must_use]
    pub fn counted(sentence: &str, count: u64) -> Self {
        Self::from(Self::Other { sentence: sentence.to_owned(), count }.to_string())
    }
}

const SILENT_ONE: &str = "1 host is silent";
const SILENT_MANY: &str = " hosts are silent";
const SINCE: &str = " since ";
const MORE: &str = "..";
const CLOCKS: &str = "clocks that differ from the fleet's were corrected: ";
const LATE_ONE: &str = "1 report was too late or had an impossible timestamp";
const LATE_MANY: &str = " reports were too late or had an impossible timestamp";
const DROPPED: (&str, &str) = ("senders dropped ", " telemetry events");
const NOT_UNDERSTOOD: &str = "resources report no requests or scores that firstbad knows";
const THEY_SEND: &str = "; among their metrics are ";
const NOTHING_UNDERSTOOD: &str =
    "nothing was understood: it holds no requests, scores, loads or events that firstbad knows";
const BROKEN: &str = " cannot be read: ";
const BROKEN_LINES: &str = "further lines cannot be read";
const SHARED: &str = "several processes report under the same resource attributes, told apart by their start times alone: set service.instance.id (or host.name and process.pid) for each";
const TRUNCATED: &str = " hosts changed versions more often than is remembered: they count neither for nor against";
const BOUNDS: &str = " names, versions or hosts found no room in the engine's tables";
const TIMES: &str = " times)";

impl fmt::Display for BlindSpot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { hosts, since, names } => {
                if *hosts == 1 { f.write_str(SILENT_ONE) } else { write!(f, "{hosts}{SILENT_MANY}") }?;
                let Some(since) = since else { return Ok(()) };
                let more = if *hosts > names.len() as u64 { vec![MORE.to_owned()] } else { Vec::new() };
                let names = names.iter().map(|name| Untrusted(name).to_string()).chain(more);
                write!(f, "{SINCE}{since} ({})", names.collect::<Vec<_>>().join(", "))
            }
            Self::Clocks { clocks } => {
                let clocks: Vec<String> =
                    clocks.iter().map(|clock| format!("{} by {} s", Untrusted(&clock.host), clock.offset_s)).collect();
                write!(f, "{CLOCKS}{}", clocks.join(", "))
            }
            Self::Late { rows: 1 } => f.write_str(LATE_ONE),
            Self::Late { rows } => write!(f, "{rows}{LATE_MANY}"),
            Self::Dropped { events } => write!(f, "{}{events}{}", DROPPED.0, DROPPED.1),
            Self::NotUnderstood { resources, metrics } => {
                let names: Vec<String> = metrics.iter().map(|name| Untrusted(name).to_string()).collect();
                let they_send = if names.is_empty() { "" } else { THEY_SEND };
                write!(f, "{NOT_UNDERSTOOD}{they_send}{}", names.join(", "))?;
                times(f, *resources)
            }
            Self::NothingUnderstood => f.write_str(NOTHING_UNDERSTOOD),
            Self::BrokenLine { place, fault } => write!(f, "{}{BROKEN}{}", Untrusted(place), Untrusted(fault)),
            Self::BrokenLines { lines } => {
                f.write_str(BROKEN_LINES)?;
                times(f, *lines)
            }
            Self::SharedIdentity { times: seen } => {
                f.write_str(SHARED)?;
                times(f, *seen)
            }
            Self::TruncatedHistory { hosts } => write!(f, "{hosts}{TRUNCATED}"),
            Self::Bounds { entries } => write!(f, "{entries}{BOUNDS}"),
            Self::Other { sentence, count } => {
                write!(f, "{}", Untrusted(sentence))?;
                times(f, *count)
            }
        }
    }
}

/// The suffix with the number of times that a sentence holds, if that is more than one.
fn times(f: &mut fmt::Formatter<'_>, count: u64) -> fmt::Result {
    if count > 1 { write!(f, " ({count}{TIMES}") } else { Ok(()) }
}

impl From<BlindSpot> for String {
    fn from(spot: BlindSpot) -> Self {
        spot.to_string()
    }
}
