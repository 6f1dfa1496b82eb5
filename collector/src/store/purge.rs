//! Takes out of a store, which no collector has open, everything about one host, or everything that holds one text. What cannot be
//! taken apart goes whole: the states of engine and normaliser, and the journal of requests that are committed. Deleted pages are
//! overwritten, and the file is written anew.

mod subject;

use super::sqlite::{commits, pack, signed, unpack};
use super::{DirectoryLock, StoreError, journal, schema};
use crate::normalise::EventRecord;
use crate::security::audit::{Audit, Call};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::time::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
pub use subject::{NotASubject, Subject};

/// What was taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Purged {
    /// Observations: events, and reports of counts.
    pub observations: u64,
    /// Log records of events.
    pub records: u64,
    /// Contents of versions.
    pub contents: u64,
    /// Incidents in whose text something was replaced.
    pub incidents: u64,
    /// Words of engineers.
    pub words: u64,
    /// Files beside the store that may hold it, and that are not changed: set aside as damaged, or an audit log that names it.
    pub left: Vec<PathBuf>,
}

/// Why nothing was purged.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The store cannot be changed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The last commits are in the journal alone.
    #[error("{} holds commits that the database lacks: start a collector on it once, and stop it, so that they are not lost", .0.display())]
    Unfinished(PathBuf),
    /// It could not be written down who purged what.
    #[error("the audit log in {} cannot be written: {source}", directory.display())]
    Audit {
        /// The data directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Purges the store in `directory`. The audit log there says when, by whom and of what kind, and not the subject itself.
///
/// # Errors
/// See [`PurgeError`]; then the database is as it was.
pub fn purge(directory: &Path, subject: &Subject, by: &Who<'_>) -> Result<Purged, PurgeError> {
    let path = directory.join("firstbad.db");
    if !path.is_file() {
        return Err(StoreError::Missing(directory.into()).into());
    }
    let lock = DirectoryLock::take(directory)?;
    let refuse = |source| PurgeError::Audit { directory: directory.into(), source };
    let audit = Audit::open(directory).map_err(refuse)?;
    let mut connection = open(&path)?;
    if has_unfinished(directory, &connection)? {
        return Err(PurgeError::Unfinished(journal::path_in(directory)));
    }
    let mut purged = clean(&mut connection, subject)?;
    drop(connection);
    remove(&journal::path_in(directory))?;
    purged.left = left(directory, subject);
    audit.write(&by.call(subject, &purged));
    drop(lock);
    Ok(purged)
}

/// Purges a file that `firstbad backup` wrote.
///
/// # Errors
/// See [`PurgeError`]; then the file is as it was.
pub fn purge_backup(path: &Path, subject: &Subject) -> Result<Purged, PurgeError> {
    if !path.is_file() {
        return Err(StoreError::Missing(path.into()).into());
    }
    let mut connection = open(path)?;
    let purged = clean(&mut connection, subject)?;
    // One file, as a backup is.
    connection.execute_batch("PRAGMA journal_mode = DELETE;").map_err(refuse("leave one file"))?;
    Ok(purged)
}

/// Who purges, for the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Name of the user.
    pub user: &'a str,
    /// The clock.
    pub at: Timestamp,
}

impl Who<'_> {
    fn call(&self, subject: &Subject, purged: &Purged) -> Call<'_> {
        let Purged { observations, records, contents, incidents, words, .. } = purged;
        let counts = format!(
            "{observations} observations, {records} records, {contents} contents, {incidents} incidents, {words} words"
        );
        Call {
            at: self.at,
            event: "purge",
            caller: self.user,
            from: "this machine".to_owned(),
            method: "purge",
            path: subject.kind(),
            status: 0,
            reason: counts,
        }
    }
}

