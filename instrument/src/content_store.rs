//! Keeps each version's content beside the recorder, once per hash, for the difference view. Bounded in size and number;
//! a content that does not fit is counted, never an error of the load.

use firstbad_protocol::Hash;
use firstbad_protocol::limits::CONTENT_BYTES_MAX;
use firstbad_protocol::recorder::layout::dropped;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::SystemTime;

/// Contents kept in one directory; the oldest goes first.
const CONTENTS_MAX: usize = 256;
/// Bytes of all contents kept in one directory.
const CONTENTS_BYTES_MAX: u64 = 64 << 20;

/// Keeps `bytes` in `<directory of the recorder>/content/<hex>`, unless it is there or capture is off.
pub(crate) fn keep(hash: Hash, bytes: &[u8]) {
    let target = crate::recorder::lock().home.as_ref().and_then(|home| {
        let directory = home.path.parent()?.join("content");
        home.settings.capture_content.then_some(directory)
    });
    let Some(directory) = target else { return };
    if bytes.len() > CONTENT_BYTES_MAX || write(&directory, (hash, bytes)).is_err() {
        crate::recorder::count_dropped(dropped::CONTENTS);
    }
}

fn write(directory: &Path, (hash, bytes): (Hash, &[u8])) -> io::Result<()> {
    let path = directory.join(hash.hex());
    if path.exists() {
        return Ok(());
    }
    if !directory.exists() {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o2770))?;
    }
    make_room(directory, bytes.len() as u64);
    let unfinished = directory.join(format!(".{}.{:032x}", hash.short(), crate::directory::random()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o640).custom_flags(libc::O_NOFOLLOW);
    let written = options
        .open(&unfinished)
        .and_then(|mut file| file.write_all(bytes))
        .and_then(|()| fs::rename(&unfinished, &path));
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
