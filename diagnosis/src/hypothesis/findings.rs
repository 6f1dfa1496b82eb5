//! What each test of a hypothesis finds: plain data. How it is found is decided in `evidence`.

use crate::numerics::align::Lag;
use crate::numerics::math::float;
use crate::scene::hosts::Hosts;
use crate::state::ring::Sums;
use firstbad_protocol::Property;

/// A number of cases, and how many of them are as a hypothesis predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    pub hits: u64,
    pub all: u64,
}

impl Part {
    /// Counts one more case, as a hit or not.
    pub(crate) fn count(&mut self, hits: bool) {
        self.hits += u64::from(hits);
        self.all += 1;
    }
}

/// Rollouts after which most units changed as a hypothesis predicts, and those after which they did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flips {
    pub agreeing: u64,
    pub contrary: u64,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Hosts exposed, and of them failing while exposed.
    pub exposed: Hosts,
    /// Hosts seen unexposed while the fleet failed, and of them beginning to fail so.
    pub control: Hosts,
    /// Who begins to fail among those at risk.
    pub risk: Contrast,
    /// ln p of a plain comparison of places.
    pub ln_p: f64,
    /// Failing stretches that began while exposed, of all.
    pub bouts: Part,
    /// Own-load alignment: log likelihood ratio of "at its own load" over "at one moment".
    pub aligned: f64,
    /// The same of the ends at the own way back, which is a part of it.
    pub leaving: f64,
    /// How long after the own loads failing begins.
    pub lag: Lag,
    /// Units that stopped failing as they left, of those that left.
    pub stops: Part,
    /// Units that go on failing, of those that failed with it and kept it.
    pub stays: Part,
    pub flips: Flips,
    /// Loads at which failing may have begun at once, of those after which it began at all.
    pub prompt: Part,
    /// Units that still failed long after they had left.
    pub tail: u64,
    /// Units of which nothing is known but that they are not heard, whose load is a guess or which may have moved on since.
    pub hearsay: u64,
    /// Units that had loaded it while serving well, and stayed well.
    pub missed: u64,
    /// Units that died while loading it, or refused it.
    pub deaths: u64,
    /// Refusals.
    pub refusals: u64,
}

impl Tally {
    /// Whether failing began with the load on nearly all hosts that began to fail after one.
    pub(crate) fn is_prompt(&self) -> bool {
        self.prompt.all >= 5 && self.prompt.hits * 5 >= self.prompt.all * 4
    }
}

/// What the contrast says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Contrast {
    /// ln of the e-value for "exposure raises the hazard".
    pub ln_e: f64,
    /// Beginnings among the exposed, and as many as chance would give.
    pub observed: f64,
    /// Expected among the exposed.
    pub expected: f64,
    /// Variance: zero where all or none of those at risk were exposed, so that nothing can be learned.
    pub variance: f64,
    /// Beginnings in all.
    pub events: u64,
}

impl Contrast {
    /// Standard deviations by which the exposed fail more than chance.
    pub(crate) fn z(&self) -> f64 {
        if self.variance > 1e-9 { (self.observed - self.expected) / libm::sqrt(self.variance) } else { 0.0 }
    }

    /// Beginnings among those not exposed over as many as chance would give.
    pub(crate) fn elsewhere(&self) -> f64 {
        let all = float(usize::try_from(self.events).unwrap_or(usize::MAX));
        (all - self.observed) / (all - self.expected).max(1e-9)
    }
}

/// What the sums say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pooled {
    /// ln of the e-value, tempered by the dispersion.
    pub ln_e: f64,
    pub exposed: Sums,
    /// Those not exposed, in the same strata.
    pub control: Sums,
    /// Share of the whole excess that lies on the exposed.
    pub explained: f64,
    /// Report intervals in which both were seen.
    pub intervals: u64,
}

impl Pooled {
    /// How much more often the exposed fail than the others.
    pub(crate) fn ratio(&self) -> f64 {
        let rate = |sums: Sums| (sums.observed + 0.5) / (sums.expected + 0.5);
        rate(self.exposed) / rate(self.control)
    }
}

/// What the ages at death say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ages {
    /// ln of the e-value for "old processes die, young ones do not".
    pub ln_e: f64,
    pub first_deaths: u64,
    /// Deaths after a restart.
    pub later_deaths: u64,
    /// Age from which processes die, seconds.
    pub least: f64,
    /// Mean age at the first death, since the load, seconds.
    pub first_mean_s: f64,
    /// Mean age at later deaths, since the restart, seconds.
    pub later_mean_s: f64,
    /// By how many standard errors the later ones are older: the last to be seen are the first to die, so they may well
    /// be younger for a while, but a version that came long after what kills them finds them older.
    pub off: f64,
}

/// Failed requests and requests, or scores beyond the old mix, on both sides.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sides {
    /// Log likelihood ratio of "from the load on" over "from one moment on".
    pub ratio: f64,
    /// Hosts.
    pub hosts: usize,
    /// Before and after the load, within the same reports: failed requests and requests, or finished ones and the usual
    /// number; none if it is told by scores.
    pub before: Counted,
    pub after: Counted,
    pub by: By,
}

/// A count, and the number that it is a part of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    pub count: f64,
    pub all: f64,
}

impl Counted {
    /// Both together with those of another.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { count: self.count + other.count, all: self.all + other.all }
    }
}

/// What tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum By {
    #[default]
    /// Which requests failed.
    Failed,
    /// How many finished.
    Finished,
    /// How they were scored.
    Scores,
}

/// Failing beyond what is usual: that used a config, and that did not, and as many as would not have, were it no matter.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Excess {
    pub inside: f64,
    pub outside: f64,
    pub others: f64,
    /// Share of all requests that used it.
    pub share: f64,
}

/// Most that this may say, as log odds: one failure of a kind of requests in twenty may be that of one config's.
pub(crate) const ODDS_MAX: f64 = 3.0;

/// Log odds that the failing is of this config rather than of a kind of requests that happens to be its own.
pub(crate) fn odds(of: Excess) -> f64 {
    let chance = (of.inside + of.outside) * -libm::log(of.share.clamp(1e-6, 1.0));
    (chance / 2.0).min(ODDS_MAX)
}

/// A property that separates the accused versions from the clean ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Separator {
    pub property: Property,
    /// Whether it is a mechanism: a declared limit that the content itself breaks.
    pub limit: bool,
}
