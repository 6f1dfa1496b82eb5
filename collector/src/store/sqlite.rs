//! The embedded store: one SQLite file in WAL mode, one writing connection, readers beside it, and the journal, which is what
//! is synced before an acknowledgement. Commits that the journal has wait in memory and are stored together. It decides how rows are laid out and what is deleted; when something is written is
//! the writer's decision.

mod pending;
mod read;
mod words;
mod write;

use pending::{Pending, Row};
pub use read::SqliteReader;
pub(super) use read::commits;

use super::journal::{self, Journal};
use super::{
    Checkpoint, Commit, IncidentRecord, Journalled, Lost, NormaliserState, Retention, Store, StoreError, aside, schema,
};
use firstbad_protocol::time::Timestamp;
use rusqlite::Connection;
use std::cell::RefCell;
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use write::Last;

/// Compression of bodies. Level 3 was within 4 % of level 9's size on batches, at a fifth of its time.
const ZSTD_LEVEL: i32 = 3;
/// A stored body beyond this, decompressed, is damage: a batch holds at most what was in flight.
const BODY_BYTES_MAX: usize = 512 << 20;
/// Mode of the store's files.
const OWNER_ALONE: u32 = 0o600;
/// A file up to this size is checked whole at start, which takes about a second per GiB.
const CHECK_BYTES_MAX: u64 = 256 << 20;

/// The writing connection.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    path: PathBuf,
    inode: u64,
    journal: Journal,
    pending: Pending,
    /// Whether this process has committed. Until then, what the journal has beyond the database is of a process that ended; from
    /// then on, it is pending here, or of a commit that failed.
    is_live: bool,
    /// When damage is set aside, in the name of what it becomes.
    now: Timestamp,
}

impl SqliteStore {
    /// Opens or creates the store in `directory`. A broken file is moved aside; the returned sentences say so.
    ///
    /// # Errors
    /// If the directory cannot be written, or a later version wrote the store.
    pub fn open(directory: &Path, now: Timestamp) -> Result<(Self, Vec<String>), StoreError> {
        let path = directory.join("firstbad.db");
        match Self::open_file(&path, now) {
            Ok(store) => Ok((store, Vec::new())),
            Err(error) if error.is_corrupt() => {
                let (store, notice) = Self::start_over(&path, now, &error)?;
                Ok((store, vec![notice]))
            }
            Err(error) => Err(error),
        }
    }

    /// Moves the file aside and begins an empty one: for damage that shows only when something is read.
    ///
    /// # Errors
    /// If the file cannot be moved, or a new one not be made.
    pub fn start_over(path: &Path, now: Timestamp, error: &StoreError) -> Result<(Self, String), StoreError> {
        let refuse = |source| StoreError::Directory { directory: path.into(), source };
        let moved = aside::move_aside(path, now).map_err(refuse)?;
        // It belongs to that database.
        let directory = path.parent().unwrap_or(Path::new("."));
        aside::move_file_aside(&journal::path_in(directory), now).map_err(refuse)?;
        let notice = format!(
            "{} was damaged ({error}) and is now {}: the record before this start is in it, and is not shown",
            path.display(),
            moved.display()
        );
        Ok((Self::open_file(path, now)?, notice))
    }

    fn open_file(path: &Path, now: Timestamp) -> Result<Self, StoreError> {
        let refuse = |what| move |source| StoreError::Database { what, source };
        private(path).map_err(|source| StoreError::Directory { directory: path.into(), source })?;
        let connection = Connection::open(path).map_err(refuse("open"))?;
        schema::prepare(&connection, path)?;
        let metadata =
            std::fs::metadata(path).map_err(|source| StoreError::Directory { directory: path.into(), source })?;
        if metadata.size() <= CHECK_BYTES_MAX {
            quick_check(&connection)?;
        }
        let journal = Journal::open(path.parent().unwrap_or(Path::new(".")))?;
        Ok(Self {
            connection,
            path: path.into(),
            inode: metadata.ino(),
            journal,
            pending: Pending::default(),
            is_live: false,
            now,
        })
    }

