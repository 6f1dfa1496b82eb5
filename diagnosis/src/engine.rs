//! The engine's surface: apply, tick, snapshot, ask, checkpoint. Everything it decides is decided in the modules below.

use crate::observation::Observation;
use crate::settings::Settings;
use firstbad_protocol::snapshot::{Fleet, Snapshot};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Diagnosis, SCHEMA, Window};

/// A checkpoint that cannot be restored.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It was written by another layout of the engine: replay the observations instead.
    #[error("checkpoint has layout {found}, this engine reads {expected}")]
    Layout {
        /// Layout of the checkpoint.
        found: u32,
        /// Layout this engine reads.
        expected: u32,
    },
    /// It is damaged.
    #[error("checkpoint is damaged: {0}")]
    Damaged(#[from] postcard::Error),
}

/// The engine. One owner; no interior mutability.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    now: Option<Timestamp>,
}

impl Engine {
    /// An engine that has seen nothing.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, now: None }
    }

    /// Takes observations in commit order. It judges nothing yet.
    pub fn apply(&mut self, observations: &[Observation]) {
        let _ = (&self.settings, observations);
    }

    /// Judges what can be judged. `at` is the time that the driver vouches for: live, its receive clock at the commit of
    /// the last applied batch (so that a fleet that has gone silent is seen); offline, the capture's own time. It never
    /// runs backwards; it is stored with the batch, so that a replay ticks alike.
    pub fn tick(&mut self, at: Timestamp) {
        self.now = self.now.max(Some(at));
    }

    /// The verdicts as of the last tick.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        Diagnosis { schema: SCHEMA, asked: false, window: Window::default(), blind_spots: Vec::new(), incidents: Vec::new() }
    }

    /// The verdicts as of the last tick, with suspects ranked as of it even if no detector fired (`diagnose --at`). The
    /// caller has applied nothing later than the moment it asks about.
    #[must_use]
    pub fn ask(&self) -> Diagnosis {
        Diagnosis { asked: true, ..self.diagnosis() }
    }

    /// Everything that a screen shows, as of the last tick.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            at: self.now,
            diagnosis: self.diagnosis(),
            fleet: Fleet::default(),
            versions: Vec::new(),
            lines: Vec::new(),
            hosts: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// The engine's whole state, for a restart or a bundle.
    ///
    /// # Errors
    /// Never in practice: the state is plain data.
    pub fn checkpoint(&self) -> Result<Vec<u8>, CheckpointError> {
        Ok(postcard::to_stdvec(&(1_u32, &self.settings, self.now))?)
    }

    /// The engine that [`Engine::checkpoint`] saved.
    ///
    /// # Errors
    /// If the bytes are damaged or of another layout.
    pub fn restore(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let (_, settings, now): (u32, Settings, Option<Timestamp>) = postcard::from_bytes(bytes)?;
        Ok(Self { settings, now })
    }
}
