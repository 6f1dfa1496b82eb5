//! What the last look over all units saw. The look is taken in `detect::census`; it is no part of a checkpoint.

use crate::numerics::time::Instant;
use crate::state::ids::UnitId;

/// What was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Census {
    /// Event time at which half of those stand that were heard lately.
    pub front: Option<Instant>,
    /// Units that should be heard, and of them late.
    pub awaited: usize,
    pub missing: usize,
    /// Units that are late, however long.
    pub late: Vec<UnitId>,
    /// Units that were heard, or told of, within sixty report intervals.
    pub live: usize,
    /// Units with a run that is open or has ended just now, and units with any run.
    pub stirred: Vec<UnitId>,
    pub sick: Vec<UnitId>,
}
