//! The types of `diagnose --format json`, schema 1 (docs/verdict.md). The engine fills them; screen, report, API and alerts
//! read them. Field names are the contract; they change only with the schema number.

mod cause;
mod engineer;
mod impact;
mod incident;
mod input;
mod order;
mod words;

pub use cause::{Arm, Cause, Change, RuledOut, Suspect};
pub use engineer::{DisputedVersion, EngineerWord, QuietScope, WordKind};
pub use impact::Impact;
pub use incident::{HistoryEntry, Incident};
pub use input::{FirstError, Input, LastKnownGood, LimitFact};
pub use order::by_urgency;
pub use words::{CauseKind, Excluded, Pattern, Signal, State, Verdict};

use crate::BlindSpot;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Data that was missing.
    pub blind_spots: Vec<BlindSpot>,
    /// Incidents in the order of [`by_urgency`].
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
