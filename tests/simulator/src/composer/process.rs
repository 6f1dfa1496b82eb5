//! The counts of one process in one stretch of time: requests, failures, scores, latency. Each failing request is charged
//! to the guilt that caused it, for the oracle.

use super::counts::{Counted, LATENCY_BOUNDS_S, Latency, Outcomes, SCORE_VALUES};
use super::effect::What;
use super::evidence::Share;
use super::noise::{Course, Weather};
use super::spells::Spell;
use super::timeline::Active;
use super::world::World;
use crate::random::Random;

/// Standard deviation of the natural logarithm of latency. Chosen: the 95th percentile is 3.7 times the median.
const LATENCY_SIGMA: f64 = 0.8;
/// Share of the scores that are 0 without any effect: some requests are never scored. Chosen.
const ZERO_SHARE: f64 = 0.01;
/// Standard deviation of a score about the mean, points. Chosen: scores fill most of their range of 0 to 100.
const SCORE_SIGMA: f64 = 18.0;

/// A stretch of time in which neither the effects on a process nor its active versions change.
pub(crate) struct Stretch<'a> {
    pub(crate) world: &'a World,
    pub(crate) weather: &'a Weather,
    pub(crate) host: usize,
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) spells: &'a [Spell],
    pub(crate) actives: &'a [Active],
}

/// The requests of a stretch that fail by one cause.
struct Fails {
    config: Option<usize>,
    outcomes: Outcomes,
    guilt: Option<usize>,
}

/// Where the counts of a stretch go.
pub(crate) struct Tally<'t> {
    pub(crate) counted: &'t mut Counted,
    /// Events that are charged to guilts.
    pub(crate) shares: &'t mut Vec<Share>,
}

/// Gauges at the end of a stretch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauges {
    pub(crate) cpu: f64,
    pub(crate) memory: f64,
    pub(crate) in_flight: f64,
}

