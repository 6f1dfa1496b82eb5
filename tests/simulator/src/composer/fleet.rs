//! The fleet of a draw: hosts with their traffic and region, the report interval, and the length of the draw. The faults are
//! decided in `truth` and `nuisance`.

use super::chance::{log_uniform, pick};
use super::style::Style;
use crate::random::Random;

/// Greatest number of host-reports of one draw. It bounds the bytes of a draw, and with them its run time. Chosen.
const HOST_REPORTS_MAX: f64 = 100_000.0;
/// Greatest number of host-reports of a draw whose fleet is small enough for it. Chosen: most draws run for about a second.
const HOST_REPORTS_USUAL: f64 = 30_000.0;
/// Number of host-reports above which a draw has at most two configs, since bytes determine its run time. Chosen.
const HOST_REPORTS_BIG: f64 = 15_000.0;
/// Shortest length of a draw, seconds. Chosen: it leaves time for a push, its effect and a verdict.
const LENGTH_MIN_S: f64 = 420.0;
/// Longest length of a draw, seconds. Chosen.
const LENGTH_MAX_S: f64 = 7_200.0;
/// Fewest reports of a host. Chosen: they leave a baseline before the fault.
const REPORTS_MIN: f64 = 24.0;

/// One host.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) region: usize,
    pub(crate) binary: usize,
    /// Number of processes that run on the host at the same time.
    pub(crate) slots: usize,
    /// Requests per second of each process, before noise.
    pub(crate) rps: f64,
    /// Failure rate, as a multiple of the fleet's failure rate.
    pub(crate) error_scale: f64,
    /// Place in every rollout, 0 to 1. The hosts with the lowest places always come first.
    pub(crate) place: f64,
    pub(crate) style: usize,
    /// Second at which the host is added, if it is not there from the beginning.
    pub(crate) born_s: Option<f64>,
    /// Second at which the host is taken away, if it does not stay to the end.
    pub(crate) gone_s: Option<f64>,
}

/// All hosts, and the properties that they share.
#[derive(Clone, Debug)]
pub(crate) struct Fleet {
    pub(crate) hosts: Vec<Host>,
    pub(crate) regions: Vec<String>,
    pub(crate) binaries: Vec<String>,
    pub(crate) styles: Vec<Style>,
    pub(crate) interval_s: f64,
    pub(crate) length_s: f64,
    /// Whether the processes are already running when the capture begins, so that their first loads are not in it.
    pub(crate) warm: bool,
    /// Share of the requests that fail without any effect.
    pub(crate) base_error: f64,
    /// Share of the requests that are denied without any effect.
    pub(crate) base_denied: f64,
    /// Share of the requests that panic without any effect.
    pub(crate) base_panic: f64,
    /// Median latency, seconds.
    pub(crate) latency_s: f64,
    /// Number of host-reports of the whole draw, before it was shrunk.
    drawn: f64,
}

impl Fleet {
    /// Draws the fleet of `seed`, with at most `hosts_max` hosts.
    pub(crate) fn draw(seed: u64, hosts_max: usize) -> Self {
        let r = &mut Random::fork(seed, "composer:fleet");
        let few = r.chance(0.07);
        let count = if few { 1 + r.below(2) } else { log_uniform(r, 3.0, 5_000.0).round() as usize };
        let interval_s = interval(r, count);
        let reports_max = HOST_REPORTS_MAX / count as f64;
        let wanted = log_uniform(r, 1_500.0, HOST_REPORTS_USUAL) / count as f64;
        let reports = wanted.clamp(REPORTS_MIN.max(LENGTH_MIN_S / interval_s), LENGTH_MAX_S / interval_s);
        let length_s = (reports.min(reports_max) * interval_s).max(interval_s * 16.0);
        let names = |what: &str, n: usize| (0..n).map(|index| format!("{what}{}", index + 1)).collect::<Vec<_>>();
        let regions = names(pick(r, "eu-", &["zone-", "us-east-"]), 1 + r.below(5));
        let binaries = names("2.4.", 1 + r.below(3));
        let styles = styles(r, seed);
        let mut fleet = Self {
            hosts: Vec::new(),
            regions,
            binaries,
            styles,
            interval_s,
            length_s,
            warm: r.chance(0.7),
            base_error: log_uniform(r, 1e-5, 1.5e-2),
            base_denied: log_uniform(r, 1e-3, 0.1),
            base_panic: if r.chance(0.3) { log_uniform(r, 1e-7, 1e-4) } else { 0.0 },
            latency_s: log_uniform(r, 0.002, 0.2),
            drawn: length_s / interval_s * count as f64,
        };
        let hosts = fleet.draw_hosts(seed, count);
        fleet.hosts = hosts.into_iter().take(hosts_max).collect();
        fleet
    }

    fn draw_hosts(&self, seed: u64, count: usize) -> Vec<Host> {
        let r = &mut Random::fork(seed, "composer:hosts");
        let (rps, spread) = (log_uniform(r, 0.3, 150.0), r.between(0.1, 1.5));
        let uneven = r.between(0.0, 0.6);
        let (slots, several) = (2 + r.below(3), r.chance(0.12) && count <= 800);
        let mixed_from = if self.styles.len() > 1 { r.between(0.2, 0.8) } else { 1.0 };
        let stem = pick(r, "edge", &["web", "px", "node"]);
        let host = |index: usize, r: &mut Random| Host {
            name: format!("{stem}-{index:04}"),
            region: r.below(self.regions.len()),
            binary: r.below(self.binaries.len()),
            slots: if several { slots } else { 1 },
            rps: (rps * r.lognormal(spread)).clamp(0.02, 3_000.0),
            error_scale: r.lognormal(uneven),
            place: r.unit(),
            style: usize::from(r.unit() > mixed_from),
            born_s: None,
            gone_s: None,
        };
        (0..count).map(|index| host(index, r)).collect()
    }

    /// Returns the greatest number of configs of a process.
    pub(crate) fn configs_max(&self) -> usize {
        if self.drawn > HOST_REPORTS_BIG { 2 } else { 5 }
    }

    /// Returns the number of hosts that are there at `at`.
    pub(crate) fn alive(&self, at: f64) -> usize {
        let there = |host: &&Host| host.born_s.is_none_or(|t| t <= at) && host.gone_s.is_none_or(|t| t > at);
        self.hosts.iter().filter(there).count()
    }
}

/// Draws the report interval, seconds: mostly a usual setting, and long enough for the size of the fleet.
fn interval(r: &mut Random, hosts: usize) -> f64 {
    let usual = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0];
    let drawn = if r.chance(0.8) { pick(r, 10.0, &usual) } else { r.between(1.0, 60.0).round() };
    let least = hosts as f64 * LENGTH_MIN_S / HOST_REPORTS_MAX;
    let slow_enough = usual.into_iter().filter(|step| *step >= least);
    if drawn >= least { drawn } else { slow_enough.fold(60.0, f64::min) }
}

fn styles(r: &mut Random, seed: u64) -> Vec<Style> {
    let first = Style::draw(&mut Random::fork(seed, "composer:style"));
    let mut second = Style::draw(&mut Random::fork(seed, "composer:style:2"));
    second.identity = first.identity;
    if r.chance(0.15) { vec![first, second] } else { vec![first] }
}
