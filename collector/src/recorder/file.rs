//! One recorder file: opened without trust, read by copying (a mapping would be SIGBUS when somebody truncates it), its
//! owner's life told from the record lock, its death claimed by rename.

use super::RecorderError;
use firstbad_protocol::recorder::layout::{self, header};
use firstbad_protocol::recorder::{
    AGENT_LOCK, DecodeError, FILE_SUFFIX, RecorderImage, TOLD_SUFFIX, decode, discard_moved, moved_between,
};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What a file's name says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its process lives, or nobody has claimed its death.
    Open,
    /// Someone is reporting its death.
    Claimed,
    /// Its death was reported; it is kept for people.
    Done,
}

const CLAIM: &str = ".claim.";
const DONE: &str = ".done";

/// The stage of a file called `name`; none if it is no recorder.
pub(super) fn stage(name: &str) -> Option<Stage> {
    if name.starts_with('.') {
        return None;
    }
    let (_, rest) = name.rsplit_once(FILE_SUFFIX)?;
    match rest {
        "" => Some(Stage::Open),
        DONE => Some(Stage::Done),
        _ => rest.starts_with(CLAIM).then_some(Stage::Claimed),
    }
}

/// Recorders in `directories`, by path, with their stage. A directory that is missing has none.
pub(super) fn find(directories: &[PathBuf]) -> Vec<(PathBuf, Stage)> {
    let mut found = Vec::new();
    for directory in directories {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if let Some(stage) = entry.file_name().to_str().and_then(stage) {
                found.push((entry.path(), stage));
            }
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found.dedup_by(|left, right| left.0 == right.0);
    found.truncate(firstbad_protocol::limits::RECORDERS_MAX);
    found
}

/// Recorders of this very process, kept open for good: closing any descriptor of such a file would release the lock that
/// shows this process's life.
static OWN: Mutex<BTreeMap<PathBuf, Arc<File>>> = Mutex::new(BTreeMap::new());

/// An open recorder.
#[derive(Debug)]
pub(super) struct RecorderFile {
    pub(super) path: PathBuf,
    file: Arc<File>,
    own: bool,
}

impl RecorderFile {
    /// Opens `path`, if it is a regular file of a size that a recorder can have.
    pub(super) fn open(path: &Path) -> Result<Self, RecorderError> {
        let fail =
            |error: &dyn std::fmt::Display| RecorderError::Open { path: path.to_owned(), error: error.to_string() };
        let own = is_own(path);
        let mut kept = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = kept.get(path) {
            return Ok(Self { path: path.to_owned(), file: Arc::clone(file), own: true });
        }
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or(0);
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(|error| fail(&error))?;
        let file = Arc::new(file);
        if own {
            kept.insert(path.to_owned(), Arc::clone(&file));
        }
        let found = file.metadata().map_err(|error| fail(&error))?;
        if !found.is_file() {
            return Err(fail(&"it is no regular file"));
        }
        Ok(Self { path: path.to_owned(), file, own })
    }

    /// Whether its process holds the lock.
    pub(super) fn lives(&self) -> bool {
        let range = Flock::from(FlockType::WriteLock);
        self.own || !matches!(fcntl_getlk(&self.file, &range), Ok(None))
    }

    /// Words at the beginning, of which [`header`] tells the places.
    pub(super) fn heads(&self) -> Option<(u64, u64)> {
        let mut bytes = [0; 16];
        self.file.read_exact_at(&mut bytes, header::EVENT_HEAD as u64 * 8).ok()?;
        let (event, panic) = bytes.split_first_chunk::<8>()?;
        Some((u64::from_ne_bytes(*event), u64::from_ne_bytes(panic.try_into().ok()?)))
    }

    /// The error, if it was written in a layout or byte order that this version does not read.
    pub(super) fn foreign(&self) -> Option<RecorderError> {
        let mut head = [0; 64];
        self.copy(&mut head, 0..usize::MAX).ok()?;
        match decode(&head, &head) {
            Err(error @ DecodeError::ForeignLayout { .. }) => {
                Some(RecorderError::Decode { path: self.path.clone(), error })
            }
            _ => None,
        }
    }

    /// Copies and decodes it; without `rings`, events and panic texts are left out.
    pub(super) fn read(&self, rings: bool) -> Result<RecorderImage, RecorderError> {
        let fail = |error: io::Error| RecorderError::Open { path: self.path.clone(), error: error.to_string() };
        let bytes = self.file.metadata().map_err(fail)?.len();
        let length = usize::try_from(bytes).unwrap_or(usize::MAX).min(layout::WORDS_READ_MAX * 8 + 8);
        let mut used = [0; 8];
        let told = self.file.read_exact_at(&mut used, header::USED as u64 * 8).is_ok();
        let used = usize::try_from(u64::from_ne_bytes(used)).unwrap_or(usize::MAX).saturating_mul(8);
        let length = if told && used >= layout::DATA * 8 { length.min(used) } else { length };
        let (events, directory) = (layout::EVENTS * 8, layout::DIRECTORY * 8);
        let mut tables = vec![0; length];
        // The order matters: see `decode`. What a lane still holds must be copied after the blocks it may move to.
        let before_directory = if rings { directory } else { events };
        for part in [0..before_directory, directory..length] {
            self.copy(&mut tables, part).map_err(fail)?;
        }
        let mut lanes = tables.clone();
        for part in [0..layout::SITES * 8, directory..length] {
            self.copy(&mut lanes, part).map_err(fail)?;
        }
        let mut after = vec![0; layout::DATA.saturating_mul(8).min(length)];
        self.copy(&mut after, 0..layout::CONFIGS * 8).map_err(fail)?;
        if moved_between(&tables, &after) {
            after.resize(length, 0);
            self.copy(&mut after, directory..length).map_err(fail)?;
            discard_moved(&tables, &mut lanes, &after);
        }
        decode(&tables, &lanes).map_err(|error| RecorderError::Decode { path: self.path.clone(), error })
    }

    /// Copies a part of the file to the same place in `target`. Bytes that a truncated file no longer has stay zero.
    fn copy(&self, target: &mut [u8], part: Range<usize>) -> io::Result<()> {
        let end = part.end.min(target.len());
        let mut rest = target.get_mut(part.start..end).unwrap_or_default();
        let mut offset = part.start as u64;
        while !rest.is_empty() {
            match self.file.read_at(rest, offset) {
                Ok(0) => break,
                Ok(count) => {
                    offset += count as u64;
                    rest = rest.get_mut(count..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// When it was last written to, as far as the file system knows; ns since the Unix epoch.
    pub(super) fn modified_ns(&self) -> u64 {
        let modified = self.file.metadata().and_then(|found| found.modified()).ok();
        let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Claims a death for this process alone. `false` if another was first, or if its process lives after all.
    pub(super) fn claim(&mut self) -> bool {
        // Held until the report is safe: while it is, nobody else takes the claim over.
        if self.own || fcntl_lock(&self.file, FlockOperation::NonBlockingLockShared).is_err() {
            return false;
        }
        let claimed = self.sibling(&format!("{CLAIM}{}.{:x}", std::process::id(), unique()));
        let renamed = fs::rename(&self.path, &claimed).is_ok();
        if renamed {
            self.path = claimed;
        }
        renamed
    }

    /// The death was reported: the file stays for people, until the instrument's bounds remove it.
    pub(super) fn finish(self) {
        let _ = fs::rename(&self.path, self.sibling(DONE));
    }

    fn sibling(&self, ending: &str) -> PathBuf {
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.rsplit_once(FILE_SUFFIX).map_or(name.as_str(), |(stem, _)| stem);
        let told = TOLD_SUFFIX.trim_end_matches(FILE_SUFFIX);
        let stem = stem.strip_suffix(told).unwrap_or(stem);
        self.path.with_file_name(format!("{stem}{FILE_SUFFIX}{ending}"))
    }
}

/// Who reads the recorders of a directory and tells its deaths.
#[derive(Debug)]
pub(super) enum Mark {
    /// This process, for as long as the file is open.
    Ours(File),
    /// Another one, with its number if it has one here.
    Another(Option<i32>),
    /// Nobody can say: there is no such file, and it cannot be made.
    Unknown,
}

/// Shows that deaths in `directory` are told from here, unless another process shows that already.
pub(super) fn mark(directory: &Path) -> Mark {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let path = directory.join(AGENT_LOCK);
    let mut options = OpenOptions::new();
    let ours = options.write(true).create(true).truncate(false).mode(0o640).custom_flags(flags).open(&path);
    if let Ok(file) = &ours
        && fcntl_lock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    {
        return ours.map_or(Mark::Unknown, Mark::Ours);
    }
    // Where the directory is another user's, its lock can at least be seen.
    let seen = || OpenOptions::new().read(true).custom_flags(flags).open(&path);
    let Ok(file) = ours.or_else(|_| seen()) else { return Mark::Unknown };
    match fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)) {
        Ok(Some(held)) => Mark::Another(held.pid.map(|pid| pid.as_raw_nonzero().get())),
        _ => Mark::Unknown,
    }
}

/// Whether a directory's entry is a recorder, whatever its state.
pub(super) fn is_recorder(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_str().and_then(stage).is_some()
}

/// A number that no other claim of this process has.
fn unique() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::time::Instant::now())
}

/// Whether this process has the file mapped. Recorder names are random, so the name is enough, also on file systems whose
/// inode numbers differ between `stat` and the list of mappings.
fn is_own(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let maps = fs::read("/proc/self/maps").unwrap_or_default();
    String::from_utf8_lossy(&maps).lines().any(|line| line.ends_with(name))
}