    /// Moves a damaged journal to a name that ends in `.corrupt`, and begins an empty one.
    fn set_journal_aside(&mut self) -> Result<PathBuf, StoreError> {
        let directory = self.path.parent().unwrap_or(Path::new("."));
        let moved = aside::move_file_aside(&journal::path_in(directory), self.now)
            .map_err(|source| StoreError::Directory { directory: directory.into(), source })?;
        self.journal = Journal::open(directory)?;
        Ok(moved)
    }

    fn try_commit(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        if self.pending.is_full() {
            self.flush()?;
        }
        let row = Row::of(commit)?;
        // With a new state the journal begins anew, so all that it held has to be in the database for good. Words of engineers
        // are not in the journal.
        let is_synced = commit.normaliser.is_some() || !commit.batch.words.is_empty();
        let is_journalled = commit.normaliser.is_none() && !commit.journal.is_empty();
        if is_journalled {
            self.journal.append(commit.batch, commit.journal)?;
        }
        self.pending.push(row);
        if is_journalled && !is_synced {
            return Ok(());
        }
        let last = Last { words: &commit.batch.words, normaliser: commit.normaliser };
        let stored = if is_synced { self.store_synced(&last) } else { self.store_pending(&last) };
        if let Err(error) = stored {
            // Those before it wait on.
            self.pending.pop();
            if is_journalled {
                self.journal.undo();
            }
            return Err(error);
        }
        self.pending.clear();
        if commit.normaliser.is_some() {
            self.journal.begin_anew();
        }
        Ok(())
    }

    fn store_pending(&mut self, last: &Last<'_>) -> Result<(), StoreError> {
        write::commits(&mut self.connection, self.pending.rows(), last)
    }

    /// Stores what is pending, and returns when that and all before it is on disk.
    fn store_synced(&mut self, last: &Last<'_>) -> Result<(), StoreError> {
        schema::sync_commits(&self.connection, true)?;
        let stored = self.store_pending(last);
        if let Err(error) = schema::sync_commits(&self.connection, false) {
            tracing::warn!(%error, "each commit goes on to wait for the disk");
        }
        stored
    }

    /// Where the database is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes the database and its companions readable by their owner alone. SQLite gives new companions the database's mode.
fn private(path: &Path) -> std::io::Result<()> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(OWNER_ALONE).open(path)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        let name = PathBuf::from(name);
        if std::fs::metadata(&name).is_ok_and(|metadata| metadata.mode() & 0o777 != OWNER_ALONE) {
            std::fs::set_permissions(&name, Permissions::from_mode(OWNER_ALONE))?;
        }
    }
    Ok(())
}

/// Looks for damage in the whole file.
pub(super) fn quick_check(connection: &Connection) -> Result<(), StoreError> {
    let refuse = |source| StoreError::Database { what: "check itself", source };
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(refuse)?;
    if found == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { what: "the database".to_owned(), reason: found })
}

impl Store for SqliteStore {
    fn commit(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        self.is_live = true;
        self.try_commit(commit)
    }

    fn commit_again(&mut self, commit: &Commit<'_>) -> Result<(), StoreError> {
        if self.pending.is_full() {
            self.flush()?;
        }
        self.pending.push(Row::of(commit)?);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.store_pending(&Last::default())?;
        self.pending.clear();
        Ok(())
    }

