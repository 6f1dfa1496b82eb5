//! The harm of an incident, counted in requests. The engine decides what counts as harm; the sum is here because the order of
//! incidents depends on it.

use serde::{Deserialize, Serialize};

/// The harm of one incident alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Impact {
    /// Requests that failed beyond expectation.
    pub requests_failed: u64,
    /// Requests that were denied beyond the usual number.
    pub requests_denied: u64,
    /// Requests without a computed score beyond the usual number.
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
    /// The sum of failed, denied, unscored and missing requests.
    #[must_use]
    pub const fn requests_hurt(&self) -> u64 {
        self.requests_failed
            .saturating_add(self.requests_denied)
            .saturating_add(self.requests_unscored)
            .saturating_add(self.requests_missing)
    }
}
