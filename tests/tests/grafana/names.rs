//! Names both ways: a panel asks only for what its source serves, and whatever is served stands in a panel or in `NOT_SHOWN`.

use crate::lint::{expanded, items, text};
use crate::promql::selectors;
use crate::{File, grafana_files};
use firstbad_dashboards::source::{Labels, Measure, STANDARD_REQUESTS, STANDARD_STATUS, Source, translated};
use firstbad_protocol::names::{Kind, METRICS, Metric};
use std::collections::{BTreeMap, BTreeSet};

/// Served metrics that no dashboard shows, and why.
const NOT_SHOWN: [(&str, &str); 3] = [
    (
        "firstbad_config_last_load_successful",
        "in the list of names, but no sender serves it; refused loads are counted by firstbad_config_loads_total",
    ),
    (
        "firstbad_collector_incident_held",
        "for the rule FirstbadIncidentHeld, which holds pages back; incidents stand in their table whether held or not",
    ),
    (
        "firstbad_collector_last_reload_successful",
        "changes only when somebody sends SIGHUP, who reads the log; the status shows why a configuration was refused",
    ),
];

fn source(file: &File) -> Source {
    let slug = file.path.split('/').next().unwrap_or_default();
    Source::ALL.into_iter().find(|source| source.slug() == slug).unwrap_or_else(|| panic!("{}", file.path))
}

/// What a source calls a label of the list of names.
fn renamed(label: &'static str, of: Labels) -> &'static str {
    match label {
        "config" => of.config,
        "config_hash" => of.hash,
        "outcome" => of.outcome,
        "site" => of.site,
        "score" => of.score,
        "result" => of.result,
        "reason" => of.reason,
        "limit" => of.limit,
        other => other,
    }
}

/// Every metric that a source serves, with its labels beside those of the target.
fn served(source: Source) -> BTreeMap<String, BTreeSet<String>> {
    let labels = source.labels();
    let of_fleet = |metric: &Metric| metric.prometheus.contains("_fleet_") || metric.prometheus.contains("_collector_");
    let evicted = |metric: &Metric| metric.prometheus == "firstbad_metric_hashes_evicted_total";
    let mut found = BTreeMap::new();
    for metric in METRICS {
        let names = match source {
            Source::Collector if of_fleet(metric) || evicted(metric) => vec![metric.prometheus.to_owned()],
            Source::Proxy if !of_fleet(metric) => vec![metric.prometheus.to_owned()],
            // A gauge that an SDK sends without a unit has no suffix.
            Source::Otlp if !metric.otel.is_empty() => vec![translated(metric), metric.prometheus.to_owned()],
            _ => continue,
        };
        let suffixes: &[&str] = if metric.kind == Kind::Histogram { &["_bucket", "_sum", "_count"] } else { &[""] };
        for (name, suffix) in names.iter().flat_map(|name| suffixes.iter().map(move |suffix| (name, suffix))) {
            let mut own: BTreeSet<String> =
                metric.labels.iter().map(|label| renamed(label, labels).to_owned()).collect();
            if *suffix == "_bucket" {
                own.insert("le".to_owned());
            }
            found.insert(format!("{name}{suffix}"), own);
        }
    }
    if source == Source::Collector {
        found.insert("up".to_owned(), BTreeSet::new());
    } else {
        found.insert(STANDARD_REQUESTS.to_owned(), [STANDARD_STATUS.to_owned()].into());
    }
    found
}

/// Every expression of a dashboard, also those of its variables.
fn expressions(file: &File) -> Vec<String> {
    let dashboard = &file.dashboard;
    let panels = items(&dashboard["panels"]);
    let targets =
        panels.iter().flat_map(|panel| items(&panel["targets"])).map(|target| text(&target["expr"]).to_owned());
    let annotations = items(&dashboard["annotations"]["list"]);
    let annotations = annotations.iter().map(|it| text(&it["expr"]).to_owned());
    let variables = items(&dashboard["templating"]["list"]);
    let variables = variables.iter().filter(|it| it["type"] == "query").map(|it| {
        let query = text(&it["query"]["query"]).trim_start_matches("label_values(").trim_end_matches(')').to_owned();
        let (selector, label) = query.rsplit_once(", ").expect("a selector and a label");
        format!("sum by ({label}) ({selector})")
    });
    targets.chain(annotations).chain(variables).collect()
}

/// Names and labels that the source does not serve.
fn unknown(source: Source, expression: &str) -> Vec<String> {
    let known = served(source);
    let target = ["job", "instance", source.labels().region];
    let mut faults = Vec::new();
    for selected in selectors(&expanded(expression)).expect("PromQL") {
        for name in selected.names() {
            let Some(labels) = known.get(&name) else {
                faults.push(format!("metric {name} in {expression}"));
                continue;
            };
            let used = selected.matched().map(str::to_owned).chain(selected.by.iter().cloned());
            let wrong = used.filter(|label| !labels.contains(label) && !target.contains(&label.as_str()));
            faults.extend(wrong.map(|label| format!("label {label} of {name} in {expression}")));
        }
    }
    faults
}

#[test]
fn every_panel_asks_for_names_and_labels_that_its_source_serves() {
    for file in grafana_files() {
        let source = source(&file);
        let faults: Vec<String> = expressions(&file).iter().flat_map(|it| unknown(source, it)).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", file.path);
    }
    // The check can fail: a metric of another source, a misspelt one, and a label that does not exist are found.
    assert_eq!(unknown(Source::Collector, "firstbad_requests_total").len(), 1);
    assert_eq!(unknown(Source::Proxy, "firstbad_request_total").len(), 1);
    assert_eq!(unknown(Source::Otlp, "sum by (config) (rate(firstbad_requests_total[1m]))").len(), 1);
}

#[test]
fn every_served_metric_is_in_a_panel_or_has_a_reason_for_not_being_there() {
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for file in grafana_files() {
        for expression in expressions(&file) {
            asked.extend(
                selectors(&expanded(&expression)).expect("PromQL").iter().flat_map(crate::promql::Selected::names),
            );
        }
    }
    let shown = |metric: &Metric| {
        let suffixes = ["", "_bucket", "_sum", "_count"];
        suffixes.iter().any(|suffix| asked.contains(&format!("{}{suffix}", metric.prometheus)))
    };
    let missing: Vec<&str> = METRICS.iter().filter(|metric| !shown(metric)).map(|metric| metric.prometheus).collect();
    assert_eq!(missing, NOT_SHOWN.map(|(name, _)| name));
}

#[test]
fn every_measure_is_shown_for_each_source_that_has_it() {
    for source in Source::ALL {
        let files: Vec<File> = grafana_files().into_iter().filter(|file| self::source(file) == source).collect();
        let all: Vec<String> = files.iter().flat_map(expressions).collect();
        for measure in Measure::ALL {
            let Some(name) = source.metric(measure) else { continue };
            assert!(all.iter().any(|expression| expression.contains(&name)), "{source:?}: {name}");
        }
    }
}
