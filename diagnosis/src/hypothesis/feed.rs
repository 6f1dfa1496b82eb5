//! What is known of the feed of a config, the stream of its new versions: its rhythm, how long no version has come, and what
//! else may explain the failing. How that is found is decided in `evidence::feed`, what follows from it in `verdict::feeds`.

use crate::numerics::time::{Instant, Span};

/// A feed that stopped before hosts began to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Feed {
    pub rhythm: Rhythm,
    /// Time of the first load of the version that the hosts kept.
    pub since: Instant,
    /// Time from then until half of the failing hosts had begun to fail.
    pub age: Span,
    /// What else may explain the failing; none if nothing does.
    pub rival: Option<Rival>,
}

/// Times of the new versions of a config. A gap is the time from one new version to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    /// Time of the newest version.
    pub last: Instant,
    pub gaps: usize,
    /// Median gap.
    pub usual: Span,
    /// Longest gap.
    pub longest: Span,
}

/// Why a stopped feed may not be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rival {
    /// Hosts go on failing with a newer version: so many of the hosts that loaded one.
    GoesOn {
        hosts: u64,
        of: u64,
    },
    /// The feed stopped so long ago that it may have been ended on purpose.
    Ended,
    /// Most of the failing hosts loaded a version of another config, or started, shortly before they began to fail.
    Load,
    Start,
    /// A change event was reported near the onset.
    Change,
    /// A recent version, binary or change explains most failures, and nothing excludes it.
    Recent,
    /// More requests than before, one place, one kind of requests or one host.
    Outside,
}

impl Rival {
    /// Whether it contradicts an earlier verdict. It does not depend on how many hosts have recovered.
    pub(crate) const fn contradicts(self) -> bool {
        matches!(self, Self::GoesOn { .. } | Self::Load | Self::Start | Self::Change)
    }
}
