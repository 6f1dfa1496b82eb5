//! What the localiser takes for given. Two numbers cannot be derived and were picked on labelled incidents; the rest
//! follows from the model. `examples/leave_one_out` picks again, and says what the picking is worth on unseen cases.

/// The numbers that were picked. The default is what `examples/leave_one_out` chose on all cases of `localise-dev`; its
/// figures stand in `docs/engine-bench.md`. Near the default the score is flat: halving or doubling the dispersion, or a
/// memory of two or five intervals for three, moves at most two of 54 cases.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Constants {
    /// Over-dispersion d of a leaf: variance = E + d E^2. A fault need not hit all its leaves by the same factor, only by
    /// the same within sqrt(d), 22 % at the default. How unevenly faults hit is no property of a quiet baseline, so it
    /// cannot be estimated from one; integrating over d from .001 to 1 found one labelled case fewer.
    pub dispersion: f64,
    /// Weight of a baseline interval against the next younger one: traffic drifts, and a memory of `1 / (1 - decay)`
    /// intervals follows.
    pub decay: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self { dispersion: 0.05, decay: 2.0 / 3.0 }
    }
}

/// How many factors are tried.
pub(super) const FACTORS: usize = 28;
/// The least factor tried. What grew by less is no incident; a lower one finds the same labelled cases.
const FACTOR_MIN: f64 = 1.25;
/// Each factor against the one before. Equal steps in the logarithm are the prior for a factor, a scale parameter, of
/// which nothing is known (Jeffreys 1946). Every true factor then has a neighbour within ln(1.5) / 2 = .20, less than the
/// sqrt(d) = .22 by which leaves differ anyhow: a finer grid adds nothing, and found the same labelled cases. 28 steps
/// reach 71,000: from one failure in so many requests to all of them.
const FACTOR_STEP: f64 = 1.5;

/// The factors by which failures may have grown.
pub(super) fn factors() -> [f64; FACTORS] {
    let mut next = FACTOR_MIN;
    [(); FACTORS].map(|()| {
        let factor = next;
        next *= FACTOR_STEP;
        factor
    })
}

/// ln 20: a combination is believed once its likelihood ratio times its prior is 20. When nothing is wrong a likelihood
/// ratio has the mean 1, and so has the mean over all combinations, weighed by their priors; by Markov's inequality that
/// mean reaches 20 in at most one of 20 quiet intervals, however the combinations overlap (an e-value: Vovk and Wang,
/// Annals of Statistics 2021). One combination that reaches it carries the mean there alone.
pub(super) const LN_ODDS: f64 = 2.995_732_273_553_991;
