//! The diagnosis engine: observations and ticks in, incidents out.
//!
//! It reads no clock, file, socket, thread or environment, and iterates no hash map where order could show: the same
//! observations and ticks in the same order give the same snapshot, byte for byte (invariant 1). Wire formats, storage
//! and presentation are left to `collector` and `tui`.
#![forbid(unsafe_code)]

mod detect;
pub mod engine;
mod evidence;
mod hypothesis;
mod ingest;
mod numerics;
pub mod observation;
mod scene;
pub mod settings;
mod signals;
mod snapshot;
mod state;
mod verdict;
mod wording;

pub use engine::{CheckpointError, Engine};
pub use numerics::localise;
pub use settings::Settings;
