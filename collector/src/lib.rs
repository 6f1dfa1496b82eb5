//! The collector: receivers -> admission -> store -> driver (sole owner of the engine) -> publish (API, SSE, metrics,
//! alerts). This file names the parts; what is started and stopped, and in which order, is decided in `collector`.
//!
//! It is a library so that the terminal UI can embed it: [`Collector::start`] brings its own threads and runtime.

mod admission;
pub mod agent;
mod alerts;
pub mod bundle;
pub mod capture;
pub mod client;
mod collector;
pub mod driver;
pub mod export;
mod fleet;
mod health;
mod local;
mod moment;
pub mod normalise;
pub mod offline;
pub mod otlp;
mod page;
mod playbooks;
pub mod publish;
mod readiness;
pub mod recorder;
mod redact;
mod refusal_log;
pub mod reload;
mod remote_write;
pub mod run;
pub mod security;
mod server;
pub mod settings;
mod start_error;
pub mod status;
pub mod store;
pub mod words;
mod writer;

pub use alerts::severity;
pub use bundle::{Bundle, BundleError};
pub use client::{Client, ClientError, Follower, Update};
pub use collector::{Addresses, Collector};
pub use page::Page;
pub use publish::{Published, Publisher, diagnosis_json};
pub use settings::{AgentSettings, Settings};
pub use start_error::StartError;
pub use status::{Queue, Status};

#[cfg(test)]
mod tests;
