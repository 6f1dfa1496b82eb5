//! The one rule by which observations and ticks reach the engine, live, after a restart and from a bundle: what was committed
//! since the last tick waits; a batch with a later tick lets the engine take it, as one, and judge. With another rule
//! anywhere, a bundle would not give the live verdict byte for byte.

use crate::normalise::join_seconds;
use crate::store::Batch;
use crate::words::Words;
use firstbad_diagnosis::observation::Observation;
use firstbad_diagnosis::{CheckpointError, Engine};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;

/// Observations that may wait for the next tick: more than a second's at the greatest rate that commits reached, 150,000
/// (measurements.md B 3). At the bound the engine takes them at once; only a report that is split just there stays split.
const WAITING_MAX: usize = 1 << 18;

/// An engine, the last tick it was given, and what it has not taken yet.
#[derive(Debug)]
pub struct Stepper {
    engine: Engine,
    last_tick: Option<Timestamp>,
    /// Committed since the last tick, in commit order. A sender may split one report over requests, and those over
    /// commits; what covers the same span is joined here into one row.
    waiting: Vec<Observation>,
    /// The last batch that waits or was taken, and the last one that the engine has taken.
    stepped: u64,
    taken: u64,
    /// What engineers said until the last batch.
    words: Words,
}

impl Stepper {
    /// A stepper that goes on from `engine`, which has taken every batch up to `taken`.
    #[must_use]
    pub fn new(engine: Engine, taken: u64) -> Self {
        let last_tick = engine.snapshot().at;
        Self { engine, last_tick, waiting: Vec::new(), stepped: taken, taken, words: Words::default() }
    }

    /// The same, which knows what engineers said until the last batch that the engine has taken.
    #[must_use]
    pub fn knowing(mut self, words: Words) -> Self {
        self.words = words;
        self.engine.set_disputed(self.words.disputed());
        self
    }

    /// Takes one batch. True: the engine has judged anew, everything before this batch.
    pub fn step(&mut self, batch: Batch) -> bool {
        let due = self.last_tick.is_none_or(|last| batch.tick > last);
        if due {
            self.take_what_waits();
            self.engine.tick(batch.tick);
            self.last_tick = Some(batch.tick);
        }
        for change in &batch.words {
            self.words.apply(change);
        }
        if !batch.words.is_empty() {
            // From the next tick on. A replay has the same batches before that tick, so it judges alike.
            self.engine.set_disputed(self.words.disputed());
        }
        self.waiting.extend(batch.observations);
        self.stepped = batch.seq;
        if self.waiting.len() >= WAITING_MAX {
            self.take_what_waits();
        }
        due
    }

    fn take_what_waits(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.taken = self.stepped;
        if !waiting.is_empty() {
            self.engine.apply(&join_seconds(waiting));
        }
    }

    /// Everything that a screen shows, as of the last tick, with the playbooks that fit and what engineers said.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.engine.snapshot();
        firstbad_playbooks::annotate(&mut snapshot.diagnosis);
        self.words.annotate(&mut snapshot);
        snapshot
    }

    /// The verdicts as of the last tick, without playbooks and words of engineers.
    #[must_use]
    pub fn diagnosis(&self) -> firstbad_protocol::verdict::Diagnosis {
        self.engine.diagnosis()
    }

    /// The engine's state. It holds the batches up to [`Stepper::taken`]: what waits is read from the store again.
    ///
    /// # Errors
    /// Never in practice; see [`Engine::checkpoint`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        self.engine.checkpoint()
    }

    /// The last batch that the engine has taken.
    #[must_use]
    pub const fn taken(&self) -> u64 {
        self.taken
    }

    /// The last tick, if any.
    #[must_use]
    pub const fn last_tick(&self) -> Option<Timestamp> {
        self.last_tick
    }
}