impl Stretch<'_> {
    fn middle(&self) -> f64 {
        (self.from + self.to) / 2.0
    }

    fn spells(&self) -> impl Iterator<Item = &Spell> {
        let middle = self.middle();
        self.spells.iter().filter(move |spell| spell.from <= middle && middle < spell.to)
    }

    fn factor(&self, of: impl Fn(What) -> Option<f64>) -> f64 {
        self.spells().filter_map(|spell| of(spell.what)).product()
    }

    fn share(&self, config: Option<usize>) -> f64 {
        config.and_then(|config| self.world.configs.get(config)).map_or(1.0, |config| config.use_share)
    }

    /// Draws the counts of the stretch into `tally`, and returns the gauges at its end.
    pub(crate) fn draw(&self, course: &Course, tally: &mut Tally<'_>, r: &mut Random) -> Gauges {
        let Some(host) = self.world.fleet.hosts.get(self.host) else { return Gauges::default() };
        let noise = &self.world.noise;
        let (middle, seconds) = (self.middle(), self.to - self.from);
        let traffic = self.factor(|what| if let What::Traffic(factor) = what { Some(factor) } else { None });
        let rate = host.rps * self.weather.traffic(middle) * course.traffic(noise) * traffic;
        let offered = r.poisson(rate * seconds);
        let served = self.hang(offered, tally.shares, r);
        let base = host.error_scale * self.weather.failing(host.region, middle) * course.failing(noise, r);
        let fails = self.fails(served, base, tally.shares, r);
        let mut total = Outcomes::default();
        for fail in &fails {
            total += fail.outcomes;
            tally.counted.panics_at(fail.guilt, fail.outcomes.panic);
        }
        total.ok = served.saturating_sub(total.sum());
        tally.counted.total += total;
        self.views(served, &fails, tally, r);
        let slow = self.factor(|what| if let What::Slow(factor) = what { Some(factor) } else { None });
        for (sum, count) in [
            (&mut tally.counted.good, total.ok),
            (&mut tally.counted.denied, total.denied),
            (&mut tally.counted.failed, total.error + total.panic),
        ] {
            let drawn = latency(count, self.world.fleet.latency_s * slow, r);
            sum.iter_mut().zip(drawn).for_each(|(sum, more)| *sum += more);
        }
        self.charge_slow(served, tally.shares);
        let hung = (offered - served) as f64;
        let in_flight = rate * self.world.fleet.latency_s * slow + hung;
        self.gauges(course, rate / host.rps.max(1e-9), in_flight)
    }

    /// Returns the gauges under `load`, the traffic in multiples of the host's usual traffic.
    fn gauges(&self, course: &Course, load: f64, in_flight: f64) -> Gauges {
        let more: f64 = self.spells().map(|spell| if let What::Cpu(more) = spell.what { more } else { 0.0 }).sum();
        let leak = |spell: &Spell| match spell.what {
            What::Leak(share) => share * (self.to - spell.from).max(0.0) / 60.0,
            _ => 0.0,
        };
        let leaked: f64 = self.spells().map(leak).sum();
        let cpu = (course.cpu * (0.5 + 0.5 * load) + more).clamp(0.001, 1.0);
        Gauges { cpu, memory: course.memory * (1.0 + leaked), in_flight: in_flight.round() }
    }

    /// Draws how many of the `offered` requests finish.
    fn hang(&self, offered: u64, shares: &mut Vec<Share>, r: &mut Random) -> u64 {
        let mut served = offered;
        for spell in self.spells() {
            let What::Hangs(left) = spell.what else { continue };
            let stays = 1.0 - (1.0 - left) * self.share(spell.config);
            let finished = r.binomial(served, stays);
            charge(shares, spell.guilt, (served - finished) as f64, 0.0);
            served = finished;
        }
        served
    }

    #[expect(clippy::too_many_arguments, reason = "random numbers are drawn from the stream of the caller")]
    fn fails(&self, served: u64, base: f64, shares: &mut Vec<Share>, r: &mut Random) -> Vec<Fails> {
        let fleet = &self.world.fleet;
        let mut left = served;
        let mut fails = Vec::new();
        let (error, denied) =
            ((fleet.base_error * base).min(0.9), (fleet.base_denied * self.weather.denied(self.middle())).min(0.9));
        for spell in self.spells() {
            let used = self.share(spell.config);
            let mut outcomes = Outcomes::default();
            let (count, p, usual) = match spell.what {
                What::Errors(p) => (&mut outcomes.error, p, error),
                What::ErrorsTimes(times) => (&mut outcomes.error, error * (times - 1.0), error),
                What::Panics(p) => (&mut outcomes.panic, p, fleet.base_panic),
                What::Denied(p) => (&mut outcomes.denied, p, denied),
                _ => continue,
            };
            *count = r.binomial(left, (p * used).clamp(0.0, 1.0));
            left -= *count;
            charge(shares, spell.guilt, *count as f64, served as f64 * used * usual);
            fails.push(Fails { config: spell.config, outcomes, guilt: spell.guilt });
        }
        let outcomes = Outcomes {
            ok: 0,
            denied: r.binomial(left, denied),
            error: r.binomial(left, error),
            panic: r.binomial(left, fleet.base_panic),
        };
        let fits = outcomes.sum() <= left;
        fails.push(Fails { config: None, outcomes: if fits { outcomes } else { Outcomes::default() }, guilt: None });
        fails
    }

    fn charge_slow(&self, served: u64, shares: &mut Vec<Share>) {
        let slow = self.spells().filter(|spell| matches!(spell.what, What::Slow(_)));
        slow.for_each(|spell| charge(shares, spell.guilt, served as f64, 0.0));
    }

    #[expect(clippy::too_many_arguments, reason = "random numbers are drawn from the stream of the caller")]
    fn views(&self, served: u64, fails: &[Fails], tally: &mut Tally<'_>, r: &mut Random) {
        let middle = self.middle();
        for active in self.actives.iter().filter(|active| active.from <= middle && middle < active.to) {
            let share = self.share(Some(active.config));
            let mut outcomes = Outcomes::default();
            let mut site = None;
            for fail in fails {
                let all = fail.config == Some(active.config);
                let mut of = |count: u64| if all || share >= 1.0 { count } else { r.binomial(count, share) };
                let Outcomes { denied, error, panic, .. } = fail.outcomes;
                outcomes += Outcomes { ok: 0, denied: of(denied), error: of(error), panic: of(panic) };
                site = site.or(fail.guilt.filter(|_| panic > 0));
            }
            let used = if share >= 1.0 { served } else { r.binomial(served, share) };
            outcomes.ok = used.saturating_sub(outcomes.sum());
            let scores = self.scores(active, used, tally.shares, r);
            let failed = outcomes.error + outcomes.panic > 0;
            let from = self.from;
            let Some(view) = tally.counted.view(active.config, active.version) else { continue };
            view.outcomes += outcomes;
            view.site = site.or(view.site);
            view.first_failed = view.first_failed.or(failed.then_some(from));
            view.scores.iter_mut().zip(scores).for_each(|(sum, more)| *sum += more);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "random numbers are drawn from the stream of the caller")]
    fn scores(&self, active: &Active, used: u64, shares: &mut Vec<Share>, r: &mut Random) -> [u64; 14] {
        let mut scores = [0; 14];
        if !self.world.configs.get(active.config).is_some_and(|config| config.scores) || used == 0 {
            return scores;
        }
        let (mut zero, mut shift) = (ZERO_SHARE, 0.0);
        for spell in self.spells().filter(|spell| spell.config.is_none_or(|config| config == active.config)) {
            match spell.what {
                What::ZeroScores(share) => {
                    zero = share.max(zero);
                    charge(shares, spell.guilt, used as f64 * share, used as f64 * ZERO_SHARE);
                }
                What::ScoreShift(by) => {
                    shift += by;
                    // The shift is wider than a cell, so nearly every score counts as an event.
                    charge(shares, spell.guilt, used as f64, 0.0);
                }
                _ => {}
            }
        }
        let zeros = r.binomial(used, zero);
        let mean = 50.0 + self.weather.drift(self.middle()) + shift;
        let weight = |value: &f64| (-((value - mean) / SCORE_SIGMA).powi(2) / 2.0).exp() + 1e-4;
        let weights: Vec<f64> = SCORE_VALUES.iter().skip(1).map(weight).collect();
        spread(used - zeros, &weights, scores.iter_mut().skip(1), r);
        scores.iter_mut().take(1).for_each(|count| *count = zeros);
        scores
    }
}

