//! Every statement that reads. A reader has a connection of its own and sees only what is committed.

use super::{unpack, unsigned, words};
use crate::normalise::{Content, EventRecord};
use crate::store::journal::{self, Entry};
use crate::store::{
    Ahead, Batch, BatchRange, Checkpoint, Extent, IncidentRecord, Journalled, NormaliserState, Recorded, StoreError,
    StoreReader, lock, schema,
};
use crate::words::StoredWord;
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};
use std::path::Path;

fn refuse(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

const fn tick_of(seconds: i64) -> Timestamp {
    Timestamp(seconds.saturating_mul(SECOND_NS))
}

/// A reading connection.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    /// Opens the store in `directory` for reading, beside a running collector or without one.
    ///
    /// # Errors
    /// If there is none, or it cannot be read.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(directory.join("firstbad.db"), flags).map_err(refuse("open for reading"))?;
        connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(refuse("wait for a lock"))?;
        Ok(Self { connection })
    }

    /// Reads over a connection that is open.
    pub(in crate::store) fn over(connection: Connection) -> Self {
        Self { connection }
    }

    pub(in crate::store) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Opens the store in `directory`, which no collector may have open. Nothing is changed: a store of an earlier schema is
    /// read if its observations have the present layout.
    ///
    /// # Errors
    /// If there is no store, a collector has it, or another version wrote it.
    pub fn open_alone(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("firstbad.db");
        if !path.is_file() {
            return Err(StoreError::Missing(directory.into()));
        }
        if let Some(pid) = lock::holder_of(directory)? {
            return Err(StoreError::Held { directory: directory.into(), pid });
        }
        let reader = Self::open(directory)?;
        match schema::number(&reader.connection)? {
            found if found > schema::VERSION => Err(StoreError::Later { path, found, known: schema::VERSION }),
            found if found < schema::VERSION_READ_MIN => {
                Err(StoreError::Earlier { path, found, known: schema::VERSION_READ_MIN })
            }
            _ => Ok(reader),
        }
    }

    /// The normaliser's state of a store in `directory` that no collector has open, and the commits that only the journal has.
    /// A store of an earlier schema has none of these.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn state_alone(&self, directory: &Path) -> Result<NormaliserState, StoreError> {
        if schema::number(&self.connection)? < schema::VERSION {
            return Ok(NormaliserState::default());
        }
        let saved = normaliser_state(&self.connection)?;
        let entries = journal::read(&journal::path_in(directory), saved.range.after, u64::MAX)?.entries;
        let found = saved.with(entries);
        Ok(if found.missing == 0 { found.state } else { found.without_state() })
    }
}

pub(super) fn normaliser_state(connection: &Connection) -> Result<Saved, StoreError> {
    let what = "read the normaliser's state";
    let packed: Option<Vec<u8>> = connection
        .query_row("SELECT body FROM normaliser WHERE id = 1", [], |row| row.get(0))
        .optional()
        .map_err(refuse(what))?;
    let saved = packed.map(|bytes| unpack("the normaliser's state", &bytes)).transpose()?;
    let of_state = "SELECT COALESCE((SELECT batch FROM normaliser), 0), COALESCE((SELECT MAX(seq) FROM batch), 0)";
    let range = connection
        .query_row(of_state, [], |row| Ok(BatchRange { after: unsigned(row.get(0)?), last: unsigned(row.get(1)?) }));
    Ok(Saved { state: saved, range: range.map_err(refuse(what))?, commits: commits(connection)? })
}

/// The normaliser's state, and what the database has of the journal.
pub(super) struct Saved {
    pub(super) state: Option<Vec<u8>>,
    /// The batches that the state does not hold.
    pub(super) range: BatchRange,
    /// The batches in that range that hold requests, in order.
    pub(super) commits: Vec<JournalledCommit>,
}

/// The normaliser's state, and how many of the requests after it are not in the journal.
pub(super) struct FoundState {
    pub(super) state: NormaliserState,
    pub(super) missing: u64,
}

