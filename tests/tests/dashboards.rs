//! Rules and alerts against the one list of metric names, and by promtool's own unit tests. A query on a metric or label that
//! nothing serves fails here and not during an incident. Grafana's dashboards are in `grafana.rs`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod promql;

use firstbad_protocol::names::{Kind, METRICS};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn dashboards() -> PathBuf {
    firstbad_tests::repository().join("dashboards")
}

/// Every PromQL expression of the rule files.
fn expressions() -> Vec<String> {
    let text = |file: &str| std::fs::read_to_string(dashboards().join("prometheus").join(file)).expect("a rule file");
    ["rules.yaml", "alerts.yaml"].into_iter().flat_map(|file| rule_expressions(&text(file))).collect()
}

/// `expr:` values of a rule file: on one line, or the indented block after `|`. promtool has checked that it is YAML.
fn rule_expressions(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(value) = line.trim_start().strip_prefix("expr:") else { continue };
        if value.trim() != "|" {
            found.push(value.trim().to_owned());
            continue;
        }
        let depth = line.len() - line.trim_start().len();
        let mut block = String::new();
        while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > depth) {
            block.push_str(next.trim());
            block.push(' ');
        }
        found.push(block);
    }
    assert!(!found.is_empty(), "no expression found");
    found
}

/// The labels that a series of this name may have; none if nothing serves it.
fn labels_of(name: &str) -> Option<BTreeSet<String>> {
    let target = ["job", "instance"].map(str::to_owned);
    if name == "up" {
        return Some(target.into());
    }
    if name.contains(':') {
        // Recording rules are named level:metric:operations; their level states their labels.
        return Some(["job", "config", "config_hash"].map(str::to_owned).into());
    }
    let metric = METRICS.iter().find(|metric| {
        let suffixes: &[&str] = if metric.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        suffixes.iter().any(|suffix| name.strip_suffix(suffix) == Some(metric.prometheus))
    })?;
    let mut labels: BTreeSet<String> = metric.labels.iter().map(|label| (*label).to_owned()).collect();
    labels.extend(target);
    if name.ends_with("_bucket") {
        labels.insert("le".to_owned());
    }
    Some(labels)
}

fn unknown_names(expression: &str) -> Vec<String> {
    let found = promql::selectors(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut faults = Vec::new();
    for selected in found {
        for name in selected.names() {
            let Some(labels) = labels_of(&name) else {
                faults.push(format!("metric {name} in {expression}"));
                continue;
            };
            let used = selected.matched().map(str::to_owned).chain(selected.by.iter().cloned());
            faults.extend(
                used.filter(|label| !labels.contains(label))
                    .map(|label| format!("label {label} of {name} in {expression}")),
            );
        }
    }
    faults
}

#[test]
fn every_query_asks_for_names_and_labels_that_are_served() {
    let faults: Vec<String> = expressions().iter().flat_map(|expression| unknown_names(expression)).collect();
    assert!(faults.is_empty(), "{faults:#?}");
    // The check can fail: a name and a label that do not exist are found.
    assert_eq!(unknown_names("sum by (colour) (rate(firstbad_fleet_requests_total[1m]))").len(), 1);
    assert_eq!(unknown_names("firstbad_request_total").len(), 1);
}

#[test]
fn every_runbook_exists() {
    let alerts = std::fs::read_to_string(dashboards().join("prometheus/alerts.yaml")).expect("alerts");
    let links: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert_eq!(links.len(), alerts.matches("- alert:").count(), "every alert has a runbook");
    let exists = |path: &str| firstbad_tests::repository().join(path).is_file();
    for link in links {
        let (_, path) = link.trim_matches('\'').split_once("/blob/main/").expect("a link into this repository");
        match path.split_once("{{") {
            None => assert!(exists(path), "{link}"),
            // The playbook of an incident, or the page of all. The library embeds `playbooks/NAME.md`, so each name is a file.
            Some((directory, template)) => {
                assert!(directory == "playbooks/" && template.ends_with("README{{ end }}.md"), "{link}");
                assert!(exists("playbooks/README.md"));
            }
        }
    }
}

#[test]
fn promtool_accepts_rules_and_their_unit_tests_pass() {
    let prometheus = dashboards().join("prometheus");
    let run = |arguments: &[&str]| {
        let output = Command::new("promtool").args(arguments).current_dir(&prometheus).output();
        let output = output.expect("promtool runs; the test command (./test) installs it");
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    };
    run(&["check", "rules", "--lint=all", "--lint-fatal", "rules.yaml", "alerts.yaml"]);
    run(&[
        "test",
        "rules",
        "tests/errors_follow_version.yaml",
        "tests/panics_and_budget.yaml",
        "tests/silent_failure.yaml",
    ]);
}
