//! Faults of telemetry between process and file: lost, repeated and batched reports, wrong clocks, lost events, identities
//! that are shared or missing, foreign senders. What a process would have sent is decided elsewhere.

use super::fleet::Fleet;
use super::push::{Who, lot};

/// A time during which reports of some hosts are lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Blind {
    pub(crate) who: Who,
    pub(crate) from: f64,
    pub(crate) until: f64,
    /// Share of the reports lost.
    pub(crate) share: f64,
    /// Whether the lost reports arrive later, in one line; otherwise they never arrive.
    pub(crate) late: bool,
}

/// Wrong clocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skew {
    pub(crate) who: Who,
    /// Greatest error, seconds. Each host draws its own error between minus and plus this value.
    pub(crate) off_s: f64,
    /// Whether every clock is ahead by exactly `off_s`.
    pub(crate) exact: bool,
    pub(crate) salt: u64,
}

/// Requests that are sent more than once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Repeats {
    /// Share of the lines that are repeated.
    pub(crate) share: f64,
    /// Number of repetitions of each.
    pub(crate) times: usize,
}

/// Faults of telemetry in one draw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) blind: Vec<Blind>,
    pub(crate) skews: Vec<Skew>,
    pub(crate) repeats: Repeats,
    /// Share of load events that are lost.
    pub(crate) loads_lost: f64,
    /// Share of load events whose name is lost.
    pub(crate) names_lost: f64,
    /// Hosts without any identity.
    pub(crate) anonymous: Option<Who>,
    /// Hosts that all send the same identity.
    pub(crate) shared: Option<Who>,
    /// Hosts that use other score bounds than the rest.
    pub(crate) other_bounds: Option<Who>,
    /// Hosts that send scores as exponential histograms.
    pub(crate) exponential: Option<Who>,
    /// Seconds at which a foreign job sends one load event each.
    pub(crate) one_off_at: Vec<f64>,
    /// Seconds between foreign jobs that run again and again.
    pub(crate) cron_every_s: Option<f64>,
}

impl Telemetry {
    /// Returns the seconds by which the clock of `host` is ahead.
    pub(crate) fn clock_off_s(&self, fleet: &Fleet, host: usize) -> f64 {
        let of = |skew: &Skew| {
            let off = if skew.exact { skew.off_s } else { (2.0 * lot(skew.salt, host) - 1.0) * skew.off_s };
            if skew.who.holds(fleet, host) { off } else { 0.0 }
        };
        self.skews.iter().map(of).sum()
    }

    /// Returns the blind time that covers a report of `host` at `at`, if there is one.
    pub(crate) fn blind_to(&self, fleet: &Fleet, host: usize, at: f64) -> Option<&Blind> {
        self.blind.iter().find(|blind| blind.from <= at && at < blind.until && blind.who.holds(fleet, host))
    }
}
