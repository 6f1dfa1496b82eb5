//! Rules of this repository that no lint checks: every file states what it decides, no file exceeds 500 lines, crates and
//! the folders of the engine depend only downwards, unsafe code stays in declared places, and promised files exist.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

#[path = "tidy/imports.rs"]
mod imports;

use imports::{Sources, imports, on_circles, room};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Arrows that ARCHITECTURE.md draws: crate -> crates of ours that it may use outside tests.
const ARROWS: [(&str, &[&str]); 13] = [
    ("protocol", &[]),
    ("instrument", &["protocol"]),
    ("diagnosis", &["protocol"]),
    ("playbooks", &["protocol"]),
    ("collector", &["protocol", "diagnosis", "playbooks"]),
    ("demo", &["protocol", "instrument"]),
    ("dashboards", &["protocol"]),
    ("deploy", &[]),
    ("audit", &[]),
    ("tui", &["protocol", "diagnosis", "playbooks", "collector", "demo", "audit"]),
    ("tests", &["protocol"]),
    ("tests/simulator", &["protocol", "diagnosis"]),
    ("tests/composer", &["simulator", "collector"]),
];

/// Layers of `diagnosis`, lowest first: each folder (or file outside all folders) -> the layers that it may import. A layer
/// may import only earlier layers of this list, so layers cannot form a circle.
const LAYERS: &[(&str, &[&str])] = &[
    ("settings", &[]),
    ("observation", &[]),
    ("numerics", &["observation"]),
    ("state", &["settings", "observation", "numerics"]),
    ("signals", &["observation", "numerics", "state"]),
    ("ingest", &["observation", "numerics", "state", "signals"]),
    ("detect", &["observation", "numerics", "state", "signals", "ingest"]),
    ("scene", &["numerics", "state"]),
    ("hypothesis", &["numerics", "state", "scene"]),
    ("evidence", &["observation", "numerics", "state", "signals", "scene", "hypothesis"]),
    ("wording", &["observation", "numerics", "state", "scene", "hypothesis"]),
    ("verdict", &["numerics", "state", "signals", "detect", "scene", "hypothesis", "evidence", "wording"]),
    ("snapshot", &["numerics", "state", "wording"]),
    ("engine", &["settings", "observation", "numerics", "state", "ingest", "detect", "wording", "verdict", "snapshot"]),
    ("lib", &["settings", "observation", "numerics", "engine"]),
];

/// The only places where unsafe code is written: the mapping and the process calls of the instrument, the tests and
/// benches that call into libc to kill, fork and count, and an allocator that counts.
const UNSAFE_PLACES: [&str; 7] = [
    "instrument/src/raw.rs",
    "instrument/src/raw/",
    "instrument/src/raw_arrays.rs",
    "instrument/src/raw_elsewhere.rs",
    "instrument/tests/",
    "bench/peers/src/",
    "tests/simulator/tests/cost.rs",
];

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

/// Returns the engine's files by their path below `diagnosis/src`, without the files that hold only tests.
fn engine() -> Sources {
    let below = |(name, text): (String, String)| Some((name.strip_prefix("diagnosis/src/")?.to_owned(), text));
    let files: Sources =
        sources().into_iter().filter_map(below).filter(|(name, _)| !name.ends_with("tests.rs")).collect();
    assert!(files.len() > 50, "only {} files found", files.len());
    files
}

/// Returns the imports across layers that `LAYERS` does not allow.
fn upward(files: &Sources) -> Vec<String> {
    let allowed = |room: &str| LAYERS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, allowed)| *allowed);
    let crossing = |(from, to): &(String, String)| room(from) != room(to) && !allowed(room(from)).contains(&room(to));
    let pairs = imports(files).into_iter().flat_map(|(from, all)| all.into_iter().map(move |to| (from.clone(), to)));
    pairs.filter(crossing).map(|(from, to)| format!("{from} imports {to}")).collect()
}

