//! What a proxy takes on by linking the crate: few crates, and unsafe code in `raw` alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Two of them are our own; the others are `sha2` and what it needs, `arc-swap` and `libc`.
const CRATES_MAX: usize = 13;

#[test]
fn default_features_bring_few_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "firstbad-instrument", "--edges", "normal,build", "--prefix", "none", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let crates: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    println!("{} crates: {crates:?}", crates.len());
    assert!(crates.len() <= CRATES_MAX, "{crates:?}");
    for heavy in ["tokio", "serde", "tracing", "metrics", "opentelemetry", "syn"] {
        assert!(!crates.contains(heavy), "{heavy} is for a feature");
    }
}

#[test]
fn unsafe_code_stays_in_raw_in_short_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![root.clone()];
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        let relative = path.strip_prefix(&root).unwrap().display().to_string();
        if relative.starts_with("raw") {
            assert!(lines <= 300, "{relative} has {lines} lines");
            assert!(
                text.matches("unsafe {").count() <= text.matches("SAFETY:").count() + 1,
                "an unsafe block says why"
            );
        } else {
            assert!(!text.contains("unsafe {") && !text.contains("unsafe fn"), "{}", path.display());
        }
    }
}
