//! The rules of Grafana's dashboard-linter that concern Prometheus, restated, and three of our own. Each returns what breaks it.
//! One rule is stricter here: a counter outside of `rate` or `increase` is found whether or not its selector has matchers.

use crate::promql::selectors;
use serde_json::Value;
use std::time::Duration;

/// A rule that a dashboard breaks, and where.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Name of the rule, as the linter has it.
    pub(crate) rule: &'static str,
    /// Panel or variable, and what is wrong.
    pub(crate) place: String,
}

/// Units of the linter's list that these dashboards use.
const UNITS: [&str; 8] = ["none", "percentunit", "s", "bytes", "Bps", "ops", "reqps", "dateTimeAsIso"];
/// Panels that must have a title and a description.
const DESCRIBED: [&str; 5] = ["stat", "timeseries", "table", "gauge", "heatmap"];
/// What `$__rate_interval` is expanded to: a range that nobody would write.
const RATE_INTERVAL: Duration = Duration::from_secs(73);
const UID_LENGTH_MAX: usize = 40;
const SCHEMA: u64 = 39;

/// Returns every fault of a dashboard.
pub(crate) fn faults(dashboard: &Value) -> Vec<Fault> {
    let mut found = Faults(Vec::new());
    found.head(dashboard);
    found.templates(&items(&dashboard["templating"]["list"]));
    for panel in items(&dashboard["panels"]) {
        found.panel(&panel);
        for target in items(&panel["targets"]) {
            found.target(text(&panel["title"]), text(&target["expr"]));
        }
    }
    for annotation in items(&dashboard["annotations"]["list"]) {
        found.target(text(&annotation["name"]), text(&annotation["expr"]));
    }
    found.0
}

pub(crate) fn items(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A query as Prometheus would get it: Grafana's variables of time have values.
pub(crate) fn expanded(expression: &str) -> String {
    expression.replace("$__rate_interval", "73s").replace("$__range", "1h")
}

fn is_our_source(datasource: &Value) -> bool {
    matches!(text(&datasource["uid"]), "$datasource" | "${datasource}")
}

struct Faults(Vec<Fault>);

impl Faults {
    fn require(&mut self, holds: bool, rule: &'static str, place: impl Into<String>) {
        if !holds {
            self.0.push(Fault { rule, place: place.into() });
        }
    }

    fn head(&mut self, dashboard: &Value) {
        self.require(dashboard["editable"] == false, "uneditable-dashboard", "");
        self.require(dashboard["schemaVersion"] == SCHEMA && dashboard["id"].is_null(), "classic-schema", "");
        let uid = text(&dashboard["uid"]);
        self.require(!uid.is_empty() && uid.len() <= UID_LENGTH_MAX, "fixed-uid", uid);
        let all = dashboard.to_string();
        self.require(!all.contains("__inputs") && !all.contains("${DS_"), "no-inputs", "provisioning fills none in");
    }

    fn templates(&mut self, variables: &[Value]) {
        let named = |name: &str| variables.iter().find(|it| it["name"] == name).cloned().unwrap_or_default();
        let source = named("datasource");
        let is_source =
            source["type"] == "datasource" && source["query"] == "prometheus" && source["label"] == "Data source";
        self.require(is_source, "template-datasource-rule", "datasource");
        for (name, label, rule) in
            [("job", "Job", "template-job-rule"), ("instance", "Instance", "template-instance-rule")]
        {
            let it = named(name);
            let holds = it["type"] == "query"
                && it["label"] == label
                && it["multi"] == true
                && it["allValue"] == ".+"
                && is_our_source(&it["datasource"]);
            self.require(holds, rule, name);
        }
        for it in variables.iter().filter(|it| it["type"] == "query") {
            let name = text(&it["name"]);
            self.require(it["refresh"] == 2, "template-on-time-change-reload-rule", name);
            let query = text(&it["query"]["query"]);
            let parts = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
            let selector = parts.and_then(|parts| parts.rsplit_once(", ")).map(|parts| parts.0);
            let parses = selector.is_some_and(|selector| selectors(&expanded(selector)).is_ok());
            self.require(parses && it["definition"] == query, "template-label-promql-rule", format!("{name}: {query}"));
        }
    }

    fn panel(&mut self, panel: &Value) {
        let title = text(&panel["title"]);
        self.require(is_our_source(&panel["datasource"]), "panel-datasource-rule", title);
        let described = !title.is_empty() && !text(&panel["description"]).is_empty();
        let must = DESCRIBED.contains(&text(&panel["type"]));
        self.require(described && must, "panel-title-description-rule", title);
        let unit = text(&panel["fieldConfig"]["defaults"]["unit"]);
        self.require(UNITS.contains(&unit), "panel-units-rule", format!("{title}: {unit}"));
        let targets = items(&panel["targets"]);
        self.require(!targets.is_empty(), "panel-no-targets-rule", title);
        self.require(targets.iter().all(|target| is_our_source(&target["datasource"])), "panel-datasource-rule", title);
        let says_why = !text(&panel["fieldConfig"]["defaults"]["noValue"]).is_empty();
        self.require(says_why, "empty-panel-says-why", title);
    }

    fn target(&mut self, title: &str, expression: &str) {
        let found = match selectors(&expanded(expression)) {
            Ok(found) => found,
            Err(error) => return self.require(false, "target-promql-rule", format!("{title}: {error}")),
        };
        self.require(!found.is_empty(), "target-promql-rule", format!("{title} selects nothing"));
        for it in found {
            let place = format!("{title}: {}", it.names().join("|"));
            let matched = |label: &str, variable: &str| {
                let matchers = &it.selector.matchers.matchers;
                matchers
                    .iter()
                    .any(|matcher| matcher.name == label && matcher.to_string() == format!("{label}=~\"{variable}\""))
            };
            let rated = ["rate", "irate"].contains(&it.function);
            self.require(!rated || it.range == Some(RATE_INTERVAL), "target-rate-interval-rule", place.clone());
            self.require(matched("job", "$job"), "target-job-rule", place.clone());
            self.require(matched("instance", "$instance"), "target-instance-rule", place.clone());
            let counter = it
                .names()
                .iter()
                .any(|name| ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end)));
            let aggregated = ["rate", "irate", "increase"].contains(&it.function);
            // How many series a counter has may be counted without a rate.
            let counted = expression.contains(&format!("count by (instance) ({}", it.names().join("|")));
            self.require(!counter || aggregated || counted, "target-counter-agg-rule", place);
        }
    }
}
