//! Runs composed draws the way that a user's telemetry goes: lines of a capture, the collector's capture reader and
//! normaliser, the engine, `diagnose --format json`. What a draw is and what may be said of it, `firstbad_simulator` decides;
//! this crate runs, keeps the ledger, and sums up. It is a crate of its own so that the engine's bench builds without the
//! collector.
#![forbid(unsafe_code)]

pub mod ledger;
pub mod run;
pub mod table;
