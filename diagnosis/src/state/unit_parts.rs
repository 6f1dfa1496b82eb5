//! Parts of a unit, and of an exposure, with names.

use crate::numerics::time::Instant;
use crate::observation::Name;
use crate::state::ids::{FactorId, LevelId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The level of a factor that is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Active {
    pub factor: FactorId,
    pub level: LevelId,
}

/// A level that is being loaded, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Loading {
    pub factor: FactorId,
    pub level: LevelId,
    pub at: Instant,
}

/// A process, and the tick time at which it was heard last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub name: Name,
    pub heard: Instant,
}

/// When the first request failed under a level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FirstFailed {
    pub level: LevelId,
    pub at: Instant,
}

/// Panics of a unit, which senders count in two ways.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Panics {
    /// By `firstbad.panics`, by config.
    pub by_config: BTreeMap<Name, u64>,
    /// Requests that ended in one.
    pub ended: u64,
}

impl Panics {
    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.by_config.values().copied().max().unwrap_or(0).max(self.ended)
    }
}

/// Panic events that follow each other closely: the first, and the last.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PanicBout {
    pub first: Instant,
    pub last: Instant,
}
