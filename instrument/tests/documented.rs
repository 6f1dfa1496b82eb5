//! Every public item at the top of a module of the crate has an example in its documentation, which the doc tests compile and run.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail loudly")]

use std::fs;
use std::path::{Path, PathBuf};

/// Items without an example of their own: errors and plain data that an example of another item shows, and what a module's own
/// example shows.
const SHOWN_ELSEWHERE: [&str; 17] = [
    "ByStatus",
    "Classify",
    "Expected",
    "ExportError",
    "NotLoaded",
    "Reaction",
    "Report",
    "Service",
    "Stats",
    "TagLayer",
    "Trial",
    "layer",
    "observe",
    "pin",
    "publish",
    "to",
    "torture",
];

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Name of the public item that `line` begins, if it stands at the top of its module.
fn item(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("pub ")?;
    let rest = rest.strip_prefix("const ").or_else(|| rest.strip_prefix("async ")).unwrap_or(rest);
    let name = ["struct ", "enum ", "trait ", "fn "].into_iter().find_map(|keyword| rest.strip_prefix(keyword))?;
    name.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
}

/// Public items of a file, each with whether its documentation has an example.
fn items(text: &str) -> Vec<(String, bool)> {
    let (mut found, mut has_example) = (Vec::new(), false);
    for line in text.lines() {
        if let Some(name) = item(line) {
            found.push((name.to_owned(), has_example));
        }
        let is_above_an_item = line.starts_with("///") || line.starts_with("#[") || line.starts_with(')');
        has_example = is_above_an_item && (has_example || line.starts_with("/// ```"));
    }
    found
}

#[test]
fn every_public_item_has_an_example() {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut paths);
    let all: Vec<(String, bool)> = paths.iter().flat_map(|path| items(&fs::read_to_string(path).unwrap())).collect();
    let without: Vec<&str> = all.iter().filter(|(_, has)| !has).map(|(name, _)| name.as_str()).collect();
    let missing: Vec<&&str> = without.iter().filter(|name| !SHOWN_ELSEWHERE.contains(name)).collect();
    assert!(missing.is_empty(), "no example: {missing:?}");
    let stale: Vec<&&str> = SHOWN_ELSEWHERE.iter().filter(|name| !without.contains(name)).collect();
    assert!(stale.is_empty(), "not public, or with an example by now: {stale:?}");
    assert!(all.len() > 40, "the search finds the items: {all:?}");
}

#[test]
fn an_item_without_an_example_is_seen() {
    let text = "/// One.\n///\n/// ```\n/// one();\n/// ```\n#[must_use]\npub fn one() {}\n/// Two.\npub struct Two;\n";
    assert_eq!(items(text), [("one".to_owned(), true), ("Two".to_owned(), false)]);
}
