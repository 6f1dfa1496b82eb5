//! `diagnose --format json`, schema 1 (contract.md section 6): what a verdict is made of. The engine fills these types,
//! screen, report, API and alerts read them. Field names are the contract; they change only with the schema number.

use crate::Hash;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The schema number of everything in this file.
pub const SCHEMA: u32 = 1;

/// A diagnosis: everything that is known as of one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Whether suspects were ranked because `--at` asked, though no detector may have fired.
    pub asked: bool,
    /// What was looked at.
    pub window: Window,
    /// What could not be seen, a sentence each.
    pub blind_spots: Vec<String>,
    /// Incidents, oldest first.
    pub incidents: Vec<Incident>,
}

/// The data that a diagnosis rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// First event time seen; null when nothing was seen.
    pub from: Option<Timestamp>,
    /// Last event time judged.
    pub to: Option<Timestamp>,
    /// Instances seen.
    pub instances: u64,
    /// Hosts seen.
    pub hosts: u64,
    /// Hosts silent at the window's end.
    pub hosts_silent: u64,
    /// The fleet's report interval, seconds.
    pub report_interval_s: f64,
}

/// Where an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It goes on.
    Open,
    /// The symptom ebbs.
    Recovering,
    /// It is over.
    Resolved,
}

/// How the symptom moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// Up once.
    Step,
    /// Up and down again and again.
    Flapping,
    /// More and more.
    Growing,
    /// There when the data began.
    Static,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the signal of that name in contract.md section 6")]
pub enum Signal {
    Errors,
    Panics,
    Scores,
    Latency,
    Cpu,
    Memory,
    Throughput,
    SilentHosts,
    Loads,
}

impl Signal {
    /// The word in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Panics => "panics",
            Self::Scores => "scores",
            Self::Latency => "latency",
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Throughput => "throughput",
            Self::SilentHosts => "silent_hosts",
            Self::Loads => "loads",
        }
    }
}

/// How far a verdict goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Accuses: an innocent explanation was tested and excluded.
    Cause,
    /// Accuses, with less evidence.
    Suspect,
    /// Not a change that we see: a place, a host, a moment, traffic, request data.
    External,
    /// Too little is known.
    InsufficientEvidence,
}

impl Verdict {
    /// The word in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cause => "cause",
            Self::Suspect => "suspect",
            Self::External => "external",
            Self::InsufficientEvidence => "insufficient_evidence",
        }
    }

    /// Whether it accuses a change.
    #[must_use]
    pub const fn accuses(self) -> bool {
        matches!(self, Self::Cause | Self::Suspect)
    }
}

/// What kind of thing a cause or suspect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the kind of that name in contract.md section 6")]
pub enum CauseKind {
    Config,
    Binary,
    Change,
    Dimension,
    Host,
    Time,
    Traffic,
    Request,
}

/// A `firstbad.change` event that is the cause or came with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// `deploy`, `flag`, `dns`, ..
    pub kind: String,
    /// Identity given by the sender.
    pub id: String,
    /// What it changes.
    pub target: String,
}

/// What is accused, or named as external.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// Kind of thing.
    pub kind: CauseKind,
    /// Config name, for kind `config`.
    pub config: Option<String>,
    /// Every version covered, oldest first.
    pub hashes: Vec<Hash>,
    /// Property of the content that separates the bad versions, e.g. `rows > 200`.
    pub property: Option<String>,
    /// Other properties that separate as well.
    pub also_separates: Vec<String>,
    /// What narrows it; empty where the whole fleet was affected.
    pub scope: BTreeMap<String, String>,
    /// The change event, if any.
    pub change: Option<Change>,
    /// The exact minimal combination located.
    pub dimensions: BTreeMap<String, String>,
}

/// Counts of one arm of a contrast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Hosts in the arm.
    pub hosts: u64,
    /// Of them, hosts that fail.
    pub hosts_failing: u64,
    /// Events observed.
    pub observed: f64,
    /// Events expected from each host's own past.
    pub expected: f64,
}

