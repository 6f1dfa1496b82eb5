//! Rows that wait for the next tick. What becomes of them is decided in `ingest::waiting`.

use crate::numerics::time::Instant;
use crate::state::ids::{ExposureId, UnitId};
use crate::state::model::COUNTERS;
use crate::state::ring::{ADDITIVE, Sums};
use serde::{Deserialize, Serialize};

/// Place of the row of a unit that has none waiting.
pub(crate) const NOT_WAITING: u32 = u32::MAX;

/// A row that waits for the tick.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub unit: UnitId,
    /// Its cell, as far as the unit's observations go that were taken until now.
    pub cell: ExposureId,
    pub start: Instant,
    pub end: Instant,
    pub sums: [Sums; ADDITIVE],
}

/// The sums of a row that may change the report interval.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Early {
    pub end: Instant,
    pub sums: [Sums; COUNTERS],
}

/// Rows that wait for the tick.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct WaitingRows {
    pub rows: Vec<Waiting>,
    /// Sums of those that may change the report interval: only the tick tells which intervals there are.
    pub early: Vec<Early>,
}