impl FoundState {
    /// Only the commits that the journal alone has: a state without some of the requests after it is none.
    pub(super) fn without_state(self) -> NormaliserState {
        NormaliserState { ahead: self.state.ahead, ..NormaliserState::default() }
    }
}

impl Saved {
    /// Puts the state together with the journal's entries after it.
    pub(super) fn with(self, entries: Vec<Entry>) -> FoundState {
        let Self { state: saved, range, commits } = self;
        let mut entries = entries.into_iter().peekable();
        let (mut journal, mut missing) = (Vec::new(), 0);
        for commit in commits {
            journal.extend(commit.here);
            while entries.next_if(|entry| entry.batch < commit.batch).is_some() {}
            let found = entries.next_if(|entry| entry.batch == commit.batch);
            let found = found.map_or_else(Vec::new, |entry| entry.requests);
            missing += commit.in_file.saturating_sub(found.len() as u64);
            journal.extend(found);
        }
        let ahead = entries.filter(|entry| entry.batch > range.last);
        let ahead = ahead.map(|Entry { batch: seq, tick, requests }| Ahead { seq, tick, requests }).collect();
        FoundState { state: NormaliserState { saved, journal, lost: None, ahead }, missing }
    }
}

/// The requests of one commit.
pub(in crate::store) struct JournalledCommit {
    pub(in crate::store) batch: u64,
    /// How many there are in the journal's file.
    pub(in crate::store) in_file: u64,
    /// The requests that are in the database.
    pub(in crate::store) here: Vec<Journalled>,
}

/// The commits of which the database holds the requests, or their number.
pub(in crate::store) fn commits(connection: &Connection) -> Result<Vec<JournalledCommit>, StoreError> {
    let what = "read journalled requests";
    let select = "SELECT batch, body, requests FROM journal ORDER BY batch";
    let mut statement = connection.prepare(select).map_err(refuse(what))?;
    let mut rows = statement.query([]).map_err(refuse(what))?;
    let mut commits = Vec::new();
    while let Some(row) = rows.next().map_err(refuse(what))? {
        let body: Vec<u8> = row.get(1).map_err(refuse(what))?;
        let here = if body.is_empty() { Vec::new() } else { journalled(&body)? };
        let requests = unsigned(row.get(2).map_err(refuse(what))?);
        let in_file = if body.is_empty() { requests } else { 0 };
        commits.push(JournalledCommit { batch: unsigned(row.get(0).map_err(refuse(what))?), in_file, here });
    }
    Ok(commits)
}

fn journalled(body: &[u8]) -> Result<Vec<Journalled>, StoreError> {
    let what = "the journalled requests of a commit";
    postcard::from_bytes(&unpack(what, body)?)
        .map_err(|error| StoreError::Damaged { what: what.to_owned(), reason: error.to_string() })
}

/// A checkpoint as it is stored.
struct PackedCheckpoint {
    /// Number of the last batch before it.
    batch: i64,
    /// Tick of that batch, seconds since the Unix epoch.
    tick: i64,
    /// State of the engine, compressed.
    body: Vec<u8>,
}

fn checkpoint_of(row: &Row<'_>) -> rusqlite::Result<PackedCheckpoint> {
    Ok(PackedCheckpoint { batch: row.get(0)?, tick: row.get(1)?, body: row.get(2)? })
}

fn unpack_checkpoint(packed: PackedCheckpoint) -> Result<Checkpoint, StoreError> {
    let PackedCheckpoint { batch, tick, body } = packed;
    let engine = unpack(&format!("the checkpoint after batch {batch}"), &body)?;
    Ok(Checkpoint { batch: unsigned(batch), tick: tick_of(tick), engine })
}

/// An incident as it is stored.
struct PackedIncident {
    /// Everything but the diagnosis.
    record: IncidentRecord,
    /// The diagnosis as JSON, compressed.
    diagnosis: Vec<u8>,
}

