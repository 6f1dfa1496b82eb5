//! `GET /api/v1/status`: how the collector itself fares. What the fleet looks like is in the snapshot.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// How a collector fares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the collector.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// RFC 3339 time of its start.
    pub started_at: firstbad_protocol::time::Timestamp,
    /// Where the store lives.
    pub data_dir: String,
    /// Addresses listened on, by receiver (`otlp_http`, `otlp_grpc`, `api`).
    pub listen: BTreeMap<String, Vec<SocketAddr>>,
    /// Whether a bind is wider than loopback without authentication.
    pub insecure: bool,
    /// Whether verdicts are only recorded, and nobody is alerted.
    #[serde(default)]
    pub shadow: bool,
    /// Why nothing can be stored now, if so: senders are told to retry.
    pub degraded: Option<String>,
    /// What keeps the collector from its work, in words, most serious first; empty: nothing. `/ready` says the same.
    #[serde(default)]
    pub not_ready: Vec<String>,
    /// What the start had to say: a store moved aside, a state that was rebuilt; and why a changed credentials
    /// file or configuration is not in force.
    pub notices: Vec<String>,
    /// Last batch that the engine has seen.
    pub batch: u64,
    /// Time of its tick; null before the first.
    pub at: Option<firstbad_protocol::time::Timestamp>,
    /// Requests waiting for a commit, and how many may wait.
    pub queue: Queue,
    /// Bytes of the store on disk.
    pub store_bytes: u64,
    /// Points and events acknowledged, by signal.
    pub received: BTreeMap<String, u64>,
    /// Requests refused, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Hosts that reported lately.
    pub hosts_reporting: u64,
    /// Hosts that went silent.
    pub hosts_silent: u64,
    /// Recorders read by this collector itself; null where it reads none.
    pub recorders: Option<u64>,
    /// Recorders that it found and could not read, with file and reason; the first few. Their processes are not seen.
    #[serde(default)]
    pub recorders_unreadable: Vec<String>,
}

/// The queue before the writer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Requests waiting.
    pub length: u64,
    /// Requests that may wait.
    pub capacity: u64,
}
