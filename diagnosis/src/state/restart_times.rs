//! When the last processes of a host began and ended. Which of them died is decided in `signals::restarts`.

use crate::numerics::time::{Instant, Span};
use firstbad_protocol::time::SECOND_NS;

/// Time within which restarts of one host belong together.
const WITHIN: Span = Span(3600 * SECOND_NS);

/// Report intervals without a restart after which the next one begins another round.
const ROUND: i64 = 2;

/// Before anything was seen.
const NEVER: Instant = Instant::LONG_AGO;

/// Restarts of one host.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Restarts {
    /// Tick time at which the newest process was first heard.
    pub started: Instant,
    /// Event time at which the last three processes were last heard.
    pub ends: [Instant; 3],
    /// Event time at which a process last left on purpose.
    pub left: Instant,
    /// Processes that ran side by side before the last round of restarts.
    pub width: u32,
    /// Restarts in that round.
    pub round: u32,
}

impl Default for Restarts {
    fn default() -> Self {
        Self { started: NEVER, ends: [NEVER; 3], left: NEVER, width: 1, round: 0 }
    }
}

impl Restarts {
    /// Forgets: the process left on purpose.
    pub(crate) fn forget(&mut self) {
        self.ends = [NEVER; 3];
    }

    /// Counts one restart at tick time `now`. `beside` is the number of processes of the host that reported lately. Workers often
    /// restart together, so only the first restart of each round is counted: this returns whether this is the first.
    pub(crate) fn is_another(&mut self, now: Instant, interval: Span, beside: u32) -> bool {
        if now - self.started > ROUND * interval {
            (self.width, self.round) = (beside.max(1), 0);
        }
        self.started = now;
        self.round = self.round.saturating_add(1);
        self.round % self.width == 1 % self.width
    }

    /// The first of three deaths.
    pub(crate) fn first(&self) -> Option<Instant> {
        let [first, _, last] = self.ends;
        (first > NEVER && last - first <= WITHIN).then_some(first)
    }
}
