//! What is known of a version from before: it caused an earlier incident, or it served well and came back. How the second is
//! found is decided in `evidence::returned`, the first in `verdict::repeated`.

use crate::numerics::odds::LN_1000;
use crate::numerics::time::{Instant, Span};

/// Log odds that a version does again what it was the cause of before, where hosts fail soon after they load it again.
/// Chosen: it makes a suspect where all hosts loaded it at once, so that none is left to compare with.
const REPEATS: f64 = LN_1000;

/// The earlier incident that versions were the cause of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    /// Identity of that incident, and its onset.
    pub incident: String,
    pub onset: Instant,
    /// When a host first loaded one of them again.
    pub back: Instant,
}

/// An earlier stay of hosts on versions to which they came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Returned {
    /// Hosts that served one of them well before, and fail now that they serve it again.
    pub hosts: u64,
    /// Median of the longest times for which they served it well.
    pub served: Span,
}

/// Both; most versions have neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub repeated: Option<Repeated>,
    pub returned: Option<Returned>,
}

impl History {
    /// Log odds that it adds.
    pub(crate) const fn weight(&self) -> f64 {
        if self.repeated.is_some() { REPEATS } else { 0.0 }
    }

    /// Whether its earlier service speaks for a version: it served well, and caused no incident.
    pub(crate) const fn speaks_for(&self) -> bool {
        self.returned.is_some() && self.repeated.is_none()
    }
}
