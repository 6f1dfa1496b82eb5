//! Commits that are on disk in the journal, and not in the database yet. A transaction for each of them would cost more CPU time
//! than all else of a commit: they go into the database together.

use super::read::JournalledCommit;
use crate::normalise::Content;
use crate::store::{Commit, StoreError};
use serde::Serialize;

/// Bytes of pending commits from which they are written at once: a second of a great fleet's reports.
const BYTES_MAX: usize = 8 << 20;
/// Commits from which they are written at once, whatever their size.
const COMMITS_MAX: usize = 1024;

/// A commit as it is stored, not compressed yet.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    /// Whole seconds since the Unix epoch.
    pub(super) tick: i64,
    /// Number of observations.
    pub(super) items: usize,
    /// The observations; empty without any.
    pub(super) observations: Vec<u8>,
    /// The log records of its events; empty without any.
    pub(super) records: Vec<u8>,
    /// How many requests of it are in the journal.
    pub(super) requests: usize,
    pub(super) contents: Vec<Content>,
}

impl Row {
    pub(super) fn of(commit: &Commit<'_>) -> Result<Self, StoreError> {
        let batch = commit.batch;
        Ok(Self {
            seq: batch.seq,
            tick: super::seconds(batch.tick),
            items: batch.observations.len(),
            observations: encoded(&batch.observations, "a batch")?,
            records: encoded(commit.records, "an event")?,
            // With a new state the journal begins anew.
            requests: if commit.normaliser.is_some() { 0 } else { commit.journal.len() },
            contents: commit.contents.to_vec(),
        })
    }

    fn bytes(&self) -> usize {
        let contents: usize = self.contents.iter().map(|content| content.body.len()).sum();
        size_of::<Self>() + self.observations.len() + self.records.len() + contents
    }
}

fn encoded<T: Serialize>(list: &[T], what: &str) -> Result<Vec<u8>, StoreError> {
    if list.is_empty() {
        return Ok(Vec::new());
    }
    let damaged = |error: postcard::Error| StoreError::Damaged { what: what.to_owned(), reason: error.to_string() };
    postcard::to_stdvec(list).map_err(damaged)
}

/// The pending commits, in order.
#[derive(Debug, Default)]
pub(super) struct Pending {
    rows: Vec<Row>,
    bytes: usize,
}

impl Pending {
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether no more should wait.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX || self.rows.len() >= COMMITS_MAX
    }

    pub(super) fn push(&mut self, row: Row) {
        self.bytes += row.bytes();
        self.rows.push(row);
    }

    /// The last one is not to be stored.
    pub(super) fn pop(&mut self) {
        if let Some(row) = self.rows.pop() {
            self.bytes -= row.bytes();
        }
    }

    /// All of them are stored.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
        self.bytes = 0;
    }

    /// Those with requests in the journal.
    pub(super) fn journalled(&self) -> impl Iterator<Item = JournalledCommit> {
        let journalled = self.rows.iter().filter(|row| row.requests > 0);
        journalled.map(|row| JournalledCommit { batch: row.seq, in_file: row.requests as u64, here: Vec::new() })
    }

    /// The journal does not have their requests any more.
    pub(super) fn forget_requests(&mut self) {
        self.rows.iter_mut().for_each(|row| row.requests = 0);
    }

    /// The last one's number.
    pub(super) fn last(&self) -> Option<u64> {
        self.rows.last().map(|row| row.seq)
    }
}
