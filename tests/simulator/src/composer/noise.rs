//! The noise of a calm fleet: traffic and failure rates move with the day, with the region, and in bursts; counts are more
//! dispersed than a Poisson distribution. Magnitudes are those of public series (docs/engine-bench.md names them); the
//! series themselves are drawn here.

use super::chance::log_uniform;
use crate::random::Random;

/// Number of cells of a common series. A cell of the longest draw (7,200 s) is 14 s long.
const CELLS: usize = 512;

/// Bursts of failures in one process. Without bursts, the chance is 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bursts {
    /// Probability that a burst begins in a report.
    pub(crate) chance: f64,
    /// Greatest factor by which a burst multiplies the failure rate.
    pub(crate) factor_max: f64,
    /// Mean length of a burst, reports.
    pub(crate) reports: f64,
}

/// Strengths of the noise. Zero switches a kind off.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    seed: u64,
    /// Standard deviation of the logarithm of the fleet's traffic.
    pub(crate) traffic: f64,
    /// Change of the logarithm of the fleet's traffic from the beginning to the end of the draw.
    pub(crate) slope: f64,
    /// Standard deviation of the logarithm of each host's own traffic.
    pub(crate) host_traffic: f64,
    /// Standard deviation of the logarithm of each region's failure rate.
    pub(crate) regional: f64,
    /// Standard deviation of the logarithm of each host's failure rate.
    pub(crate) host_errors: f64,
    /// Autocorrelation of a host's traffic and failure rate from one report to the next, 0 to 1.
    pub(crate) memory: f64,
    /// Squared coefficient of variation of the failure rate within one report.
    pub(crate) dispersion: f64,
    pub(crate) bursts: Bursts,
    /// Probability that CPU and memory jump in a report.
    pub(crate) jumps: f64,
    /// Standard deviation of the logarithm of the rate of denied requests.
    pub(crate) moods: f64,
    /// Standard deviation of the mean score, points.
    pub(crate) drift: f64,
}

impl Noise {
    /// Draws the noise that every fleet has.
    pub(crate) fn draw(seed: u64) -> Self {
        let r = &mut Random::fork(seed, "composer:noise");
        Self {
            seed,
            traffic: r.between(0.0, 0.1),
            slope: 0.0,
            host_traffic: r.between(0.01, 0.1),
            regional: 0.0,
            host_errors: r.between(0.0, 0.15),
            memory: r.between(0.2, 0.9),
            dispersion: log_uniform(r, 0.001, 0.05),
            bursts: Bursts { chance: 0.0, factor_max: 1.0, reports: 1.0 },
            jumps: 0.001,
            moods: r.between(0.0, 0.05),
            drift: r.between(0.0, 1.0),
        }
    }

    /// Draws a common series: the logarithm of a factor in each cell. The mean of the factor is 1.
    pub(crate) fn series(&self, label: &str, sigma: f64, memory: f64) -> Vec<f64> {
        let r = &mut Random::fork(self.seed, label);
        let fresh = (1.0 - memory * memory).sqrt();
        let mut x = r.normal();
        let mut next = || {
            x = memory * x + fresh * r.normal();
            sigma * x - sigma * sigma / 2.0
        };
        (0..CELLS).map(|_| next()).collect()
    }
}

/// The common series of one draw.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    length_s: f64,
    slope: f64,
    traffic: Vec<f64>,
    moods: Vec<f64>,
    drift: Vec<f64>,
    regions: Vec<Vec<f64>>,
}

impl Weather {
    /// Draws the series of `noise` for this number of regions over `length_s`.
    pub(crate) fn new(noise: &Noise, regions: usize, length_s: f64) -> Self {
        let region = |index: usize| noise.series(&format!("composer:region:{index}"), noise.regional, 0.95);
        Self {
            length_s,
            slope: noise.slope,
            traffic: noise.series("composer:traffic", noise.traffic, 0.97),
            moods: noise.series("composer:moods", noise.moods, 0.9),
            drift: noise.series("composer:drift", noise.drift, 0.98),
            regions: (0..regions).map(region).collect(),
        }
    }

    fn at(&self, series: &[f64], at: f64) -> f64 {
        let cell = (at / self.length_s * CELLS as f64) as usize;
        series.get(cell.min(CELLS - 1)).copied().unwrap_or(0.0)
    }

    /// Returns the factor of the fleet's traffic at `at`.
    pub(crate) fn traffic(&self, at: f64) -> f64 {
        (self.at(&self.traffic, at) + self.slope * (at / self.length_s - 0.5)).exp()
    }

    /// Returns the factor of the failure rate in `region` at `at`.
    pub(crate) fn failing(&self, region: usize, at: f64) -> f64 {
        self.regions.get(region).map_or(1.0, |series| self.at(series, at).exp())
    }

    /// Returns the factor of the rate of denied requests at `at`.
    pub(crate) fn denied(&self, at: f64) -> f64 {
        self.at(&self.moods, at).exp()
    }

    /// Returns the shift of the mean score at `at`, points.
    pub(crate) fn drift(&self, at: f64) -> f64 {
        self.at(&self.drift, at)
    }
}

/// The noise of one process: its own traffic, failure rate, CPU and memory.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    traffic: f64,
    errors: f64,
    burst_left: f64,
    burst: f64,
    pub(crate) cpu: f64,
    pub(crate) memory: f64,
}

impl Course {
    /// Draws a course from the stationary distribution, so that the beginning is like the rest.
    pub(crate) fn new(r: &mut Random) -> Self {
        let cpu = r.between(0.05, 0.5);
        Self {
            traffic: r.normal(),
            errors: r.normal(),
            burst_left: 0.0,
            burst: 1.0,
            cpu,
            memory: log_uniform(r, 5e7, 4e9),
        }
    }

    /// Moves on by one report.
    pub(crate) fn step(&mut self, noise: &Noise, r: &mut Random) {
        let fresh = (1.0 - noise.memory * noise.memory).sqrt();
        self.traffic = noise.memory * self.traffic + fresh * r.normal();
        self.errors = noise.memory * self.errors + fresh * r.normal();
        let bursts = noise.bursts;
        self.burst_left -= 1.0;
        if self.burst_left <= 0.0 {
            let begins = r.chance(bursts.chance);
            self.burst = if begins { r.between(1.0, bursts.factor_max) } else { 1.0 };
            self.burst_left = if begins { r.between(0.5, 1.5) * bursts.reports } else { 0.0 };
        }
        if r.chance(noise.jumps) {
            self.cpu = (self.cpu * r.lognormal(0.5)).clamp(0.01, 0.95);
            self.memory *= r.lognormal(0.2);
        }
    }

    /// Returns the factor of this process's traffic.
    pub(crate) fn traffic(&self, noise: &Noise) -> f64 {
        (noise.host_traffic * self.traffic - noise.host_traffic * noise.host_traffic / 2.0).exp()
    }

    /// Draws the factor of this process's failure rate in one stretch.
    pub(crate) fn failing(&self, noise: &Noise, r: &mut Random) -> f64 {
        let own = (noise.host_errors * self.errors - noise.host_errors * noise.host_errors / 2.0).exp();
        own * self.burst * r.gamma(1.0 / noise.dispersion.max(1e-4))
    }
}
