//! What the localiser is given: leaves and their counts. What they say is decided by the other files here.

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
