//! What a screen needs beside the verdicts: the fleet, the versions, the lines of the chart, the hosts, the changes. One
//! snapshot is whole and bounded (limits.rs); it is never a delta. The engine fills it, the screen only reads it.

mod harm;
mod rollout;

pub use harm::{DeathView, SiteView};
pub use rollout::{RolloutView, VersionHosts};

use crate::time::Timestamp;
use crate::verdict::{Diagnosis, Signal};
use crate::{Hash, Property};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that a screen shows, as of one tick of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The tick it belongs to: later data are not in it. Null before the first tick.
    pub at: Option<Timestamp>,
    /// The verdicts, exactly as `diagnose --format json` prints them.
    pub diagnosis: Diagnosis,
    /// The fleet now.
    pub fleet: Fleet,
    /// Versions known, newest first, at most [`crate::limits::VERSIONS_MAX`].
    pub versions: Vec<VersionView>,
    /// Lines of the chart over the last [`crate::limits::SNAPSHOT_POINTS_MAX`] report intervals.
    pub lines: Vec<Line>,
    /// Hosts, those that fail first, at most [`crate::limits::SNAPSHOT_HOSTS_MAX`].
    pub hosts: Vec<HostView>,
    /// Counts over all hosts, also those that `hosts` has no room for; null in snapshots of earlier releases.
    #[serde(default)]
    pub census: Option<Census>,
    /// Change events, newest first, bounded.
    pub changes: Vec<ChangeView>,
    /// Hosts by version over time: accused configs first, then by their newest version, at most
    /// [`crate::limits::ROLLOUT_CONFIGS_MAX`]. Empty in snapshots of earlier releases, as are the lists below.
    #[serde(default)]
    pub rollouts: Vec<RolloutView>,
    /// Places of panics and exceptions, those with most first, at most [`crate::limits::SNAPSHOT_SITES_MAX`].
    #[serde(default)]
    pub sites: Vec<SiteView>,
    /// Deaths of processes, latest first, at most [`crate::limits::SNAPSHOT_DEATHS_MAX`].
    #[serde(default)]
    pub deaths: Vec<DeathView>,
}

/// Counts of the fleet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// Hosts that reported lately.
    pub hosts_reporting: u64,
    /// Hosts that went silent without a clean exit or replacement.
    pub hosts_silent: u64,
    /// Instances that reported lately.
    pub instances: u64,
    /// Requests per second, last judged interval.
    pub requests_per_s: f64,
    /// Share of requests that fail, last judged interval; null without requests.
    pub failed_share: Option<f64>,
    /// Share of scores that are not computed (0, NaN, out of range), last judged interval; null without scores.
    pub scores_defaulted_share: Option<f64>,
    /// Telemetry that senders said they dropped.
    pub telemetry_dropped: u64,
    /// Rows that came too late to be judged.
    pub late_rows: u64,
}

/// Counts over all hosts: [`Snapshot::hosts`] is a list with a bound, and what is counted from it is too low.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Census {
    /// Entries that [`Snapshot::hosts`] would have without its bound.
    pub entries: u64,
    /// Hosts that need a restart or a good version.
    pub needing_restart: u64,
    /// Their names, sorted: all of them, or none if there are more than [`crate::limits::RESTART_NAMES_MAX`]. Untrusted text.
    pub restart_names: Vec<String>,
    /// Values of each dimension by its key.
    pub places: BTreeMap<String, PlaceCount>,
}

/// Distinct values of one dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceCount {
    /// Values of hosts that fail.
    pub failing: u64,
    /// Values of all hosts.
    pub all: u64,
}

/// One version of one config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VersionView {
    /// Config name.
    pub config: String,
    /// Identity.
    pub hash: Hash,
    /// Human name.
    pub label: Option<String>,
    /// First load attempt in the fleet.
    pub first_seen: Timestamp,
    /// Hosts on which it is active now.
    pub hosts_active: u64,
    /// Hosts that ever had it active.
    pub hosts_ever: u64,
    /// Refused loads.
    pub refusals: u64,
    /// Rows, duplicate rows, size, blank fields, columns, generation: those that are known.
    pub facts: BTreeMap<String, i64>,
    /// Declared limits by name.
    pub limits: BTreeMap<String, i64>,
    /// Producer, if told.
    pub source: Option<String>,
    /// Whether an open incident's cause covers it.
    pub accused: bool,
    /// Requests served under it since it was first seen.
    pub requests: u64,
    /// Of them, those that failed.
    pub failed: u64,
    /// Scores given under it by bucket 0, 1..=9, 10..=19, .., 90..=100 when the sender's buckets allow; else empty.
    pub score_deciles: Vec<u64>,
}

