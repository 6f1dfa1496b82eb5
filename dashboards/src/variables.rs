//! The variables of a dashboard: data source, job, instance, region, config, hash. Each query variable is asked of the metric
//! that every sender of the source has.

use crate::panel::datasource;
use crate::query::Query;
use crate::source::{Measure, Source};
use serde_json::{Value, json};

/// A query variable with several values and "All".
struct Choice {
    name: &'static str,
    label: &'static str,
    query: String,
    /// What "All" matches: `.+`, or `.*` where the label may be missing.
    all: &'static str,
}

impl Choice {
    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": datasource(),
            "query": {"query": self.query, "refId": format!("Var-{}", self.name)},
            "definition": self.query,
            "refresh": 2,
            "multi": true,
            "includeAll": true,
            "allValue": self.all,
            "sort": 1,
            "current": {"selected": true, "text": ["All"], "value": ["$__all"]},
            "hide": 0,
        })
    }
}

/// All variables of a dashboard of this source; those of configs and versions only if `versions`.
pub(crate) fn list(query: Query, versions: bool) -> Vec<Value> {
    let labels = query.labels;
    let anchor = match query.source {
        Source::Collector => "firstbad_collector_build_info".to_owned(),
        Source::Proxy | Source::Otlp => query.source.metric(Measure::Requests).unwrap_or_default(),
    };
    let active = query.source.metric(Measure::Requests).unwrap_or_default();
    let (target, region) = (query.target(), labels.region);
    let mut choices = vec![
        Choice { name: "job", label: "Job", query: format!("label_values({anchor}, job)"), all: ".+" },
        Choice {
            name: "instance",
            label: "Instance",
            query: format!("label_values({anchor}{{job=~\"$job\"}}, instance)"),
            all: ".+",
        },
        Choice {
            name: "region",
            label: "Region",
            query: format!("label_values({anchor}{{job=~\"$job\",instance=~\"$instance\"}}, {region})"),
            all: ".*",
        },
    ];
    if versions {
        let (config, hash) = (labels.config, labels.hash);
        choices.push(Choice {
            name: "config",
            label: "Config",
            query: format!("label_values({active}{{{target}}}, {config})"),
            all: ".+",
        });
        choices.push(Choice {
            name: "hash",
            label: "Version",
            query: format!("label_values({active}{{{target}{}}}, {hash})", query.of_config()),
            all: ".+",
        });
    }
    let source = json!({
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "hide": 0,
        "multi": false,
        "includeAll": false,
        "current": {},
    });
    std::iter::once(source).chain(choices.iter().map(Choice::json)).collect()
}
