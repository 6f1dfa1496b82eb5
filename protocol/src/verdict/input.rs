//! Facts of an incident in addition to its explanation: the first error, the offending input, the version to go back to.

use crate::time::Timestamp;
use crate::{Finding, Hash};
use serde::{Deserialize, Serialize};

/// The first error, verbatim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstError {
    /// The message as it was sent. It is untrusted text.
    pub message: String,
    /// `file:line:column`, where known.
    pub site: Option<String>,
    /// Number of times that it was seen.
    pub count: u64,
    /// The time when it was first seen.
    pub first_seen: Timestamp,
}

/// A declared limit against the content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitFact {
    /// `rows`, `bytes`, ..
    pub name: String,
    /// The count in the content.
    pub value: u64,
    /// The declared limit.
    pub limit: u64,
}

/// Facts of the offending input.
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
    /// Unusual facts.
    pub findings: Vec<Finding>,
}

/// The version to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastKnownGood {
    /// Its hash.
    pub hash: Hash,
    /// Seconds for which it served after its loads without an anomaly that it explains, on the host with the longest such time.
    pub bake_time_s: u64,
    /// Whether the producer's own mark of the last good version points to the bad one.
    pub contaminated: bool,
}
