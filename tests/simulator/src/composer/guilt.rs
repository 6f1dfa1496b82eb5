//! The ground truth of a draw: what is guilty, what hurts without being a change, and when. Written down while the draw is
//! made, before anything is judged; `rules` derives the admissible verdicts from it, and from nothing else.

use super::push::Who;

/// What is guilty, or what happened.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Culprit {
    /// Versions of a config, oldest first; where the binary matters too, which.
    Config { config: usize, versions: Vec<usize>, binary: Option<usize> },
    /// A bad build.
    Binary(usize),
    /// Another change, by its number.
    Change(usize),
    /// A region.
    Region(usize),
    /// A host.
    Host(usize),
    /// A moment that is the same for everybody.
    Moment,
    /// More traffic than can be served.
    Traffic,
    /// Requests that fail wherever they go.
    Request,
}

impl Culprit {
    /// Whether it is a change, which may be accused.
    pub(crate) fn is_change(&self) -> bool {
        matches!(self, Self::Config { .. } | Self::Binary(_) | Self::Change(_))
    }
}

/// How it hurts: what an oracle must be able to see.
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
    /// Requests that are never finished.
    Hangs,
    /// Deaths.
    Deaths,
}

/// One guilty thing, or one outside event.
#[derive(Clone, Debug)]
pub(crate) struct Guilt {
    pub(crate) culprit: Culprit,
    pub(crate) hurts: Hurts,
    /// First and last second at which it can hurt anybody.
    pub(crate) from: f64,
    pub(crate) until: f64,
    /// In a few words.
    pub(crate) words: String,
}

/// Harm that a nuisance does: no change is to blame, and an incident about it is not needless.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Harm {
    pub(crate) who: Who,
    pub(crate) from: f64,
    pub(crate) until: f64,
}

/// Refused versions: an incident of their own may be said of them, with signals `loads` alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) version: usize,
    /// Whether the content may be named: refused as content, by everybody of a binary.
    pub(crate) nameable: bool,
}
