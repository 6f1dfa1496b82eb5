//! One collector per data directory. The lock is the kernel's, so it ends with its holder however that ends; the pid in
//! the file is for people.

use super::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// A data directory that this process has for itself, until this is dropped.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Makes `directory` if it is missing, readable by its owner alone, and takes it.
    ///
    /// # Errors
    /// If it cannot be made or written, or another process has it.
    pub fn take(directory: &Path) -> Result<Self, StoreError> {
        let refuse = |source| StoreError::Directory { directory: directory.into(), source };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(refuse)?;
        let path = directory.join("collector.lock");
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = open.map_err(refuse)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Held { directory: directory.into(), pid: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(refuse(source)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(refuse)?;
        let mode = std::fs::metadata(directory).map_err(refuse)?.mode() & 0o777;
        // Not closed here: it may be one that others need, such as /tmp. The files in it are.
        if mode & 0o077 != 0 {
            tracing::warn!(
                directory = %directory.display(),
                mode = format!("{mode:03o}"),
                "others may look into the data directory; its files are closed to them; chmod 700 closes it"
            );
        }
        Ok(Self { _file: file })
    }
}

/// The pid of the collector that has `directory`, as it wrote it; none if nobody has it. Nothing is written or taken.
///
/// # Errors
/// If its lock cannot be read.
pub(super) fn holder_of(directory: &Path) -> Result<Option<String>, StoreError> {
    let refuse = |source| StoreError::Directory { directory: directory.into(), source };
    let mut file = match File::open(directory.join("collector.lock")) {
        Ok(file) => file,
        // Copied without its lock, as from a backup.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(refuse(source)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(holder(&mut file))),
        Err(TryLockError::Error(source)) => Err(refuse(source)),
    }
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let _ = file.take(20).read_to_string(&mut text);
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    if digits.is_empty() { "unknown".to_owned() } else { digits }
}
