//! Scores of a unit by bin, and a drift that is suspected in them. Whether there is one is decided in `signals::drift`.

use crate::numerics::shape::Form;
use crate::numerics::time::Window;
use crate::state::ids::DimsId;
use serde::{Deserialize, Serialize};

/// Score counts by bin of a span of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Binned {
    /// Counts, without the empty bins at the end.
    pub bins: Vec<u32>,
    pub span: Window,
    /// Which buckets were counted.
    pub form: Form,
}

/// Whose scores have one shape: those of units with the same dimensions whose histograms have the same buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct ShapeKey {
    pub dims: DimsId,
    pub form: Form,
}

impl Binned {
    pub(crate) fn all(&self) -> f64 {
        self.bins.iter().map(|count| f64::from(*count)).sum()
    }

    /// Adds counts. Those of other buckets replace what was counted before.
    pub(crate) fn add(&mut self, more: &Self) {
        if self.form != more.form {
            *self = Self { form: more.form, ..Self::default() };
        }
        if self.bins.is_empty() {
            self.span.start = more.span.start;
        }
        self.span.end = more.span.end;
        if self.bins.len() < more.bins.len() {
            self.bins.resize(more.bins.len(), 0);
        }
        for (slot, count) in self.bins.iter_mut().zip(&more.bins) {
            *slot = slot.saturating_add(*count);
        }
    }
}

/// How many reports the first ones of a drift are, and those after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub first: u32,
    pub after: u32,
}

/// A drift that is suspected, or whose beginning is being placed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drifting {
    /// The report before the first, the first ones, and those after.
    pub before: Binned,
    pub first: Binned,
    pub after: Binned,
    pub rows: Rows,
    /// Whether the first ones have left the shape.
    pub told: bool,
}
