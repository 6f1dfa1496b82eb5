//! The Grafana dashboards: the committed files are what their source gives, import without questions, keep the linter's rules, ask
//! for what is served, and lead somewhere. Their queries are run in `panels.rs`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

#[path = "grafana/links.rs"]
mod links;
#[path = "grafana/lint.rs"]
mod lint;
#[path = "grafana/mutations.rs"]
mod mutations;
#[path = "grafana/names.rs"]
mod names;
mod promql;

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A committed dashboard.
pub(crate) struct File {
    /// Path below `dashboards/grafana`.
    pub(crate) path: String,
    /// Its JSON.
    pub(crate) dashboard: Value,
}

fn directory() -> PathBuf {
    firstbad_tests::repository().join("dashboards/grafana")
}

/// Every committed dashboard.
pub(crate) fn grafana_files() -> Vec<File> {
    let paths = committed().into_iter().filter(|path| path.ends_with(".json"));
    let read = |path: String| {
        let text = std::fs::read_to_string(directory().join(&path)).expect("readable");
        File { path, dashboard: serde_json::from_str(&text).expect("JSON") }
    };
    let found: Vec<File> = paths.map(read).collect();
    assert!(found.len() >= 10, "{} dashboards found", found.len());
    found
}

/// Paths of all files below `dashboards/grafana`.
fn committed() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in std::fs::read_dir(directory()).expect("dashboards/grafana").flatten() {
        for file in std::fs::read_dir(folder.path()).expect("a folder of a source").flatten() {
            found.insert(format!("{}/{}", folder.file_name().display(), file.file_name().display()));
        }
    }
    found
}

#[test]
fn the_committed_files_are_what_the_source_gives() {
    let generated = firstbad_dashboards::files();
    let paths: BTreeSet<String> = generated.iter().map(|file| file.path.clone()).collect();
    assert_eq!(paths, committed());
    for file in generated {
        let text = std::fs::read_to_string(directory().join(&file.path)).expect("readable");
        assert!(text == file.text, "{} is old: `cargo run -p firstbad-dashboards` writes it", file.path);
    }
}

#[test]
fn every_dashboard_keeps_the_rules() {
    for file in grafana_files() {
        let faults: Vec<String> =
            lint::faults(&file.dashboard).iter().map(|fault| format!("{}: {}", fault.rule, fault.place)).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", file.path);
    }
}

#[test]
fn dashboards_of_versions_have_all_variables_and_show_loads() {
    for file in grafana_files() {
        let variables = lint::items(&file.dashboard["templating"]["list"]);
        let names: Vec<&str> = variables.iter().map(|it| lint::text(&it["name"])).collect();
        let health = file.path == "collector/firstbad-collector.json";
        let expected = ["datasource", "job", "instance", "region", "config", "hash"];
        assert_eq!(names, if health { &expected[..4] } else { &expected[..] }, "{}", file.path);
        let annotations = lint::items(&file.dashboard["annotations"]["list"]);
        assert_eq!(annotations.len(), usize::from(!health), "{}", file.path);
        assert!(annotations.iter().all(|it| it["useValueForTime"] == "on"), "{}", file.path);
    }
}