const fn refuse(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

fn open(path: &Path) -> Result<Connection, StoreError> {
    let connection = Connection::open(path).map_err(refuse("open"))?;
    match schema::number(&connection)? {
        found if found > schema::VERSION => {
            return Err(StoreError::Later { path: path.into(), found, known: schema::VERSION });
        }
        found if found < schema::VERSION => {
            return Err(StoreError::Earlier { path: path.into(), found, known: schema::VERSION });
        }
        _ => {}
    }
    connection.execute_batch("PRAGMA secure_delete = ON;").map_err(refuse("overwrite what it deletes"))?;
    Ok(connection)
}

/// Whether the journal has commits behind the last one of the database.
fn has_unfinished(directory: &Path, connection: &Connection) -> Result<bool, StoreError> {
    let last: i64 = connection
        .query_row("SELECT COALESCE(MAX(seq), 0) FROM batch", [], |row| row.get(0))
        .map_err(refuse("find its last batch"))?;
    let last = u64::try_from(last).unwrap_or(0);
    let first = commits(connection)?.first().map_or(last, |commit| commit.batch.saturating_sub(1));
    let read = journal::read(&journal::path_in(directory), first, u64::MAX)?;
    Ok(read.entries.iter().any(|entry| entry.batch > last))
}

fn clean(connection: &mut Connection, subject: &Subject) -> Result<Purged, StoreError> {
    let what = "purge";
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refuse(what))?;
    let mut purged = Purged::default();
    batches(&transaction, subject, &mut purged)?;
    contents(&transaction, subject, &mut purged)?;
    incidents(&transaction, subject, &mut purged)?;
    words(&transaction, subject, &mut purged)?;
    // States that were computed from what is gone.
    let states =
        "DELETE FROM journal; DELETE FROM normaliser; DELETE FROM checkpoint; UPDATE incident SET checkpoint = NULL;";
    transaction.execute_batch(states).map_err(refuse(what))?;
    transaction.commit().map_err(refuse(what))?;
    let rewrite = "VACUUM; PRAGMA wal_checkpoint(TRUNCATE);";
    connection.execute_batch(rewrite).map_err(refuse("write itself anew"))?;
    Ok(purged)
}

fn batches(transaction: &Transaction<'_>, subject: &Subject, purged: &mut Purged) -> Result<(), StoreError> {
    let what = "purge batches";
    let select = "SELECT seq FROM batch WHERE body IS NOT NULL ORDER BY seq";
    let mut statement = transaction.prepare(select).map_err(refuse(what))?;
    let found = statement.query_map([], |row| row.get::<_, i64>(0)).map_err(refuse(what))?;
    let found: Vec<i64> = found.collect::<Result<_, _>>().map_err(refuse(what))?;
    for seq in found {
        let body: Vec<u8> = transaction
            .query_row("SELECT body FROM batch WHERE seq = ?1", [seq], |row| row.get(0))
            .map_err(refuse(what))?;
        let observations: Vec<Observation> = read(seq, &body)?;
        let records = records_of(transaction, seq)?;
        let Kept { observations, records, gone } = keep(observations, records, subject, purged);
        if !gone {
            continue;
        }
        let body = if observations.is_empty() { None } else { Some(packed(seq, &observations)?) };
        let row = params![seq, signed(observations.len() as u64), body];
        transaction.execute("UPDATE batch SET items = ?2, body = ?3 WHERE seq = ?1", row).map_err(refuse(what))?;
        if records.is_empty() {
            transaction.execute("DELETE FROM event WHERE batch = ?1", [seq]).map_err(refuse(what))?;
        } else {
            let row = params![seq, packed(seq, &records)?];
            transaction.execute("UPDATE event SET body = ?2 WHERE batch = ?1", row).map_err(refuse(what))?;
        }
    }
    Ok(())
}

/// What stays of one batch.
struct Kept {
    observations: Vec<Observation>,
    records: Vec<EventRecord>,
    /// Whether anything went.
    gone: bool,
}

fn keep(all: Vec<Observation>, records: Vec<EventRecord>, subject: &Subject, purged: &mut Purged) -> Kept {
    let mut kept = Kept { observations: Vec::with_capacity(all.len()), records: Vec::new(), gone: false };
    // Where each observation that stays is now.
    let mut places = Vec::with_capacity(all.len());
    for observation in all {
        let stays = !subject.is_in(&observation);
        places.push(stays.then_some(kept.observations.len()));
        purged.observations += u64::from(!stays);
        kept.gone |= !stays;
        if stays {
            kept.observations.push(observation);
        }
    }
    for record in records {
        let place = places.get(record.place).copied().flatten().filter(|_| !subject.is_in_bytes(&record.record));
        match place {
            Some(place) => kept.records.push(EventRecord { place, ..record }),
            None => {
                purged.records += 1;
                kept.gone = true;
            }
        }
    }
    kept
}

fn records_of(transaction: &Transaction<'_>, seq: i64) -> Result<Vec<EventRecord>, StoreError> {
    let what = "read the events of a batch";
    let mut statement = transaction.prepare_cached("SELECT body FROM event WHERE batch = ?1").map_err(refuse(what))?;
    let mut rows = statement.query([seq]).map_err(refuse(what))?;
    match rows.next().map_err(refuse(what))? {
        Some(row) => read(seq, &row.get::<_, Vec<u8>>(0).map_err(refuse(what))?),
        None => Ok(Vec::new()),
    }
}

