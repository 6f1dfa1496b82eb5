//! The closed vocabularies of a verdict: state, pattern, signal, verdict, kind of cause, and what can be ruled out. Which
//! of them holds is decided by the engine.

use serde::{Deserialize, Serialize};

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

/// What kind of explanation was excluded.
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
