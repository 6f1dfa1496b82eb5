//! When the last processes of a host began and ended. Which of them died is decided in `signals::restarts`.

use crate::numerics::time::Ns;
use firstbad_protocol::time::SECOND_NS;

/// Time within which restarts of one host belong together.
const WITHIN: Ns = 3600 * SECOND_NS;

/// Before anything was seen.
const NEVER: Ns = Ns::MIN / 4;

/// Restarts of one host.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Restarts {
    /// Tick time at which the newest process was first heard.
    pub started: Ns,
    /// Event time at which the last three processes were last heard.
    pub ends: [Ns; 3],
    /// Event time at which a process last left on purpose.
    pub left: Ns,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { started: NEVER, ends: [NEVER; 3], left: NEVER }
    }
}

impl Restarts {
    /// Forgets: the process left on purpose.
    pub(crate) fn forget(&mut self) {
        self.ends = [NEVER; 3];
    }

    /// The first of three deaths.
    pub(crate) fn first(&self) -> Option<Ns> {
        let [first, _, last] = self.ends;
        (first > NEVER && last - first <= WITHIN).then_some(first)
    }
}
