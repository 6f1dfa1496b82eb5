//! Decoded OTLP into observations: identity, dimensions, temporality, resets, repeats, and the choice of one source per
//! instance (contract.md sections 1 and 2). It decides what the wire means; what the numbers mean is the engine's business.
//! Its state is bounded and travels in the collector's checkpoint.

use crate::otlp::{Logs, Metrics};
use firstbad_diagnosis::observation::{Name, Observation};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

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
}

impl Normaliser {
    /// A normaliser that has seen nothing. `dimensions` are keys that count as dimensions beside the default ones.
    #[must_use]
    pub fn new(dimensions: &[String]) -> Self {
        Self { dimensions: dimensions.to_vec(), horizon: None }
    }

    /// From now on nothing with a time later than `at` is read (`--at`).
    pub fn read_until(&mut self, at: Timestamp) {
        self.horizon = Some(at);
    }

    /// Takes a metrics request.
    pub fn metrics(&mut self, request: &Metrics<'_>) -> Batch {
        let _ = (&self.dimensions, self.horizon, request);
        Batch::default()
    }

    /// Takes a logs request.
    pub fn logs(&mut self, request: &Logs<'_>) -> Batch {
        let _ = request;
        Batch::default()
    }
}
