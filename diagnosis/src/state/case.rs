//! An incident as the engine keeps it between ticks.

use crate::numerics::time::Ns;
use crate::state::model::Counter;
use firstbad_protocol::verdict::Incident;
use serde::{Deserialize, Serialize};

/// One incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    pub onset: Ns,
    /// Counters that fired, with the time.
    pub counters: Vec<(Counter, Ns)>,
    /// Last event time at which units failed.
    pub last_bad: Ns,
    /// Most units failing at once.
    pub most: u64,
    pub resolved: Option<Ns>,
    /// Weight with which the present cause was named.
    pub named_weight: f64,
    pub factor: Option<u16>,
    pub levels: Vec<u32>,
    /// Tick at which it was judged last.
    pub judged: Option<Ns>,
    /// Event time at which the present verdict was first given.
    pub said: Option<Ns>,
    pub incident: Incident,
}
