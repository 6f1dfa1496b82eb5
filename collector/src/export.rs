//! Everything that is stored and not yet deleted, in commit order, for checking it elsewhere: as a capture that `diagnose`
//! reads again, or as one JSON object per observation. One batch is in memory at a time. How an observation is written is
//! decided in `metrics`, `events` and `objects`.

mod events;
mod metrics;
mod objects;
mod resource;

use crate::normalise::{Content, time_of};
use crate::store::{BatchRange, Recorded, SqliteReader, StoreError, StoreReader};
use crate::writer::{Unstored, unstored};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use resource::Resources;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::Path;

/// Batches read by one statement. The store's log cannot be trimmed while a statement reads, so a slow reader must not hold
/// one for long.
const BATCHES_AT_ONCE: u64 = 256;
/// Bytes handed over at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How observations are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// OTLP/JSON lines (contract.md section 4).
    #[default]
    Capture,
    /// One JSON object per observation.
    Ndjson,
}

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// Nothing with an earlier time; a report has the time of its end.
    pub from: Option<Timestamp>,
    /// Nothing with a later time.
    pub to: Option<Timestamp>,
    /// How it is written.
    pub format: Form,
}

impl Options {
    fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at <= to)
    }
}

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody takes what is written.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
    /// An observation has no JSON form.
    #[error("an observation of batch {batch} cannot be written: {source}")]
    Form {
        /// The batch.
        batch: u64,
        /// Why.
        source: serde_json::Error,
    },
}

/// One observation on its way out.
struct Item<'a> {
    batch: u64,
    tick: Timestamp,
    /// Index in its batch.
    place: usize,
    observation: &'a Observation,
    /// The log record that it was made of; none for rows, and for events of stores before schema 4.
    record: Option<LogRecord>,
}

/// Writes what `store` holds when this begins. `write` gets whole lines.
///
/// # Errors
/// See [`ExportError`]; what was written before is then incomplete.
pub fn export(
    store: &SqliteReader,
    options: &Options,
    write: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<(), ExportError> {
    let mut lines = Lines::new(store, options);
    lines.stored(write)?;
    lines.hand_over(1, write)
}

/// The same of the store in `directory`, which no collector may have open. What a collector acknowledged in its last second, and
/// was killed before the database had it, is read from the journal. Nothing is changed.
///
/// # Errors
/// As [`export`]; also if a collector has the store, or another version wrote it.
pub fn export_alone(
    directory: &Path,
    options: &Options,
    write: &mut dyn FnMut(Vec<u8>) -> io::Result<()>,
) -> Result<(), ExportError> {
    let store = SqliteReader::open_alone(directory)?;
    let mut lines = Lines::new(&store, options);
    lines.stored(write)?;
    let state = store.state_alone(directory)?;
    for Unstored { recorded, contents } in unstored(state)? {
        lines.contents_unstored.extend(contents);
        lines.batch(&recorded)?;
        lines.hand_over(CHUNK_BYTES, write)?;
    }
    lines.hand_over(1, write)
}

/// Lines under construction.
struct Lines<'a> {
    store: &'a SqliteReader,
    options: &'a Options,
    resources: Resources,
    /// Versions whose contents were written.
    contents: HashSet<Hash>,
    /// Contents that only the journal has.
    contents_unstored: Vec<Content>,
    text: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(store: &'a SqliteReader, options: &'a Options) -> Self {
        let (resources, contents) = (Resources::default(), HashSet::new());
        Self { store, options, resources, contents, contents_unstored: Vec::new(), text: Vec::new() }
    }

    /// The batches of the database.
    fn stored(&mut self, write: &mut dyn FnMut(Vec<u8>) -> io::Result<()>) -> Result<(), ExportError> {
        let Some(extent) = self.store.extent()? else { return Ok(()) };
        let store = self.store;
        let mut after = extent.first.saturating_sub(1);
        while after < extent.last {
            let last = extent.last.min(after.saturating_add(BATCHES_AT_ONCE));
            let mut result = Ok(());
            store.recorded(BatchRange { after, last }, &mut |recorded| {
                result = self.batch(&recorded).and_then(|()| self.hand_over(CHUNK_BYTES, write));
                result.is_ok()
            })?;
            result?;
            after = last;
        }
        Ok(())
    }

    fn content(&self, hash: &Hash) -> Result<Option<Content>, StoreError> {
        let stored = self.store.content(hash)?;
        Ok(stored.or_else(|| self.contents_unstored.iter().find(|content| content.hash == *hash).cloned()))
    }

    fn batch(&mut self, Recorded { batch, records }: &Recorded) -> Result<(), ExportError> {
        let mut records = records.iter().peekable();
        for (place, observation) in batch.observations.iter().enumerate() {
            let record = records.next_if(|record| record.place == place).and_then(|record| record.decoded());
            if !self.options.holds(time_of(observation)) {
                continue;
            }
            let item = Item { batch: batch.seq, tick: batch.tick, place, observation, record };
            match self.options.format {
                Form::Capture => self.request(item)?,
                Form::Ndjson => self.line(batch.seq, &objects::object(&item))?,
            }
        }
        Ok(())
    }

    fn request(&mut self, item: Item<'_>) -> Result<(), ExportError> {
        let batch = item.batch;
        let version = match item.observation {
            Observation::Row(row) => {
                let request = metrics::request(row, &mut self.resources);
                return self.line(batch, &request);
            }
            Observation::Load(load) => Some((load, load.hash)),
            _ => None,
        };
        self.line(batch, &events::request(item))?;
        if let Some((load, hash)) = version.filter(|(_, hash)| !self.contents.contains(hash)) {
            self.contents.insert(hash);
            if let Some(content) = self.content(&hash)? {
                self.line(batch, &events::content(load, &content))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, batch: u64, value: &impl Serialize) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.text, value).map_err(|source| ExportError::Form { batch, source })?;
        self.text.push(b'\n');
        Ok(())
    }

    /// Hands over the lines if they have at least that many bytes.
    fn hand_over(&mut self, bytes: usize, write: &mut dyn FnMut(Vec<u8>) -> io::Result<()>) -> Result<(), ExportError> {
        if self.text.len() >= bytes {
            write(std::mem::take(&mut self.text))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
