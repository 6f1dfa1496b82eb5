//! Words of engineers as rows. They are few, and people look at them with `sqlite3`, so they are JSON and not compressed.

use super::{signed, unsigned};
use crate::store::StoreError;
use crate::words::{Ended, StoredWord, WordChange};
use firstbad_protocol::verdict::{DisputedVersion, EngineerWord};
use rusqlite::{Connection, Transaction, params};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The JSON of a row.
#[derive(Serialize, Deserialize)]
struct Body {
    word: EngineerWord,
    versions: Vec<DisputedVersion>,
}

const fn refuse(what: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |source| StoreError::Database { what, source }
}

fn damaged(reason: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { what: "a word of an engineer".to_owned(), reason: reason.to_string() }
}

/// Writes changes within the transaction of their batch.
pub(super) fn write(transaction: &Transaction<'_>, changes: &[WordChange]) -> Result<(), StoreError> {
    let what = "store a word of an engineer";
    for change in changes {
        match change {
            WordChange::Said(said) => {
                let body = Body { word: said.word.clone(), versions: said.versions.clone() };
                let body = serde_json::to_string(&body).map_err(|error| damaged(&error))?;
                let insert = "INSERT INTO word (id, batch, body) VALUES (?1, ?2, ?3)";
                transaction.execute(insert, params![signed(said.word.id), signed(said.batch), body])
            }
            WordChange::Ended { id, ended } => {
                let told = serde_json::to_string(ended).map_err(|error| damaged(&error))?;
                let update = "UPDATE word SET ended_batch = ?2, ended = ?3 WHERE id = ?1";
                transaction.execute(update, params![signed(*id), signed(ended.batch), told])
            }
            WordChange::Forgotten { id } => transaction.execute("DELETE FROM word WHERE id = ?1", [signed(*id)]),
        }
        .map_err(refuse(what))?;
    }
    Ok(())
}

/// Every word, oldest first.
pub(super) fn read(connection: &Connection) -> Result<Vec<StoredWord>, StoreError> {
    let what = "read the words of engineers";
    let mut statement = connection.prepare("SELECT batch, body, ended FROM word ORDER BY id").map_err(refuse(what))?;
    let mut rows = statement.query([]).map_err(refuse(what))?;
    let mut words = Vec::new();
    while let Some(row) = rows.next().map_err(refuse(what))? {
        let batch: i64 = row.get(0).map_err(refuse(what))?;
        let body: String = row.get(1).map_err(refuse(what))?;
        let ended: Option<String> = row.get(2).map_err(refuse(what))?;
        let Body { word, versions } = parse(&body)?;
        let ended = ended.as_deref().map(parse::<Ended>).transpose()?;
        words.push(StoredWord { word, batch: unsigned(batch), versions, ended });
    }
    Ok(words)
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| damaged(&error))
}
