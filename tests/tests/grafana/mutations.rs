//! Each rule of the linter must find the mistake that it is for. A rule that no mutation breaks is no rule.

use crate::grafana_files;
use crate::lint::faults;
use serde_json::{Value, json};

/// One mistake: what is put where, and the rule that must find it.
struct Mutation {
    rule: &'static str,
    pointer: &'static str,
    value: Value,
}

fn mutations() -> Vec<Mutation> {
    let it = |rule, pointer, value| Mutation { rule, pointer, value };
    let first = "/panels/0/targets/0/expr";
    let selector = |inner: &str| json!(format!("sum(rate(firstbad_requests_total{{{inner}}}[$__rate_interval]))"));
    vec![
        it("uneditable-dashboard", "/editable", json!(true)),
        it("classic-schema", "/schemaVersion", json!(42)),
        it("classic-schema", "/id", json!(7)),
        it("fixed-uid", "/uid", json!("u".repeat(41))),
        it("no-inputs", "/panels/0/datasource/uid", json!("${DS_PROMETHEUS}")),
        it("template-datasource-rule", "/templating/list/0/name", json!("source")),
        it("template-job-rule", "/templating/list/1/multi", json!(false)),
        it("template-instance-rule", "/templating/list/2/allValue", json!(".*")),
        it("template-label-promql-rule", "/templating/list/1/query/query", json!("label_values(up{, job)")),
        it("template-on-time-change-reload-rule", "/templating/list/3/refresh", json!(1)),
        it("panel-datasource-rule", "/panels/0/datasource/uid", json!("prometheus-1")),
        it("panel-datasource-rule", "/panels/0/targets/0/datasource/uid", json!("prometheus-1")),
        it("panel-title-description-rule", "/panels/0/description", json!("")),
        it("panel-title-description-rule", "/panels/0/type", json!("graph")),
        it("panel-units-rule", "/panels/0/fieldConfig/defaults/unit", json!("percents")),
        it("panel-no-targets-rule", "/panels/0/targets", json!([])),
        it("empty-panel-says-why", "/panels/0/fieldConfig/defaults/noValue", json!("")),
        it("target-promql-rule", first, json!("sum(rate(")),
        it("target-promql-rule", first, json!("vector(1)")),
        it("target-promql-rule", "/annotations/list/0/expr", json!("min by (")),
        it(
            "target-rate-interval-rule",
            first,
            json!("rate(firstbad_requests_total{job=~\"$job\",instance=~\"$instance\"}[5m])"),
        ),
        it("target-job-rule", first, selector("instance=~\"$instance\"")),
        it("target-job-rule", first, selector("job=\"$job\",instance=~\"$instance\"")),
        it("target-instance-rule", first, selector("job=~\"$job\"")),
        it("target-instance-rule", "/annotations/list/0/expr", json!("firstbad_config_active{job=~\"$job\"}")),
        it(
            "target-counter-agg-rule",
            first,
            json!("sum(firstbad_requests_total{job=~\"$job\",instance=~\"$instance\"})"),
        ),
    ]
}

#[test]
fn every_rule_finds_the_mistakes_that_it_is_for() {
    for file in grafana_files().into_iter().filter(|file| file.path.contains("overview")) {
        for mutation in mutations() {
            let mut broken = file.dashboard.clone();
            let place = broken.pointer_mut(mutation.pointer).unwrap_or_else(|| panic!("no {}", mutation.pointer));
            assert_ne!(*place, mutation.value, "{} changes nothing", mutation.pointer);
            *place = mutation.value.clone();
            let found = faults(&broken);
            assert!(
                found.iter().any(|fault| fault.rule == mutation.rule),
                "{} after {}: {found:#?}",
                mutation.rule,
                mutation.pointer
            );
        }
    }
}

#[test]
fn every_rule_has_a_mutation() {
    let source = include_str!("lint.rs");
    let named = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    let rules: std::collections::BTreeSet<String> = source
        .split('"')
        .filter(|word| {
            word.ends_with("-rule")
                || ["classic-schema", "fixed-uid", "no-inputs", "uneditable-dashboard", "empty-panel-says-why"]
                    .contains(word)
        })
        .map(named)
        .collect();
    let broken: std::collections::BTreeSet<String> = mutations().iter().map(|it| it.rule.to_owned()).collect();
    assert_eq!(rules, broken);
}