fn charge(shares: &mut Vec<Share>, guilt: Option<usize>, events: f64, usual: f64) {
    let Some(guilt) = guilt else { return };
    shares.push(Share { guilt, events, usual });
}

/// Distributes `count` over cells at random, in proportion to their weights.
fn spread<'a>(count: u64, weights: &[f64], cells: impl Iterator<Item = &'a mut u64>, r: &mut Random) {
    let (mut left, mut rest) = (count, weights.iter().sum::<f64>());
    for (weight, cell) in weights.iter().zip(cells) {
        if left == 0 {
            return;
        }
        *cell = r.binomial(left, (weight / rest.max(1e-300)).min(1.0));
        left -= *cell;
        rest -= weight;
    }
}

/// Returns the share of the normal distribution below `z` (logistic approximation, error at most 0.01).
fn below(z: f64) -> f64 {
    1.0 / (1.0 + (-1.702 * z).exp())
}

fn latency(count: u64, median_s: f64, r: &mut Random) -> Latency {
    let mut cells = [0; 12];
    if count == 0 {
        return cells;
    }
    let mut before = 0.0;
    let bounds = LATENCY_BOUNDS_S.iter().map(|bound| below((bound / median_s).ln() / LATENCY_SIGMA));
    let weights: Vec<f64> = bounds
        .chain([1.0])
        .map(|share| {
            let weight = share - before;
            before = share;
            weight
        })
        .collect();
    spread(count, &weights, cells.iter_mut(), r);
    cells
}
