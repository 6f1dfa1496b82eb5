//! The one rule by which observations and ticks reach the engine, live, after a restart and from a bundle: a batch is
//! applied, and the engine is ticked only when the batch's tick is later than the last. With another rule anywhere, a
//! bundle would not give the live verdict byte for byte.

use firstbad_diagnosis::observation::Observation;
use firstbad_diagnosis::{CheckpointError, Engine};
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;

/// An engine, and the last tick it was given.
#[derive(Debug)]
pub struct Stepper {
    engine: Engine,
    last_tick: Option<Timestamp>,
}

impl Stepper {
    /// A stepper that goes on from `engine`.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let last_tick = engine.snapshot().at;
        Self { engine, last_tick }
    }

    /// Takes one batch. True: the engine has judged anew.
    pub fn step(&mut self, observations: &[Observation], tick: Timestamp) -> bool {
        if !observations.is_empty() {
            self.engine.apply(observations);
        }
        let judged = self.last_tick.is_none_or(|last| tick > last);
        if judged {
            self.engine.tick(tick);
            self.last_tick = Some(tick);
        }
        judged
    }

    /// Everything that a screen shows, as of the last tick, with the playbooks that fit.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.engine.snapshot();
        firstbad_playbooks::annotate(&mut snapshot.diagnosis);
        snapshot
    }

    /// The engine's state.
    ///
    /// # Errors
    /// Never in practice; see [`Engine::checkpoint`].
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        self.engine.checkpoint()
    }

    /// The last tick, if any.
    #[must_use]
    pub const fn last_tick(&self) -> Option<Timestamp> {
        self.last_tick
    }
}
