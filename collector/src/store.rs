//! What is kept on disk, behind one trait: batches of observations in commit order with their ticks, the state from which
//! a restart goes on, contents, and what was said of each incident. What an observation means is the engine's business.
//!
//! The stored unit is the *batch*: everything that one group commit made durable, compressed as a whole. A row per
//! observation would cost four times the bytes (names and hashes repeat across rows), and nothing reads single rows.

mod aside;
mod backup;
mod journal;
mod lock;
mod purge;
mod schema;
mod sqlite;

pub use backup::{BackedUp, BackupError, backup};
pub use lock::DirectoryLock;
pub use purge::{NotASubject, PurgeError, Purged, Subject, Who, purge, purge_backup};
pub use sqlite::{SqliteReader, SqliteStore};

use crate::normalise::{Content, EventRecord};
use crate::otlp::Encoding;
use crate::words::{StoredWord, WordChange};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use std::path::PathBuf;

/// Why the store cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another collector has the directory.
    #[error("{} is in use by the collector with pid {pid}: stop it, or choose another --data-dir", directory.display())]
    Held {
        /// The directory.
        directory: PathBuf,
        /// Its holder, as it wrote it; `unknown` if unreadable.
        pid: String,
    },
    /// The directory cannot be made or written.
    #[error("cannot use the data directory {}: {source}; choose another with --data-dir", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A later version wrote it.
    #[error("{} was written by a later version of firstbad (schema {found}, this one knows {known}): use that version, or another --data-dir", path.display())]
    Later {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The greatest that this version knows.
        known: i64,
    },
    /// There is no store.
    #[error("there is no store in {}: it holds no firstbad.db", .0.display())]
    Missing(PathBuf),
    /// An earlier version wrote it, and it is only read.
    #[error("{} was written by an earlier version of firstbad (schema {found}, this one reads {known}): `firstbad collect` on it once brings it up", path.display())]
    Earlier {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The least that this version reads.
        known: i64,
    },
    /// The file under the open store was removed or replaced.
    #[error("{} was removed or replaced while it was in use", .0.display())]
    Gone(PathBuf),
    /// The database refused.
    #[error("the store refused to {what}: {source}")]
    Database {
        /// What was attempted.
        what: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// The journal cannot be written or read.
    #[error("the journal {} cannot be used: {source}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something stored cannot be read back.
    #[error("{what} cannot be read back: {reason}")]
    Damaged {
        /// What.
        what: String,
        /// Why.
        reason: String,
    },
}

impl StoreError {
    /// Whether the file itself is broken, so that waiting does not help.
    #[must_use]
    pub fn is_corrupt(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Database { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            Self::Damaged { .. } => true,
            _ => false,
        }
    }
}

/// One group commit, as the engine reads it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Batch {
    /// Position in commit order, from 1.
    pub seq: u64,
    /// The receive clock at its commit, floored to the second; it never runs backwards.
    pub tick: Timestamp,
    /// What it made known; empty where only time passed.
    pub observations: Vec<Observation>,
    /// Changes of engineers' words. They are no observations; a bundle has them in an entry of its own.
    #[serde(skip)]
    pub words: Vec<WordChange>,
}

/// A batch with the log records of its events, as an export reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// The batch.
    pub batch: Batch,
    /// The log records of those observations that are events. A store before schema 4 kept none.
    pub records: Vec<EventRecord>,
}

/// One acknowledged request, kept until the normaliser's state that holds it is saved.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Journalled {
    /// Which service it was sent to.
    pub signal: Signal,
    /// How it is written.
    pub encoding: Encoding,
    /// The receive clock.
    pub received_at: Timestamp,
    /// The request, decompressed.
    pub body: Vec<u8>,
}

/// Which OTLP service a request was sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Signal {
    /// `/v1/metrics`.
    Metrics,
    /// `/v1/logs`.
    Logs,
    /// `/v1/traces`.
    Traces,
}

impl Signal {
    /// The word in metrics and status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Logs => "logs",
            Self::Traces => "traces",
        }
    }
}

/// Everything that one transaction makes durable together.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The batch.
    pub batch: &'a Batch,
    /// The log records of its events.
    pub records: &'a [EventRecord],
    /// The requests it came from.
    pub journal: &'a [Journalled],
    /// Contents that came with them.
    pub contents: &'a [Content],
    /// The normaliser's state after this batch, where it is time to save it; the journal up to here is then dropped.
    pub normaliser: Option<&'a [u8]>,
}

/// The engine's state after a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The last batch in it; 0: none.
    pub batch: u64,
    /// That batch's tick.
    pub tick: Timestamp,
    /// `Engine::checkpoint`.
    pub engine: Vec<u8>,
}

/// What was last said of an incident, and from where its story can be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentRecord {
    /// Its id.
    pub id: String,
    /// The batch after which this was said.
    pub batch: u64,
    /// Its onset: a bundle starts from a checkpoint well before it.
    pub onset: Timestamp,
    /// Whether it is over.
    pub resolved: bool,
    /// The whole diagnosis as JSON ([`crate::diagnosis_json`]).
    pub diagnosis: String,
}

/// What the normaliser goes on from.
#[derive(Debug, Default)]
pub struct NormaliserState {
    /// Its saved state, if any.
    pub saved: Option<Vec<u8>>,
    /// Requests acknowledged since, oldest first.
    pub journal: Vec<Journalled>,
    /// The requests that the journal lacks, if any.
    pub lost: Option<Lost>,
    /// Commits that only the journal has, in order: a power cut took them from the database, or the process ended before it
    /// had them. [`Store::commit_again`] puts them back.
    pub ahead: Vec<Ahead>,
}

