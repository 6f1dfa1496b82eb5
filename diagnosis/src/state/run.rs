//! What is kept of the beginning of a run. How it is estimated is decided in `signals`.

use crate::numerics::time::{Instant, Span};
use serde::{Deserialize, Serialize};

/// First failing row of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstRow {
    pub start: Instant,
    pub end: Instant,
    /// Events per trial; infinite if the row does not show the rate.
    pub rate: f64,
}

impl FirstRow {
    pub(crate) fn length(&self) -> Span {
        self.end - self.start
    }
}

/// Counts of the first failing row of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub observed: f32,
    pub trials: f32,
    pub expected: f32,
}
