//! What the engine reads: one normalised row per instance and report interval, plus events. Counts are already deltas:
//! resets, temporality, repeats and the choice of one source per instance are settled by the sender of these types
//! (`collector::normalise`). What the numbers mean is decided by the engine.

pub(crate) mod counts;

use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names repeat in every row: they are shared, not copied.
pub type Name = Arc<str>;

/// Dimension keys and values, sorted by key. `service.name`, `service.version`, `cloud.region`,
/// `deployment.environment.name` and whatever settings declare; never the instance or the host.
pub type Dimensions = Arc<BTreeMap<Name, Name>>;

/// One thing that was observed, in commit order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Observation {
    /// Counts of one instance over one span.
    Row(Row),
    /// A load attempt.
    Load(Load),
    /// A panic, with its text. Counts come with rows; this is the evidence.
    Panic(Panic),
    /// A process started.
    Start(Start),
    /// A process ended.
    Exit(Exit),
    /// Another change in the world.
    Change(Change),
    /// Something that could not be read or was dropped on the way, to be shown as a blind spot.
    Gap(Gap),
    /// Further panics of one source at one site, counted together.
    MorePanics(MorePanics),
}

/// Who reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Source {
    /// One proxy process on a host.
    Instance {
        /// `service.instance.id`, else the pod, the container, or `host:pid`.
        instance: Name,
        /// `host.name`, else the pod, the container, the instance.
        host: Name,
    },
    /// A resource with neither instance nor host: counts and dimensions are used, it is never silent and never a host.
    Aggregate,
}

/// Counts of one source over one span. Several rows for one source and span add up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Who.
    pub source: Source,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
    /// When: the span the points cover. A row that spans a load is mixed.
    pub span: Span,
    /// Requests without config attributes, by the points' own dimensions (empty extra dimensions: one cell).
    pub totals: Vec<Total>,
    /// Requests per config whose version they used. Views are never added up across config names.
    pub views: Vec<View>,
    /// Panics by site, as `firstbad.panics` counts them.
    pub panics: Vec<PanicCount>,
    /// Score distributions.
    pub scores: Vec<Scores>,
    /// Versions that `firstbad.config.active` says are active at the span's end.
    pub active: Vec<(Name, Hash)>,
    /// Loads from the `firstbad.config.loads` Sum, only where this instance sends no load events.
    pub loads: Vec<LoadCount>,
    /// Latency of requests, seconds; bounds as sent.
    pub latency: Option<Histogram>,
    /// Requests in flight at the span's end.
    pub in_flight: Option<f64>,
    /// CPU utilisation, 0 to 1 (may exceed 1 on several cores).
    pub cpu: Option<f64>,
    /// Resident memory, bytes.
    pub memory: Option<f64>,
    /// Facts that came as gauges (`firstbad.config.rows`, ..), where no load event told them.
    pub facts: Vec<(Name, Hash, Facts)>,
    /// Telemetry that the sender dropped in this span.
    pub dropped: u64,
    /// Whether the process restarted within the span (start time moved, uptime fell).
    pub restarted: bool,
    /// When the first request failed under a version in this process (`firstbad.requests.first_failed`), where told.
    pub first_failed: Vec<FirstFailure>,
    /// What names this source's host: whether it is expected to stay.
    pub named_by: NamedBy,
}

impl Row {
    /// Returns a row without counts, gauges and facts, from a source whose host is named by `host.name`. The caller fills
    /// in what was reported.
    #[must_use]
    pub const fn new(source: Source, dimensions: Dimensions, span: Span) -> Self {
        Self {
            source,
            dimensions,
            span,
            totals: Vec::new(),
            views: Vec::new(),
            panics: Vec::new(),
            scores: Vec::new(),
            active: Vec::new(),
            loads: Vec::new(),
            latency: None,
            in_flight: None,
            cpu: None,
            memory: None,
            facts: Vec::new(),
            dropped: 0,
            restarted: false,
            first_failed: Vec::new(),
            named_by: NamedBy::Host,
        }
    }
}

/// When the first request failed under one version in one process: finer than any report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FirstFailure {
    /// Config name.
    pub config: Name,
    /// Version.
    pub hash: Hash,
    /// When, by the sender's clock, to the second or finer.
    pub at: Timestamp,
}

/// What the host of a source is named by. A host stays; pods, containers and generated ids come and go, and their going
/// alone says little.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamedBy {
    /// `host.name`, and nothing tells that a pod or a container sends.
    #[default]
    Host,
    /// A pod, also where its SDK gives the pod's name as `host.name`.
    Pod,
    /// A container that is in no pod.
    Container,
    /// `service.instance.id` alone: many SDKs make a new one at each start.
    Instance,
    /// Nothing: an aggregate.
    Nothing,
}

/// Requests by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Succeeded.
    pub ok: u64,
    /// Answered, but the client was turned away: blocked, 401, 403, 404, 429.
    pub denied: u64,
    /// Failed.
    pub error: u64,
    /// Ended in a panic.
    pub panic: u64,
}

impl Outcomes {
    /// All requests, however they ended.
    #[must_use]
    pub const fn all(self) -> u64 {
        self.ok.saturating_add(self.denied).saturating_add(self.failed())
    }

