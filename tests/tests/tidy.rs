//! Rules of the house that no lint knows: every file says what it decides, none grows past 500 lines, crates depend only
//! downwards, unsafe code stays where it is declared, and what was promised to be there is there.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Arrows that ARCHITECTURE.md draws: crate -> crates of ours that it may use outside tests.
const ARROWS: [(&str, &[&str]); 10] = [
    ("protocol", &[]),
    ("instrument", &["protocol"]),
    ("diagnosis", &["protocol"]),
    ("playbooks", &["protocol"]),
    ("collector", &["protocol", "diagnosis", "playbooks"]),
    ("demo", &["protocol", "instrument"]),
    ("tui", &["protocol", "diagnosis", "playbooks", "collector", "demo"]),
    ("tests", &["protocol"]),
    ("tests/simulator", &["protocol", "diagnosis"]),
    ("tests/composer", &["simulator", "collector"]),
];

/// The only places where unsafe code is written: the mapping and the process calls of the instrument, the tests and
/// benches that call into libc to kill, fork and count, and an allocator that counts.
const UNSAFE_PLACES: [&str; 4] =
    ["instrument/src/raw.rs", "instrument/tests/", "bench/peers/src/", "tests/simulator/tests/cost.rs"];

fn root() -> PathBuf {
    firstbad_tests::repository()
}

fn files_below(directory: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).expect("a directory of the repository").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && !name.to_string_lossy().starts_with('.') {
                files_below(&path, wanted, found);
            }
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

fn sources() -> BTreeMap<String, String> {
    let mut found = Vec::new();
    files_below(&root(), &|path| path.extension().is_some_and(|extension| extension == "rs"), &mut found);
    assert!(found.len() > 50, "only {} files found", found.len());
    let name = |path: &Path| path.strip_prefix(root()).unwrap_or(path).display().to_string();
    found.iter().map(|path| (name(path), std::fs::read_to_string(path).expect("UTF-8"))).collect()
}

/// Lines before the inline test module.
fn lines_without_tests(text: &str) -> usize {
    text.lines().take_while(|line| line.trim() != "#[cfg(test)]" || !line.starts_with('#')).count()
}

#[test]
fn every_file_opens_with_what_it_decides() {
    let silent: Vec<_> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//!")).map(|(name, _)| name).collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:#?}");
}

#[test]
fn no_file_grows_past_500_lines() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(name, text)| (name, lines_without_tests(&text)))
        .filter(|(_, lines)| *lines > 500)
        .collect();
    assert!(long.is_empty(), "two subjects each, likely: {long:#?}");
}

#[test]
fn crates_depend_only_downwards() {
    for (directory, allowed) in ARROWS {
        let manifest = std::fs::read_to_string(root().join(directory).join("Cargo.toml")).expect("manifest");
        let parsed: toml::Table = manifest.parse().expect("TOML");
        let dependencies = parsed.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
        for name in dependencies.keys().filter_map(|name| name.strip_prefix("firstbad-")) {
            assert!(allowed.contains(&name), "{directory} must not use {name}: change ARCHITECTURE.md first");
        }
    }
}

#[test]
fn unsafe_code_stays_where_it_is_declared() {
    let code = |line: &&str| !line.trim_start().starts_with("//");
    let marks = ["unsafe {", "unsafe fn ", "unsafe impl ", "unsafe extern "];
    for (name, text) in sources() {
        let lines = text.lines().filter(code).filter(|line| marks.iter().any(|mark| line.contains(mark))).count();
        let declared = UNSAFE_PLACES.iter().any(|place| name.starts_with(place)) || name == "tests/tests/tidy.rs";
        assert!(lines == 0 || declared, "{name} has {lines} lines of unsafe code");
    }
}

#[test]
fn nothing_is_left_unfinished_or_switched_off() {
    for (name, text) in sources().into_iter().filter(|(name, _)| name != "tests/tests/tidy.rs") {
        for mark in ["TODO", "FIXME", "todo!(", "unimplemented!(", "#[ignore"] {
            assert!(!text.contains(mark), "{name} contains {mark}");
        }
    }
}

#[test]
fn what_the_repository_promises_is_there() {
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "LICENSE",
        "Cargo.lock",
        ".ci/run",
        "test",
        "dashboards",
        "playbooks",
    ] {
        assert!(root().join(path).exists(), "{path}");
    }
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    for name in [
        "tracing",
        "tracing-subscriber",
        "opentelemetry",
        "metrics",
        "metrics-exporter-prometheus",
        "ratatui",
        "crossterm",
        "regex",
    ] {
        assert!(lock.contains(&format!("\nname = \"{name}\"\n")), "{name} is a required dependency");
    }
}
