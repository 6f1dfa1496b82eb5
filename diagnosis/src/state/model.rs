//! The engine's words for what it keeps: counters, factors and their levels, units, runs, moves. Plain data; what is
//! concluded from it is decided in the modules that read it.

use crate::numerics::time::{Instant, Placed, Span, Window};
use crate::observation::{Dimensions, Facts, Name};
use crate::state::ids::{DimsId, ExposureId, FactorId, LevelId, UnitId};
use crate::state::restart_times::Restarts;
use crate::state::run::{FirstRow, Opening};
use crate::state::score_bins::{Binned, Drifting};
use crate::state::unit_parts::{Active, FirstFailed, Loading, PanicBout, Panics, Process};
use firstbad_protocol::Hash;
use firstbad_protocol::verdict::Signal;
use serde::{Deserialize, Serialize};

/// What is counted against an expectation, per row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Counter {
    /// Requests that failed, panics included, of all requests.
    Errors,
    /// Panics, of all requests.
    Panics,
    /// Scores that were not computed or out of range, of all scores.
    Zeros,
    /// Requests that were answered but turned away, of all requests.
    Denied,
    /// Reports whose score distribution left its baseline, of all reports with scores.
    Drift,
    /// Requests slower than nearly all were before, of all requests.
    Slow,
    /// Reports with high CPU.
    Cpu,
    /// Reports with high memory.
    Memory,
    /// Requests that were not completed, of those usual, in units of a report's weight.
    Stall,
    /// Reports that are missing, or a process that died.
    Silent,
    /// Loads after which nothing usable was active.
    Rejected,
    /// Refused loads after which the last good version went on serving: facts of a version, never a failing of a host.
    Refused,
}

/// How many counters there are.
pub(crate) const COUNTERS: usize = 12;

/// Weight of one report that tells how many requests are missing, in trials: traffic wobbles far more than counts do.
pub(crate) const STALL_TRIALS: f64 = 20.0;

impl Counter {
    /// The signal of the contract that it feeds.
    pub(crate) const fn signal(self) -> Signal {
        match self {
            Self::Errors => Signal::Errors,
            Self::Panics => Signal::Panics,
            Self::Zeros | Self::Drift => Signal::Scores,
            Self::Slow => Signal::Latency,
            Self::Cpu => Signal::Cpu,
            Self::Memory => Signal::Memory,
            Self::Stall => Signal::Throughput,
            Self::Silent => Signal::SilentHosts,
            Self::Denied => Signal::Answers,
            Self::Rejected | Self::Refused => Signal::Loads,
        }
    }

    /// Whether it counts requests or scores, so that sums over hosts tell of effects that no host shows.
    pub(crate) const fn is_additive(self) -> bool {
        matches!(self, Self::Errors | Self::Panics | Self::Zeros | Self::Denied | Self::Slow)
    }

    /// Whether it is one yes or no per report.
    pub(crate) const fn is_flag(self) -> bool {
        matches!(self, Self::Drift | Self::Cpu | Self::Memory)
    }

    /// Rate taken for granted before anything is known.
    pub(crate) const fn prior(self) -> Prior {
        match self {
            Self::Errors => Prior { rate: 2e-4, weight: 2000.0 },
            Self::Panics => Prior { rate: 1e-7, weight: 2000.0 },
            Self::Zeros => Prior { rate: 0.01, weight: 200.0 },
            Self::Denied => Prior { rate: 0.02, weight: 300.0 },
            Self::Drift => Prior { rate: 0.01, weight: 20.0 },
            Self::Slow => Prior { rate: 0.05, weight: 500.0 },
            Self::Stall => Prior { rate: 0.002, weight: 1000.0 },
            Self::Cpu | Self::Memory => Prior { rate: 0.002, weight: 50.0 },
            Self::Silent | Self::Rejected | Self::Refused => Prior { rate: 0.001, weight: 50.0 },
        }
    }

    /// Least share of trials by which a unit must exceed its expectation to count as failing: smaller effects are
    /// judged on sums over many hosts only.
    pub(crate) const fn least_excess(self) -> f64 {
        match self {
            Self::Errors => 0.01,
            Self::Panics => 1e-4,
            Self::Zeros | Self::Denied => 0.10,
            Self::Slow => 0.15,
            _ => 0.30,
        }
    }
}

/// A rate, and the weight of the belief in it, in trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prior {
    pub rate: f64,
    pub weight: f64,
}

/// What can differ between hosts and change over time: a config, or the binary of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Factor {
    /// A config by name.
    Config(Name),
    /// `service.version` of a `service.name`.
    Binary(Name),
}

/// One value of a factor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Key {
    /// A version.
    Version(Hash),
    /// A binary.
    Text(Name),
}