    /// Those that failed, panics among them. A denied request did not fail.
    #[must_use]
    pub const fn failed(self) -> u64 {
        self.error.saturating_add(self.panic)
    }
}

/// Requests without config attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Total {
    /// The points' own dimensions; they win over the resource's of the same key. Empty for most senders.
    pub dimensions: Dimensions,
    /// Counts.
    pub outcomes: Outcomes,
}

/// Requests that used one version of one config.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Config name.
    pub config: Name,
    /// Version.
    pub hash: Hash,
    /// The points' own dimensions.
    pub dimensions: Dimensions,
    /// Counts.
    pub outcomes: Outcomes,
}

/// Panics at one site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PanicCount {
    /// Config name and version, where tagged.
    pub version: Option<(Name, Hash)>,
    /// `file:line:column`.
    pub site: Option<Name>,
    /// How many.
    pub count: u64,
}

/// Scores given under one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Config name and version, where tagged.
    pub version: Option<(Name, Hash)>,
    /// Name of the score.
    pub score: Name,
    /// Distribution.
    pub histogram: Histogram,
    /// Not computed: equal to the sentinel.
    pub sentinel: u64,
    /// Not a number.
    pub nan: u64,
    /// Below the declared minimum.
    pub below: u64,
    /// Above the declared maximum.
    pub above: u64,
}

/// Counts between explicit bounds: `counts[i]` holds values <= `bounds[i]` and > `bounds[i - 1]`; the last holds the rest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Upper bounds, ascending.
    pub bounds: Arc<[f64]>,
    /// One more than bounds.
    pub counts: Vec<u64>,
    /// Sum of values, where sent.
    pub sum: Option<f64>,
}

/// Loads counted by the Sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadCount {
    /// Config name.
    pub config: Name,
    /// Version.
    pub hash: Hash,
    /// Result.
    pub result: LoadResult,
    /// Reason, if refused.
    pub reason: Option<Name>,
    /// How many.
    pub count: u64,
}

/// What is known of a version's content. A missing fact was not sent; it is not zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Integer facts by name: `rows`, `duplicate_rows`, `size`, `blank_fields`, `columns`, `generation`.
    pub numbers: BTreeMap<Name, i64>,
    /// Text facts by name: `source`, `label`, `revision`.
    pub words: BTreeMap<Name, Name>,
    /// Row-set hash.
    pub rowset: Option<Hash>,
    /// Declared limits by name, e.g. `rows` -> 200.
    pub limits: BTreeMap<Name, i64>,
}

/// One load attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// Who.
    pub source: Source,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
    /// Config name.
    pub config: Name,
    /// Version offered.
    pub hash: Hash,
    /// What became of it; none while it is being loaded (`firstbad.load.phase` = `loading`).
    pub result: Option<LoadResult>,
    /// Reason of a refusal.
    pub reason: Option<Name>,
    /// The real error.
    pub error: Option<Name>,
    /// Version active before.
    pub previous: Option<Hash>,
    /// Content facts.
    pub facts: Facts,
}

/// One panic, or another exception that tells what went wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panic {
    /// When, by the sender's clock.
    pub at: Timestamp,
    /// Who.
    pub source: Source,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
    /// `exception.type` of an exception that is no panic (`IndexError`); a panic has none.
    pub exception: Option<Name>,
    /// Message, verbatim.
    pub message: Name,
    /// `file:line:column`.
    pub site: Option<Name>,
    /// All versions that were active.
    pub active: Vec<(Name, Hash)>,
}

/// Panics of one source at one site beyond those that are kept one by one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MorePanics {
    /// The first of them. Its message is empty where they have no site: their messages may differ.
    pub first: Panic,
    /// Time of the last of them, by the sender's clock.
    pub last: Timestamp,
    /// How many, the first included.
    pub count: u64,
}

/// A process started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Start {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub source: Source,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
}

/// A process ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub source: Source,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
    /// Whether on purpose.
    pub clean: bool,
    /// Signal, if one ended it.
    pub signal: Option<i32>,
    /// Exit status, where it was told.
    pub status: Option<i32>,
    /// Versions that were active.
    pub active: Vec<(Name, Hash)>,
    /// Config and version being loaded when it died.
    pub loading: Option<(Name, Hash)>,
}

/// Another change in the world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// When.
    pub at: Timestamp,
    /// Whom it reached: one source, or, when none, the whole fleet at once.
    pub source: Option<Source>,
    /// Dimensions of the resource.
    pub dimensions: Dimensions,
    /// `deploy`, `flag`, `dns`, `schema`, `capacity`, `publish`, ..
    pub kind: Name,
    /// Identity given by the sender.
    pub id: Name,
    /// What it changes.
    pub target: Name,
    /// The sender's words.
    pub description: Name,
    /// For kind `publish`: the declared version.
    pub version: Option<(Name, Hash)>,
}

/// Something that could not be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// When it was noticed, in event time.
    pub at: Timestamp,
    /// A sentence for `blind_spots`; equal sentences are shown once with a count.
    pub sentence: Name,
    /// How many things it stands for.
    pub count: u64,
}
