//! The closed vocabularies of a verdict: state, pattern, signal, verdict, kind of cause, and kind of excluded explanation. The
//! engine decides which word applies.

use serde::{Deserialize, Serialize};

/// The state of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The symptom continues.
    Open,
    /// The symptom declines.
    Recovering,
    /// It is over.
    Resolved,
}

/// The course of the symptom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pattern {
    /// It rose once.
    Step,
    /// It rises and falls repeatedly.
    Flapping,
    /// It keeps rising.
    Growing,
    /// It was present when the data began.
    Static,
}

/// A symptom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the signal of that name in docs/verdict.md")]
pub enum Signal {
    Errors,
    Panics,
    Answers,
    Deaths,
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
            Self::Answers => "answers",
            Self::Deaths => "deaths",
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

/// The strength of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It accuses a change: innocent explanations were tested and excluded.
    Cause,
    /// It accuses a change, with less evidence.
    Suspect,
    /// It accuses no change: a place, a host, a moment, traffic or request data explains the symptom.
    External,
    /// The evidence is too weak to name anything.
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

/// The kind of a cause or a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the kind of that name in docs/verdict.md")]
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

/// The kind of an excluded explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is the kind of that name in docs/verdict.md")]
pub enum Excluded {
    Traffic,
    Region,
    Binary,
    Config,
    Host,
    Clock,
}

impl Excluded {
    /// The word in the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Traffic => "traffic",
            Self::Region => "region",
            Self::Binary => "binary",
            Self::Config => "config",
            Self::Host => "host",
            Self::Clock => "clock",
        }
    }
}
