//! What was really done to whom, as the stage knows it: from its own hands, from what each process says on its standard
//! output, and from the answers that the load saw. The judge compares verdicts with it; the engine never sees it.

use crate::scenario::{Phase, Scenario};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The guilty config.
pub(crate) const GUILTY_CONFIG: &str = "bot-features";
/// The innocent config.
pub(crate) const INNOCENT_CONFIG: &str = "waf-rules";
/// Rows that both engines declare as their limit, because the new one preallocates that many.
pub(crate) const ROWS_LIMIT: usize = 200;

/// The ground truth so far.
#[derive(Clone, Debug, Serialize)]
pub struct Truth {
    /// What is staged.
    pub scenario: Scenario,
    /// When the stage was set up.
    pub started: Timestamp,
    /// Seed of everything random.
    pub seed: u64,
    /// Where the play stands.
    pub phase: Phase,
    /// Versions of the guilty config with more rows than the limit that at least one process loaded, oldest first.
    pub bad: Vec<Hash>,
    /// Other versions of it that were loaded, oldest first.
    pub good: Vec<Hash>,
    /// When each host first loaded a bad version, by its own clock.
    pub first_bad_load: BTreeMap<String, Timestamp>,
    /// Hosts whose process runs a bad version now.
    pub on_bad: BTreeSet<String>,
    /// Hosts whose process said that it ran out of arenas and has not been restarted since.
    pub poisoned: BTreeSet<String>,
    /// Processes killed with SIGKILL.
    pub killed: Vec<Killed>,
    /// Answers seen by the load, by host, over all its processes.
    pub served: BTreeMap<String, Served>,
    /// Answers by short hash of the version they were given under; panics have none.
    pub answered_under: BTreeMap<String, u64>,
    /// What changed at the same time and did no harm.
    pub innocent: Innocent,
    /// What went wrong with the stage itself; the run proves nothing then.
    pub trouble: Option<String>,
}

impl Truth {
    /// Nothing has happened yet.
    pub(crate) fn new(scenario: Scenario, seed: u64) -> Self {
        Self {
            scenario,
            started: Timestamp::default(),
            seed,
            phase: Phase::Starting,
            bad: Vec::new(),
            good: Vec::new(),
            first_bad_load: BTreeMap::new(),
            on_bad: BTreeSet::new(),
            poisoned: BTreeSet::new(),
            killed: Vec::new(),
            served: BTreeMap::new(),
            answered_under: BTreeMap::new(),
            innocent: Innocent::default(),
            trouble: None,
        }
    }

    /// The first bad load in the fleet.
    #[must_use]
    pub fn first_bad(&self) -> Option<Timestamp> {
        self.first_bad_load.values().min().copied()
    }

    /// Hosts that had loaded a bad version by `at`.
    #[must_use]
    pub fn exposed_by(&self, at: Timestamp) -> u64 {
        self.first_bad_load.values().filter(|loaded| **loaded <= at).count() as u64
    }
}

/// Answers of one host, or of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Served {
    /// 200.
    pub ok: u64,
    /// Of them, answers with a score of 0.
    pub zero_scores: u64,
    /// 500: the request panicked.
    pub panicked: u64,
    /// 507: no arena left.
    pub exhausted: u64,
    /// 503: refused at the door.
    pub refused: u64,
    /// No complete answer.
    pub lost: u64,
}

/// A process that was killed with SIGKILL.
#[derive(Clone, Debug, Serialize)]
pub struct Killed {
    /// Host.
    pub host: String,
    /// `service.instance.id`.
    pub instance: String,
    /// Process id.
    pub pid: u32,
    /// When.
    pub at: Timestamp,
    /// What its clients had received from it. It recorded each before it answered, so the recorder holds at least this,
    /// and at most one request more for each connection.
    pub served: Served,
}

/// Changes that did no harm.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Innocent {
    /// The other config.
    pub config: String,
    /// Its versions.
    pub hashes: Vec<Hash>,
    /// Identities of change events.
    pub changes: Vec<String>,
}

/// Something that happened on the stage, for the timeline.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// A sentence.
    pub what: String,
}
