//! What happens to telemetry between process and file: lost, repeated and batched reports, wrong clocks, lost events,
//! identities that are shared or missing, foreign senders. What would have been sent is decided before.

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
    /// Whether they come later, in one line; else never.
    pub(crate) late: bool,
}

/// Clocks that are off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skew {
    pub(crate) who: Who,
    /// Greatest distance, seconds; each host has its own, on either side.
    pub(crate) off_s: f64,
    /// Whether all are off by exactly that.
    pub(crate) exact: bool,
    pub(crate) salt: u64,
}

/// Faults of one draw.
#[derive(Clone, Debug, Default)]
pub(crate) struct Telemetry {
    pub(crate) blind: Vec<Blind>,
    pub(crate) skews: Vec<Skew>,
    /// Share of lines that come twice, and how many times then.
    pub(crate) repeats: (f64, usize),
    /// Share of load events that are lost.
    pub(crate) loads_lost: f64,
    /// Share of events whose name is lost on the way.
    pub(crate) names_lost: f64,
    /// Hosts that say nothing of who they are; and those that all say they are one.
    pub(crate) anonymous: Option<Who>,
    pub(crate) shared: Option<Who>,
    /// Hosts that use other score bounds than the rest.
    pub(crate) other_bounds: Option<Who>,
    pub(crate) exponential: Option<Who>,
    /// Lines from senders that are no proxies: a job that publishes once, and jobs that come every few minutes.
    pub(crate) one_off_at: Vec<f64>,
    pub(crate) cron_every_s: Option<f64>,
}

impl Telemetry {
    /// Seconds by which the clock of `host` is ahead.
    pub(crate) fn clock_off_s(&self, fleet: &Fleet, host: usize) -> f64 {
        let of = |skew: &Skew| {
            let off = if skew.exact { skew.off_s } else { (2.0 * lot(skew.salt, host) - 1.0) * skew.off_s };
            if skew.who.holds(fleet, host) { off } else { 0.0 }
        };
        self.skews.iter().map(of).sum()
    }

    /// The blindness that a report of `host` at `at` falls into, if any.
    pub(crate) fn blind_to(&self, fleet: &Fleet, host: usize, at: f64) -> Option<&Blind> {
        self.blind.iter().find(|blind| blind.from <= at && at < blind.until && blind.who.holds(fleet, host))
    }
}
