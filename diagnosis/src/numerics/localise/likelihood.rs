//! How well "failures in this leaf are `factor` times what was expected" fits one leaf, against "as expected". Which
//! leaves belong together is decided by `search`.

use super::constants::{Constants, FACTORS, factors};
use super::leaf::Leaf;
use super::rates::{Failures, expected};

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
    let factors = factors().map(|factor| Factor { factor, ln: libm::log(factor) });
    expected(leaves, constants.decay)
        .into_iter()
        .map(|failures| weigh(failures, constants.dispersion, &factors))
        .collect()
}

/// A factor, and its logarithm.
#[derive(Clone, Copy)]
struct Factor {
    factor: f64,
    ln: f64,
}

/// Negative binomial with mean E and variance E + d E^2 against the same with mean `factor` E; the shared terms cancel.
fn weigh(failures: Failures, dispersion: f64, factors: &[Factor; FACTORS]) -> Evidence {
    let Failures { observed, expected } = failures;
    let spread = |factor: f64| 1.0 + dispersion * factor * expected;
    let ratio = |Factor { factor, ln }: Factor| {
        observed * ln - (observed + 1.0 / dispersion) * libm::log(spread(factor) / spread(1.0))
    };
    Evidence { observed, expected, ratios: factors.map(ratio) }
}
