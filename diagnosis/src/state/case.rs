//! An incident as the engine keeps it between ticks: the symptoms that one explanation covers, and what is told of them.

use crate::numerics::time::Instant;
use crate::state::symptom::Named;
use firstbad_protocol::verdict::Incident;
use serde::{Deserialize, Serialize};

/// One incident.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Case {
    /// Identity, from one.
    pub id: u32,
    /// What it accuses; kept when its symptoms are over.
    pub named: Option<Named>,
    /// Last event time at which units failed.
    pub last_bad: Instant,
    pub resolved: Option<Instant>,
    /// Event time at which the present verdict was first given.
    pub said: Option<Instant>,
    /// Whether it was told; its identity is given then.
    pub published: bool,
    /// Tells what is left of it when another took it over.
    pub merged: bool,
    pub incident: Incident,
}
