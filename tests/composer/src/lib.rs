//! Runs composed draws on the path of a user's telemetry: the lines of a capture, the collector's capture reader and
//! normaliser, the engine, `diagnose --format json`. The draws and their admissible verdicts are decided in
//! `firstbad_simulator`; this crate runs them, keeps the ledger, and sums it up. It is a separate crate so that the engine's
//! bench builds without the collector.
#![forbid(unsafe_code)]

pub mod ledger;
pub mod run;
pub mod table;