fn read<T: serde::de::DeserializeOwned>(seq: i64, body: &[u8]) -> Result<T, StoreError> {
    let what = format!("batch {seq}");
    let plain = unpack(&what, body)?;
    postcard::from_bytes(&plain).map_err(|error| StoreError::Damaged { what, reason: error.to_string() })
}

fn packed<T: serde::Serialize>(seq: i64, value: &T) -> Result<Vec<u8>, StoreError> {
    let damaged =
        |error: postcard::Error| StoreError::Damaged { what: format!("batch {seq}"), reason: error.to_string() };
    pack(&postcard::to_stdvec(value).map_err(damaged)?)
}

fn contents(transaction: &Transaction<'_>, subject: &Subject, purged: &mut Purged) -> Result<(), StoreError> {
    let what = "purge contents";
    let mut statement = transaction.prepare("SELECT id, config, body FROM content").map_err(refuse(what))?;
    let mut rows = statement.query([]).map_err(refuse(what))?;
    let mut gone: Vec<i64> = Vec::new();
    while let Some(row) = rows.next().map_err(refuse(what))? {
        let config: String = row.get(1).map_err(refuse(what))?;
        let body = unpack("a content", &row.get::<_, Vec<u8>>(2).map_err(refuse(what))?)?;
        if subject.is_in_bytes(&body) || subject.is_in_bytes(config.as_bytes()) {
            gone.push(row.get(0).map_err(refuse(what))?);
        }
    }
    purged.contents = gone.len() as u64;
    delete(transaction, "DELETE FROM content WHERE id = ?1", &gone)
}

fn incidents(transaction: &Transaction<'_>, subject: &Subject, purged: &mut Purged) -> Result<(), StoreError> {
    let what = "purge incidents";
    let mut statement = transaction.prepare("SELECT id, diagnosis FROM incident").map_err(refuse(what))?;
    let mut rows = statement.query([]).map_err(refuse(what))?;
    while let Some(row) = rows.next().map_err(refuse(what))? {
        let id: String = row.get(0).map_err(refuse(what))?;
        let plain = unpack("an incident", &row.get::<_, Vec<u8>>(1).map_err(refuse(what))?)?;
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            what: format!("incident {id}"),
            reason: error.to_string(),
        };
        let mut diagnosis: serde_json::Value = serde_json::from_slice(&plain).map_err(damaged)?;
        if subject.replace_in(&mut diagnosis) {
            let body = pack(diagnosis.to_string().as_bytes())?;
            let update = "UPDATE incident SET diagnosis = ?2 WHERE id = ?1";
            transaction.execute(update, params![id, body]).map_err(refuse(what))?;
            purged.incidents += 1;
        }
    }
    Ok(())
}

fn words(transaction: &Transaction<'_>, subject: &Subject, purged: &mut Purged) -> Result<(), StoreError> {
    let what = "purge words";
    let mut statement = transaction.prepare("SELECT id, body, COALESCE(ended, '') FROM word").map_err(refuse(what))?;
    let rows = statement.query_map([], |row| Ok(Word { id: row.get(0)?, body: row.get(1)?, ended: row.get(2)? }));
    let rows: Vec<Word> = rows.map_err(refuse(what))?.collect::<Result<_, _>>().map_err(refuse(what))?;
    let is_hit = |word: &&Word| subject.is_in_json(&word.body) || subject.is_in_json(&word.ended);
    let gone: Vec<i64> = rows.iter().filter(is_hit).map(|word| word.id).collect();
    purged.words = gone.len() as u64;
    delete(transaction, "DELETE FROM word WHERE id = ?1", &gone)
}

/// A word of an engineer as it is stored.
struct Word {
    id: i64,
    body: String,
    ended: String,
}

fn delete(transaction: &Transaction<'_>, statement: &str, ids: &[i64]) -> Result<(), StoreError> {
    let mut statement = transaction.prepare(statement).map_err(refuse("purge"))?;
    ids.iter().try_for_each(|id| statement.execute([id]).map(drop)).map_err(refuse("purge"))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StoreError::Journal { path: path.into(), source: error })
        }
        _ => Ok(()),
    }
}

/// The files in `directory` that may hold it still.
fn left(directory: &Path, subject: &Subject) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut left: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let names_it = || std::fs::read(path).is_ok_and(|bytes| subject.is_in_bytes(&bytes));
            name.ends_with(".corrupt") || name.starts_with("audit.log") && names_it()
        })
        .collect();
    left.sort();
    left
}

#[cfg(test)]
mod tests;
