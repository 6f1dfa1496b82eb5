//! How well "failures in this leaf are `factor` times what was expected" fits one leaf, against "as expected". Which
//! leaves belong together is decided by `search`.

use super::{Counts, Leaf};

/// Factors tried, spaced evenly enough in their logarithm; the mean over them is the prior on the factor. The upper end
/// serves leaves whose baseline had no failures.
const FACTORS: [f64; GRID] = [1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0, 100.0, 300.0, 1e3, 1e4, 1e5];
/// How many factors are tried.
pub(super) const GRID: usize = 14;
/// Over-dispersion of a leaf: variance = E + d E^2, so a fault need not hit all its leaves by the same factor, only by
/// the same within sqrt(d) = 22 %. Any d from .02 to .1 finds nearly the same number of labelled incidents.
const DISPERSION: f64 = 0.05;
/// A leaf's own rate weighs as much as the fleet's once it has this many (decayed) baseline requests.
const SHRINKAGE_REQUESTS: f64 = 100.0;
/// Weight of a baseline interval against the next younger one: traffic drifts, and a memory of about 5 intervals follows.
const DECAY: f64 = 0.8;
/// Least expected failures: keeps the logarithm finite in a leaf without requests.
const EXPECTED_MIN: f64 = 1e-9;

/// One leaf, ready to be added up.
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    /// Failures observed.
    pub(super) observed: f64,
    /// Failures expected.
    pub(super) expected: f64,
    /// Log likelihood ratio for each factor.
    pub(super) ratios: [f64; GRID],
}

impl Evidence {
    /// Nothing yet.
    pub(super) const EMPTY: Self = Self { observed: 0.0, expected: 0.0, ratios: [0.0; GRID] };

    /// Adds another leaf under the same factor: leaves are independent given it.
    pub(super) fn add(&mut self, leaf: &Self) {
        self.observed += leaf.observed;
        self.expected += leaf.expected;
        for (sum, ratio) in self.ratios.iter_mut().zip(&leaf.ratios) {
            *sum += ratio;
        }
    }

    /// Log of the mean likelihood ratio over the factors.
    pub(super) fn score(&self) -> f64 {
        let top = self.ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.ratios.iter().map(|ratio| libm::exp(ratio - top)).sum();
        top + libm::log(sum / GRID as f64)
    }
}

/// The evidence of each leaf, in the order of the leaves.
pub(super) fn evidence(leaves: &[Leaf]) -> Vec<Evidence> {
    let histories: Vec<Counts> = leaves.iter().map(|leaf| decayed(&leaf.baseline)).collect();
    let before = total(histories.iter().copied());
    let now = total(leaves.iter().map(|leaf| leaf.now));
    // Without any baseline the fleet's present rate stands for it: what is left is the contrast between leaves.
    let fleet = if before.requests > 0.0 { before } else { now };
    // Jeffreys' prior keeps the rate above zero where nothing had failed before.
    let fleet_rate = (fleet.failures + 0.5) / (fleet.requests + 1.0);
    let expect = |(leaf, history): (&Leaf, &Counts)| {
        let rate = (history.failures + SHRINKAGE_REQUESTS * fleet_rate) / (history.requests + SHRINKAGE_REQUESTS);
        weigh(sane(leaf.now.failures), (sane(leaf.now.requests) * rate).max(EXPECTED_MIN))
    };
    leaves.iter().zip(&histories).map(expect).collect()
}

/// Negative binomial with mean E and variance E + d E^2 against the same with mean `factor` E; the shared terms cancel.
fn weigh(observed: f64, expected: f64) -> Evidence {
    let spread = |factor: f64| 1.0 + DISPERSION * factor * expected;
    let ratio = |factor: f64| {
        observed * libm::log(factor) - (observed + 1.0 / DISPERSION) * libm::log(spread(factor) / spread(1.0))
    };
    Evidence { observed, expected, ratios: FACTORS.map(ratio) }
}

fn decayed(baseline: &[Counts]) -> Counts {
    baseline.iter().fold(Counts::default(), |sum, counts| Counts {
        requests: sum.requests * DECAY + sane(counts.requests),
        failures: sum.failures * DECAY + sane(counts.failures),
    })
}

fn total(counts: impl Iterator<Item = Counts>) -> Counts {
    counts.fold(Counts::default(), |sum, counts| Counts {
        requests: sum.requests + sane(counts.requests),
        failures: sum.failures + sane(counts.failures),
    })
}

/// A count that is no count (negative, not finite) is taken as 0: one bad leaf must not void the whole answer.
fn sane(count: f64) -> f64 {
    if count.is_finite() { count.max(0.0) } else { 0.0 }
}
