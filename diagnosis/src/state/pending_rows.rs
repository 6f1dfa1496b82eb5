//! Rows that wait for the next tick. What becomes of them is decided in `ingest::waiting`.

use crate::numerics::time::Ns;
use crate::state::model::COUNTERS;
use crate::state::ring::{ADDITIVE, Sums};
use serde::{Deserialize, Serialize};

/// A row that waits for the tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub unit: u32,
    /// Its cell, as far as the unit's observations go that were taken until now.
    pub cell: u32,
    pub start: Ns,
    pub end: Ns,
    pub sums: [Sums; ADDITIVE],
}

/// Rows that wait for the tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WaitingRows {
    pub rows: Vec<Waiting>,
    /// Sums of those that may change the report interval: only the tick tells which intervals there are.
    pub early: Vec<(Ns, [Sums; COUNTERS])>,
}