/// A level: one value of one factor, with what is known of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Level {
    /// Index of its factor.
    pub factor: FactorId,
    /// Value.
    pub key: Key,
    /// First load attempt in the fleet.
    pub first_seen: Instant,
    /// Content facts.
    pub facts: Facts,
    /// Published (`firstbad.change` of kind `publish`).
    pub published: bool,
    /// Hashes that are this version: more than one where each host renders its own.
    pub renderings: u32,
    /// Units that ever loaded it.
    pub units_ever: u64,
    /// Load attempts refused.
    pub refusals: u64,
    /// Requests served under it, and of them failed.
    pub requests: u64,
    /// Requests that failed under it.
    pub failed: u64,
    /// Score buckets 0, 1..=9, .., 90..=100.
    pub deciles: Vec<u64>,
    /// Longest time that a unit served it without a failing run, ns.
    pub bake: Span,
    /// Latest time any unit was on it.
    pub last_active: Instant,
}

impl Level {
    /// Its hash, for a version.
    pub(crate) fn hash(&self) -> Option<Hash> {
        match &self.key {
            Key::Version(hash) => Some(*hash),
            Key::Text(_) => None,
        }
    }
}

/// Some levels of one factor, such as the versions of a config that are accused together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family<'a> {
    pub factor: FactorId,
    pub levels: &'a [LevelId],
}

/// A unit changed a factor's level.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Move {
    /// When, by the unit's corrected clock.
    pub at: Instant,
    /// Factor.
    pub factor: FactorId,
    /// New level.
    pub level: LevelId,
    /// Told by a load event, not guessed from a gauge or a tag.
    pub told: bool,
    /// Whether what the unit had before is forgotten.
    pub torn: bool,
}

/// A stretch of time in which one counter of one unit was failing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// Which counter.
    pub counter: Counter,
    /// Best estimate of its beginning.
    pub start: Instant,
    /// End of the last failing row, estimated within the row.
    pub end: Instant,
    /// Whether it goes on.
    pub open: bool,
    /// Observed events and trials.
    pub observed: f64,
    /// Trials.
    pub trials: f64,
    /// Expected events.
    pub expected: f64,
    /// Events that the run's own rate would have given since its last failing row.
    pub quiet: f64,
    /// First failing row, until the beginning is settled.
    pub first: FirstRow,
    /// Whether the beginning is known within its row.
    pub precise: bool,
    /// How far it may be off then, ns.
    pub slack: Span,
    /// Counts of the first failing row.
    pub opening: Opening,
    /// Where in its first row it began.
    pub near: Placed,
    /// Sizes of a signal that has one (see `graded`).
    pub sizes: Sizes,
    /// Level that was refused, for refusals, or loading, for deaths.
    pub level: Option<LevelId>,
    /// The symptom that explains it, or that it was part of when that ended; zero for none.
    pub claim: u32,
}

impl Run {
    /// Whether it is known that a process died, and not only that it is not heard.
    pub(crate) fn is_death(&self) -> bool {
        self.counter == Counter::Silent && self.opening.trials <= 1.0
    }

    /// What one event opens: its time is exact.
    pub(crate) fn of_event(counter: Counter, at: Instant, level: Option<LevelId>) -> Self {
        Self {
            counter,
            start: at,
            end: at,
            open: true,
            observed: 1.0,
            trials: 1.0,
            expected: 0.0,
            quiet: 0.0,
            first: FirstRow { start: at, end: at, rate: 1.0 },
            precise: true,
            slack: Span::ZERO,
            opening: Opening { observed: 1.0, trials: 1.0, expected: 0.0 },
            near: Placed { at, deviation: Span::ZERO },
            sizes: Default::default(),
            level,
            claim: 0,
        }
    }
}

/// Rates of one counter: `older` is used, `recent` waits, so that a slow change does not become its own expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Base {
    /// In use.
    pub older: Rate,
    /// Waiting.
    pub recent: Rate,
}

/// Observed events of trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Rate {
    pub observed: f32,
    pub trials: f32,
}

/// Suspicion that a counter is failing, not yet a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// Which counter.
    pub counter: Counter,
    /// Accumulated log likelihood ratio.
    pub sum: f64,
    /// Sums since it began.
    pub run: Run,
}

