//! Explanations: the cause, the suspects with their two arms, and the explanations that were ruled out. The engine decides
//! which of them hold.

use super::{CauseKind, Excluded};
use crate::{Hash, Property};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A `firstbad.change` event that is the cause or happened together with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Change {
    /// `deploy`, `flag`, `dns`, ..
    pub kind: String,
    /// Identity given by the sender.
    pub id: String,
    /// The object that it changes.
    pub target: String,
}

/// The change that is accused, or the external cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Cause {
    /// Kind of thing.
    pub kind: CauseKind,
    /// Config name, for kind `config`.
    pub config: Option<String>,
    /// Every version covered, oldest first.
    pub hashes: Vec<Hash>,
    /// Property of the content that separates the bad versions, e.g. `rows > 200`.
    pub property: Option<Property>,
    /// Other properties that separate bad versions from clean ones equally well.
    pub also_separates: Vec<Property>,
    /// Dimensions to which the effect is limited; empty where the whole fleet was affected.
    pub scope: BTreeMap<String, String>,
    /// The change event, if any.
    pub change: Option<Change>,
    /// The exact minimal combination of dimensions that was located.
    pub dimensions: BTreeMap<String, String>,
}

/// Counts of one arm of a contrast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// Hosts in the arm.
    pub hosts: u64,
    /// Hosts in the arm that fail.
    pub hosts_failing: u64,
    /// Events observed.
    pub observed: f64,
    /// Events expected from each host's own past.
    pub expected: f64,
}

/// One explanation, with the evidence for and against it.
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
    pub property: Option<Property>,
    /// Dimensions to which the effect is limited.
    pub scope: BTreeMap<String, String>,
    /// The change event, if any.
    pub change: Option<Change>,
    /// One combination of dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// Calibrated probability, 0 to 1: of the answers given with 0.9, nine in ten are right.
    pub confidence: f64,
    /// Hosts that were exposed to it.
    pub exposed: Arm,
    /// Hosts that were not, at the same time.
    pub control: Arm,
    /// Ratio of observed over expected, exposed against control.
    pub rate_ratio: f64,
    /// Share of the excess that it explains.
    pub explained_share: f64,
    /// Evidence for it.
    pub evidence: Vec<String>,
    /// Evidence against it.
    pub against: Vec<String>,
}

/// An explanation that was excluded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuledOut {
    /// The kind of explanation.
    pub what: Excluded,
    /// The config, where one config or its versions were excluded.
    #[serde(default)]
    pub config: Option<String>,
    /// The versions that were excluded, oldest first; empty if the exclusion is not about versions.
    #[serde(default)]
    pub hashes: Vec<Hash>,
    /// The reason, a sentence with numbers.
    pub reason: String,
}

impl RuledOut {
    /// Excludes a kind of explanation as a whole.
    #[must_use]
    pub const fn new(what: Excluded, reason: String) -> Self {
        Self { what, config: None, hashes: Vec::new(), reason }
    }

    /// Limits the exclusion to one config and to its versions, where they are known.
    #[must_use]
    pub fn of_config(self, config: &str, hashes: Vec<Hash>) -> Self {
        Self { config: Some(config.to_owned()), hashes, ..self }
    }
}
