//! Fleet simulator with ground truth, and the bench of the engine. Written from the documents, not from the engine's
//! code: what a fleet looks like in each kind of incident, and which answers are admissible, is decided here; what the
//! engine concludes is only judged. Counts are drawn between the exact instants at which something changes on a host.
#![forbid(unsafe_code)]

pub mod agreement;
pub mod answer;
pub mod args;
pub mod bench;
pub mod capture;
mod catalogue;
pub mod compare;
pub mod composer;
pub mod constancy;
pub mod content;
pub mod cost;
pub mod counts;
pub mod effect;
mod glob;
pub mod golden;
pub mod host;
pub mod judge;
pub mod ledger;
pub mod number;
pub mod outcome;
pub mod overrides;
pub mod plan;
pub mod random;
pub mod recovery;
pub mod scenario;
pub mod schedule;
pub mod shape;
pub mod simple;
pub mod simulation;
pub mod table;
pub mod telemetry;
pub mod truth;
