//! How much was hurt, counted in requests. What counts as harm is decided by the engine; the sum is taken here, because
//! the order of incidents rests on it.

use serde::{Deserialize, Serialize};

/// How much was hurt: what belongs to this incident alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    /// Requests that failed beyond expectation.
    pub requests_failed: u64,
    /// Requests that were answered with a denial beyond what is usual.
    pub requests_denied: u64,
    /// Requests that went without a computed score beyond what is usual.
    pub requests_unscored: u64,
    /// Requests that dead, hanging or silent processes would have answered.
    pub requests_missing: u64,
    /// `requests_failed` as a share of all requests since onset, 0 to 1.
    pub failed_share: f64,
    /// Hosts that show the symptom.
    pub hosts_affected: u64,
    /// Hosts that report.
    pub hosts_reporting: u64,
}

impl Impact {
    /// Requests hurt in any way: failed, denied, unscored and missing ones together.
    #[must_use]
    pub const fn requests_hurt(&self) -> u64 {
        self.requests_failed
            .saturating_add(self.requests_denied)
            .saturating_add(self.requests_unscored)
            .saturating_add(self.requests_missing)
    }
}
