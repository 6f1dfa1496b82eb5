//! How much more the counts of one host vary than chance: over-dispersion, learnt from reports that are not suspected, by
//! counter. An expectation without it takes an ordinary burst for an effect.

use serde::{Deserialize, Serialize};

/// Weight of what is taken for granted, in squared expected events.
const PRIOR_WEIGHT: f64 = 10.0;
/// Squared expected events of one report that count at most: one busy host says no more.
const SQUARE_MOST: f64 = 25.0;
/// Weight above which the past is halved.
const WEIGHT_MOST: f64 = 50_000.0;
/// Most that is believed.
const MOST: f64 = 1.2;

/// Sums from which the variance beyond chance is estimated, per squared expectation (1/k of a negative binomial).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    beyond: f64,
    weight: f64,
}

impl Spread {
    /// Learns from a report: events observed where `expected` were, known with the weight of `known` events.
    pub(crate) fn learn(&mut self, observed: f64, expected: f64, known: f64) {
        if expected < 0.4 {
            return;
        }
        let now = self.rate(0.3);
        let most = expected + 3.5 * libm::sqrt(expected + (now + 1.0 / known.max(1.0)) * expected * expected) + 1.0;
        let off = observed.min(most) - expected;
        let square = expected * expected;
        let beyond = off * off - expected - square / known.max(1.0);
        let scale = SQUARE_MOST.min(square) / square;
        self.beyond += scale * beyond;
        self.weight += scale * square;
        if self.weight > WEIGHT_MOST {
            (self.beyond, self.weight) = (self.beyond / 2.0, self.weight / 2.0);
        }
    }

    /// The variance beyond chance per squared expectation; `prior` before anything was seen.
    pub(crate) fn rate(&self, prior: f64) -> f64 {
        ((self.beyond + PRIOR_WEIGHT * prior) / (self.weight + PRIOR_WEIGHT)).clamp(0.01, MOST)
    }
}

/// Log likelihood ratio of the observed rate over the expected one, of a negative binomial count with the given variance
/// beyond chance; of a Poisson count where that is nearly none.
pub(crate) fn surprise(observed: f64, expected: f64, beyond: f64) -> f64 {
    let size = 1.0 / beyond.max(1e-6);
    let own = if observed > 0.0 { observed * libm::log(observed / expected) } else { 0.0 };
    own - (observed + size) * libm::log((observed + size) / (expected + size))
}

/// Log likelihood ratio of `factor` times the expected rate over the expected one.
pub(crate) fn gain(observed: f64, expected: f64, factor: f64, beyond: f64) -> f64 {
    let size = 1.0 / beyond.max(1e-6);
    observed * libm::log(factor) - (observed + size) * libm::log((factor * expected + size) / (expected + size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_dispersion_it_is_the_poisson_ratio_and_with_it_less() {
        let (observed, expected) = (20.0_f64, 5.0_f64);
        let poisson = observed * (observed / expected).ln() - (observed - expected);
        assert!((surprise(observed, expected, 1e-6) - poisson).abs() < 1e-3);
        assert!(surprise(observed, expected, 0.3) < 0.5 * poisson);
        assert!(gain(1.0, 5.0, 4.0, 0.3) < 0.0);
    }

    #[test]
    fn bursts_are_learnt_and_steady_counts_are_not_bursts() {
        let (mut steady, mut bursty) = (Spread::default(), Spread::default());
        for at in 0..2000_u32 {
            let noise = f64::from(at * 7919 % 11) - 5.0;
            steady.learn(20.0 + noise, 20.0, 1e6);
            bursty.learn(if at % 2 == 0 { 5.0 } else { 35.0 }, 20.0, 1e6);
        }
        assert!(steady.rate(0.3) < 0.02, "{}", steady.rate(0.3));
        assert!(bursty.rate(0.3) > 0.3, "{}", bursty.rate(0.3));
    }
}