fn incident_of(row: &Row<'_>) -> rusqlite::Result<PackedIncident> {
    let record = IncidentRecord {
        id: row.get(0)?,
        batch: unsigned(row.get(1)?),
        onset: Timestamp(row.get(2)?),
        resolved: row.get(3)?,
        diagnosis: String::new(),
    };
    Ok(PackedIncident { record, diagnosis: row.get(4)? })
}

fn unpack_incident(packed: PackedIncident) -> Result<IncidentRecord, StoreError> {
    let PackedIncident { record, diagnosis } = packed;
    let what = format!("what was said of incident {}", record.id);
    let diagnosis = String::from_utf8(unpack(&what, &diagnosis)?)
        .map_err(|error| StoreError::Damaged { what, reason: error.to_string() })?;
    Ok(IncidentRecord { diagnosis, ..record })
}

impl StoreReader for SqliteReader {
    fn checkpoints(&self) -> Result<Vec<Checkpoint>, StoreError> {
        let what = "read checkpoints";
        let select = "SELECT batch, tick, body FROM checkpoint ORDER BY batch DESC";
        let mut statement = self.connection.prepare(select).map_err(refuse(what))?;
        let rows = statement.query_map([], checkpoint_of).map_err(refuse(what))?;
        let mut checkpoints = Vec::new();
        for row in rows {
            // A damaged checkpoint is passed over: an older one and more batches give the same state.
            if let Ok(checkpoint) = unpack_checkpoint(row.map_err(refuse(what))?) {
                checkpoints.push(checkpoint);
            }
        }
        Ok(checkpoints)
    }

