//! Localisation: which combination of dimensions carries an excess. Pure: leaves in, ranked combinations out. Whether
//! there is an incident at all, and whether a combination may be named, is decided by the engine.

use crate::observation::Name;
use std::collections::BTreeMap;

/// One leaf: a full combination of dimension values, with its counts now and in the baseline intervals before.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Every dimension's value in this leaf. A key that a leaf lacks is missing there.
    pub dimensions: BTreeMap<Name, Name>,
    /// Requests and failures in the judged intervals.
    pub now: Counts,
    /// Requests and failures in each baseline interval, oldest first (all leaves have the same length).
    pub baseline: Vec<Counts>,
}

/// Requests, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Requests.
    pub requests: f64,
    /// Failures among them.
    pub failures: f64,
}

/// One combination, with what it explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Combination {
    /// Minimal: no key without which the same leaves would be meant.
    pub dimensions: BTreeMap<Name, Name>,
    /// Rank by this; greater is better. A tempered log likelihood ratio.
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

/// The combinations that carry the excess of failures, best first, at most `most`.
#[must_use]
pub fn localise(leaves: &[Leaf], most: usize) -> Vec<Combination> {
    let _ = (leaves, most);
    Vec::new()
}
