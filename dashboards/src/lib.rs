//! The Grafana dashboards, from one description for three sources of metrics: the collector's `/metrics`, the `/metrics` of
//! proxies and agents, and OTLP that Prometheus has translated. It returns files as text; `main.rs` writes them, and
//! `tests/tests/grafana.rs` compares them with the committed ones.
#![forbid(unsafe_code)]

mod board;
mod health;
mod links;
mod overview;
mod panel;
mod query;
mod scores;
pub mod source;
mod variables;
mod versions;

use source::Source;

/// One generated file.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Path below `dashboards/grafana`, such as `proxy/firstbad-scores-proxy.json`.
    pub path: String,
    /// Its whole text, with a line break at the end.
    pub text: String,
}

/// Returns every file below `dashboards/grafana`: the dashboards of each source, and for each source a kustomization that
/// makes a ConfigMap of them.
#[must_use]
pub fn files() -> Vec<Generated> {
    Source::ALL.into_iter().flat_map(of_source).collect()
}

fn of_source(source: Source) -> Vec<Generated> {
    let mut boards = vec![overview::board(source), versions::board(source), scores::board(source)];
    if source == Source::Collector {
        boards.push(health::board());
    }
    let mut files: Vec<Generated> = boards
        .iter()
        .map(|board| Generated { path: format!("{}/{}.json", source.slug(), board.uid), text: board.text() })
        .collect();
    let names = boards.iter().map(|board| format!("      - {}.json\n", board.uid)).collect();
    files.push(Generated { path: format!("{}/kustomization.yaml", source.slug()), text: kustomization(source, names) });
    files
}

/// Grafana's sidecar loads every ConfigMap with the label `grafana_dashboard`.
fn kustomization(source: Source, names: String) -> String {
    let slug = source.slug();
    format!(
        "# Written by `cargo run -p firstbad-dashboards`.\n\
         apiVersion: kustomize.config.k8s.io/v1beta1\n\
         kind: Kustomization\n\
         configMapGenerator:\n  \
           - name: firstbad-dashboards-{slug}\n    \
             files:\n{names}    \
             options:\n      \
               disableNameSuffixHash: true\n      \
               labels:\n        \
                 grafana_dashboard: \"1\"\n"
    )
}
