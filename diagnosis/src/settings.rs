//! What may be set about the engine. Settings travel in every bundle and checkpoint: the same settings and observations
//! give the same verdict.

use serde::{Deserialize, Serialize};

/// Settings of the engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Dimension keys that may be causes, beside the default ones, in the order given.
    pub dimensions: Vec<String>,
    /// The fleet's report interval in ns; none: learned from the rows' spans (floor 1 s).
    pub report_interval_ns: Option<i64>,
}
