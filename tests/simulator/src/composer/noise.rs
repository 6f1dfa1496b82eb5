//! How a calm fleet wavers: traffic and failing move with the day, with their region, and by bursts; counts are more
//! dispersed than Poisson's. Magnitudes are those that public series show (docs/engine-bench.md names them); the series
//! themselves are drawn here.

use super::chance::log_uniform;
use crate::random::Random;

/// Cells of a common series: enough for the longest draw.
const CELLS: usize = 512;

/// Strengths. Zero switches one off.
#[derive(Clone, Debug)]
pub(crate) struct Noise {
    seed: u64,
    /// Standard deviation of the logarithm of the fleet's traffic, and its slope over the whole time.
    pub(crate) traffic: f64,
    pub(crate) slope: f64,
    /// Of each host's own traffic, from report to report.
    pub(crate) host_traffic: f64,
    /// Of each region's failing.
    pub(crate) regional: f64,
    /// Of each host's failing; how much of it is left a report later.
    pub(crate) host_errors: f64,
    pub(crate) memory: f64,
    /// Squared coefficient of variation of failing within one report.
    pub(crate) dispersion: f64,
    /// Chance that a burst begins in a report, its greatest factor, and its reports.
    pub(crate) bursts: (f64, f64, f64),
    /// Of CPU and memory: chance of a jump in a report.
    pub(crate) jumps: f64,
    /// Of answers that deny.
    pub(crate) moods: f64,
    /// Of scores: how far the mean wanders.
    pub(crate) drift: f64,
}

impl Noise {
    /// What every fleet has.
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
            bursts: (0.0, 1.0, 1.0),
            jumps: 0.001,
            moods: r.between(0.0, 0.05),
            drift: r.between(0.0, 1.0),
        }
    }

    /// A common series: the logarithm of a factor in each cell, with mean factor one.
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
    /// The series of `noise` for so many regions over `length_s`.
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

    /// Factor of traffic at `at`.
    pub(crate) fn traffic(&self, at: f64) -> f64 {
        (self.at(&self.traffic, at) + self.slope * (at / self.length_s - 0.5)).exp()
    }

    /// Factor of failing in `region`.
    pub(crate) fn failing(&self, region: usize, at: f64) -> f64 {
        self.regions.get(region).map_or(1.0, |series| self.at(series, at).exp())
    }

    /// Factor of denied answers.
    pub(crate) fn denied(&self, at: f64) -> f64 {
        self.at(&self.moods, at).exp()
    }

    /// How far scores have wandered.
    pub(crate) fn drift(&self, at: f64) -> f64 {
        self.at(&self.drift, at)
    }
}

/// The course of one process: what it has of its own.
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
    /// A course that begins as it will go on.
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

    /// One report later.
    pub(crate) fn step(&mut self, noise: &Noise, r: &mut Random) {
        let fresh = (1.0 - noise.memory * noise.memory).sqrt();
        self.traffic = noise.memory * self.traffic + fresh * r.normal();
        self.errors = noise.memory * self.errors + fresh * r.normal();
        let (chance, factor, reports) = noise.bursts;
        self.burst_left -= 1.0;
        if self.burst_left <= 0.0 {
            let begins = r.chance(chance);
            self.burst = if begins { r.between(1.0, factor) } else { 1.0 };
            self.burst_left = if begins { r.between(0.5, 1.5) * reports } else { 0.0 };
        }
        if r.chance(noise.jumps) {
            self.cpu = (self.cpu * r.lognormal(0.5)).clamp(0.01, 0.95);
            self.memory *= r.lognormal(0.2);
        }
    }

    /// Factor of traffic.
    pub(crate) fn traffic(&self, noise: &Noise) -> f64 {
        (noise.host_traffic * self.traffic - noise.host_traffic * noise.host_traffic / 2.0).exp()
    }

    /// Factor of failing.
    pub(crate) fn failing(&self, noise: &Noise, r: &mut Random) -> f64 {
        let own = (noise.host_errors * self.errors - noise.host_errors * noise.host_errors / 2.0).exp();
        own * self.burst * r.gamma(1.0 / noise.dispersion.max(1e-4))
    }
}
