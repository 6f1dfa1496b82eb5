//! The ground truth of a draw: the guilty changes, the outside events, and their times. It is noted while the draw is made;
//! `rules` derives the admissible verdicts from it, and from nothing else.

use super::push::Who;

/// A guilty change, or an outside event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Culprit {
    /// Versions of a config, oldest first, and the binary that they need to fail, if they fail with one only.
    Config { config: usize, versions: Vec<usize>, binary: Option<usize> },
    /// A bad build.
    Binary(usize),
    /// Another change, by number.
    Change(usize),
    /// A bad region.
    Region(usize),
    /// A bad host.
    Host(usize),
    /// A fault of all hosts at the same time, without a change.
    Moment,
    /// More traffic than the fleet can serve.
    Traffic,
    /// Requests that fail on every host.
    Request,
}

impl Culprit {
    /// Whether this is a change, which a verdict may accuse.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Config { .. } | Self::Binary(_) | Self::Change(_))
    }
}

/// The kind of harm: the telemetry that must show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hurts {
    /// Failed or panicking requests.
    Requests,
    /// Denied requests.
    Denials,
    /// Scores.
    Scores,
    /// Latency.
    Latency,
    /// Requests that never finish.
    Hangs,
    /// Deaths of processes.
    Deaths,
}

/// One guilty change or outside event, with its harm.
#[derive(Clone, Debug)]
pub(crate) struct Guilt {
    pub(crate) culprit: Culprit,
    pub(crate) hurts: Hurts,
    /// First second of the harm.
    pub(crate) from: f64,
    /// Last second of the harm.
    pub(crate) until: f64,
    /// Description in a few words.
    pub(crate) words: String,
}

/// Harm that a nuisance does. No change causes it, and an incident about it is not needless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harm {
    pub(crate) who: Who,
    pub(crate) from: f64,
    pub(crate) until: f64,
}
