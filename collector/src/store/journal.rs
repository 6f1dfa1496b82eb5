//! The bodies of all requests that were acknowledged since the normaliser's state was saved, in one file beside the database.
//! They are written and synced before the database commits. The database syncs its own log only when the state is saved;
//! commits that it loses in a power cut are repeated from this file. After the state is saved, the file is overwritten from its
//! beginning. Batch numbers identify frames of earlier commits behind the new ones, and checksums identify torn frames.

mod frame;

use super::{Batch, Journalled, StoreError};
pub(super) use frame::Entry;
use frame::Frames;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Name within the data directory.
const NAME: &str = "journal";
/// Bytes of requests, decompressed, from which the normaliser's state should be saved, so that the file can begin anew: a
/// restart reads as many in about a second.
const FULL_BYTES: u64 = 256 << 20;
/// A longer file is cut when it begins anew. Below, its blocks are used again, which a sync does in half the time.
const KEPT_BYTES: u64 = 64 << 20;

/// A place in the file.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Bytes of the file before it.
    at: u64,
    /// Bytes of the requests before it, decompressed.
    plain: u64,
}

/// The open file.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    frames: Frames,
    /// Where the next commit is written.
    end: Place,
    /// Where the last commit began.
    before: Place,
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
        Ok(Self { file, path, frames: Frames::default(), end: Place::default(), before: Place::default() })
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
        self.before = self.end;
        let bytes = self.frames.frame(batch, requests).map_err(refuse)?;
        self.file.write_all_at(bytes, self.end.at).and_then(|()| self.file.sync_data()).map_err(refuse)?;
        let at = self.end.at.saturating_add(bytes.len() as u64);
        self.end = Place { at, plain: self.end.plain.saturating_add(self.frames.plain_bytes()) };
        self.frames.give_back();
        Ok(())
    }

    /// The batch of the last [`Journal::append`] was not committed: its number, and its place, are used again.
    pub(super) const fn undo(&mut self) {
        self.end = self.before;
    }

    /// The state that holds all of it is saved.
    pub(super) fn begin_anew(&mut self) {
        if self.end.at > KEPT_BYTES
            && let Err(error) = self.file.set_len(KEPT_BYTES)
        {
            tracing::warn!(%error, path = %self.path.display(), "the journal could not be cut, and keeps its length");
        }
        (self.end, self.before) = (Place::default(), Place::default());
    }

    /// Whether the normaliser's state should be saved, so that the file can begin anew.
    pub(super) const fn is_full(&self) -> bool {
        self.end.plain >= FULL_BYTES
    }

    /// Bytes in use.
    pub(super) const fn bytes(&self) -> u64 {
        self.end.at
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
    end: Place,
}

/// Reads the entries of the batches after `after`, up to and including `last`. It ends at the first frame that is torn, is of a
/// later batch, or stands out of order, as what is left of earlier ones does. A file that is not there is empty.
pub(super) fn read(path: &Path, after: u64, last: u64) -> Result<Read, StoreError> {
    let refuse = |source| StoreError::Journal { path: path.into(), source };
    let mut read = Read { entries: Vec::new(), end: Place::default() };
    let mut file = match File::open(path) {
        Ok(file) => io::BufReader::with_capacity(1 << 20, file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(read),
        Err(source) => return Err(refuse(source)),
    };
    let length = file.get_ref().metadata().map_err(refuse)?.len();
    let (mut place, mut before) = (Place::default(), 0);
    while let Some(frame) = frame::next(&mut file, length.saturating_sub(place.at)).map_err(refuse)? {
        let batch = frame.entry.batch;
        if batch <= before || batch > last {
            break;
        }
        before = batch;
        place = Place { at: place.at.saturating_add(frame.bytes), plain: place.plain.saturating_add(frame.plain) };
        if batch > after {
            read.entries.push(frame.entry);
            read.end = place;
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::Encoding;
    use crate::store::Signal;
    use firstbad_protocol::time::Timestamp;

    fn request(text: &str) -> Journalled {
        let body = text.as_bytes().to_vec();
        Journalled { signal: Signal::Logs, encoding: Encoding::Json, received_at: Timestamp(7), body }
    }

    fn batch(seq: u64) -> Batch {
        Batch { seq, tick: Timestamp(9), observations: Vec::new(), words: Vec::new() }
    }

    fn texts(read: &Read) -> Vec<String> {
        let requests = read.entries.iter().flat_map(|entry| &entry.requests);
        requests.map(|request| String::from_utf8(request.body.clone()).unwrap()).collect()
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
        let [first, second] = [request("the first, which is the first"), request("second")];
        Journal::open(directory.path()).unwrap().append(&batch(1), &[first, second]).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let control = ["the first, which is the first", "second"];
        assert_eq!(texts(&read(&path, 0, 1).unwrap()), control, "the control");
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

    #[test]
    fn bodies_of_any_length_come_back_and_like_ones_take_little_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = path_in(directory.path());
        let mut journal = Journal::open(directory.path()).unwrap();
        let reports: Vec<_> =
            (0..200).map(|host| request(&format!("report of host {host} {}", "x=1 ".repeat(200)))).collect();
        let large =
            Journalled { signal: Signal::Metrics, encoding: Encoding::Protobuf, ..request(&"ab".repeat(2 << 20)) };
        let commits = [vec![], reports, vec![request("")], vec![large]];
        for (seq, requests) in (1..).zip(&commits) {
            journal.append(&batch(seq), requests).unwrap();
        }
        let read = read(&path, 0, 9).unwrap();
        assert_eq!(read.entries.into_iter().map(|entry| entry.requests).collect::<Vec<_>>(), commits);
        let plain: usize = commits.iter().flatten().map(|request| request.body.len()).sum();
        assert!(journal.bytes() * 20 < plain as u64, "{} of {plain}", journal.bytes());
        assert!(!journal.is_full());
        assert!(journal.frames.plain_bytes() == 0, "the room of the large commit was given back");
    }
}