#[test]
fn folders_of_the_engine_import_only_downwards() {
    for (index, (name, allowed)) in LAYERS.iter().enumerate() {
        let below: Vec<&str> = LAYERS.iter().take(index).map(|(name, _)| *name).collect();
        assert!(allowed.iter().all(|other| below.contains(other)), "{name} may import a layer that is not below it");
    }
    let files = engine();
    let unknown: Vec<_> = files.keys().filter(|file| !LAYERS.iter().any(|(name, _)| *name == room(file))).collect();
    assert!(unknown.is_empty(), "files without a layer: {unknown:#?}");
    let upward = upward(&files);
    assert!(upward.is_empty(), "imports against the layers: {upward:#?}");
}

#[test]
fn no_files_of_the_engine_import_each_other_in_a_circle() {
    let circles = on_circles(&imports(&engine()));
    assert!(circles.is_empty(), "files in a circle of imports, or between two circles: {circles:#?}");
}

#[test]
fn only_state_itself_has_methods_of_state() {
    // A method call needs no import, so this test would not see it. Functions on the state must be imported.
    let with: Vec<_> =
        engine().into_iter().filter(|(_, text)| text.contains("\nimpl State {")).map(|(name, _)| name).collect();
    assert_eq!(with, ["state.rs"]);
}

#[test]
fn imports_against_the_layers_and_circles_are_seen_however_they_are_written() {
    let made_up = |files: &[(&str, &str)]| -> Sources {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    };
    let imported = |files: &[(&str, &str)], file: &str| -> Vec<String> {
        imports(&made_up(files)).remove(file).unwrap_or_default().into_iter().collect()
    };
    let others = [("state.rs", ""), ("state/ring.rs", ""), ("verdict.rs", ""), ("verdict/judge.rs", "")];
    let seen = |text: &str| {
        let files: Vec<_> = others.iter().copied().chain([("evidence/test.rs", text)]).collect();
        (imported(&files, "evidence/test.rs"), upward(&made_up(&files)).len())
    };
    let judge = || vec!["verdict/judge.rs".to_owned()];
    // A plain import, one in nested braces over two lines, one with another name, and a path inside the code.
    assert_eq!(seen("use crate::verdict::judge::judge;\n"), (judge(), 1));
    let both = vec!["state/ring.rs".to_owned(), "verdict/judge.rs".to_owned()];
    assert_eq!(seen("use crate::{state::ring::Ring, verdict::{\n    judge::{judge, spans},\n}};\n"), (both.clone(), 1));
    assert_eq!(seen("use crate::{state::ring as circle, verdict::judge};\n"), (both, 1));
    assert_eq!(seen("fn test() -> bool {\n    crate::verdict::judge::judge()\n}\n"), (judge(), 1));
    // Paths in comments, and imports of test modules, do not count.
    assert_eq!(seen("// crate::verdict::judge::judge\n"), (Vec::new(), 0));
    assert_eq!(seen("#[cfg(test)]\nmod tests {\n    use crate::verdict::judge::judge;\n}\n"), (Vec::new(), 0));

    // A circle of three files, with one import by `super` and one of a child module. `engine.rs` is outside the circle.
    let circle = [
        ("state.rs", "mod ring;\nmod rows;\nuse ring::Ring;\n"),
        ("state/ring.rs", "use super::rows::Row;\n"),
        ("state/rows.rs", "use crate::state::State;\n"),
        ("engine.rs", "use crate::state::State;\n"),
    ];
    let found: Vec<String> = on_circles(&imports(&made_up(&circle))).into_iter().collect();
    assert_eq!(found, ["state.rs", "state/ring.rs", "state/rows.rs"]);
    let cut = circle.map(|(name, text)| if name == "state/rows.rs" { (name, "") } else { (name, text) });
    assert!(on_circles(&imports(&made_up(&cut))).is_empty());
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