    fn put_checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.flush()?;
        write::checkpoint(&mut self.connection, checkpoint)
    }

    fn put_incidents(&mut self, incidents: &[IncidentRecord]) -> Result<(), StoreError> {
        self.flush()?;
        write::incidents(&mut self.connection, incidents)
    }

    fn retain(&mut self, retention: Retention) -> Result<u64, StoreError> {
        self.flush()?;
        write::retain(&mut self.connection, retention)
    }

    fn normaliser_state(&mut self) -> Result<NormaliserState, StoreError> {
        let mut saved = read::normaliser_state(&self.connection)?;
        saved.commits.extend(self.pending.journalled());
        saved.range.last = self.pending.last().unwrap_or(saved.range.last);
        // Entries of a failed commit are not read by the process that failed. After a restart they cannot be distinguished from a
        // commit that only the journal has, so they are committed.
        let read_until = if self.is_live { saved.range.last } else { u64::MAX };
        let entries = self.journal.resume(saved.range.after, read_until)?;
        let found = saved.with(entries);
        if found.missing == 0 {
            return Ok(found.state);
        }
        // A state without some of the requests would count what they counted once more: there is none any more.
        let moved = self.set_journal_aside()?;
        write::forget_normaliser(&mut self.connection)?;
        self.pending.forget_requests();
        Ok(NormaliserState { lost: Some(Lost { requests: found.missing, moved }), ..found.without_state() })
    }

    fn is_journal_full(&self) -> bool {
        self.journal.is_full()
    }

    fn check_place(&self) -> Result<(), StoreError> {
        match std::fs::metadata(&self.path) {
            Ok(metadata) if metadata.ino() == self.inode => Ok(()),
            Ok(_) | Err(_) => Err(StoreError::Gone(self.path.clone())),
        }
    }

    fn reopen(&mut self) -> Result<(), StoreError> {
        let refuse = |source| StoreError::Directory { directory: self.path.clone(), source };
        if let Some(directory) = self.path.parent() {
            std::fs::create_dir_all(directory).map_err(refuse)?;
        }
        // What is pending was acknowledged, and its journal is gone: it goes into the new database.
        let mut pending = std::mem::take(&mut self.pending);
        pending.forget_requests();
        *self = Self { pending, is_live: true, ..Self::open_file(&self.path, self.now)? };
        Ok(())
    }

    fn bytes(&self) -> u64 {
        let database: u64 = ["", "-wal"].into_iter().map(|suffix| file_bytes(&self.path, suffix)).sum();
        database.saturating_add(self.journal.bytes())
    }
}

fn file_bytes(path: &Path, suffix: &str) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    std::fs::metadata(name).map_or(0, |metadata| metadata.size())
}

thread_local! {
    /// Made once: its tables are a megabyte, which a commit of a few reports would else ask of the kernel each time.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// Bytes as they are stored.
pub(super) fn pack(bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |error: std::io::Error| StoreError::Damaged { what: "a body".to_owned(), reason: error.to_string() };
    COMPRESSOR.with_borrow_mut(|kept| {
        let compressor = match kept.take() {
            Some(compressor) => compressor,
            None => zstd::bulk::Compressor::new(ZSTD_LEVEL).map_err(damaged)?,
        };
        kept.insert(compressor).compress(bytes).map_err(damaged)
    })
}

/// Journalled requests as a backup has them.
pub(super) fn pack_requests(requests: &[Journalled]) -> Result<Vec<u8>, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { what: "a request".to_owned(), reason };
    pack(&postcard::to_stdvec(requests).map_err(|error| damaged(error.to_string()))?)
}

/// Stored bytes as they were.
pub(super) fn unpack(what: &str, bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { what: what.to_owned(), reason };
    let mut plain = Vec::new();
    let decoder = zstd::Decoder::new(bytes).map_err(|error| damaged(error.to_string()))?;
    let mut limited = std::io::Read::take(decoder, BODY_BYTES_MAX as u64 + 1);
    std::io::Read::read_to_end(&mut limited, &mut plain).map_err(|error| damaged(error.to_string()))?;
    if plain.len() > BODY_BYTES_MAX {
        return Err(damaged(format!("it is larger than {BODY_BYTES_MAX} bytes")));
    }
    Ok(plain)
}

/// A batch number or size as SQLite's signed integer.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// SQLite's signed integer as a batch number or size.
fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A tick as stored: whole seconds.
const fn seconds(tick: Timestamp) -> i64 {
    tick.0.div_euclid(firstbad_protocol::time::SECOND_NS)
}
