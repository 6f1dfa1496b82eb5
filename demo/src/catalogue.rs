//! One node's catalogue of columns, as a real SQLite database: what the query returns is decided by the rows and grants in
//! it. Which node is asked, and what becomes of the answer, is decided by `generator`.

use rusqlite::{Connection, params};
use std::path::Path;

/// The real query, with the real mistake: nothing says which database is meant (Cloudflare's report of 18 November 2025).
/// Only the keyword `table` is quoted, as SQLite wants it.
pub(crate) const QUERY: &str =
    "SELECT name, type FROM columns WHERE \"table\" = 'http_requests_features' ORDER BY name";

/// `columns` shows what the reader has access to, as `system.columns` of ClickHouse does.
const SCHEMA: &str = "
    CREATE TABLE all_columns (database TEXT, \"table\" TEXT, shard INTEGER, name TEXT, type TEXT);
    CREATE TABLE grants (database TEXT PRIMARY KEY);
    CREATE VIEW columns AS
        SELECT database, \"table\", name, type FROM all_columns WHERE database IN (SELECT database FROM grants);
    INSERT INTO grants VALUES ('default');
";

/// The database of the distributed table, which everyone may read.
const DEFAULT: &str = "default";
/// The database of the tables underneath it, which nobody could see until access to it was made explicit.
const UNDERLYING: &str = "r0";
/// Tables underneath one distributed table. The report says that rows more than doubled and went over 200 from about 60,
/// which one underlying table cannot do (incidents.md 1, arithmetic gap); three can.
const SHARDS: u32 = 3;
/// Another table, so that the filter by table has something to leave out.
const OTHER_TABLE: &str = "http_requests_raw";
const TABLE: &str = "http_requests_features";

/// A node's catalogue.
#[derive(Debug)]
pub(crate) struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// A new catalogue at `path` that knows `features` columns of the table.
    pub(crate) fn create(path: &Path, features: usize) -> rusqlite::Result<Self> {
        let mut connection = Connection::open(path)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(SCHEMA)?;
        for index in 0..features {
            add_column(&transaction, TABLE, &feature(index))?;
        }
        for name in ["ray_id", "client_ip", "user_agent"] {
            add_column(&transaction, OTHER_TABLE, &Column { name: name.to_owned(), kind: "String" })?;
        }
        transaction.commit()?;
        Ok(Self { connection })
    }

    /// A column is added to the distributed table and to each table underneath.
    pub(crate) fn add_feature(&mut self, index: usize) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        add_column(&transaction, TABLE, &feature(index))?;
        transaction.commit()
    }

    /// The access change reaches this node.
    pub(crate) fn grant_underlying(&mut self) -> rusqlite::Result<()> {
        self.connection.execute("INSERT OR IGNORE INTO grants VALUES (?1)", params![UNDERLYING]).map(|_| ())
    }

    /// The feature file as CSV with a header, and its number of rows.
    pub(crate) fn feature_file(&self) -> rusqlite::Result<(String, usize)> {
        let mut query = self.connection.prepare(QUERY)?;
        let mut rows = query.query([])?;
        let (mut file, mut count) = (String::from("name,type\n"), 0);
        while let Some(row) = rows.next()? {
            let (name, kind): (String, String) = (row.get(0)?, row.get(1)?);
            file.push_str(&name);
            file.push(',');
            file.push_str(&kind);
            file.push('\n');
            count += 1;
        }
        Ok((file, count))
    }
}

/// A column of a table.
struct Column {
    /// Its name.
    name: String,
    /// Its type, in the words of ClickHouse.
    kind: &'static str,
}

fn add_column(connection: &Connection, table: &str, column: &Column) -> rusqlite::Result<()> {
    let Column { name, kind } = column;
    let insert = "INSERT INTO all_columns VALUES (?1, ?2, ?3, ?4, ?5)";
    connection.execute(insert, params![DEFAULT, table, 0, name, kind])?;
    for shard in 1..=SHARDS {
        connection.execute(insert, params![UNDERLYING, table, shard, name, kind])?;
    }
    Ok(())
}

/// The column of a feature.
fn feature(index: usize) -> Column {
    const KINDS: [(&str, &str); 6] = [
        ("ja4_prevalence", "Float32"),
        ("path_entropy", "Float32"),
        ("header_order", "UInt32"),
        ("session_age", "UInt32"),
        ("asn_reputation", "Float32"),
        ("inter_request_gap", "Float64"),
    ];
    let (stem, kind) = KINDS.get(index % KINDS.len()).copied().unwrap_or(("feature", "Float32"));
    Column { name: format!("{stem}_{:02}", index / KINDS.len()), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grant_turns_sixty_rows_into_more_than_two_hundred_with_duplicates() {
        let mut node = Catalogue::create(Path::new(":memory:"), 60).unwrap();
        let (good, rows) = node.feature_file().unwrap();
        assert_eq!(rows, 60);
        assert_eq!(good.lines().collect::<std::collections::BTreeSet<_>>().len(), 61);
        node.grant_underlying().unwrap();
        let (bad, rows) = node.feature_file().unwrap();
        assert_eq!(rows, 240);
        assert_eq!(bad.lines().collect::<std::collections::BTreeSet<_>>().len(), 61);
    }
}
