//! Explanations: what is accused or named, each suspect with its two arms, and what was ruled out. Whether one holds is
//! decided by the engine.

use super::{CauseKind, Excluded};
use crate::{Hash, Property};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    pub property: Option<Property>,
    /// Other properties that separate as well.
    pub also_separates: Vec<Property>,
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
    pub property: Option<Property>,
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
    /// The kind of explanation.
    pub what: Excluded,
    /// The config, where one config or its versions were excluded.
    #[serde(default)]
    pub config: Option<String>,
    /// The versions that were excluded, oldest first; empty where none is meant.
    #[serde(default)]
    pub hashes: Vec<Hash>,
    /// A sentence with numbers.
    pub reason: String,
}

impl RuledOut {
    /// A kind of explanation that was excluded as a whole: no config, no versions.
    #[must_use]
    pub const fn new(what: Excluded, reason: String) -> Self {
        Self { what, config: None, hashes: Vec::new(), reason }
    }

    /// The same, of one config and, where they are known, its versions.
    #[must_use]
    pub fn of_config(self, config: &str, hashes: Vec<Hash>) -> Self {
        Self { config: Some(config.to_owned()), hashes, ..self }
    }
}
