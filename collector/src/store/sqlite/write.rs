//! Every statement that writes. Each function is one transaction: it happened whole, or not at all.

use super::pending::Row;
use super::{pack, seconds, signed, words};
use crate::store::{Checkpoint, IncidentRecord, Retention, StoreError};
use crate::words::WordChange;
use firstbad_protocol::limits::INCIDENTS_STORED_MAX;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// Batches deleted in one go: a slice of 50,000 small rows took 13 ms (measurements.md B 3), and commits wait meanwhile.
const SLICE: i64 = 20_000;
/// Pages given back to the file system in one go: 8 MiB.
const VACUUM_PAGES: u32 = 2048;
/// Newest checkpoints that are kept whatever their age: if one is damaged, the next serves.
const CHECKPOINTS_NEWEST: i64 = 3;
/// Beyond those, one checkpoint per this many seconds ..
const CHECKPOINT_SPACING_S: i64 = 300;
/// .. as far back as an incident's bundle may want to begin.
const CHECKPOINT_AGE_S: i64 = 1800;
/// A bundle begins at least this long before the onset, so that the engine's baseline is rebuilt in sight.
const LEAD_S: i64 = 600;

const fn refuse(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

fn begin<'a>(connection: &'a mut Connection, what: &'static str) -> Result<Transaction<'a>, StoreError> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refuse(what))
}

/// Stores commits, the words of the last one, and the normaliser's state after it where it is time to save that.
pub(super) fn commits(connection: &mut Connection, rows: &[Row], last: &Last<'_>) -> Result<(), StoreError> {
    let what = "commit a batch";
    let transaction = begin(connection, what)?;
    for row in rows {
        insert_batch(&transaction, row)?;
        insert_records(&transaction, row)?;
        insert_journal(&transaction, row)?;
        insert_contents(&transaction, row)?;
    }
    words::write(&transaction, last.words)?;
    if let (Some(state), Some(row)) = (last.normaliser, rows.last()) {
        let batch = signed(row.seq);
        let save = "INSERT INTO normaliser (id, batch, body) VALUES (1, ?1, ?2)
                    ON CONFLICT (id) DO UPDATE SET batch = ?1, body = ?2";
        transaction.execute(save, params![batch, pack(state)?]).map_err(refuse(what))?;
        transaction.execute("DELETE FROM journal WHERE batch <= ?1", [batch]).map_err(refuse(what))?;
    }
    transaction.commit().map_err(refuse(what))
}

/// What the last of several commits brings beside its row.
#[derive(Debug, Default)]
pub(super) struct Last<'a> {
    pub(super) words: &'a [WordChange],
    pub(super) normaliser: Option<&'a [u8]>,
}

fn insert_batch(transaction: &Transaction<'_>, row: &Row) -> Result<(), StoreError> {
    let body = if row.observations.is_empty() { None } else { Some(pack(&row.observations)?) };
    let values = params![signed(row.seq), row.tick, signed(row.items as u64), body];
    let insert = "INSERT INTO batch (seq, tick, items, body) VALUES (?1, ?2, ?3, ?4)";
    let mut statement = transaction.prepare_cached(insert).map_err(refuse("commit a batch"))?;
    statement.execute(values).map(drop).map_err(refuse("commit a batch"))
}

fn insert_records(transaction: &Transaction<'_>, row: &Row) -> Result<(), StoreError> {
    if row.records.is_empty() {
        return Ok(());
    }
    let what = "store its events";
    let insert = "INSERT INTO event (batch, body) VALUES (?1, ?2)";
    let mut statement = transaction.prepare_cached(insert).map_err(refuse(what))?;
    statement.execute(params![signed(row.seq), pack(&row.records)?]).map(drop).map_err(refuse(what))
}

fn insert_journal(transaction: &Transaction<'_>, row: &Row) -> Result<(), StoreError> {
    if row.requests == 0 {
        return Ok(());
    }
    let what = "journal its requests";
    let insert = "INSERT INTO journal (batch, body, requests) VALUES (?1, x'', ?2)";
    let mut statement = transaction.prepare_cached(insert).map_err(refuse(what))?;
    let values = params![signed(row.seq), signed(row.requests as u64)];
    statement.execute(values).map(drop).map_err(refuse(what))
}

/// Forgets the normaliser's state, and the requests since.
pub(super) fn forget_normaliser(connection: &mut Connection) -> Result<(), StoreError> {
    let what = "forget a state whose journal is damaged";
    let transaction = begin(connection, what)?;
    transaction.execute_batch("DELETE FROM journal; DELETE FROM normaliser;").map_err(refuse(what))?;
    transaction.commit().map_err(refuse(what))
}

fn insert_contents(transaction: &Transaction<'_>, row: &Row) -> Result<(), StoreError> {
    if row.contents.is_empty() {
        return Ok(());
    }
    let insert = "INSERT OR IGNORE INTO content (hash, config, format, size, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare_cached(insert).map_err(refuse("store a content"))?;
    for content in &row.contents {
        let size = signed(content.body.len() as u64);
        let values = params![content.hash.0, &*content.config, &*content.format, size, pack(&content.body)?];
        statement.execute(values).map_err(refuse("store a content"))?;
    }
    Ok(())
}

