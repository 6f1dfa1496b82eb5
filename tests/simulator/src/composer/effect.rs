//! What does something to requests and processes, on whom, and when. Whether that is the guilty thing, or only the
//! weather, is told by `guilt`; the drawing of counts from it is `process`'s business.

use super::push::Who;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// This share of the requests concerned fails.
    Errors(f64),
    /// Errors become this many times as frequent as they are on that host.
    ErrorsTimes(f64),
    /// This share panics.
    Panics(f64),
    /// This share is answered, and denied.
    Denied(f64),
    /// This share of scores is 0.
    ZeroScores(f64),
    /// Scores move by this much.
    ScoreShift(f64),
    /// Latency times this.
    Slow(f64),
    /// Only this share of requests is ever finished; the rest hangs.
    Hangs(f64),
    /// Traffic times this.
    Traffic(f64),
    /// Share of a CPU added.
    Cpu(f64),
    /// Memory grows by this share of itself a minute.
    Leak(f64),
    /// The process dies a while after the load, and again after each restart.
    Dies(Death),
}

/// How a process dies of a version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Death {
    /// Least and greatest age at death, seconds after the load.
    pub(crate) after_s: (f64, f64),
    /// Seconds until the first restart; doubled each time.
    pub(crate) backoff_s: f64,
    /// Signal; else exit status 1.
    pub(crate) signal: Option<i64>,
}

/// On whom.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    /// Processes that have this version active, and this binary, where one is named.
    Version { version: usize, binary: Option<usize> },
    /// Processes of this binary.
    Binary(usize),
    /// Hosts that the change of this number has reached.
    Change(usize),
    /// Hosts.
    Hosts(Who),
    /// Each process for this many seconds after its start.
    Young(f64),
    /// Each process for this many seconds after each of its loads.
    Loading(f64),
}

/// One effect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effect {
    /// Number of the guilty thing whose effect it is; none for nuisances.
    pub(crate) guilt: Option<usize>,
    pub(crate) on: On,
    pub(crate) what: What,
    pub(crate) from: f64,
    pub(crate) until: f64,
    /// Least and greatest seconds until it shows on a host.
    pub(crate) delay_s: (f64, f64),
    /// Share of the hosts on which it goes on although its cause is gone, and for how many seconds.
    pub(crate) lingers: (f64, f64),
}

impl Effect {
    /// An effect without delay, for the whole time.
    pub(crate) fn new(on: On, what: What) -> Self {
        Self { guilt: None, on, what, from: 0.0, until: f64::INFINITY, delay_s: (0.0, 0.0), lingers: (0.0, 0.0) }
    }

    /// The same from `from` to `until`.
    pub(crate) fn during(self, from: f64, until: f64) -> Self {
        Self { from, until, ..self }
    }
}
