//! Opening, marking and judging files on Unix. Which files, and what for, is decided by the callers. Systems that are no Unix have
//! `files_elsewhere.rs` instead of this file.

use crate::raw;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Why this system has no recorder files; none where it has them.
pub(crate) const NONE_BECAUSE: Option<&str> = None;

/// Opens a file of somebody else to read it. It follows no symbolic link and waits for no pipe.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// Opens an existing file to write into it. It follows no symbolic link.
pub(crate) fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Makes a file that its group may read.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(0o640).custom_flags(libc::O_NOFOLLOW);
    options.open(path)
}

/// Makes a directory whose files belong to the directory's group, if it is not there.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o2770))
}

/// Why no recorder may be made in a directory; none where it may.
pub(crate) fn refusal(directory: &Metadata) -> Option<&'static str> {
    let others_write = directory.mode() & 0o002 != 0 && directory.mode() & 0o1000 == 0;
    if !directory.is_dir() {
        Some("is not a directory")
    } else if others_write {
        Some("can be written by everybody: chmod o-w it")
    } else if directory.uid() != raw::euid() && directory.uid() != 0 && directory.mode() & 0o020 == 0 {
        Some("belongs to another user")
    } else {
        None
    }
}

/// Reads exactly `bytes`, from the place `at` on.
pub(crate) fn read_at(file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(bytes, at)
}

/// Writes all of `bytes`, from the place `at` on.
pub(crate) fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.write_all_at(bytes, at)
}

/// What differs between two contents of a path even where size and time of writing are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl From<&Metadata> for Identity {
    fn from(found: &Metadata) -> Self {
        Self { device: found.dev(), inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) }
    }
}
