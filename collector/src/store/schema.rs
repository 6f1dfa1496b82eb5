//! The tables. `PRAGMA user_version` is [`VERSION`]; a store of an earlier one is brought up, of a later one refused.

use super::StoreError;
use rusqlite::Connection;
use std::path::Path;

/// The schema that this version writes. It also stands for the layout of stored observations (postcard is not
/// self-describing): a change of `Observation` is a new number.
pub(super) const VERSION: i64 = 6;

/// The first schema that keeps the log records of events, and the first with words of engineers.
pub(super) const VERSION_OF_EVENTS: i64 = 4;
pub(super) const VERSION_OF_WORDS: i64 = 6;

/// The earliest schema that can be read as it is: its observations have the present layout.
pub(super) const VERSION_READ_MIN: i64 = 3;

/// A WAL page budget of 16 MiB between SQLite's own checkpoints: fewer of them doubled the commit rate when measured
/// (measurements.md B 3), and a crash replays 16 MiB in milliseconds.
const PRAGMAS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 4096;
    PRAGMA journal_size_limit = 67108864;
    PRAGMA foreign_keys = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -8192;
";

const TABLES: &str = "
    CREATE TABLE batch (            -- what the engine reads, in commit order
        seq    INTEGER PRIMARY KEY,
        tick   INTEGER NOT NULL,    -- receive clock at the commit, seconds
        items  INTEGER NOT NULL,    -- observations in body
        body   BLOB                 -- zstd(postcard(Vec<Observation>)); null: only time passed
    );
    CREATE INDEX batch_tick ON batch (tick, seq);
    CREATE TABLE event (            -- log records of the batch's events, for exports
        batch  INTEGER PRIMARY KEY,
        body   BLOB NOT NULL        -- zstd(postcard(Vec<EventRecord>))
    );
    CREATE TABLE journal (          -- requests acknowledged since the normaliser's state was saved
        batch  INTEGER PRIMARY KEY,
        body   BLOB NOT NULL,       -- empty: they are in the file `journal`; in a backup zstd(postcard(Vec<Journalled>))
        requests INTEGER NOT NULL DEFAULT 0     -- how many they are
    );
    CREATE TABLE normaliser (id INTEGER PRIMARY KEY CHECK (id = 1), batch INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE checkpoint (batch INTEGER PRIMARY KEY, tick INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE content (          -- once per version; the first sender's words stand
        id     INTEGER PRIMARY KEY,
        hash   BLOB NOT NULL UNIQUE,
        config TEXT NOT NULL,
        format TEXT NOT NULL,
        size   INTEGER NOT NULL,    -- bytes before compression
        body   BLOB NOT NULL        -- zstd
    );
    CREATE TABLE incident (         -- what was last said of it
        id         TEXT PRIMARY KEY,
        batch      INTEGER NOT NULL,
        onset      INTEGER NOT NULL, -- ns since 1970
        resolved   INTEGER NOT NULL,
        checkpoint INTEGER,          -- where its bundle starts
        diagnosis  BLOB NOT NULL     -- zstd(JSON)
    );
    CREATE TABLE word (              -- what engineers said: no observation
        id          INTEGER PRIMARY KEY,
        batch       INTEGER NOT NULL, -- committed with it
        body        TEXT NOT NULL,    -- JSON: the word and the versions that a dispute is about
        ended_batch INTEGER,          -- taken back or replaced with this batch
        ended       TEXT              -- JSON: by whom and when
    );
";

/// From 1 to 2: the journal had a row per request. What was in it goes, and with it the normaliser's state, since points
/// would else be counted from where the journal began: each series begins anew with its next point.
const FROM_1: &str = "
    DROP TABLE journal;
    CREATE TABLE journal (batch INTEGER PRIMARY KEY, body BLOB NOT NULL);
    DELETE FROM normaliser;
";

/// From 2 to 3: an observation holds more (denied requests, first failures, exit statuses), so stored observations of schema
/// 2 cannot be read. They are deleted, with the engine states that were computed from them. The last batch stays, without
/// observations, so that batch numbers continue. Incidents and contents stay.
const FROM_2: &str = "
    DELETE FROM batch WHERE seq < (SELECT MAX(seq) FROM batch);
    UPDATE batch SET items = 0, body = NULL;
    DELETE FROM journal;
    DELETE FROM normaliser;
    DELETE FROM checkpoint;
    UPDATE incident SET checkpoint = NULL;
";

/// From 3 to 4: the log records of events are kept. Those of earlier batches are not known.
const FROM_3: &str = "CREATE TABLE event (batch INTEGER PRIMARY KEY, body BLOB NOT NULL);";

/// From 4 to 5: the requests since the normaliser's state was saved are in a file of their own, and observations may count
/// panics together.
const FROM_4: &str = "ALTER TABLE journal ADD COLUMN requests INTEGER NOT NULL DEFAULT 0;";

/// From 5 to 6: words of engineers.
const FROM_5: &str = "CREATE TABLE word (id INTEGER PRIMARY KEY, batch INTEGER NOT NULL, body TEXT NOT NULL,
    ended_batch INTEGER, ended TEXT);";

/// The migrations in order, each from one schema to the next.
const STEPS: [&str; 5] = [FROM_1, FROM_2, FROM_3, FROM_4, FROM_5];

/// Sets the connection up, and makes or checks the tables.
pub(super) fn prepare(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let refuse = |what| move |source| StoreError::Database { what, source };
    connection.busy_timeout(std::time::Duration::from_secs(5)).map_err(refuse("wait for a lock"))?;
    // Before the first table, or it has no effect.
    connection.execute_batch("PRAGMA auto_vacuum = INCREMENTAL;").map_err(refuse("open"))?;
    connection.execute_batch(PRAGMAS).map_err(refuse("open"))?;
    let found = number(connection)?;
    match found {
        VERSION => Ok(()),
        0 => change(connection, TABLES).map_err(refuse("create its tables")),
        earlier if earlier > 0 && earlier < VERSION => {
            let done = usize::try_from(earlier - 1).unwrap_or(usize::MAX);
            let left: Vec<&str> = STEPS.into_iter().skip(done).collect();
            change(connection, &left.concat()).map_err(refuse("bring its tables up"))
        }
        later => Err(StoreError::Later { path: path.into(), found: later, known: VERSION }),
    }
}

/// Whether each commit waits until it is on disk. Ordinarily the journal is what was synced, and a commit that a power cut
/// takes is made again from it.
pub(super) fn sync_commits(connection: &Connection, sync: bool) -> Result<(), StoreError> {
    let pragma = if sync { "PRAGMA synchronous = FULL;" } else { "PRAGMA synchronous = NORMAL;" };
    connection.execute_batch(pragma).map_err(|source| StoreError::Database { what: "set its syncing", source })
}

/// The schema number of the open file.
pub(super) fn number(connection: &Connection) -> Result<i64, StoreError> {
    let refuse = |source| StoreError::Database { what: "read its schema number", source };
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(refuse)
}

fn change(connection: &Connection, statements: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!("BEGIN IMMEDIATE; {statements} PRAGMA user_version = {VERSION}; COMMIT;"))
}
