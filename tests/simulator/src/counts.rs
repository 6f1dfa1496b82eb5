//! What one process counts between two instants in which nothing about it changes, and the row that a report makes of it.
//! Requests, failures, views, scores and latency are drawn so that they add up as the contract says (section 2, Counting).

use crate::plan::Plan;
use crate::random::Random;
use firstbad_diagnosis::observation::{Histogram, Name, Outcomes, PanicCount, Row, Scores, Total, View};
use firstbad_protocol::names::SCORE_BOUNDS;
use std::sync::Arc;

/// Baseline score mix by bucket of [`SCORE_BOUNDS`]: 0 1 %, 1 18 %, 2 to 29 22 %, 30 to 99 59 %.
const MIX: [f64; 14] = [0.01, 0.18, 0.04, 0.05, 0.06, 0.07, 0.07, 0.08, 0.08, 0.09, 0.09, 0.09, 0.09, 0.0];
/// Centres of the buckets, as a share of the score's range.
const CENTRE: [f64; 14] = [0.0, 0.01, 0.03, 0.075, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.945, 1.0];
/// Bounds of latency, seconds: the defaults of OpenTelemetry's HTTP conventions.
const LATENCY: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Median and log sd of latency: p50 4 ms, p99 40 ms.
const LATENCY_MEDIAN_S: f64 = 0.004;
const LATENCY_SIGMA: f64 = 0.99;

/// Requests that fail for one reason.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Config that they must use; none means any request.
    pub config: Option<usize>,
    /// Values of the request dimension hit, from the first; 0 means all.
    pub cells: usize,
    /// Site, where they panic.
    pub panic: Option<Name>,
    /// Share that fails.
    pub share: f64,
}

/// What effects and weather make of one stretch of time.
#[derive(Clone, Debug)]
pub struct Modifiers {
    /// Factor of traffic.
    pub traffic: f64,
    /// Factor of baseline errors.
    pub errors: f64,
    /// Failures beyond the baseline.
    pub failures: Vec<Failure>,
    /// Share of scores that become 0.
    pub zero: f64,
    /// Share of scores that become 1.
    pub flagged: f64,
    /// Exponent by which the mix leans to high (or, negative, low) scores.
    pub tilt: f64,
    /// Factor of latency.
    pub latency: f64,
    /// Least CPU utilisation.
    pub cpu: f64,
    /// Share of requests that never finish.
    pub hang: f64,
    /// Memory as a share of its limit, beyond the baseline.
    pub memory: f64,
}

impl Default for Modifiers {
    fn default() -> Self {
        Self {
            traffic: 1.0,
            errors: 1.0,
            failures: Vec::new(),
            zero: 0.0,
            flagged: 0.0,
            tilt: 0.0,
            latency: 1.0,
            cpu: 0.0,
            hang: 0.0,
            memory: 0.0,
        }
    }
}

/// One stretch of time of one process.
pub struct Stretch<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// Its length, seconds.
    pub seconds: f64,
    /// Requests per second before modifiers.
    pub rate: f64,
    /// Baseline share of failed requests.
    pub error_share: f64,
    /// Modifiers.
    pub modifiers: &'a Modifiers,
    /// Version active of each config.
    pub active: &'a [Option<usize>],
}

/// Counts of one view: config, version, request value.
type ViewKey = (usize, usize, usize);
/// Config and version, by index.
type VersionKey = (usize, usize);

/// Requests that ended one way, and the config that they must have used.
type Caused = (Option<usize>, Outcomes);

/// Requests of one value of the request dimension that finished.
#[derive(Clone, Copy)]
struct Finished {
    /// Index of the value.
    cell: usize,
    /// How many.
    requests: u64,
}

/// Requests that panicked at one site.
#[derive(Clone, Copy)]
struct Panicked<'a> {
    /// Config that they used, by index; none means any.
    config: Option<usize>,
    /// The site.
    site: &'a Name,
    /// How many.
    requests: u64,
}

/// How the requests of one value of the request dimension ended.
struct Spent {
    /// Index of the value.
    cell: usize,
    /// Requests that went well.
    ok: u64,
    /// The baseline's errors, then what each failure took.
    caused: Vec<Caused>,
    /// Of configs that failures came from: their requests that are left.
    left: Vec<(usize, u64)>,
}

/// Counts since the last report.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    totals: Vec<Outcomes>,
    views: Vec<(ViewKey, Outcomes)>,
    panics: Vec<(Option<VersionKey>, Name, u64)>,
    scores: Vec<(VersionKey, [u64; 14], u64)>,
    latency: [u64; 15],
    latency_sum: f64,
    hung: f64,
    up_s: f64,
}