    fn checkpoint_before(&self, tick: Timestamp) -> Result<Option<Checkpoint>, StoreError> {
        let select = "SELECT batch, tick, body FROM checkpoint WHERE batch = COALESCE(
            (SELECT MAX(batch) FROM checkpoint WHERE tick <= ?1), (SELECT MIN(batch) FROM checkpoint))";
        let found = self.connection.query_row(select, [super::seconds(tick)], checkpoint_of).optional();
        found.map_err(refuse("find a checkpoint"))?.map(unpack_checkpoint).transpose()
    }

    fn batches(&self, range: BatchRange, visit: &mut dyn FnMut(Batch) -> bool) -> Result<(), StoreError> {
        let what = "read batches";
        let mut words = crate::words::changes(&self.words()?);
        let select = "SELECT seq, tick, body FROM batch WHERE seq > ?1 AND seq <= ?2 ORDER BY seq";
        let mut statement = self.connection.prepare(select).map_err(refuse(what))?;
        let bounds = params![super::signed(range.after), super::signed(range.last)];
        let mut rows = statement.query(bounds).map_err(refuse(what))?;
        while let Some(row) = rows.next().map_err(refuse(what))? {
            let mut batch = batch_of(row)?;
            batch.words = words.remove(&batch.seq).unwrap_or_default();
            if !visit(batch) {
                break;
            }
        }
        Ok(())
    }

    fn recorded(&self, range: BatchRange, visit: &mut dyn FnMut(Recorded) -> bool) -> Result<(), StoreError> {
        let what = "read batches and their events";
        // One statement, so that retention cannot delete the events of a batch that was read.
        let select = if schema::number(&self.connection)? < schema::VERSION_OF_EVENTS {
            "SELECT seq, tick, body, NULL FROM batch WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"
        } else {
            "SELECT seq, tick, batch.body, event.body FROM batch LEFT JOIN event ON event.batch = seq
                WHERE seq > ?1 AND seq <= ?2 ORDER BY seq"
        };
        let mut statement = self.connection.prepare(select).map_err(refuse(what))?;
        let bounds = params![super::signed(range.after), super::signed(range.last)];
        let mut rows = statement.query(bounds).map_err(refuse(what))?;
        while let Some(row) = rows.next().map_err(refuse(what))? {
            let batch = batch_of(row)?;
            let records = records_of(row, batch.seq)?;
            if !visit(Recorded { batch, records }) {
                break;
            }
        }
        Ok(())
    }

    fn extent(&self) -> Result<Option<Extent>, StoreError> {
        let select = "SELECT (SELECT MIN(seq) FROM batch), seq, tick FROM batch ORDER BY seq DESC LIMIT 1";
        let found = self.connection.query_row(select, [], |row| {
            Ok(Extent { first: unsigned(row.get(0)?), last: unsigned(row.get(1)?), last_tick: tick_of(row.get(2)?) })
        });
        found.optional().map_err(refuse("find its last batch"))
    }

    fn batch_before(&self, tick: Timestamp) -> Result<u64, StoreError> {
        let select = "SELECT COALESCE(MAX(seq), 0) FROM batch WHERE tick < ?1";
        let found = self.connection.query_row(select, [super::seconds(tick)], |row| row.get(0));
        found.map(unsigned).map_err(refuse("find a batch by its tick"))
    }

    fn content(&self, hash: &Hash) -> Result<Option<Content>, StoreError> {
        let what = "read a content";
        let select = "SELECT config, format, body FROM content WHERE hash = ?1";
        let found =
            self.connection.query_row(select, params![hash.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let Some((config, format, body)): Option<(String, String, Vec<u8>)> = found.optional().map_err(refuse(what))?
        else {
            return Ok(None);
        };
        let body = unpack(&format!("the content {hash}"), &body)?;
        Ok(Some(Content { hash: *hash, config: config.into(), format: format.into(), body }))
    }

    fn has_content(&self, hash: &Hash) -> Result<bool, StoreError> {
        let select = "SELECT EXISTS (SELECT 1 FROM content WHERE hash = ?1)";
        self.connection.query_row(select, params![hash.0], |row| row.get(0)).map_err(refuse("look for a content"))
    }

    fn incident(&self, id: &str) -> Result<Option<IncidentRecord>, StoreError> {
        let select = "SELECT id, batch, onset, resolved, diagnosis FROM incident WHERE id = ?1";
        let found = self.connection.query_row(select, [id], incident_of).optional();
        found.map_err(refuse("read an incident"))?.map(unpack_incident).transpose()
    }

    fn words(&self) -> Result<Vec<StoredWord>, StoreError> {
        if schema::number(&self.connection)? < schema::VERSION_OF_WORDS {
            return Ok(Vec::new());
        }
        words::read(&self.connection)
    }

    fn incidents(&self) -> Result<Vec<IncidentRecord>, StoreError> {
        let what = "read incidents";
        let select = "SELECT id, batch, onset, resolved, diagnosis FROM incident ORDER BY onset DESC, id";
        let mut statement = self.connection.prepare(select).map_err(refuse(what))?;
        let rows = statement.query_map([], incident_of).map_err(refuse(what))?;
        rows.map(|row| unpack_incident(row.map_err(refuse(what))?)).collect()
    }
}

fn records_of(row: &Row<'_>, seq: u64) -> Result<Vec<EventRecord>, StoreError> {
    let body: Option<Vec<u8>> = row.get(3).map_err(refuse("read the events of a batch"))?;
    let Some(body) = body else { return Ok(Vec::new()) };
    let what = format!("the events of batch {seq}");
    postcard::from_bytes(&unpack(&what, &body)?)
        .map_err(|error| StoreError::Damaged { what, reason: error.to_string() })
}

fn batch_of(row: &Row<'_>) -> Result<Batch, StoreError> {
    let what = "read a batch";
    let seq = unsigned(row.get(0).map_err(refuse(what))?);
    let body: Option<Vec<u8>> = row.get(2).map_err(refuse(what))?;
    let observations = match body {
        None => Vec::new(),
        Some(body) => {
            let name = format!("batch {seq}");
            let plain = unpack(&name, &body)?;
            postcard::from_bytes(&plain)
                .map_err(|error| StoreError::Damaged { what: name, reason: error.to_string() })?
        }
    };
    Ok(Batch { seq, tick: tick_of(row.get(1).map_err(refuse(what))?), observations, words: Vec::new() })
}
