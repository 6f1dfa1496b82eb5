//! A database that cannot be read is moved aside, never deleted, and the collector starts with an empty one: at three in
//! the morning a tool that needs a manual step is down.

use firstbad_protocol::time::Timestamp;
use std::io;
use std::path::{Path, PathBuf};

/// Moves the database at `path`, with its log, to names that end in `.corrupt`. Returns where the database went.
pub(super) fn move_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let stamp = stamp(now);
    let name = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut moved = PathBuf::new();
    for suffix in ["-shm", "-wal", ""] {
        let from = name(suffix);
        let to = name(&format!("{suffix}.{stamp}.corrupt"));
        match std::fs::rename(&from, &to) {
            Ok(()) => moved = to,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(moved)
}

/// Moves the one file at `path`, if it is there, to a name that ends in `.corrupt`. Returns that name.
pub(super) fn move_file_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.corrupt", stamp(now)));
    let to = PathBuf::from(name);
    match std::fs::rename(path, &to) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(to)
}

fn stamp(now: Timestamp) -> String {
    now.to_string().chars().filter(char::is_ascii_digit).take(14).collect()
}
