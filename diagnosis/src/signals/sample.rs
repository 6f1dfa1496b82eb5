//! One row of one unit as a trial of one counter. What follows from it is decided in `watch`.

use crate::numerics::spread::{gain, surprise};
use crate::numerics::time::Instant;
use crate::state::model::Counter;

/// One row's numbers for one counter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub counter: Counter,
    pub start: Instant,
    pub end: Instant,
    pub observed: f64,
    pub trials: f64,
    pub expected: f64,
    /// Its size, where it has one (see `graded`).
    pub size: f32,
    /// Variance of the count beyond chance, per squared expectation.
    pub beyond: f64,
}

impl Sample {
    pub(crate) fn rate(&self) -> f64 {
        if self.trials > 0.0 { self.observed / self.trials } else { 0.0 }
    }

    /// Gain in log likelihood if the row fails, negative drift if not.
    pub(crate) fn gain(&self) -> f64 {
        let Self { observed, expected, .. } = *self;
        let expected = expected.max(1e-9);
        let excess = observed - expected;
        if self.counter.is_flag() {
            // Yes or no per report: nine in ten if it fails, against the usual share.
            let usual = (expected / self.trials.max(1e-9)).clamp(1e-4, 0.5);
            return observed * libm::log(0.9 / usual) + (self.trials - observed) * libm::log(0.1 / (1.0 - usual)) - 0.5;
        }
        if observed > LEAST_RATIO * expected && excess > self.counter.least_excess() * self.trials {
            (surprise(observed, expected, self.beyond) - 1.0).max(0.0)
        } else {
            gain(observed, expected, LEAST_RATIO, self.beyond) - 0.5
        }
    }
}

/// A run's rate must exceed the expectation by this factor.
pub(crate) const LEAST_RATIO: f64 = 4.0;

/// Rows after the first from which the beginning within the first is told better and better.
pub(crate) const PLACED_IN: i64 = 4;

/// Part of the whole size from which a report failed from its beginning.
pub(crate) const WHOLE: f64 = 0.85;
