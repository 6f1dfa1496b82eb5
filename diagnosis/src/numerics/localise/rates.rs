//! How many failures each leaf was expected to have: its requests times its own rate before, shrunk towards the fleet's.
//! What is made of the difference is decided by `likelihood`.

use super::leaf::{Counts, Leaf};

/// Strengths of shrinkage tried, in requests: each twice the one before, up to 8,192. The likelihood of them is flat
/// between two of them.
const STRENGTHS: i32 = 14;
/// Least expected failures: keeps the logarithm finite in a leaf without requests.
const EXPECTED_MIN: f64 = 1e-9;

/// Failures of one leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    pub(super) observed: f64,
    pub(super) expected: f64,
}

/// Observed and expected failures of each leaf, in the order of the leaves. A baseline interval weighs `decay` of the next
/// younger one.
pub(super) fn expected(leaves: &[Leaf], decay: f64) -> Vec<Failures> {
    let histories: Vec<Counts> = leaves.iter().map(|leaf| decayed(&leaf.baseline, decay)).collect();
    let before = total(histories.iter().copied());
    let now = total(leaves.iter().map(|leaf| leaf.now));
    // Without any baseline the fleet's present rate stands for it: what is left is the contrast between leaves.
    let fleet = if before.requests > 0.0 { before } else { now };
    // Jeffreys' prior keeps the rate above zero where nothing had failed before.
    let fleet_rate = (fleet.failures + 0.5) / (fleet.requests + 1.0);
    let strength = strength(&histories, fleet_rate);
    let expect = |(leaf, history): (&Leaf, &Counts)| {
        let rate = (history.failures + strength * fleet_rate) / (history.requests + strength);
        let expected = (sane(leaf.now.requests) * rate).max(EXPECTED_MIN);
        Failures { observed: sane(leaf.now.failures), expected }
    };
    leaves.iter().zip(&histories).map(expect).collect()
}

/// How many requests a leaf must have had for its own rate to weigh as much as the fleet's. Leaves' rates are taken as
/// gamma distributed around the fleet's with shape k r and rate k; failures before are then negative binomial, and the k
/// taken is the one under which they are most likely (empirical Bayes: Robbins 1956; for rates of counts DuMouchel, The
/// American Statistician 1999). Leaves that are alike get a large k, leaves that each have a rate of their own a small one.
fn strength(histories: &[Counts], fleet_rate: f64) -> f64 {
    let likelihood = |strength: f64| -> f64 {
        let shape = strength * fleet_rate;
        let of_leaf = |history: &Counts| {
            let all = strength + history.requests;
            let healthy = shape * libm::log(strength / all);
            let failed = libm::lgamma(history.failures + shape) - libm::lgamma(shape);
            if history.failures > 0.0 { healthy + failed - history.failures * libm::log(all) } else { healthy }
        };
        histories.iter().map(of_leaf).sum()
    };
    let tried = (0..STRENGTHS).map(|power| libm::pow(2.0, f64::from(power)));
    let scored = tried.map(|strength| (likelihood(strength), strength));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map_or(1.0, |best| best.1)
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