impl Counts {
    /// Adds what `stretch` counts.
    pub fn add(&mut self, stretch: &Stretch, r: &mut Random) {
        self.totals.resize(stretch.plan.fleet.cells.len(), Outcomes::default());
        self.up_s += stretch.seconds;
        let cells = stretch.plan.fleet.cells.len().max(1);
        let mut finished = 0;
        let mut scored = 0;
        for cell in 0..cells {
            // Values of the request dimension are used unequally: 1, 1/2, 1/3, .. of each other.
            let weight = 1.0 / (cell + 1) as f64 / (1..=cells).map(|i| 1.0 / i as f64).sum::<f64>();
            let arrived = r.poisson(stretch.rate * stretch.modifiers.traffic * stretch.seconds * weight);
            let hung = r.binomial(arrived, stretch.modifiers.hang);
            self.hung += hung as f64;
            finished += arrived - hung;
            scored += self.cell(stretch, Finished { cell, requests: arrived - hung }, r);
        }
        if stretch.plan.fleet.full {
            self.score(stretch, scored, r);
        }
        self.time(stretch.modifiers.latency, finished, r);
    }

    /// Counts one value of the request dimension; returns the requests that could be scored.
    fn cell(&mut self, stretch: &Stretch, finished: Finished, r: &mut Random) -> u64 {
        let Finished { cell, requests } = finished;
        let errors = r.binomial(requests, (stretch.error_share * stretch.modifiers.errors).min(0.5));
        let mut ok = requests - errors;
        let mut total = Outcomes { error: errors, ..Outcomes::default() };
        let mut spent = Spent { cell, ok: 0, caused: vec![(None, total)], left: Vec::new() };
        let left = &mut spent.left;
        for failure in &stretch.modifiers.failures {
            if failure.cells > 0 && cell >= failure.cells {
                continue;
            }
            let share =
                failure.config.map_or(1.0, |config| stretch.plan.configs.get(config).map_or(0.0, |c| c.use_share));
            let known =
                failure.config.and_then(|config| left.iter().find(|(other, _)| *other == config).map(|(_, n)| *n));
            let exposed = known.unwrap_or_else(|| r.binomial(ok, share)).min(ok);
            let hit = r.binomial(exposed, failure.share);
            ok -= hit;
            if let Some(config) = failure.config {
                left.retain(|(other, _)| *other != config);
                left.push((config, exposed - hit));
            }
            let outcome = match &failure.panic {
                Some(site) => {
                    self.panic(stretch, Panicked { config: failure.config, site, requests: hit }, r);
                    Outcomes { panic: hit, ..Outcomes::default() }
                }
                None => Outcomes { error: hit, ..Outcomes::default() },
            };
            add(&mut total, outcome);
            spent.caused.push((failure.config, outcome));
        }
        (total.ok, spent.ok) = (ok, ok);
        if let Some(slot) = self.totals.get_mut(cell) {
            add(slot, total);
        }
        if stretch.plan.fleet.full { self.view(stretch, &spent, r) } else { 0 }
    }

    /// Counts views; returns how many requests used the config that scores.
    fn view(&mut self, stretch: &Stretch, spent: &Spent, r: &mut Random) -> u64 {
        let mut scored = 0;
        for (config, known) in stretch.plan.configs.iter().enumerate() {
            let Some(version) = stretch.active.get(config).copied().flatten() else { continue };
            let share = known.use_share;
            let left = spent.left.iter().find(|(other, _)| *other == config).map(|(_, n)| *n);
            let mut outcomes = Outcomes {
                ok: left.unwrap_or_else(|| r.binomial(spent.ok, share)).min(spent.ok),
                ..Outcomes::default()
            };
            for (guilty, outcome) in &spent.caused {
                let certain = *guilty == Some(config);
                outcomes.error += if certain { outcome.error } else { r.binomial(outcome.error, share) };
                outcomes.panic += if certain { outcome.panic } else { r.binomial(outcome.panic, share) };
            }
            if known.scores {
                scored += outcomes.ok;
            }
            let key = (config, version, spent.cell);
            match self.views.iter_mut().find(|(other, _)| *other == key) {
                Some((_, slot)) => add(slot, outcomes),
                None => self.views.push((key, outcomes)),
            }
        }
        scored
    }

    /// Counts panics, in all and of each version.
    fn panic(&mut self, stretch: &Stretch, panicked: Panicked, r: &mut Random) {
        let Panicked { config, site, requests: hit } = panicked;
        if hit == 0 {
            return;
        }
        self.panic_at(None, site, hit);
        for (index, known) in stretch.plan.configs.iter().enumerate() {
            let Some(version) = stretch.active.get(index).copied().flatten() else { continue };
            let count = if config == Some(index) { hit } else { r.binomial(hit, known.use_share) };
            self.panic_at(Some((index, version)), site, count);
        }
    }

    fn panic_at(&mut self, version: Option<(usize, usize)>, site: &Name, count: u64) {
        match self.panics.iter_mut().find(|(other, at, _)| *other == version && at == site) {
            Some((_, _, slot)) => *slot += count,
            None => self.panics.push((version, site.clone(), count)),
        }
    }

