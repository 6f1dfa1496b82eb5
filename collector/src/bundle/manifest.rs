//! The manifest: what a bundle is, who wrote it, and what must be in it. It is read first and believed in nothing that
//! can be checked.

use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The schema of bundles that this version writes and reads. The layout of observations belongs to it.
pub const SCHEMA: u32 = 2;

/// What a bundle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// Version of firstbad that wrote it.
    pub tool_version: String,
    /// The incident.
    pub incident: String,
    /// The batch that the checkpoint stands after.
    pub after_batch: u64,
    /// The batch that the verdict stands after.
    pub last_batch: u64,
    /// Batches inside.
    pub batches: u64,
    /// The verdict's tick.
    pub at: Option<Timestamp>,
    /// Contents inside.
    pub contents: Vec<ContentNote>,
    /// Versions whose content was not kept, or did not fit.
    pub contents_missing: Vec<firstbad_protocol::Hash>,
}

/// What is told of one content inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentNote {
    /// The version; the entry is `contents/<64 hex>`.
    pub hash: firstbad_protocol::Hash,
    /// Config name; untrusted text.
    pub config: String,
    /// `firstbad.content.format`; untrusted text.
    pub format: String,
}
