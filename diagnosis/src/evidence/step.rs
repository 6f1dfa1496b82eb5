//! One step for all hosts, each at its own load or all at one moment: which of the two explains what reports say in which
//! a load lies. What comes after the step may take its time, alike on all, but does not turn back; so neither answer is
//! freer to fit than the other, and few requests tell. What the hosts say together is decided in `finished`.

use crate::evidence::combine::AGES;
use crate::numerics::math::float;
use crate::numerics::mixture::{STEPS, Share, over, shares};
use crate::numerics::time::{Instant, Span, Window};
use crate::state::load_reports::Divided;

/// Reports that are looked at: more say the same again.
const REPORTS_MAX: usize = 80;
/// Moments among the loads, and as many evenly over the reports; and steps to the best between them.
const MOMENTS: usize = 12;
const HALVINGS: usize = 8;
/// Least and greatest rate, in parts of the usual one.
const RATE_MIN: f64 = 1e-3;
const RATE_MAX: f64 = 1e3;
/// Least squared variation of how busy hosts are, and variance of how requests of one are divided over that of chance.
const BETWEEN_MIN: f64 = 0.0025;
const WITHIN_MIN: f64 = 2.0;

/// Requests over a stretch of time, and the usual number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    pub count: f64,
    pub usual: f64,
}

/// Before the load.
pub(crate) fn before(of: &Divided) -> Stretch {
    let usual = f64::from(of.usual) * (of.at - of.span.start).seconds();
    Stretch { count: f64::from(of.before.requests), usual }
}

/// After it.
pub(crate) fn after(of: &Divided) -> Stretch {
    let usual = f64::from(of.usual) * (of.span.end - of.at).seconds();
    Stretch { count: f64::from(of.after.requests), usual }
}

/// Requests before and after the load, and how many of each are expected.
#[derive(Clone, Copy, Debug)]
struct Fit {
    counts: Both,
    expected: Both,
}

/// A number before the load and one after it.
#[derive(Clone, Copy, Debug)]
struct Both {
    before: f64,
    after: f64,
}

impl Both {
    fn all(self) -> f64 {
        self.before + self.after
    }
}

/// How counts vary: squared variation of how busy hosts are beyond chance, and variance of how their requests are divided over
/// that of chance.
#[derive(Clone, Copy, Debug)]
struct Noise {
    between: f64,
    within: f64,
}

impl Fit {
    /// Deviance of the two counts.
    fn deviance(&self) -> f64 {
        let of = |count: f64, expected: f64| {
            expected - count + if count > 0.0 { count * libm::log(count / expected) } else { 0.0 }
        };
        of(self.counts.before, self.expected.before) + of(self.counts.after, self.expected.after)
    }

    /// Log likelihood but for a constant: of all requests of the report, which vary from host to host and so follow a negative
    /// binomial distribution, and of how they are divided, which is no matter of how busy the host is.
    fn ln(&self, noise: Noise) -> f64 {
        let (all, expected) = (self.counts.all(), self.expected.all());
        let rest = 1.0 / noise.between;
        let of_all = all * libm::log(expected / (expected + rest)) - rest * libm::log(expected + rest);
        let part = |count: f64, expected_here: f64| count * libm::log(expected_here / expected);
        let parts = part(self.counts.before, self.expected.before) + part(self.counts.after, self.expected.after);
        of_all + parts / noise.within
    }
}

/// The noise of counts; never less than is usual.
fn noise(fits: &[Fit]) -> Noise {
    let mean = |of: &dyn Fn(&Fit) -> f64| fits.iter().map(of).sum::<f64>() / float(fits.len().max(1));
    let between = mean(&|fit| {
        let (all, expected) = (fit.counts.all(), fit.expected.all());
        let off = (all - expected) / expected;
        off * off - 1.0 / expected
    });
    let within = mean(&|fit| {
        let (all, part) = (fit.counts.all(), fit.expected.before / fit.expected.all());
        let off = fit.counts.before - all * part;
        off * off / (all * part * (1.0 - part)).max(1.0)
    });
    Noise { between: between.max(BETWEEN_MIN), within: within.max(WITHIN_MIN) }
}

/// A moment, and how reports are explained by one course of rates since it.
struct Moment {
    at: Instant,
    fits: Vec<Fit>,
}

/// Log likelihood ratio of "at the own load" over "at one moment" of each report, the moment where it fits best.
pub(crate) fn compared(told: &[&Divided]) -> Vec<f64> {
    let own = fit(told, |of| of.at);
    let deviance = |fits: &[Fit]| fits.iter().map(Fit::deviance).sum::<f64>();
    let at = |moment: Instant| Moment { at: moment, fits: fit(told, |_| moment) };
    let better = |a: &Moment, b: &Moment| deviance(&a.fits).total_cmp(&deviance(&b.fits));
    let Some(mut best) = moments(told).into_iter().map(at).min_by(better) else { return Vec::new() };
    // The moment may lie anywhere between.
    let mut near = told.iter().map(|of| of.span.length()).max().unwrap_or(Span::NS) / 8;
    for _ in 0..HALVINGS {
        let there = [best.at - near, best.at + near].map(at);
        match there.into_iter().min_by(better).filter(|it| deviance(&it.fits) < deviance(&best.fits)) {
            Some(better) => best = better,
            None => near /= 2,
        }
    }
    let closest = if deviance(&own) < deviance(&best.fits) { &own } else { &best.fits };
    let noise = noise(closest);
    own.iter().zip(&best.fits).map(|(own, moment)| own.ln(noise) - moment.ln(noise)).collect()
}