/// Processes of one service on one host: the unit of evidence. What every tick looks at stands together at the front.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[repr(C)]
pub(crate) struct Unit {
    /// Tick time at which something arrived last.
    pub last_arrival: Instant,
    /// Tick time at which its last row arrived: a process that dies at each start may still tell of its loads.
    pub reported: Instant,
    /// Last event time, corrected.
    pub last_event: Instant,
    /// Length of its last row.
    pub span: Span,
    /// Rows seen.
    pub rows: u64,
    /// Left on purpose at.
    pub left: Option<Instant>,
    /// Failing runs, sorted by start, bounded.
    pub runs: Vec<Run>,
    /// Index of its dimensions.
    pub dims: DimsId,
    /// Whether it is an aggregate: never a host, never silent.
    pub aggregate: bool,
    /// Whether it is named by a host, which stays; pods, containers and generated identities come and go.
    pub stays: bool,
    /// Whether it may have a run that is open or has ended just now.
    pub stirred: bool,
    /// Whether another unit is of the same host.
    pub shares_host: bool,
    /// Whether the binary that its dimensions tell is active.
    pub binary_known: bool,
    /// First event time.
    pub first: Instant,
    /// History of active levels, sorted by time, bounded.
    pub moves: Vec<Move>,
    /// Active level by factor, sorted.
    pub active: Vec<Active>,
    /// Stretches between rows in which nothing was heard, bounded.
    pub gaps: Vec<Window>,
    /// Clock offset to the fleet, ns.
    pub offset: Span,
    /// Host name; empty for an aggregate.
    pub host: Name,
    /// Processes seen lately, with their last arrival.
    pub instances: Vec<Process>,
    /// Suspicions.
    pub watches: Vec<Watch>,
    /// Rotations of the fleet's expectations that these have followed.
    pub rotations: u32,
    /// Expectations by counter.
    pub base: [Base; COUNTERS],
    /// Requests per second: sums of requests and seconds.
    pub traffic: Base,
    /// CPU: sums of values and reports.
    pub cpu: Base,
    /// Memory: sums of values and reports.
    pub memory: Base,
    /// Requests in flight: sums of values and reports.
    pub in_flight: Base,
    /// End of the last report in which memory was as usual: growth began about then, long before it was high.
    pub flat: Instant,
    /// Reports since, as sums for a line: count, seconds, memory over the usual, squares of seconds, products.
    pub growth: [f64; 5],
    /// When the first request failed under each version, where told; bounded.
    pub first_failures: Vec<FirstFailed>,
    /// Event times at which processes started, of late, bounded.
    pub starts: Vec<Instant>,
    /// Restarts seen.
    pub restarts: u64,
    /// Those that may have been deaths.
    pub restarts_seen: Restarts,
    /// Panics so far.
    pub panics: Panics,
    /// Panic events of late.
    pub panic_bout: PanicBout,
    /// Being loaded when last heard of.
    pub loading: Option<Loading>,
    /// Cached exposure index.
    pub exposure: ExposureId,
    /// Place among the rows that wait for the next tick, of its last one.
    pub waiting: u32,
    /// Scores not yet compared with the baseline, and those that were last.
    pub scores: Binned,
    pub scored: Binned,
    /// A drift whose beginning is being placed.
    pub drifting: Option<Box<Drifting>>,
    /// Sizes in the last report that did not count as failing (see `graded`).
    pub below: Below,
}

/// Starts of processes kept of one unit.
const STARTS_MAX: usize = 6;

impl Unit {
    /// A process started; one start is told in several ways.
    pub(crate) fn note_start(&mut self, at: Instant, interval: Span) {
        if self.starts.iter().any(|known| (*known - at).abs() <= 3 * interval) {
            return;
        }
        if self.starts.len() >= STARTS_MAX {
            self.starts.remove(0);
        }
        self.starts.reserve_exact(1);
        self.starts.push(at);
    }

    /// Whether it ever counted requests.
    pub(crate) fn counts_requests(&self) -> bool {
        self.base.first().is_some_and(|base| base.older.trials + base.recent.trials > 0.0)
    }

    /// Whether it is a process that serves: what only tells of changes is no host.
    pub(crate) fn serves(&self) -> bool {
        let told = || self.moves.iter().any(|entry| entry.told);
        !self.aggregate && (self.rows > 0 || self.loading.is_some() || !self.runs.is_empty() || told())
    }
}

/// A change event as kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WorldChange {
    /// First time.
    pub at: Instant,
    /// Kind, id, target, description.
    pub kind: Name,
    /// Identity.
    pub id: Name,
    /// Target.
    pub target: Name,
    /// The sender's words.
    pub description: Name,
    /// Units reached, with the time; empty when it reached the whole fleet at once.
    pub reached: Vec<Reached>,
    /// How many more it reached, of which nothing else is kept.
    pub folded: u64,
    /// Events of it that name no host.
    pub unnamed: u64,
}

/// A unit that a change reached, and when.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reached {
    pub unit: UnitId,
    pub at: Instant,
}

/// If more than so many hosts report a change for each of its events without a host, such an event comes from one more host
/// that does not name itself, and the change did not reach the whole fleet at once.
const NAMED_PER_UNNAMED: u64 = 2;

impl WorldChange {
    /// Whether it reached the whole fleet at once: an event without a host means this, unless the hosts report the change one
    /// by one.
    pub(crate) fn is_everywhere(&self) -> bool {
        self.unnamed > 0 && self.unnamed.saturating_mul(NAMED_PER_UNNAMED) >= self.hosts()
    }

    /// How many units it reached.
    pub(crate) fn hosts(&self) -> u64 {
        self.reached.len() as u64 + self.folded
    }
}

/// Interned exposure: dimensions and the active levels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Exposure {
    /// Index of dimensions.
    pub dims: DimsId,
    /// Active levels, sorted by factor; empty where a row spans a load.
    pub levels: Vec<Active>,
    /// Whether the host may still pay for its last load (`state::reload_window`).
    pub after_load: bool,
}

/// Dimensions with the values that strata use.
pub(crate) type Dims = Dimensions;

/// Sizes that a run showed: in the report before its first, in its first, and the sum and number of those after.
pub(crate) type Sizes = [f32; 4];

/// Sizes of a unit's last report that did not count as failing, by counter.
pub(crate) type Below = [f32; 5];
