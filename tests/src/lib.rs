//! Where the repository is, for the tests beside this crate. The checks themselves are in `tests/`.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