    fn score(&mut self, stretch: &Stretch, scored: u64, r: &mut Random) {
        let Some(config) = stretch.plan.configs.iter().position(|config| config.scores) else { return };
        let Some(version) = stretch.active.get(config).copied().flatten() else { return };
        let m = stretch.modifiers;
        let zeroed = r.binomial(scored, m.zero);
        let flagged = r.binomial(scored - zeroed, m.flagged);
        let rest = (scored - zeroed - flagged) as f64;
        let weights = MIX.iter().zip(CENTRE).map(|(share, centre)| share * (m.tilt * centre).exp());
        let sum: f64 = weights.clone().sum();
        let mut buckets = [0; 14];
        for (bucket, weight) in buckets.iter_mut().zip(weights) {
            *bucket = r.poisson(rest * weight / sum);
        }
        let [zero, one, ..] = &mut buckets;
        *zero += zeroed;
        *one += flagged;
        let sentinel = if stretch.plan.fleet.sentinel { std::mem::take(zero) } else { 0 };
        let key = (config, version);
        match self.scores.iter_mut().find(|(other, ..)| *other == key) {
            Some((_, slots, defaulted)) => {
                slots.iter_mut().zip(buckets).for_each(|(slot, count)| *slot += count);
                *defaulted += sentinel;
            }
            None => self.scores.push((key, buckets, sentinel)),
        }
    }

    fn time(&mut self, factor: f64, finished: u64, r: &mut Random) {
        let median = LATENCY_MEDIAN_S * factor;
        let mut below = 0.0;
        for (slot, bound) in self.latency.iter_mut().zip(LATENCY.into_iter().chain([f64::INFINITY])) {
            let upto = normal_cdf((bound / median).ln() / LATENCY_SIGMA);
            *slot += r.poisson(finished as f64 * (upto - below));
            below = upto;
        }
        self.latency_sum += finished as f64 * median * (LATENCY_SIGMA * LATENCY_SIGMA / 2.0).exp();
    }

    /// Requests that never finished since the last report.
    #[must_use]
    pub fn hung(&self) -> f64 {
        self.hung
    }

    /// Panics since the last report.
    #[must_use]
    pub fn panicked(&self) -> bool {
        !self.panics.is_empty()
    }

    /// Mean requests in flight over the stretch, by Little's law.
    #[must_use]
    pub fn in_flight(&self) -> f64 {
        self.latency_sum / self.up_s.max(0.001)
    }

    /// Moves the counts into `row`.
    pub fn fill(self, plan: &Plan, row: &mut Row) {
        let cell = |index: usize| plan.fleet.cells.get(index).cloned().unwrap_or_default();
        let version = |(config, version): (usize, usize)| Some((name(plan, config)?, plan.versions.get(version)?.hash));
        row.totals = self
            .totals
            .iter()
            .enumerate()
            .map(|(i, outcomes)| Total { dimensions: cell(i), outcomes: *outcomes })
            .collect();
        let views = self.views.into_iter().filter_map(|((config, index, at), outcomes)| {
            let (config, hash) = version((config, index))?;
            Some(View { config, hash, dimensions: cell(at), outcomes })
        });
        row.views = views.collect();
        let panics = self.panics.into_iter().filter(|(_, _, count)| *count > 0);
        row.panics = panics
            .map(|(key, site, count)| PanicCount { version: key.and_then(version), site: Some(site), count })
            .collect();
        let bounds: Arc<[f64]> = Arc::from(SCORE_BOUNDS.as_slice());
        let scores = self.scores.into_iter().map(|(key, buckets, sentinel)| Scores {
            version: version(key),
            score: "bot".into(),
            histogram: Histogram { bounds: bounds.clone(), counts: buckets.to_vec(), sum: None },
            sentinel,
            nan: 0,
            below: 0,
            above: 0,
        });
        row.scores = scores.collect();
        let latency = Histogram {
            bounds: Arc::from(LATENCY.as_slice()),
            counts: self.latency.to_vec(),
            sum: Some(self.latency_sum),
        };
        row.latency = Some(latency);
    }
}

fn name(plan: &Plan, config: usize) -> Option<Name> {
    plan.configs.get(config).map(|config| config.name.clone())
}

fn add(to: &mut Outcomes, from: Outcomes) {
    to.ok += from.ok;
    to.denied += from.denied;
    to.error += from.error;
    to.panic += from.panic;
}

/// Standard normal distribution function (Abramowitz and Stegun 26.2.17, error below 1e-7).
fn normal_cdf(x: f64) -> f64 {
    if x.is_infinite() {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / core::f64::consts::TAU.sqrt() * poly;
    if x > 0.0 { 1.0 - tail } else { tail }
}
