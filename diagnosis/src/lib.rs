//! The diagnosis engine: observations and ticks in, incidents out.
//!
//! It reads no clock, file, socket, thread or environment, and iterates no hash map where order could show: the same
//! observations and ticks in the same order give the same snapshot, byte for byte (invariant 1). Wire formats, storage
//! and presentation are left to `collector` and `tui`.
#![forbid(unsafe_code)]

mod aggregate;
mod align;
mod asked;
mod baseline;
mod blip;
mod case;
mod census;
mod compact;
mod content;
mod counts;
mod course;
mod delayed;
mod detect;
mod divided;
mod drift;
pub mod engine;
mod facts;
mod fast_push;
mod finished;
mod good;
mod graded;
mod hypotheses;
mod incident;
mod judge;
pub mod localise;
mod math;
mod memo;
mod mixture;
mod model;
mod moment;
mod moves;
mod narrow;
pub mod observation;
mod place;
mod pooled;
mod property;
mod reach;
mod restarts;
mod ring;
mod riskset;
mod rollouts;
mod samples;
mod scene;
pub mod settings;
mod shape;
mod shares;
mod sides;
mod spans;
mod staged;
mod stale;
mod state;
mod step;
mod tables;
mod take;
mod take_load;
mod take_row;
mod tally;
mod tick;
mod units;
mod uses;
mod view;
mod waiting;
mod watch;
mod words;

pub use engine::{CheckpointError, Engine};
pub use settings::Settings;