/// One explanation, with what speaks for and against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Equal suspects share a rank.
    pub rank: u32,
    /// Kind of thing.
    pub kind: CauseKind,
    /// Config name, for kind `config`.
    pub config: Option<String>,
    /// Versions, oldest first.
    pub hashes: Vec<Hash>,
    /// Property of the content.
    pub property: Option<String>,
    /// What narrows it.
    pub scope: BTreeMap<String, String>,
    /// The change event, if any.
    pub change: Option<Change>,
    /// One combination of dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// Calibrated: among answers given with 0.9, nine in ten are right.
    pub confidence: f64,
    /// Those exposed to it.
    pub exposed: Arm,
    /// Concurrent others.
    pub control: Arm,
    /// Ratio of observed over expected, exposed against control.
    pub rate_ratio: f64,
    /// Share of the excess that it explains.
    pub explained_share: f64,
    /// What speaks for it.
    pub evidence: Vec<String>,
    /// What speaks against it.
    pub against: Vec<String>,
}

/// What was excluded, with numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuledOut {
    /// `traffic`, `region`, `binary`, `config`, `host` or `clock`.
    pub what: String,
    /// A sentence with numbers.
    pub reason: String,
}

/// The first error, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstError {
    /// The message as it was sent. It is untrusted text.
    pub message: String,
    /// `file:line:column`, where known.
    pub site: Option<String>,
    /// How often it was seen.
    pub count: u64,
    /// When it was first seen.
    pub first_seen: Timestamp,
}

/// A declared limit against the content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitFact {
    /// `rows`, `bytes`, ..
    pub name: String,
    /// The content's number.
    pub value: u64,
    /// The declared limit.
    pub limit: u64,
}

/// What the offending input looks like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Rows.
    pub rows: Option<u64>,
    /// Rows that repeat an earlier row.
    pub duplicate_rows: Option<u64>,
    /// Declared limits.
    pub limits: Vec<LimitFact>,
    /// The version it is compared with.
    pub against: Option<Hash>,
    /// What is unusual, a sentence each.
    pub findings: Vec<String>,
}

/// The version to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKnownGood {
    /// Its hash.
    pub hash: Hash,
    /// Seconds it served after its loads without an anomaly that it explains, on the host where that is longest.
    pub bake_time_s: u64,
    /// Whether the producer's own "last good" is the bad version.
    pub contaminated: bool,
}

/// How much was hurt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Impact {
    /// Requests that failed beyond expectation.
    pub requests_failed: u64,
    /// Their share of all requests since onset.
    pub failed_share: f64,
    /// Hosts that show the symptom.
    pub hosts_affected: u64,
    /// Hosts that report.
    pub hosts_reporting: u64,
}

/// An earlier verdict of the same incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When it was given.
    pub at: Timestamp,
    /// How far it went.
    pub verdict: Verdict,
    /// What it named.
    pub cause: Option<Cause>,
}

/// One incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Onset and first signal, never a suspect: `20251118-112804-errors`.
    pub id: String,
    /// Where it stands.
    pub state: State,
    /// How it moves.
    pub pattern: Pattern,
    /// When it began.
    pub onset: Timestamp,
    /// Event time at which the current cause was first given with verdict cause or suspect.
    pub named_at: Option<Timestamp>,
    /// When it ended.
    pub resolved_at: Option<Timestamp>,
    /// What is wrong, first signal first.
    pub signals: Vec<Signal>,
    /// How much was hurt.
    pub impact: Impact,
    /// How far the verdict goes.
    pub verdict: Verdict,
    /// What is named; null for `insufficient_evidence`.
    pub cause: Option<Cause>,
    /// Explanations by rank; never empty.
    pub suspects: Vec<Suspect>,
    /// What was excluded.
    pub ruled_out: Vec<RuledOut>,
    /// The first error, verbatim.
    pub first_error: Option<FirstError>,
    /// The offending input.
    pub input: Option<Input>,
    /// The version to go back to.
    pub last_known_good: Option<LastKnownGood>,
    /// Earlier verdicts, oldest first.
    pub history: Vec<HistoryEntry>,
    /// Name of the playbook that matches.
    pub playbook: Option<String>,
    /// What could not be seen, for this incident.
    pub blind_spots: Vec<String>,
}
