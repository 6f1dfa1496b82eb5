//! Keeps each version's content beside the recorder, once per hash, for the difference view. Bounded in size and number;
//! a content that does not fit is counted, never an error of the load.

use crate::mask::mask;
use firstbad_protocol::Hash;
use firstbad_protocol::content::Format;
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

/// Keeps `bytes` in `<directory of the recorder>/content/<hex>`, unless it is there or capture is off; with values hidden, in
/// `<hex>.masked`. Where there are rules, bytes that cannot be read as text are not kept.
pub(crate) fn keep(hash: Hash, bytes: &[u8], format: Option<Format>) {
    let target = crate::recorder::lock().home.as_ref().and_then(|home| {
        let directory = home.path.parent()?.join("content");
        home.settings.capture_content.then(|| (directory, home.settings.masks.clone()))
    });
    let Some((directory, masks)) = target else { return };
    let unreadable = !masks.is_empty() && format.is_none_or(|format| format == Format::Binary);
    if unreadable || bytes.len() > CONTENT_BYTES_MAX {
        return crate::recorder::count_dropped(dropped::CONTENTS);
    }
    let masked = format.filter(|_| !masks.is_empty()).and_then(|format| mask(bytes, format, &masks));
    let written = match &masked {
        Some(masked) => write(&directory, &format!("{}.masked", hash.hex()), masked),
        None => write(&directory, &hash.hex(), bytes),
    };
    if written.is_err() {
        crate::recorder::count_dropped(dropped::CONTENTS);
    }
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = directory.join(name);
    if path.exists() {
        return Ok(());
    }
    if !directory.exists() {
        fs::create_dir_all(directory)?;
        fs::set_permissions(directory, Permissions::from_mode(0o2770))?;
    }
    make_room(directory, bytes.len() as u64);
    let unfinished = directory.join(format!(".{name}.{:032x}", crate::directory::random()));
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
