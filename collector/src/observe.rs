//! Decoded OTLP into observations: identity, dimensions, temporality, resets, repeats, and the choice of one source per
//! instance (contract.md sections 1 and 2). It decides what the wire means; what the numbers mean is the engine's business.
//! Its state is bounded and travels in the collector's checkpoint.

mod counts;
mod gaps;
mod histogram;
mod identity;
mod logs;
mod metrics;
mod names;
mod rows;
mod series;
#[cfg(test)]
mod tests;

use crate::otlp::{Logs, Metrics};
use firstbad_diagnosis::observation::{Name, Observation};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use names::Names;
use serde::{Deserialize, Serialize};
use series::ResourceState;
use std::collections::BTreeMap;

/// One captured content of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The version, as its sender named it.
    pub hash: Hash,
    /// Config name.
    pub config: Name,
    /// `firstbad.content.format`; empty if not told.
    pub format: Name,
    /// The file, or its row digest.
    pub body: Vec<u8>,
}

/// What one request came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In a fixed order: by resource as sent, rows by time, gaps last.
    pub observations: Vec<Observation>,
    /// Captured contents.
    pub contents: Vec<Content>,
    /// Points or records that were understood, or are none of firstbad's.
    pub accepted: u64,
    /// Points or records that could not be used; each is counted in a gap as well.
    pub rejected: u64,
    /// Latest event time in it.
    pub latest: Option<Timestamp>,
}

/// The state between requests.
#[derive(Debug, Serialize, Deserialize)]
pub struct Normaliser {
    dimensions: Vec<String>,
    horizon: Option<Timestamp>,
    resources: BTreeMap<u128, ResourceState>,
    /// Series over all resources, to hold them to their bound.
    series: usize,
    /// Log events seen, by resource and boot.
    boots: BTreeMap<u128, logs::Seen>,
    #[serde(skip)]
    names: Names,
}

impl Normaliser {
    /// A normaliser that has seen nothing. `dimensions` are keys that count as dimensions beside the default ones.
    #[must_use]
    pub fn new(dimensions: &[String]) -> Self {
        Self {
            dimensions: dimensions.to_vec(),
            horizon: None,
            resources: BTreeMap::new(),
            series: 0,
            boots: BTreeMap::new(),
            names: Names::default(),
        }
    }

    /// From now on nothing with a time later than `at` is read (`--at`).
    pub fn read_until(&mut self, at: Timestamp) {
        self.horizon = Some(at);
    }

    /// Takes a metrics request.
    pub fn metrics(&mut self, request: &Metrics<'_>) -> Batch {
        metrics::take(self, request)
    }

    /// Takes a logs request.
    pub fn logs(&mut self, request: &Logs<'_>) -> Batch {
        logs::take(self, request)
    }

    /// Whether `key` is a dimension.
    fn is_dimension(&self, key: &str) -> bool {
        firstbad_protocol::names::DIMENSIONS.contains(&key) || self.dimensions.iter().any(|declared| declared == key)
    }

    /// The event time of a wire time, if it can be one and may be read.
    fn event_time(&self, nanoseconds: u64) -> Time {
        match i64::try_from(nanoseconds) {
            Ok(ns) if ns > 0 && self.horizon.is_some_and(|at| ns > at.0) => Time::BeyondHorizon,
            Ok(ns) if ns > 0 => Time::At(ns),
            _ => Time::Absurd,
        }
    }
}

/// What a wire time comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Time {
    At(i64),
    BeyondHorizon,
    Absurd,
}
