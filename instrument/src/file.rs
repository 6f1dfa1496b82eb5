//! Reads a version's file within a bound, and tells whether it was changed meanwhile. When to read is decided in `watch`,
//! what the bytes mean in `load`.

use crate::files::Identity;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// What tells one content of a path from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    identity: Identity,
    size: u64,
    modified: Option<SystemTime>,
}

impl Stamp {
    /// The stamp of what `path` leads to now; symbolic links are followed.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|found| Self::from(&found))
    }

    /// Time since the content was last written; none if that is in the future.
    pub(crate) fn age(&self, now: SystemTime) -> Option<std::time::Duration> {
        now.duration_since(self.modified?).ok()
    }
}

impl From<&std::fs::Metadata> for Stamp {
    fn from(found: &std::fs::Metadata) -> Self {
        Self { identity: Identity::from(found), size: found.len(), modified: found.modified().ok() }
    }
}

/// A file's bytes, and whether they are of one piece: nobody wrote to the file while it was read.
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stamp: Stamp,
    pub(crate) whole: bool,
}

/// Reads `path`, at most `bytes_max`. `Err((reason, error))` as a refused load says it.
pub(crate) fn read(path: &Path, bytes_max: u64) -> Result<Content, (&'static str, String)> {
    let fail = |error: io::Error| ("io", format!("reading {}: {error}", path.display()));
    let file = File::open(path).map_err(fail)?;
    let before = file.metadata().map_err(fail)?;
    let too_large =
        |size: u64| ("limit", format!("{} has {size} bytes or more, and at most {bytes_max} are read", path.display()));
    if before.len() > bytes_max {
        return Err(too_large(before.len()));
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(usize::try_from(before.len()).unwrap_or(usize::MAX))
        .map_err(|error| ("io", format!("reading {}: {error}", path.display())))?;
    // What has no length (a pipe, /dev/zero) is read to the same bound.
    (&file).take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > bytes_max {
        return Err(too_large(bytes.len() as u64));
    }
    let after = Stamp::from(&file.metadata().map_err(fail)?);
    let whole = after == Stamp::from(&before) && bytes.len() as u64 == before.len();
    Ok(Content { bytes, stamp: after, whole })
}
