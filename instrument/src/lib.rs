//! What a proxy links: every panic, load, request outcome and score is counted under the hash of the file version that
//! produced it, in a memory-mapped flight recorder that survives any death of the process.
//!
//! No thread, socket, exporter or lock on the request path; about 2 ns per recorded value. An agent on the host reads the
//! recorder and ships it. What the numbers mean is decided elsewhere.
//!
//! Guides: [add firstbad to your proxy in 15 lines](guide::fifteen_lines), [what it costs](guide::cost), [what it cannot
//! see](guide::blind_spots), [limits](guide::limits), [secrets](guide::secrets), [servers and spawned tasks](guide::runtimes),
//! [how many hosts a name needs, templates, a fleet on a laptop](guide::fleets), [tests](guide::testing), [builds, C libraries,
//! services](guide::deployment), [containers](guide::containers), [platforms](guide::platforms), [how it is shown](guide::proofs).
//! Features, none of them on by default: `export` (a shipper thread), `metrics`, `otel`, `tracing` (bridges), `pingora` (a request
//! context), `tower` (a layer that counts requests), `axum` (an extractor).
//!
//! ```no_run
//! use firstbad_instrument::{Live, Outcome};
//!
//! static FEATURES: Live<Vec<String>> = Live::new("bot-features").limit("rows", 200);
//!
//! fn parse(bytes: &[u8]) -> Result<Vec<String>, std::str::Utf8Error> {
//!     Ok(std::str::from_utf8(bytes)?.lines().map(str::to_owned).collect())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let _recorder = firstbad_instrument::init().service("fl2").version("2.1").install()?;
//! FEATURES.load_file("/etc/bot/features.csv", parse).applied()?;
//! if let Some(features) = FEATURES.pin() {
//!     println!("{} features", features.len());
//!     features.record(Outcome::Ok);
//! }
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]
#![deny(missing_docs, unsafe_code)]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "axum")]
pub mod axum;
#[cfg(any(feature = "metrics", feature = "otel"))]
mod bridge;
mod cells;
mod config;
mod content_store;
#[cfg(feature = "tower")]
mod current;
mod directory;
mod events;
#[cfg(feature = "export")]
pub mod export;
mod file;
#[cfg_attr(not(unix), path = "files_elsewhere.rs")]
mod files;
mod findings;
mod generations;
pub mod guide;
mod hook;
mod hot;
mod init;
mod live;
mod load;
mod load_outcome;
mod loader;
#[cfg(any(target_vendor = "apple", test))]
mod mach_o;
mod mask;
mod memory;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "otel")]
pub mod otel;
mod own;
#[cfg(feature = "pingora")]
pub mod pingora;
mod predecessor;
#[cfg_attr(not(unix), path = "raw_elsewhere.rs")]
mod raw;
mod raw_arrays;
#[cfg(all(test, unix))]
#[allow(dead_code, reason = "what does nothing there has nothing to test")]
mod raw_elsewhere;
mod recorder;
mod request;
mod resource;
mod score;
mod slot;
mod table;
mod tag;
pub mod testing;
mod ticket;
#[cfg(feature = "tower")]
pub mod tower;
#[cfg(feature = "tracing")]
pub mod tracing;
mod watch;

pub use config::Config;
pub use firstbad_protocol::Hash;
pub use firstbad_protocol::content::{Format, RowReader};
pub use firstbad_protocol::load::LoadResult;
pub use generations::Generation;
pub use init::{Content, Init, InitError, PreviousHook, Recorder, init};
pub use live::{Handle, Live, Pin};
pub use load::{Attempt, Origin, record_load};
pub use load_outcome::{Evidence, LoadOutcome, Refusal, Refused};
pub use loader::{Loaded, Unloaded};
pub use memory::memory_bytes;
pub use predecessor::Death;
pub use request::{Request, SharedRequest, record_request};
pub use score::Score;
pub use table::active_versions;
pub use tag::{Entered, Outcome, Tag, Tagged};
pub use ticket::Ticket;
pub use watch::{Watched, Watcher};
