//! Where the screen's memory is kept: `screen.json` in `$XDG_STATE_HOME/firstbad`, or in `~/.local/state/firstbad`. A memory that cannot be
//! written is no reason to say anything; one that is there and cannot be read is ignored, and said once.

use crate::screen::memory::Memory;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Bytes of the file that are read.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// Reads the memory; an empty one if there is none.
///
/// # Errors
/// That it was ignored, and why.
pub(super) fn read() -> Result<Memory, String> {
    path().map_or_else(|| Ok(Memory::default()), |path| of_file(&path))
}

/// Writes the memory.
pub(super) fn write(memory: &Memory) {
    if let Some(path) = path() {
        // Without a home directory or with a full disk nothing is remembered, and the screen works all the same.
        let _ = into_file(&path, memory);
    }
}

fn path() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")))?;
    Some(state.join("firstbad").join("screen.json"))
}

fn of_file(path: &Path) -> Result<Memory, String> {
    let ignored = |why: &dyn std::fmt::Display| format!("last session ignored: {why} ({})", path.display());
    let mut bytes = Vec::new();
    match std::fs::File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => serde_json::from_slice(&bytes).map_err(|error| ignored(&error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(error) => Err(ignored(&error)),
    }
}

fn into_file(path: &Path, memory: &Memory) -> std::io::Result<()> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // Another screen that ends now must not find half of it.
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    serde_json::to_writer(file, memory)?;
    std::fs::rename(&new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_a_damaged_file_is_none() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("state/firstbad/screen.json");
        assert_eq!(of_file(&path), Ok(Memory::default()));
        let memory = Memory { filters: vec!["edge-eu".into()], ..Memory::default() };
        into_file(&path, &memory).expect("written");
        assert_eq!(of_file(&path).as_ref(), Ok(&memory));
        let files = std::fs::read_dir(path.parent().expect("a directory")).expect("readable").count();
        assert_eq!(files, 1, "nothing else is left there");
        std::fs::write(&path, b"{\"filters\": 7").expect("written");
        assert!(
            of_file(&path).is_err_and(|why| why.starts_with("last session ignored: ") && why.contains("screen.json")),
            "it is said once"
        );
    }
}
