//! A copy of the store while its collector runs: SQLite's online backup in one read transaction, into a file that appears under
//! its name only when it is whole, checked and on disk.

use super::sqlite::{commits, pack_requests, quick_check, signed};
use super::{Extent, SqliteReader, StoreError, StoreReader as _, journal, schema};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, params};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between attempts while another connection holds the copy's source, which it does for milliseconds.
const RETRY_AFTER: Duration = Duration::from_millis(50);
/// Attempts before it is given up: half a minute.
const ATTEMPTS_MAX: usize = 600;
/// Copies made, if the journal was written over meanwhile, or the collector had commits that were not in its database yet. The
/// state is saved every few seconds at most, and the database has each commit within a second.
const COPIES_MAX: usize = 6;
/// Between copies.
const COPY_AGAIN_AFTER: Duration = Duration::from_millis(400);

/// What a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// Bytes of the file.
    pub bytes: u64,
    /// Its batches; none if nothing was stored yet.
    pub extent: Option<Extent>,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The file is there already.
    #[error("{} is there already, and a backup replaces no file", .0.display())]
    Exists(PathBuf),
    /// The file cannot be written.
    #[error("cannot write the backup {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be read, or not be copied.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the store in `directory` to the file `to`. A collector may run meanwhile; what it commits after this began is not in
/// the copy. A copy is a whole store: named `firstbad.db` in a directory, a collector starts from it.
///
/// # Errors
/// See [`BackupError`]. There is then no file `to`, nor a part of it.
pub fn backup(directory: &Path, to: &Path) -> Result<BackedUp, BackupError> {
    if !directory.join("firstbad.db").is_file() {
        return Err(StoreError::Missing(directory.into()).into());
    }
    if to.symlink_metadata().is_ok() {
        return Err(BackupError::Exists(to.into()));
    }
    let write = |source| BackupError::Write { path: to.into(), source };
    let part = Part::beside(to).map_err(write)?;
    let copied = copy(directory, &part.0)?;
    let file = File::open(&part.0).map_err(write)?;
    file.sync_all().map_err(write)?;
    let bytes = file.metadata().map_err(write)?.len();
    std::fs::rename(&part.0, to).map_err(write)?;
    drop(part);
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).map_err(write)?;
    Ok(BackedUp { bytes, extent: copied })
}

/// The file while it is written; removed when this is dropped.
struct Part(PathBuf);

impl Part {
    fn beside(to: &Path) -> io::Result<Self> {
        let mut name = to.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let path = to.with_file_name(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nothing can be done about a file that does not go.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Copies until the copy has all that was acknowledged when this began, and the requests that its journal names are in the
/// journal's file: the collector may write over them between the two, when it saves the state that holds them.
fn copy(directory: &Path, to: &Path) -> Result<Option<Extent>, StoreError> {
    let wanted = last_acknowledged(directory)?;
    let mut reason = "its journal lacks requests of the last commits";
    for attempt in 0..COPIES_MAX {
        if attempt > 0 {
            std::thread::sleep(COPY_AGAIN_AFTER);
        }
        let target = copy_database(directory, to)?;
        if !take_journal(directory, &target)? {
            continue;
        }
        let reader = SqliteReader::over(target);
        let extent = reader.extent()?;
        if extent.map_or(0, |extent| extent.last) >= wanted {
            quick_check(reader.connection())?;
            return Ok(extent);
        }
        reason = "its last commits are in the journal alone: a collector that starts on it once completes it";
    }
    Err(StoreError::Damaged { what: "the store".to_owned(), reason: reason.to_owned() })
}

/// The last batch that was acknowledged by now, whether or not the database has it.
fn last_acknowledged(directory: &Path) -> Result<u64, StoreError> {
    let stored = SqliteReader::open(directory)?.extent()?.map_or(0, |extent| extent.last);
    let ahead = journal::read(&journal::path_in(directory), stored, u64::MAX)?.entries;
    Ok(ahead.last().map_or(stored, |entry| entry.batch))
}

/// Puts the requests of the journal's file into the copy, which is one file. False: some are not there.
fn take_journal(directory: &Path, target: &Connection) -> Result<bool, StoreError> {
    let refuse = |source| StoreError::Database { what: "finish the backup", source };
    // An earlier schema has them in the database.
    let commits = if schema::number(target)? < schema::VERSION { Vec::new() } else { commits(target)? };
    let (Some(first), Some(last)) = (commits.first(), commits.last()) else { return Ok(true) };
    let read = journal::read(&journal::path_in(directory), first.batch.saturating_sub(1), last.batch)?;
    let mut entries = read.entries.into_iter().peekable();
    for commit in commits.iter().filter(|commit| commit.in_file > 0) {
        while entries.next_if(|entry| entry.batch < commit.batch).is_some() {}
        let of_commit = entries.next_if(|entry| entry.batch == commit.batch);
        let requests = of_commit.map_or_else(Vec::new, |entry| entry.requests);
        if requests.len() as u64 != commit.in_file {
            return Ok(false);
        }
        let row = params![signed(commit.batch), pack_requests(&requests)?];
        target.execute("UPDATE journal SET body = ?2 WHERE batch = ?1", row).map_err(refuse)?;
    }
    Ok(true)
}

fn copy_database(directory: &Path, to: &Path) -> Result<Connection, StoreError> {
    let refuse = |what| move |source| StoreError::Database { what, source };
    let source = SqliteReader::open(directory)?;
    let mut target = Connection::open(to).map_err(refuse("open the backup"))?;
    let copying = Backup::new(source.connection(), &mut target).map_err(refuse("begin a backup"))?;
    let mut attempts = 0;
    // All pages in one step: a step that is not the last begins anew whenever the collector commits.
    while copying.step(-1).map_err(refuse("copy itself"))? != StepResult::Done {
        attempts += 1;
        if attempts > ATTEMPTS_MAX {
            let reason = "another process kept it locked for half a minute".to_owned();
            return Err(StoreError::Damaged { what: "the store".to_owned(), reason });
        }
        std::thread::sleep(RETRY_AFTER);
    }
    drop(copying);
    // One file, without a log beside it; a collector that starts from it turns the log on again.
    target.execute_batch("PRAGMA journal_mode = DELETE;").map_err(refuse("finish the backup"))?;
    Ok(target)
}
