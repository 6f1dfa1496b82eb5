//! What stands in for `files.rs` where the system is no Unix: files are read and written, but there are no recorder files.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::SystemTime;

/// Why this system has no recorder files.
pub(crate) const NONE_BECAUSE: Option<&str> = Some("recorder files exist only on Unix");

pub(crate) fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

pub(crate) fn open_to_write(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).open(path)
}

pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

pub(crate) fn refusal(_directory: &Metadata) -> Option<&'static str> {
    NONE_BECAUSE
}

pub(crate) fn read_at(mut file: &File, bytes: &mut [u8], at: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(bytes)
}

pub(crate) fn write_at(mut file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)
}

/// What differs between two contents of a path even where size and time of writing are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    created: Option<SystemTime>,
}

impl From<&Metadata> for Identity {
    fn from(found: &Metadata) -> Self {
        Self { created: found.created().ok() }
    }
}
