//! The bodies of all requests that were acknowledged since the normaliser's state was saved, in one file beside the database.
//! They are written and synced before the database commits. The database syncs its own log only when the state is saved;
//! commits that it loses in a power cut are repeated from this file. After the state is saved, the file is overwritten from its
//! beginning. Batch numbers identify entries of earlier requests behind the new ones, and checksums identify torn entries.

use super::{Batch, Journalled, Signal, StoreError};
use crate::otlp::Encoding;
use firstbad_protocol::time::Timestamp;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

/// Name within the data directory.
const NAME: &str = "journal";
/// Bytes from which the normaliser's state should be saved, so that the file can begin anew: a restart reads as many, in
/// about a second.
const FULL_BYTES: u64 = 256 << 20;
/// A longer file is cut when it begins anew. Below, its blocks are used again, which a sync does in half the time.
const KEPT_BYTES: u64 = 64 << 20;
const MAGIC: [u8; 4] = *b"FBJ2";
/// Magic, length of the body, batch, tick of the batch, receive clock, signal, encoding, how many requests of the same batch
/// follow, 2 bytes of zero; the checksum of all that and the body follows, then the body.
const HEAD_BYTES: usize = 40;
const CHECKSUM_BYTES: usize = 8;

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Where the next request is written.
    end: u64,
    /// Where the last commit began.
    before: u64,
}

/// A request, and the batch that holds its observations.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) batch: u64,
    pub(super) tick: Timestamp,
    /// How many requests of the same commit follow.
    left: u32,
    pub(super) request: Journalled,
}

impl Journal {
    /// Opens or makes the file in `directory`.
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = path_in(directory);
        let refuse = |source| StoreError::Directory { directory: path.clone(), source };
        let is_new = !path.exists();
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).to_owned();
        let file = options.open(&path).map_err(refuse)?;
        if is_new {
            File::open(directory).and_then(|directory| directory.sync_all()).map_err(refuse)?;
        }
        Ok(Self { file, path, end: 0, before: 0 })
    }

    /// Reads what is in the file of the batches after `after`, up to and including `last`, and goes on behind it.
    pub(super) fn resume(&mut self, after: u64, last: u64) -> Result<Vec<Entry>, StoreError> {
        let Read { entries, end } = read(&self.path, after, last)?;
        (self.end, self.before) = (end, end);
        Ok(entries)
    }

    /// Writes the requests of `batch`, and returns when they are on disk.
    ///
    /// # Errors
    /// If they are not. The next call writes to the same place.
    pub(super) fn append(&mut self, batch: &Batch, requests: &[Journalled]) -> Result<(), StoreError> {
        let refuse = |source| StoreError::Journal { path: self.path.clone(), source };
        let bytes = frames(batch, requests).map_err(refuse)?;
        self.before = self.end;
        self.file.write_all_at(&bytes, self.end).and_then(|()| self.file.sync_data()).map_err(refuse)?;
        self.end = self.end.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// The batch of the last [`Journal::append`] was not committed: its number, and its place, are used again.
    pub(super) const fn undo(&mut self) {
        self.end = self.before;
    }

    /// The state that holds all of it is saved.
    pub(super) fn begin_anew(&mut self) {
        if self.end > KEPT_BYTES
            && let Err(error) = self.file.set_len(KEPT_BYTES)
        {
            tracing::warn!(%error, path = %self.path.display(), "the journal could not be cut, and keeps its length");
        }
        (self.end, self.before) = (0, 0);
    }

    /// Whether the normaliser's state should be saved, so that the file can begin anew.
    pub(super) const fn is_full(&self) -> bool {
        self.end >= FULL_BYTES
    }

    /// Bytes in use.
    pub(super) const fn bytes(&self) -> u64 {
        self.end
    }
}

/// Where the journal of a directory is.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// The entries of a range of batches in a file.
pub(super) struct Read {
    pub(super) entries: Vec<Entry>,
    /// Where the last of them ends.
    pub(super) end: u64,
}

