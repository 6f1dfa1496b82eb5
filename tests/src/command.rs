//! Runs `firstbad` as a script does: to its end, with its output kept, and without the collector that the environment names.
#![allow(clippy::expect_used, reason = "only tests use it, and a test may fail loudly")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs `firstbad` with these arguments.
///
/// # Panics
/// If the binary of this build is missing.
#[must_use]
pub fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(crate::firstbad());
    command.env_remove("FIRSTBAD_COLLECTOR").args(arguments).output().expect("target/*/firstbad is built")
}

/// Returns standard error as text.
#[must_use]
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns a path as an argument.
///
/// # Panics
/// If it is not UTF-8.
#[must_use]
pub fn argument(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}
