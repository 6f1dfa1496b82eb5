//! Where the project's scenario files are, and all of them read. What one says is `scenario`'s business.

use crate::scenario::{Scenario, read};
use std::path::{Path, PathBuf};

/// The directory of the project's scenarios.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
}

/// Reads every scenario of a directory, by name.
///
/// # Errors
/// If the directory or one of the files cannot be read.
pub fn read_all(directory: &Path) -> Result<Vec<Scenario>, String> {
    let entries = std::fs::read_dir(directory).map_err(|e| format!("reading {}: {e}", directory.display()))?;
    let is_scenario = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_scenario).collect();
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}