/// Reads the entries of the batches after `after`, up to and including `last`: whole commits. It ends at the first entry that
/// is torn, is of a later batch, or stands out of order, as what is left of earlier ones does. A file that is not there is
/// empty.
pub(super) fn read(path: &Path, after: u64, last: u64) -> Result<Read, StoreError> {
    let refuse = |source| StoreError::Journal { path: path.into(), source };
    let mut read = Read { entries: Vec::new(), end: 0 };
    let mut file = match File::open(path) {
        Ok(file) => io::BufReader::with_capacity(1 << 20, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(read),
        Err(source) => return Err(refuse(source)),
    };
    let left = file.get_ref().metadata().map_err(refuse)?.len();
    let (mut at, mut before, mut follow, mut whole) = (0_u64, 0, 0, 0);
    while let Some(entry) = next(&mut file, left.saturating_sub(at)).map_err(refuse)? {
        let goes_on = follow > 0 && entry.batch == before && entry.left + 1 == follow;
        let begins = follow == 0 && entry.batch > before && entry.batch <= last;
        if !goes_on && !begins {
            break;
        }
        (before, follow) = (entry.batch, entry.left);
        at = at.saturating_add((HEAD_BYTES + CHECKSUM_BYTES + entry.request.body.len()) as u64);
        if entry.batch > after {
            read.entries.push(entry);
            if follow == 0 {
                (whole, read.end) = (read.entries.len(), at);
            }
        }
    }
    read.entries.truncate(whole);
    Ok(read)
}

/// The next entry; none if there is no whole one. `left` is how many bytes the file still has.
fn next(file: &mut impl io::Read, left: u64) -> io::Result<Option<Entry>> {
    let mut head = [0; HEAD_BYTES];
    let mut checksum = [0; CHECKSUM_BYTES];
    if !fill(file, &mut head)? || !fill(file, &mut checksum)? {
        return Ok(None);
    }
    let [magic @ .., a, b, c, d] = *head.first_chunk::<8>().unwrap_or(&[0; 8]);
    let length = u32::from_le_bytes([a, b, c, d]);
    if magic != MAGIC || u64::from(length) > left {
        return Ok(None);
    }
    let mut body = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut body)?;
    let (batch, tick, received) = (number(&head, 8), number(&head, 16), number(&head, 24));
    let signal = match head.get(32) {
        Some(0) => Signal::Metrics,
        Some(1) => Signal::Logs,
        _ => return Ok(None),
    };
    let encoding = match head.get(33) {
        Some(0) => Encoding::Protobuf,
        Some(1) => Encoding::Json,
        _ => return Ok(None),
    };
    if u64::from_le_bytes(checksum) != checksum_of(&head, &body) {
        return Ok(None);
    }
    let left = head.get(34..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let (tick, received_at) = (Timestamp(tick.cast_signed()), Timestamp(received.cast_signed()));
    Ok(Some(Entry { batch, tick, left, request: Journalled { signal, encoding, received_at, body } }))
}

/// Fills `into`; false if the file ends before.
fn fill(file: &mut impl io::Read, into: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(into) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn number(head: &[u8; HEAD_BYTES], from: usize) -> u64 {
    head.get(from..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn checksum_of(head: &[u8; HEAD_BYTES], body: &[u8]) -> u64 {
    xxh3_64(head).rotate_left(1) ^ xxh3_64(body)
}

fn frames(batch: &Batch, requests: &[Journalled]) -> io::Result<Vec<u8>> {
    let bytes = requests.iter().map(|request| HEAD_BYTES + CHECKSUM_BYTES + request.body.len()).sum();
    let mut frames = Vec::with_capacity(bytes);
    for (index, Journalled { signal, encoding, received_at, body }) in requests.iter().enumerate() {
        let left = u32::try_from(requests.len() - index - 1).map_err(io::Error::other)?;
        let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a request longer than 4 GiB"))?;
        let signal = match signal {
            Signal::Metrics => 0,
            Signal::Logs => 1,
        };
        let encoding = match encoding {
            Encoding::Protobuf => 0,
            Encoding::Json => 1,
        };
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.extend_from_slice(&MAGIC);
        head.extend_from_slice(&length.to_le_bytes());
        head.extend_from_slice(&batch.seq.to_le_bytes());
        head.extend_from_slice(&batch.tick.0.to_le_bytes());
        head.extend_from_slice(&received_at.0.to_le_bytes());
        head.extend_from_slice(&[signal, encoding]);
        head.extend_from_slice(&left.to_le_bytes());
        head.extend_from_slice(&[0, 0]);
        let head: &[u8; HEAD_BYTES] = head.first_chunk().ok_or_else(|| io::Error::other("a head that is too short"))?;
        frames.extend_from_slice(head);
        frames.extend_from_slice(&checksum_of(head, body).to_le_bytes());
        frames.extend_from_slice(body);
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(text: &str) -> Journalled {
        let body = text.as_bytes().to_vec();
        Journalled { signal: Signal::Logs, encoding: Encoding::Json, received_at: Timestamp(7), body }
    }

    fn batch(seq: u64) -> Batch {
        Batch { seq, tick: Timestamp(9), observations: Vec::new(), words: Vec::new() }
    }

    fn texts(read: &Read) -> Vec<String> {
        read.entries.iter().map(|entry| String::from_utf8(entry.request.body.clone()).unwrap()).collect()
    }

    #[test]
    fn what_was_appended_is_read_and_what_was_left_of_before_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(directory.path());
        let mut journal = Journal::open(directory.path()).unwrap();
        journal.append(&batch(1), &[request("a"), request("b")]).unwrap();
        journal.append(&batch(2), &[request("c")]).unwrap();
        assert_eq!(texts(&read(&path, 0, 2).unwrap()), ["a", "b", "c"]);
        assert_eq!(texts(&read(&path, 1, 2).unwrap()), ["c"], "the state holds batch 1");
        assert_eq!(texts(&read(&path, 0, 1).unwrap()), ["a", "b"], "batch 2 was not committed");
        journal.undo();
        journal.append(&batch(2), &[request("d")]).unwrap();
        assert_eq!(texts(&read(&path, 0, 2).unwrap()), ["a", "b", "d"]);
        journal.begin_anew();
        journal.append(&batch(3), &[request("e")]).unwrap();
        assert_eq!(texts(&read(&path, 2, 3).unwrap()), ["e"], "b and d still stand behind it");
        let mut again = Journal::open(directory.path()).unwrap();
        assert_eq!(again.resume(2, 3).unwrap().len(), 1);
        again.append(&batch(4), &[request("f")]).unwrap();
        assert_eq!(texts(&read(&path, 2, 4).unwrap()), ["e", "f"]);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(directory.path());
        Journal::open(directory.path()).unwrap().append(&batch(1), &[request("first"), request("second")]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(texts(&read(&path, 0, 1).unwrap()), ["first", "second"], "the control");
        for at in 0..whole.len() {
            // Both requests are one commit, and an incomplete commit is not read.
            let expected: &[&str] = &[];
            std::fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(texts(&read(&path, 0, 1).unwrap()), expected, "cut at {at}");
            let mut changed = whole.clone();
            changed[at] ^= 0x40;
            std::fs::write(&path, changed).unwrap();
            assert_eq!(texts(&read(&path, 0, 1).unwrap()), expected, "byte {at} changed");
        }
    }
}
