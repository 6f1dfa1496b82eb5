//! A bundle (contract.md section 4): one incident's story as one `.tar.zst`, from which the very verdict that the live
//! engine gave can be computed again. What it holds is decided in `gather`, what is believed of a foreign one in `read`.

mod gather;
mod manifest;
mod read;
mod write;

pub use gather::{BundleRequest, build};
pub use manifest::{ContentNote, Manifest, SCHEMA};

use crate::driver::Stepper;
use crate::moment::Moment;
use crate::normalise::Content;
use crate::store::Batch;
use crate::words::{StoredWord, Words};
use firstbad_diagnosis::Engine;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Diagnosis;

/// A bundle that cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file cannot be read.
    #[error("cannot read the bundle: {0}")]
    Io(#[from] std::io::Error),
    /// It is something else.
    #[error("it is no bundle: {0}")]
    NoBundle(String),
    /// An entry is not what it should be.
    #[error("the bundle's entry `{entry}` is malformed at byte {offset}: {reason}")]
    Entry {
        /// Name of the entry; untrusted text, escaped.
        entry: String,
        /// Where in it.
        offset: usize,
        /// Why.
        reason: String,
    },
    /// An entry is missing.
    #[error("the bundle has no entry `{0}`: it is not a bundle, or is cut short")]
    Missing(&'static str),
    /// It is larger than a bundle can be.
    #[error("the bundle is larger than the limit of {limit} {unit}")]
    TooLarge {
        /// The limit.
        limit: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Another schema.
    #[error("the bundle has schema {found} (written by firstbad {tool_version}), this version reads {known}")]
    Schema {
        /// Its schema.
        found: u32,
        /// What wrote it.
        tool_version: String,
        /// The schema that this version reads.
        known: u32,
    },
    /// There is no such incident.
    #[error("there is no incident `{0}` here")]
    NoIncident(String),
    /// What it needs is not in the store any more.
    #[error("the bundle of incident {id} cannot be made: {reason}")]
    Unavailable {
        /// The incident.
        id: String,
        /// Why.
        reason: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The engine's checkpoint does not restore.
    #[error("the bundle's engine state cannot be restored: {0}")]
    Engine(#[from] firstbad_diagnosis::CheckpointError),
}

/// A bundle in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Bundle {
    /// What it is.
    pub manifest: Manifest,
    /// The engine's settings.
    pub settings: firstbad_diagnosis::Settings,
    /// The engine's state before the first batch.
    pub checkpoint: Vec<u8>,
    /// What was committed, in order, with ticks.
    pub batches: Vec<Batch>,
    /// What engineers said until the last batch.
    pub words: Vec<StoredWord>,
    /// Contents of the versions named by the incident.
    pub contents: Vec<Content>,
    /// What the live engine said, as JSON.
    pub verdict: String,
}

impl Bundle {
    /// Reads a bundle, within bounds whatever it claims.
    ///
    /// # Errors
    /// If it is malformed: the entry and the offset are named.
    pub fn read(source: impl std::io::Read) -> Result<Self, BundleError> {
        read::read(source)
    }

    /// The engine's verdict over the bundle: what [`Bundle::verdict`] holds, computed again.
    ///
    /// # Errors
    /// If the engine's state does not restore.
    pub fn diagnose(&self) -> Result<Diagnosis, BundleError> {
        Ok(self.replay(&mut |_| {})?.diagnosis)
    }

    /// Replays it: `show` gets the moment after each tick, for time travel. Returns the snapshot at the end.
    ///
    /// # Errors
    /// If the engine's state does not restore.
    pub fn replay(&self, show: &mut dyn FnMut(&Moment<'_>)) -> Result<Snapshot, BundleError> {
        let mut stepper = self.stepper()?;
        // The last tick made the verdict: observations after it have not been judged yet.
        let mut last = None;
        let last_due = self.last_due(stepper.last_tick());
        for (index, batch) in self.batches.iter().enumerate() {
            if stepper.step(batch.clone()) {
                show(&Moment::new(&|| stepper.snapshot(), &|| stepper.diagnosis(), index + 1, self.batches.len()));
                if Some(index) == last_due {
                    last = Some(stepper.snapshot());
                }
            }
        }
        // Without a tick, the verdict is the checkpoint's own.
        last.map_or_else(|| Ok(self.stepper()?.snapshot()), Ok)
    }

    /// Goes on from the checkpoint.
    fn stepper(&self) -> Result<Stepper, BundleError> {
        let after = self.manifest.after_batch;
        Ok(Stepper::new(self.engine()?, after).knowing(Words::as_of(self.words.iter().cloned(), after)))
    }

    /// Index of the last batch before which the engine ticks.
    fn last_due(&self, mut ticked: Option<Timestamp>) -> Option<usize> {
        let mut due = None;
        for (index, batch) in self.batches.iter().enumerate() {
            if ticked.is_none_or(|last| batch.tick > last) {
                (ticked, due) = (Some(batch.tick), Some(index));
            }
        }
        due
    }

    fn engine(&self) -> Result<Engine, BundleError> {
        Ok(Engine::restore(&self.checkpoint)?)
    }
}