pub(super) fn checkpoint(connection: &mut Connection, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let what = "save a checkpoint";
    let transaction = begin(connection, what)?;
    let tick = seconds(checkpoint.tick);
    let save = "INSERT OR REPLACE INTO checkpoint (batch, tick, body) VALUES (?1, ?2, ?3)";
    let row = params![signed(checkpoint.batch), tick, pack(&checkpoint.engine)?];
    transaction.execute(save, row).map_err(refuse(what))?;
    let thin = "DELETE FROM checkpoint WHERE
            batch NOT IN (SELECT batch FROM checkpoint ORDER BY batch DESC LIMIT ?1)
        AND batch NOT IN (SELECT checkpoint FROM incident WHERE checkpoint IS NOT NULL)
        AND batch NOT IN (SELECT MIN(batch) FROM checkpoint WHERE tick >= ?2 GROUP BY tick / ?3)";
    let bounds = params![CHECKPOINTS_NEWEST, tick.saturating_sub(CHECKPOINT_AGE_S), CHECKPOINT_SPACING_S];
    transaction.execute(thin, bounds).map_err(refuse(what))?;
    transaction.commit().map_err(refuse(what))
}

pub(super) fn incidents(connection: &mut Connection, incidents: &[IncidentRecord]) -> Result<(), StoreError> {
    let what = "save what was said of an incident";
    let transaction = begin(connection, what)?;
    // The first word on an incident pins the checkpoint that its bundle starts from; later words keep it.
    let save = "INSERT INTO incident (id, batch, onset, resolved, checkpoint, diagnosis) VALUES (?1, ?2, ?3, ?4,
            COALESCE((SELECT MAX(batch) FROM checkpoint WHERE tick <= ?5), (SELECT MIN(batch) FROM checkpoint)), ?6)
        ON CONFLICT (id) DO UPDATE SET batch = ?2, resolved = ?4, diagnosis = ?6";
    for incident in incidents {
        let begins = seconds(incident.onset).saturating_sub(LEAD_S);
        let diagnosis = pack(incident.diagnosis.as_bytes())?;
        let row = params![incident.id, signed(incident.batch), incident.onset.0, incident.resolved, begins, diagnosis];
        transaction.execute(save, row).map_err(refuse(what))?;
    }
    let thin = "DELETE FROM incident WHERE id NOT IN (SELECT id FROM incident ORDER BY onset DESC LIMIT ?1)";
    transaction.execute(thin, [signed(INCIDENTS_STORED_MAX as u64)]).map_err(refuse(what))?;
    transaction.commit().map_err(refuse(what))
}

pub(super) fn retain(connection: &mut Connection, retention: Retention) -> Result<u64, StoreError> {
    let what = "delete what is past its retention";
    let over = used_bytes(connection)?.saturating_sub(signed(retention.bytes_max));
    let transaction = begin(connection, what)?;
    let mut deleted = if over > 0 { thin_by_size(&transaction)? } else { 0 };
    // Only from the old end, so that what is left has no gap whatever the clock did.
    let by_age = "DELETE FROM batch WHERE seq < (SELECT COALESCE(MIN(seq), 0) FROM
        (SELECT seq FROM batch WHERE tick >= ?1 UNION ALL SELECT MAX(seq) FROM batch)) AND
        seq < (SELECT MIN(seq) FROM batch) + ?2";
    let bounds = params![seconds(retention.before), SLICE];
    deleted = deleted.saturating_add(transaction.execute(by_age, bounds).map_err(refuse(what))?);
    let without_batch = "DELETE FROM event WHERE batch < (SELECT MIN(seq) FROM batch)";
    transaction.execute(without_batch, []).map_err(refuse(what))?;
    transaction.commit().map_err(refuse(what))?;
    if deleted > 0 {
        give_back(connection).map_err(refuse(what))?;
    }
    Ok(deleted as u64)
}

/// Gives free pages back to the file system. The pragma frees one page per step, so it is stepped to its end.
fn give_back(connection: &Connection) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_PAGES})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(())
}

/// Too large: contents beyond their share go first come, first gone; else an eighth of the batches, oldest first. The
/// newest batch stays, since the next one's number follows from it.
fn thin_by_size(transaction: &Transaction<'_>) -> Result<usize, StoreError> {
    let what = "make room";
    let bytes = |table: &str| {
        let sum = format!("SELECT COALESCE(SUM(LENGTH(body)), 0) FROM {table}");
        transaction.query_row(&sum, [], |row| row.get::<_, i64>(0)).map_err(refuse(what))
    };
    let delete = if bytes("content")? > bytes("batch")? {
        "DELETE FROM content WHERE id IN (SELECT id FROM content ORDER BY id LIMIT 8)"
    } else {
        "DELETE FROM batch WHERE seq IN
            (SELECT seq FROM batch ORDER BY seq LIMIT MIN(20000, (SELECT COUNT(*) FROM batch) / 8))"
    };
    transaction.execute(delete, []).map_err(refuse(what))
}

fn used_bytes(connection: &Connection) -> Result<i64, StoreError> {
    let number = |name: &str| {
        let found = connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
        found.map_err(refuse("measure itself"))
    };
    Ok(number("page_count")?.saturating_sub(number("freelist_count")?).saturating_mul(number("page_size")?))
}
