//! Generates the derived files of `deploy/`: the PrometheusRule from `dashboards/prometheus`, and the Helm chart's templates and
//! values from the manifests of `deploy/kubernetes`. Manifests are read as lines of text, because comments in them mark the values of the chart.
#![forbid(unsafe_code)]

mod chart;
mod rules;
mod values;

pub use chart::Mistake;
use std::path::Path;

/// The manifests, in the order of the chart's values.
const MANIFESTS: [&str; 7] = [
    "base/serviceaccount.yaml",
    "base/config.yaml",
    "base/collector.yaml",
    "base/service.yaml",
    "base/agent.yaml",
    "monitoring/servicemonitor.yaml",
    "monitoring/prometheusrule.yaml",
];
/// The derived manifest.
const RULE: &str = "monitoring/prometheusrule.yaml";

/// One derived file.
#[derive(Clone, Debug)]
pub struct Derived {
    /// Path below `deploy`.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// Returns every derived file of the repository at `root`.
///
/// # Errors
/// If a source cannot be read, or a comment in a manifest is no mark.
pub fn files(root: &Path) -> Result<Vec<Derived>, Mistake> {
    let read = |path: &str| {
        std::fs::read_to_string(root.join(path)).map_err(|error| Mistake::Unreadable { path: path.to_owned(), error })
    };
    let rule =
        rules::manifest(&[read("dashboards/prometheus/rules.yaml")?, read("dashboards/prometheus/alerts.yaml")?]);
    let mut values = values::Values::default();
    let mut derived = vec![Derived { path: format!("kubernetes/{RULE}"), text: rule.clone() }];
    for name in MANIFESTS {
        let source = if name == RULE { rule.clone() } else { read(&format!("deploy/kubernetes/{name}"))? };
        let file = name.rsplit('/').next().unwrap_or(name);
        let text = chart::template(name, &source, &mut values)?;
        derived.push(Derived { path: format!("helm/firstbad/templates/{file}"), text });
    }
    values.add(
        "dashboards.enabled",
        "true",
        "Whether a ConfigMap with the Grafana dashboards is made, for Grafana's sidecar",
    )?;
    derived.push(Derived { path: "helm/firstbad/values.yaml".to_owned(), text: values.text() });
    Ok(derived)
}
