//! Keeps each version's content beside the recorder, once per hash, for the difference view. Bounded in size and number;
//! a content that does not fit is counted, never an error of the load. What is hidden in it is decided in `mask`.

use crate::files;
use crate::init::Content;
use crate::mask::{self, Shown};
use firstbad_protocol::Hash;
use firstbad_protocol::limits::CONTENT_BYTES_MAX;
use firstbad_protocol::recorder::layout::dropped;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Contents kept in one directory; the oldest goes first.
const CONTENTS_MAX: usize = 256;
/// Bytes of all contents kept in one directory.
const CONTENTS_BYTES_MAX: u64 = 64 << 20;

/// Keeps `bytes` in `<directory of the recorder>/content/<hex>`, or, if the masks hide anything in it, the masked content in
/// `<hex>.masked`. Bytes that the masks cannot read as text are not kept, unless the masks are off. Also where nothing is kept,
/// the masks learn what is secret in it. An unmasked content of the same hash that an earlier process left is removed.
/// `several` is whether it is made of several inputs: the masks look for the columns of one table, so that it is kept only if
/// they are off.
pub(crate) fn keep(hash: Hash, bytes: &[u8], several: bool) {
    let head = bytes.get(..CONTENT_BYTES_MAX).unwrap_or(bytes);
    let shown = mask::content(head);
    let Some(Target { directory, setting }) = target() else { return };
    let (whole, masked) = (directory.join(hash.hex()), directory.join(format!("{}.masked", hash.hex())));
    let shown = if several && setting != Content::Full { Shown::Not } else { shown };
    if setting == Content::Off || shown != Shown::AsIs {
        let _ = fs::remove_file(&whole);
    }
    if setting == Content::Off {
        let _ = fs::remove_file(&masked);
        return;
    }
    let written = match &shown {
        _ if head.len() < bytes.len() => Err(io::ErrorKind::FileTooLarge.into()),
        Shown::Not => Err(io::ErrorKind::InvalidData.into()),
        Shown::AsIs => write_once(&directory, &whole, bytes),
        Shown::Masked(shown) => write_once(&directory, &masked, shown.bytes()),
    };
    if written.is_err() {
        crate::recorder::count_dropped(dropped::CONTENTS);
    }
}

/// Where contents go, and which.
struct Target {
    directory: PathBuf,
    setting: Content,
}

fn target() -> Option<Target> {
    let cold = crate::recorder::lock();
    let home = cold.home.as_ref()?;
    Some(Target { directory: home.path.parent()?.join("content"), setting: home.settings.content })
}

/// Writes `bytes` to `path`, unless the file holds them already. An earlier version of the crate may have masked less.
fn write_once(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let same_size = fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() == bytes.len() as u64);
    if same_size && fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    write(directory, path, bytes)
}

fn write(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    files::make_directory(directory)?;
    make_room(directory, bytes.len() as u64);
    let unfinished = directory.join(format!(".{:032x}", crate::directory::random()));
    let written = files::create(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn make_room(directory: &Path, bytes: u64) {
    let mut kept: Vec<_> = fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let found = entry.metadata().ok()?;
            Some((found.modified().unwrap_or(SystemTime::UNIX_EPOCH), found.len(), entry.path()))
        })
        .collect();
    kept.sort();
    let mut total: u64 = kept.iter().map(|(_, size, _)| size).sum();
    let mut count = kept.len();
    for (_, size, path) in kept {
        if count < CONTENTS_MAX && total + bytes <= CONTENTS_BYTES_MAX {
            break;
        }
        let _ = fs::remove_file(path);
        count -= 1;
        total -= size;
    }
}
