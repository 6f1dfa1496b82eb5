//! Rollouts in stages that are followed: one contrast by version and counter. They are followed in `detect::staged`.

use crate::numerics::sums::FACTORS;
use crate::state::model::Counter;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counters that are followed.
pub(crate) const FOLLOWED: [Counter; 2] = [Counter::Errors, Counter::Panics];

/// One version's contrast so far: Shiryaev-Roberts logs by factor and counter, and since when they rise.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Stage {
    pub logs: [[f64; FACTORS.len()]; FOLLOWED.len()],
    pub since: [Option<i64>; FOLLOWED.len()],
}

impl Default for Stage {
    fn default() -> Self {
        Self { logs: [[f64::NEG_INFINITY; FACTORS.len()]; FOLLOWED.len()], since: Default::default() }
    }
}

/// All versions that are followed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stages {
    pub by_level: BTreeMap<u32, Stage>,
    /// The last interval that was entered.
    pub entered: Option<i64>,
    /// Where what alarmed began, by counter.
    pub alarmed: [Option<i64>; FOLLOWED.len()],
}

impl Stages {
    /// Forgets a version.
    pub(crate) fn forget(&mut self, level: u32) {
        self.by_level.remove(&level);
    }
}