/// A commit that only the journal has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// Its batch.
    pub seq: u64,
    /// The batch's tick.
    pub tick: Timestamp,
    /// Its requests.
    pub requests: Vec<Journalled>,
}

/// Requests whose effect on the normaliser's state is lost. What they said is in the record nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub requests: u64,
    /// Where the damaged journal is now.
    pub moved: PathBuf,
}

/// How much may stay.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Batches before this go.
    pub before: Timestamp,
    /// Greatest size, bytes.
    pub bytes_max: u64,
}

/// The writing side; one owner.
pub trait Store: Send {
    /// Makes the requests of a batch durable: when this returns, what they say survives a power cut, and so do the batch's
    /// words. A batch without either survives the end of the process. Readers see it after [`Store::flush`] at the latest.
    ///
    /// # Errors
    /// If it could not; then nothing of it is stored.
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StoreError>;

    /// Puts back a commit that only the journal has ([`NormaliserState::ahead`]). Readers see it after [`Store::flush`].
    ///
    /// # Errors
    /// If it could not; then nothing of it is stored.
    fn commit_again(&mut self, commit: &Commit<'_>) -> Result<(), StoreError>;

    /// Shows readers every commit so far.
    ///
    /// # Errors
    /// If the database refuses. The commits are not lost: the next call shows them.
    fn flush(&mut self) -> Result<(), StoreError>;

    /// Saves a checkpoint and drops those that nothing needs any more.
    ///
    /// # Errors
    /// If the database refuses.
    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError>;

    /// Saves what was said of incidents.
    ///
    /// # Errors
    /// If the database refuses.
    fn put_incidents(&mut self, incidents: &[IncidentRecord]) -> Result<(), StoreError>;

    /// Deletes one slice of what may go. Returns how many batches went.
    ///
    /// # Errors
    /// If the database refuses.
    fn retain(&mut self, retention: Retention) -> Result<u64, StoreError>;

    /// What the normaliser goes on from, as of the last commit.
    ///
    /// # Errors
    /// If it cannot be read.
    fn normaliser_state(&mut self) -> Result<NormaliserState, StoreError>;

    /// Whether commits still land where a restart would look.
    ///
    /// # Errors
    /// [`StoreError::Gone`] if not.
    fn check_place(&self) -> Result<(), StoreError>;

    /// Begins anew where the store was, after [`StoreError::Gone`]. What was in it is lost with the file; what comes next
    /// is not.
    ///
    /// # Errors
    /// If that is not possible either.
    fn reopen(&mut self) -> Result<(), StoreError>;

    /// Whether the journal has grown so far that the normaliser's state should be saved with the next commit.
    fn is_journal_full(&self) -> bool;

    /// Bytes on disk.
    fn bytes(&self) -> u64;
}

/// The reading side; any number, beside the writer.
pub trait StoreReader {
    /// Checkpoints, newest first.
    ///
    /// # Errors
    /// If the database refuses.
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError>;

    /// The newest checkpoint at or before `tick`, else the oldest there is.
    ///
    /// # Errors
    /// If the database refuses.
    fn checkpoint_before(&self, tick: Timestamp) -> Result<Option<Checkpoint>, StoreError>;

    /// Hands over the batches after `after` up to and including `last`, in order. The visitor ends the walk with false.
    ///
    /// # Errors
    /// If the database refuses, or a batch is damaged.
    fn batches(&self, range: BatchRange, visit: &mut dyn FnMut(Batch) -> bool) -> Result<(), StoreError>;

    /// The same with the log records of events.
    ///
    /// # Errors
    /// If the database refuses, or a batch is damaged.
    fn recorded(&self, range: BatchRange, visit: &mut dyn FnMut(Recorded) -> bool) -> Result<(), StoreError>;

    /// The first and last batch stored; none if there is none.
    ///
    /// # Errors
    /// If the database refuses.
    fn extent(&self) -> Result<Option<Extent>, StoreError>;

    /// The last batch before `tick`; 0 if there is none.
    ///
    /// # Errors
    /// If the database refuses.
    fn batch_before(&self, tick: Timestamp) -> Result<u64, StoreError>;

    /// The content of one version.
    ///
    /// # Errors
    /// If the database refuses, or the content is damaged.
    fn content(&self, hash: &Hash) -> Result<Option<Content>, StoreError>;

    /// Whether the content of one version is there.
    ///
    /// # Errors
    /// If the database refuses.
    fn has_content(&self, hash: &Hash) -> Result<bool, StoreError>;

    /// What was last said of one incident.
    ///
    /// # Errors
    /// If the database refuses.
    fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, StoreError>;

    /// Every word of engineers that is kept, oldest first. A store before schema 6 has none.
    ///
    /// # Errors
    /// If the database refuses.
    fn words(&self) -> Result<Vec<StoredWord>, StoreError>;

    /// What was last said of every incident, newest first.
    ///
    /// # Errors
    /// If the database refuses.
    fn incidents(&self) -> Result<Vec<IncidentRecord>, StoreError>;
}

/// A half-open range of batches: after `after`, up to and including `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRange {
    /// The batch before the first.
    pub after: u64,
    /// The last.
    pub last: u64,
}

/// The first and last batch stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// First.
    pub first: u64,
    /// Last.
    pub last: u64,
    /// The last one's tick.
    pub last_tick: Timestamp,
}