/// The subject of a line in the chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineRole {
    /// All versions together.
    Fleet,
    /// The accused versions.
    Accused,
    /// The other versions of the accused config.
    Others,
}

impl LineRole {
    /// The line's label for people. `property` is the property that the accused versions share.
    #[must_use]
    pub fn label(self, property: Option<&Property>) -> String {
        match (self, property) {
            (Self::Fleet, _) => "fleet".to_owned(),
            (Self::Others, _) => "others".to_owned(),
            (Self::Accused, None) => "accused".to_owned(),
            (Self::Accused, Some(property)) => format!("family: {property}"),
        }
    }
}

/// One line of the chart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// What it shows: failed share for `errors`, not-computed share for `scores`.
    pub signal: Signal,
    /// Config, where the line is a version or family.
    pub config: Option<String>,
    /// Its subject; absent in snapshots of earlier releases. [`Line::role`] reads both forms.
    #[serde(default)]
    pub role: Option<LineRole>,
    /// What the accused versions have in common, where that is known and they are what the line is about.
    #[serde(default)]
    pub property: Option<Property>,
    /// The same for people: `family: rows > 200`, `accused`, `others`, or `fleet`.
    pub label: String,
    /// Hashes that the line covers; empty for `others` and `fleet`.
    pub hashes: Vec<Hash>,
    /// End of the first point's interval.
    pub from: Timestamp,
    /// Interval, seconds.
    pub step_s: f64,
    /// Values, 0 to 1; null means no data, which is not zero.
    pub points: Vec<Option<f64>>,
    /// Hosts that loaded one of the hashes in each interval.
    pub loads: Vec<u32>,
}

impl Line {
    /// The number of points whose intervals were over at `at`. In an interval that goes on, some hosts have reported and others
    /// have not.
    #[must_use]
    pub fn finished(&self, at: Option<Timestamp>) -> usize {
        let Some(at) = at else { return self.points.len() };
        let whole = (at.since(self.from) as f64 / (self.step_s * 1e9)).floor() + 1.0;
        if whole > 0.0 { (whole as usize).min(self.points.len()) } else { 0 }
    }

    /// Its subject. Without a stored role, its versions decide.
    #[must_use]
    pub fn role(&self) -> LineRole {
        self.role.unwrap_or(match (&self.config, self.hashes.is_empty()) {
            (_, false) => LineRole::Accused,
            (Some(_), true) => LineRole::Others,
            (None, true) => LineRole::Fleet,
        })
    }
}

/// One host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostView {
    /// Name. It is untrusted text.
    pub host: String,
    /// Dimensions (region, binary, ..).
    pub dimensions: BTreeMap<String, String>,
    /// Active version of each config.
    pub active: BTreeMap<String, Hash>,
    /// Last event time.
    pub last_seen: Timestamp,
    /// Whether it is silent.
    pub silent: bool,
    /// Whether it shows an open incident's symptom.
    pub failing: bool,
    /// Whether it still runs an accused version, or still fails after it left it: it needs attention or a restart.
    pub needs_restart: bool,
    /// Process lives seen.
    pub restarts: u64,
    /// Panics since first seen.
    pub panics: u64,
    /// Version that it was loading when it was last heard of.
    pub loading: Option<Hash>,
}

/// One change in the world.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeView {
    /// When.
    pub at: Timestamp,
    /// `load` for the first load of a version; else the event's own kind.
    pub kind: String,
    /// Identity: a hash for `load`.
    pub id: String,
    /// Config name, flag, binary, ..
    pub target: String,
    /// The sender's words.
    pub description: String,
    /// Hosts that it reached; null when it reached all at once.
    pub hosts: Option<u64>,
}
