//! How well "failures in this leaf are `factor` times what was expected" fits one leaf, against "as expected". Which
//! leaves belong together is decided by `search`.

use super::constants::{Constants, FACTORS, factors};
use super::{Counts, Leaf};

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
    pub(super) ratios: [f64; FACTORS],
}

impl Evidence {
    /// Nothing yet.
    pub(super) const EMPTY: Self = Self { observed: 0.0, expected: 0.0, ratios: [0.0; FACTORS] };

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
        top + libm::log(sum / FACTORS as f64)
    }
}

/// The evidence of each leaf, in the order of the leaves.
pub(super) fn evidence(leaves: &[Leaf], constants: &Constants) -> Vec<Evidence> {
    let histories: Vec<Counts> = leaves.iter().map(|leaf| decayed(&leaf.baseline, constants.decay)).collect();
    let before = total(histories.iter().copied());
    let now = total(leaves.iter().map(|leaf| leaf.now));
    // Without any baseline the fleet's present rate stands for it: what is left is the contrast between leaves.
    let fleet = if before.requests > 0.0 { before } else { now };
    // Jeffreys' prior keeps the rate above zero where nothing had failed before.
    let fleet_rate = (fleet.failures + 0.5) / (fleet.requests + 1.0);
    let shrinkage = constants.shrinkage_requests;
    let factors = factors().map(|factor| (factor, libm::log(factor)));
    let expect = |(leaf, history): (&Leaf, &Counts)| {
        let rate = (history.failures + shrinkage * fleet_rate) / (history.requests + shrinkage);
        let expected = (sane(leaf.now.requests) * rate).max(EXPECTED_MIN);
        weigh((sane(leaf.now.failures), expected), constants.dispersion, &factors)
    };
    leaves.iter().zip(&histories).map(expect).collect()
}

/// Negative binomial with mean E and variance E + d E^2 against the same with mean `factor` E; the shared terms cancel.
fn weigh((observed, expected): (f64, f64), dispersion: f64, factors: &[(f64, f64); FACTORS]) -> Evidence {
    let spread = |factor: f64| 1.0 + dispersion * factor * expected;
    let ratio = |(factor, ln_factor): (f64, f64)| {
        observed * ln_factor - (observed + 1.0 / dispersion) * libm::log(spread(factor) / spread(1.0))
    };
    Evidence { observed, expected, ratios: factors.map(ratio) }
}

fn decayed(baseline: &[Counts], decay: f64) -> Counts {
    baseline.iter().fold(Counts::default(), |sum, counts| Counts {
        requests: sum.requests * decay + sane(counts.requests),
        failures: sum.failures * decay + sane(counts.failures),
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
