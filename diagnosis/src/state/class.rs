//! Classes of symptoms: outcomes that are counted, alarmed and contrasted together. Contrasts never mix classes: a host
//! that is slow is no failing control for errors.

use crate::state::model::Counter;
use serde::{Deserialize, Serialize};

/// What happens to those who are served, or to the processes that serve them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Class {
    /// Requests fail, panics included.
    Failed,
    /// Scores are not computed, or out of range.
    Unscored,
    /// Requests are answered, but turned away.
    Denied,
    /// Processes die, or are no longer heard.
    Gone,
    /// Loads leave nothing usable active.
    Rejected,
    /// Requests do not finish.
    Hanging,
    /// The distribution of scores has moved.
    Drifting,
    /// Requests are slow.
    Slow,
    /// The CPU is busy.
    Cpu,
    /// Memory grows.
    Memory,
    /// Loads are refused while the last good version goes on serving.
    Refused,
}

impl Class {
    /// Every class, those that are felt first.
    pub(crate) const ALL: [Self; 11] = [
        Self::Failed,
        Self::Unscored,
        Self::Denied,
        Self::Gone,
        Self::Rejected,
        Self::Hanging,
        Self::Drifting,
        Self::Slow,
        Self::Cpu,
        Self::Memory,
        Self::Refused,
    ];

    /// Its counters.
    pub(crate) const fn counters(self) -> &'static [Counter] {
        match self {
            Self::Failed => &[Counter::Errors, Counter::Panics],
            Self::Unscored => &[Counter::Zeros],
            Self::Denied => &[Counter::Denied],
            Self::Gone => &[Counter::Silent],
            Self::Rejected => &[Counter::Rejected],
            Self::Hanging => &[Counter::Stall],
            Self::Drifting => &[Counter::Drift],
            Self::Slow => &[Counter::Slow],
            Self::Cpu => &[Counter::Cpu],
            Self::Memory => &[Counter::Memory],
            Self::Refused => &[Counter::Refused],
        }
    }

    /// Whether it opens an incident by itself. The others explain, or are explained; alone they are no incident.
    pub(crate) const fn is_felt(self) -> bool {
        matches!(self, Self::Failed | Self::Unscored | Self::Denied | Self::Gone | Self::Rejected)
    }

    /// Whether an accusation may rest on it as on any other: the rest are graded, and move with traffic.
    pub(crate) const fn is_judged_alone(self) -> bool {
        self.is_felt() || matches!(self, Self::Refused)
    }

    /// The class of a counter.
    pub(crate) const fn of(counter: Counter) -> Self {
        match counter {
            Counter::Errors | Counter::Panics => Self::Failed,
            Counter::Zeros => Self::Unscored,
            Counter::Denied => Self::Denied,
            Counter::Drift => Self::Drifting,
            Counter::Slow => Self::Slow,
            Counter::Cpu => Self::Cpu,
            Counter::Memory => Self::Memory,
            Counter::Stall => Self::Hanging,
            Counter::Silent => Self::Gone,
            Counter::Rejected => Self::Rejected,
            Counter::Refused => Self::Refused,
        }
    }
}
