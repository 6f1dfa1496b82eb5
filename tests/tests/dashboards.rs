//! Dashboards, rules and alerts against the one list of metric names, against what imports choke on, and by promtool's own
//! unit tests. A query on a metric or label that nothing serves fails here and not during an incident.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_protocol::names::{Kind, METRICS};
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

fn dashboards() -> PathBuf {
    firstbad_tests::repository().join("dashboards")
}

fn grafana() -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dashboards().join("grafana")).expect("dashboards/grafana") {
        let path = entry.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("readable");
        found.push((path.display().to_string(), serde_json::from_str(&text).expect("JSON")));
    }
    assert!(!found.is_empty());
    found
}

/// Every PromQL expression of the dashboards (Grafana's variables replaced) and of the rule files.
fn expressions() -> Vec<String> {
    let mut found = Vec::new();
    for (_, dashboard) in grafana() {
        for panel in dashboard["panels"].as_array().expect("panels") {
            for target in panel["targets"].as_array().expect("targets") {
                found.push(target["expr"].as_str().expect("expr").replace("$__rate_interval", "1m"));
            }
        }
        for annotation in dashboard["annotations"]["list"].as_array().expect("annotations") {
            found.push(annotation["expr"].as_str().expect("expr").to_owned());
        }
    }
    for file in ["rules.yaml", "alerts.yaml"] {
        found.extend(rule_expressions(
            &std::fs::read_to_string(dashboards().join("prometheus").join(file)).expect(file),
        ));
    }
    found
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

fn selectors(expression: &Expr, found: &mut Vec<(VectorSelector, BTreeSet<String>)>, by: &BTreeSet<String>) {
    match expression {
        Expr::Aggregate(aggregate) => {
            let mut by = by.clone();
            if let Some(LabelModifier::Include(labels)) = &aggregate.modifier {
                by.extend(labels.labels.iter().cloned());
            }
            selectors(&aggregate.expr, found, &by);
        }
        Expr::Unary(unary) => selectors(&unary.expr, found, by),
        Expr::Paren(paren) => selectors(&paren.expr, found, by),
        Expr::Subquery(subquery) => selectors(&subquery.expr, found, by),
        Expr::Binary(binary) => {
            selectors(&binary.lhs, found, by);
            selectors(&binary.rhs, found, by);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|argument| selectors(argument, found, by)),
        Expr::VectorSelector(selector) => found.push((selector.clone(), by.clone())),
        Expr::MatrixSelector(matrix) => found.push((matrix.vs.clone(), by.clone())),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
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
    let parsed = parser::parse(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
    let mut found = Vec::new();
    selectors(&parsed, &mut found, &BTreeSet::new());
    let mut faults = Vec::new();
    for (selector, by) in found {
        let name = selector.name.clone().unwrap_or_default();
        let Some(labels) = labels_of(&name) else {
            faults.push(format!("metric {name} in {expression}"));
            continue;
        };
        let used = selector.matchers.matchers.iter().map(|matcher| matcher.name.clone()).chain(by);
        faults.extend(
            used.filter(|label| !labels.contains(label))
                .map(|label| format!("label {label} of {name} in {expression}")),
        );
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
fn dashboards_import_without_questions() {
    for (path, dashboard) in grafana() {
        let text = dashboard.to_string();
        assert!(!text.contains("__inputs") && !text.contains("DS_PROMETHEUS"), "{path}: __inputs break provisioning");
        assert_eq!((&dashboard["id"], &dashboard["editable"]), (&Value::Null, &Value::Bool(false)), "{path}");
        assert_eq!(dashboard["schemaVersion"], 39, "{path}");
        assert!(dashboard["uid"].as_str().is_some_and(|uid| uid.len() <= 40), "{path}");
        let variables: Vec<&str> = dashboard["templating"]["list"]
            .as_array()
            .expect("variables")
            .iter()
            .filter_map(|v| v["name"].as_str())
            .collect();
        assert_eq!(variables, ["datasource", "job", "instance"], "{path}");
        for panel in dashboard["panels"].as_array().expect("panels") {
            let title = panel["title"].as_str().unwrap_or_default();
            let filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
            assert!(filled(&panel["title"]) && filled(&panel["description"]), "{path}: {title}");
            assert!(filled(&panel["fieldConfig"]["defaults"]["unit"]), "{path}: {title} has no unit");
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{path}: {title}");
            for target in panel["targets"].as_array().expect("targets") {
                let expr = target["expr"].as_str().expect("expr");
                let selectors = expr.matches('{').count();
                assert_eq!(
                    expr.matches("job=~\"$job\",instance=~\"$instance\"").count(),
                    selectors,
                    "{path}: {title}: {expr}"
                );
                assert!(!expr.contains("rate(") || expr.contains("[$__rate_interval]"), "{path}: {title}: {expr}");
            }
        }
    }
}

#[test]
fn every_runbook_exists() {
    let alerts = std::fs::read_to_string(dashboards().join("prometheus/alerts.yaml")).expect("alerts");
    let links: Vec<&str> = alerts.lines().filter_map(|line| line.trim().strip_prefix("runbook_url: ")).collect();
    assert_eq!(links.len(), alerts.matches("- alert:").count(), "every alert has a runbook");
    for link in links {
        let (_, path) = link.split_once("/blob/main/").expect("a link into this repository");
        assert!(firstbad_tests::repository().join(path).is_file(), "{link}");
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
    run(&["test", "rules", "tests/errors_follow_version.yaml", "tests/silent_failure.yaml"]);
}