/// Where one moment may lie: as dense as loads are, and evenly over the reports.
fn moments(told: &[&Divided]) -> Vec<Instant> {
    let mut loads: Vec<Instant> = told.iter().map(|of| of.at).collect();
    loads.sort_unstable();
    let last = loads.len().saturating_sub(1);
    let mut all: Vec<Instant> = (0..=MOMENTS).filter_map(|at| loads.get(at * last / MOMENTS)).copied().collect();
    let first = told.iter().map(|of| of.span.start).min().unwrap_or_default();
    let length = told.iter().map(|of| of.span.end).max().unwrap_or_default() - first;
    all.extend((0..).take(MOMENTS + 1).map(|at: i64| first + length / (MOMENTS as i64) * at));
    all.sort_unstable();
    all.dedup();
    all
}

/// A stretch, and how it lies over the cells.
struct Spread {
    of: Stretch,
    shares: Vec<Share>,
}

/// How reports are explained by one course of rates since a time of each of them, at its best: one rate before, and one in
/// each of the ages after (the expectation maximisation of Richardson, 1972, and Lucy, 1974, for Poisson counts).
fn fit(told: &[&Divided], since: impl Fn(&Divided) -> Instant) -> Vec<Fit> {
    let cells = cells(told);
    let sides = |of: &&Divided| {
        let [before_at, after_at] = placed(of, since(of), &cells);
        [Spread { of: before(of), shares: before_at }, Spread { of: after(of), shares: after_at }]
    };
    let all: Vec<[Spread; 2]> = told.iter().map(sides).collect();
    let mut rates = vec![1.0; cells.len() - 1];
    for _ in 0..STEPS {
        let mut sums = vec![Stretch { count: 0.0, usual: 0.0 }; rates.len()];
        for Spread { of, shares } in all.iter().flatten() {
            let each = of.count / over(&rates, shares).max(1e-9);
            for share in shares {
                if let Some(sum) = sums.get_mut(share.cell) {
                    sum.count += each * share.part;
                    sum.usual += of.usual * share.part;
                }
            }
        }
        sums.iter_mut().zip(&rates).for_each(|(sum, rate)| sum.count *= rate);
        rates = falling(&sums);
    }
    let explained = |[before, after]: &[Spread; 2]| {
        let expected = |side: &Spread| (side.of.usual * over(&rates, &side.shares)).max(1e-3);
        Fit {
            counts: Both { before: before.of.count, after: after.of.count },
            expected: Both { before: expected(before), after: expected(after) },
        }
    };
    all.iter().map(explained).collect()
}

/// Some of the reports, evenly.
pub(crate) fn evenly<'a>(told: &[&'a Divided]) -> Vec<&'a Divided> {
    told.iter().step_by(told.len().div_ceil(REPORTS_MAX).max(1)).copied().collect()
}

/// Cells before the step and of ages after it.
fn cells(told: &[&Divided]) -> Vec<Instant> {
    let length = told.iter().map(|of| of.span.length()).max().unwrap_or(Span::NS);
    let ages = [-length, Span::ZERO].into_iter().chain(AGES.map(|part| length / part)).chain([length]);
    ages.map(|age| Instant::ZERO + age).collect()
}

/// In which of them the two sides of a load lie, counted from a step.
fn placed(of: &Divided, step: Instant, cells: &[Instant]) -> [Vec<Share>; 2] {
    let age = |at: Instant| Instant::ZERO + (at - step);
    let since = |start: Instant, end: Instant| shares(Window { start: age(start), end: age(end) }, cells);
    [since(of.span.start, of.at), since(of.at, of.span.end)]
}

/// Neighbouring cells that are taken together.
struct Pool {
    count: f64,
    usual: f64,
    cells: usize,
}

/// Rates that never rise from one cell to the next and are nearest to counts over usual numbers: what rises is pooled (Ayer
/// and others 1955). A course that may fall and rise at will would explain any order of loads.
fn falling(cells: &[Stretch]) -> Vec<f64> {
    let mut pools: Vec<Pool> = Vec::new();
    for Stretch { count, usual } in cells.iter().copied() {
        let mut last = Pool { count, usual, cells: 1 };
        while let Some(before) = pools.pop_if(|before| before.count * last.usual <= last.count * before.usual) {
            last = Pool {
                count: before.count + last.count,
                usual: before.usual + last.usual,
                cells: before.cells + last.cells,
            };
        }
        pools.push(last);
    }
    let rate =
        |pool: Pool| std::iter::repeat_n((pool.count / pool.usual.max(1e-9)).clamp(RATE_MIN, RATE_MAX), pool.cells);
    pools.into_iter().flat_map(rate).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rises_is_pooled() {
        let cells = [(10.0, 10.0), (2.0, 10.0), (6.0, 10.0), (0.0, 0.0), (1.0, 10.0)];
        let rates = falling(&cells.map(|(count, usual)| Stretch { count, usual }));
        assert_eq!(rates, [1.0, 0.4, 0.4, 0.4, 0.1]);
    }
}
