//! Which version how many hosts had, interval by interval. It is counted over all hosts, not over the listed ones.

use crate::Hash;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Hosts by version of one config over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutView {
    /// Config name.
    pub config: String,
    /// End of the first point's interval.
    pub from: Timestamp,
    /// Interval, seconds.
    pub step_s: f64,
    /// Versions that most hosts had at some time, newest first, at most [`crate::limits::ROLLOUT_VERSIONS_MAX`].
    pub versions: Vec<VersionHosts>,
    /// Hosts on versions that are not listed, at the end of each interval.
    pub others: Vec<u32>,
}

/// Hosts on one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionHosts {
    /// The version.
    pub hash: Hash,
    /// Hosts that had it at the end of each interval. A host counts until it leaves, or until it is heard last.
    pub hosts: Vec<u32>,
}

impl RolloutView {
    /// Hosts whose version of the config is known at the end of interval `index`.
    #[must_use]
    pub fn all(&self, index: usize) -> u64 {
        let listed = self.versions.iter().map(|version| version.at(index)).sum::<u64>();
        listed + self.others.get(index).copied().map_or(0, u64::from)
    }
}

impl VersionHosts {
    /// Hosts that had the version at the end of interval `index`.
    #[must_use]
    pub fn at(&self, index: usize) -> u64 {
        self.hosts.get(index).copied().map_or(0, u64::from)
    }
}
