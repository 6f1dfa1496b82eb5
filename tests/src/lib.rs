//! What the tests beside this crate share: the repository's root, its binary and how to run it, captures to diagnose, and collectors to
//! send them to. The checks themselves are in `tests/`.
#![forbid(unsafe_code)]

pub mod capture;
pub mod collector;
pub mod command;

use std::path::{Path, PathBuf};

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The `firstbad` binary of this build: beside the test binaries' folder. `./test` builds it; a lone
/// `cargo test -p firstbad-tests` needs `cargo build -p firstbad` first.
#[must_use]
pub fn firstbad() -> PathBuf {
    let tests = std::env::current_exe().unwrap_or_default();
    tests.ancestors().nth(2).map(|directory| directory.join("firstbad")).unwrap_or_default()
}
