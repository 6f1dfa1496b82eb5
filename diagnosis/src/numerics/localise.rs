//! Localisation: which combination of dimensions carries an excess. Pure: leaves in, ranked combinations out. Whether
//! there is an incident at all, and whether a combination may be named as its cause, is decided by the engine.
//!
//! A hypothesis is a set S of leaves (all that share up to three values) and a factor f > 1: failures in a leaf of S have
//! mean f E, in every other leaf E. E is the leaf's requests times its own baseline rate, shrunk towards the fleet's
//! (gamma-Poisson: `(failures + k r) / (requests + k)`, k from the leaves themselves). Counts are negative binomial with
//! variance `m + d m^2`, thus
//!
//! ```text
//! score(S) = ln mean over f of exp( sum over leaves i in S of  y_i ln f - (y_i + 1/d) ln((1 + d f E_i) / (1 + d E_i)) )
//! ```
//!
//! The outside is held to its own expectation: a leaf outside S that fails as well is evidence that S misses, a healthy
//! leaf inside is evidence that S includes. Both count, so a combination that is too deep or too wide loses, and
//! "everything" is one hypothesis among the others. It is the Bayesian scan statistic of Neill, Moore and Cooper (NIPS
//! 2005) with the marginal over f taken on a grid and negative binomial counts in place of Poisson ones: with thousands of
//! failures in a leaf the Poisson likelihood takes a difference of 5 % between leaves for proof, and answers one leaf.

mod columns;
mod constants;
mod leaf;
mod likelihood;
mod rates;
mod search;

pub use constants::Constants;
pub use leaf::{Counts, Leaf};

use crate::observation::Name;
use likelihood::Evidence;
use std::collections::BTreeMap;

/// One combination, with what it explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Minimal: no key without which the same leaves would be meant.
    pub dimensions: BTreeMap<Name, Name>,
    /// Natural logarithm of a likelihood ratio against "nothing is wrong". The rank is by this times a prior, under which
    /// each of the many deeper combinations is less likely than one of the few that have one key.
    pub score: f64,
    /// Failures observed inside.
    pub observed: f64,
    /// Failures expected inside.
    pub expected: f64,
    /// Failures observed outside.
    pub observed_outside: f64,
    /// Failures expected outside.
    pub expected_outside: f64,
}

/// All that one search says.
#[derive(Clone, Debug, PartialEq)]
pub struct Located {
    /// The combinations that carry the excess, best first. None is equal to "everything". Empty where chance explains the
    /// best of them: in at least 19 of 20 quiet intervals.
    pub combinations: Vec<Combination>,
    /// "Everything": no key. Where its score is the greatest, nothing narrower than the fleet explains the excess.
    pub everything: Combination,
    /// A second fault at the same time: the best combination in the leaves that the first one leaves unexplained. None
    /// where nothing remains.
    pub beside: Option<Combination>,
    /// Keys that were looked at alone but not combined with others, because there are too many leaves for it
    /// ([`firstbad_protocol::limits::LOCALISE_VISITS_MAX`]).
    pub keys_left_out: usize,
}

/// The combinations that carry the excess of failures, at most `most`, with the score of "everything" to compare with, and
/// what the bound on the work left out.
#[must_use]
pub fn locate(leaves: &[Leaf], most: usize, constants: &Constants) -> Located {
    let evidence = likelihood::evidence(leaves, constants);
    let mut all = Evidence::EMPTY;
    for leaf in &evidence {
        all.add(leaf);
    }
    let combination = |dimensions, inside: &Evidence| Combination {
        dimensions,
        score: inside.score(),
        observed: inside.observed,
        expected: inside.expected,
        observed_outside: (all.observed - inside.observed).max(0.0),
        expected_outside: (all.expected - inside.expected).max(0.0),
    };
    let outcome = search::search(leaves, &evidence, most);
    let beside = outcome.found.first().and_then(|first| {
        let within = |leaf: &Leaf| first.dimensions.iter().all(|(key, value)| leaf.dimensions.get(key) == Some(value));
        let explained = |(leaf, one): (&Leaf, &Evidence)| if within(leaf) { Evidence::EMPTY } else { one.clone() };
        let rest: Vec<Evidence> = leaves.iter().zip(&evidence).map(explained).collect();
        search::search(leaves, &rest, 1).found.into_iter().next()
    });
    Located {
        beside: beside.map(|found| combination(found.dimensions, &found.evidence)),
        combinations: outcome.found.into_iter().map(|found| combination(found.dimensions, &found.evidence)).collect(),
        everything: combination(BTreeMap::new(), &all),
        keys_left_out: outcome.keys_left_out,
    }
}

#[cfg(test)]
mod tests;
