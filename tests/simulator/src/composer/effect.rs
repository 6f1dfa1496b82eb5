//! Effects on requests and processes: what each does, to which processes, and when. Whether an effect belongs to the truth
//! or to a nuisance is decided in `guilt`; how counts are drawn from effects, in `process`.

use super::push::Who;
use crate::random::Random;
use std::fmt;

/// What an effect does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// This share of the affected requests fails.
    Errors(f64),
    /// Errors become this many times as frequent as they are on that host without the effect.
    ErrorsTimes(f64),
    /// This share of the affected requests panics.
    Panics(f64),
    /// This share of the affected requests is denied.
    Denied(f64),
    /// This share of scores is 0.
    ZeroScores(f64),
    /// Scores move by this many points.
    ScoreShift(f64),
    /// Latency is multiplied by this factor.
    Slow(f64),
    /// Only this share of the affected requests finishes; the others hang.
    Hangs(f64),
    /// Traffic is multiplied by this factor.
    Traffic(f64),
    /// CPU utilisation rises by this amount (1 is one whole CPU).
    Cpu(f64),
    /// Memory grows by this share of its size per minute.
    Leak(f64),
    /// The process dies some time after the load, and again after each restart.
    Dies(Death),
}

/// A range of durations, seconds. One duration is drawn from it for each host or process.
#[derive(Clone, Copy, Default, PartialEq)]
pub(crate) struct SecondsRange {
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl SecondsRange {
    /// Draws one duration, each equally likely.
    pub(crate) fn draw(self, r: &mut Random) -> f64 {
        r.between(self.least, self.most.max(self.least))
    }
}

/// Printed as `(least, most)`: the ledger holds the truth of each draw in these words, and must stay comparable.
impl fmt::Debug for SecondsRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("").field(&self.least).field(&self.most).finish()
    }
}

/// How a version kills a process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Death {
    /// Time from the load to the death.
    pub(crate) after_s: SecondsRange,
    /// Seconds from the first death to the restart; each further death doubles them.
    pub(crate) backoff_s: f64,
    /// The signal that ends the process. Without one, the exit status is 1.
    pub(crate) signal: Option<i64>,
}

/// Which processes an effect acts on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    /// Processes in which this version is active, and which run this binary, if one is given.
    Version { version: usize, binary: Option<usize> },
    /// Processes that run this binary.
    Binary(usize),
    /// Hosts that the change with this number has reached.
    Change(usize),
    /// All processes of these hosts.
    Hosts(Who),
    /// Every process, for this many seconds after its start.
    Young(f64),
    /// Every process, for this many seconds after each of its loads.
    Loading(f64),
}

/// For how long, and on how many hosts, an effect outlives its cause.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lingering {
    /// Share of the affected hosts.
    pub(crate) hosts_share: f64,
    /// Seconds for which the effect continues there after its cause has ended.
    pub(crate) lasts_s: f64,
}

/// One effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    /// Number of the guilt that causes it; none for nuisances.
    pub(crate) guilt: Option<usize>,
    pub(crate) on: On,
    pub(crate) what: What,
    pub(crate) from: f64,
    pub(crate) until: f64,
    /// Time from the cause to the first effect on a host.
    pub(crate) delay_s: SecondsRange,
    pub(crate) lingering: Lingering,
}

impl Effect {
    /// Returns an effect of a nuisance that acts without delay and for the whole draw.
    pub(crate) fn new(on: On, what: What) -> Self {
        let (delay_s, lingering) = (SecondsRange::default(), Lingering::default());
        Self { guilt: None, on, what, from: 0.0, until: f64::INFINITY, delay_s, lingering }
    }

    /// Returns the same effect, limited to the time from `from` to `until`.
    pub(crate) fn during(self, from: f64, until: f64) -> Self {
        Self { from, until, ..self }
    }
}
