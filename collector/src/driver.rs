//! The sole owner of the engine: applies committed batches in commit order, publishes what it says, and hands the writer
//! what must be kept of it. It touches neither disk nor network.

mod incident_log;
mod outbox;
mod stepper;

use incident_log::IncidentLog;
pub(crate) use outbox::Outbox;
pub use stepper::Stepper;

use crate::diagnosis_json;
use crate::fleet::FleetCounts;
use crate::playbooks::Playbooks;
use crate::publish::{Published, Publisher};
use crate::store::{Batch, Checkpoint, IncidentRecord};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, EngineerWord, State, Verdict};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was last stored of an incident; when it changes, the whole diagnosis is stored again.
#[derive(Debug, PartialEq)]
struct Stored {
    state: State,
    verdict: Verdict,
    cause: Option<Cause>,
    words: Vec<EngineerWord>,
}

/// The driver.
#[derive(Debug)]
pub(crate) struct Driver {
    stepper: Stepper,
    batch: u64,
    publisher: Publisher,
    outbox: Arc<Outbox>,
    fleet: Arc<Mutex<FleetCounts>>,
    checkpoint_every_ns: i64,
    checkpointed_at: Option<Timestamp>,
    stored: BTreeMap<String, Stored>,
    log: IncidentLog,
    playbooks: Playbooks,
}

impl Driver {
    pub(crate) fn new(stepper: Stepper, batch: u64, publisher: Publisher, outbox: Arc<Outbox>) -> Self {
        let checkpointed_at = stepper.last_tick();
        Self {
            stepper,
            batch,
            publisher,
            outbox,
            fleet: Arc::default(),
            checkpoint_every_ns: i64::MAX,
            checkpointed_at,
            stored: BTreeMap::new(),
            log: IncidentLog::default(),
            playbooks: Playbooks::default(),
        }
    }

    /// The incidents of `snapshot` are not new, and playbooks are those of `playbooks`.
    pub(crate) fn going_on_from(mut self, snapshot: &Snapshot, playbooks: Playbooks) -> Self {
        self.log = IncidentLog::going_on_from(snapshot);
        self.playbooks = playbooks;
        self
    }

    pub(crate) fn counting_into(mut self, fleet: Arc<Mutex<FleetCounts>>) -> Self {
        self.fleet = fleet;
        self
    }

    pub(crate) fn checkpoint_every(mut self, every: Duration) -> Self {
        self.checkpoint_every_ns = i64::try_from(every.as_nanos()).unwrap_or(i64::MAX);
        self
    }

    /// Works until the writer has ended, and leaves a last checkpoint behind.
    pub(crate) fn run(mut self, batches: &Receiver<Batch>) {
        let mut next = batches.recv().ok();
        while let Some(batch) = next {
            let judged = self.step(batch);
            let (more, ended) = match batches.try_recv() {
                Ok(batch) => (Some(batch), false),
                Err(TryRecvError::Empty) => (None, false),
                Err(TryRecvError::Disconnected) => (None, true),
            };
            if judged {
                // Verdicts are kept for each tick, but a screen needs only the newest of a backlog.
                self.publish(more.is_none());
            }
            next = if ended { None } else { more.or_else(|| batches.recv().ok()) };
        }
        self.checkpoint();
    }

    /// Takes one batch. True: the engine has judged anew.
    pub(crate) fn step(&mut self, batch: Batch) -> bool {
        self.fleet.lock().unwrap_or_else(PoisonError::into_inner).count(&batch.observations);
        self.batch = batch.seq;
        self.stepper.step(batch)
    }

    pub(crate) fn publish(&mut self, show: bool) {
        let mut snapshot = self.stepper.snapshot();
        self.log.write(&snapshot);
        // What is stored and bundled names the embedded playbooks: who reads it elsewhere has no other.
        self.note_incidents(&snapshot);
        self.playbooks.annotate(&mut snapshot.diagnosis);
        if show {
            self.publisher.publish(Published::new(self.batch, snapshot));
        }
        let Some(tick) = self.stepper.last_tick() else { return };
        if self.checkpointed_at.is_none_or(|last| tick.since(last) >= self.checkpoint_every_ns) {
            self.checkpoint();
        }
    }

    pub(crate) fn checkpoint(&mut self) {
        let Some(tick) = self.stepper.last_tick() else { return };
        match self.stepper.checkpoint() {
            Ok(engine) => {
                self.outbox.put_checkpoint(Checkpoint { batch: self.stepper.taken(), tick, engine });
                self.checkpointed_at = Some(tick);
            }
            Err(error) => tracing::error!(%error, "the engine's state cannot be saved"),
        }
    }

    /// Hands over the whole diagnosis for each incident whose state, verdict or words are new.
    fn note_incidents(&mut self, snapshot: &Snapshot) {
        let mut diagnosis = None;
        for incident in &snapshot.diagnosis.incidents {
            let now = Stored {
                state: incident.state,
                verdict: incident.verdict,
                cause: incident.cause.clone(),
                words: incident.words.clone(),
            };
            if self.stored.get(&incident.id) == Some(&now) {
                continue;
            }
            self.outbox.put_incident(IncidentRecord {
                id: incident.id.clone(),
                batch: self.batch,
                onset: incident.onset,
                resolved: incident.state == State::Resolved,
                diagnosis: diagnosis.get_or_insert_with(|| diagnosis_json(&snapshot.diagnosis)).clone(),
            });
            self.stored.insert(incident.id.clone(), now);
        }
        self.stored.retain(|id, _| snapshot.diagnosis.incidents.iter().any(|incident| incident.id == *id));
    }
}
