//! A verdict without a collector: captures through normaliser and engine, or a bundle through the engine. It decides when
//! the engine ticks; what is read is decided by `capture` and `bundle`, what it means by the engine.

use crate::normalise::Content;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::Diagnosis;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// What may be asked.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Nothing later is read, and suspects are ranked as of then.
    pub at: Option<Timestamp>,
    /// Attribute keys that are dimensions beside the default ones.
    pub dimensions: Vec<String>,
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Offline {
    /// The verdicts.
    pub diagnosis: Diagnosis,
    /// Everything a screen shows, as of the end.
    pub snapshot: Snapshot,
    /// Captured contents, for the difference view.
    pub contents: Vec<Content>,
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// No file was named.
    #[error("no capture or bundle was named")]
    NothingNamed,
}

/// The verdict of captures (merged by time; `-` is standard input) or of one bundle.
///
/// # Errors
/// If nothing is readable.
pub fn diagnose(paths: &[PathBuf], options: &Options) -> Result<Offline, OfflineError> {
    replay(paths, options, &mut |_| ControlFlow::Continue(()))
}

/// The same, showing the snapshot after every tick; it stops where `on_tick` breaks.
///
/// # Errors
/// If nothing is readable.
pub fn replay(
    paths: &[PathBuf],
    options: &Options,
    on_tick: &mut dyn FnMut(&Snapshot) -> ControlFlow<()>,
) -> Result<Offline, OfflineError> {
    let _ = (paths, options, on_tick);
    Err(OfflineError::NothingNamed)
}
