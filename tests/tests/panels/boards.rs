//! The queries of the committed dashboards, with their variables filled in.

use serde_json::Value;

/// One query of one panel.
pub(crate) struct Asked {
    /// Dashboard, panel and letter of the query, such as `firstbad-scores / Mean by version / A`.
    pub(crate) place: String,
    /// PromQL with Grafana's variables in it.
    pub(crate) expression: String,
}

/// What the variables stand for.
#[derive(Clone, Copy)]
pub(crate) struct Choice<'a> {
    pub(crate) job: &'a str,
    pub(crate) hash: &'a str,
    /// `$__rate_interval`.
    pub(crate) interval: &'a str,
}

/// Every query and annotation of the dashboards in a folder of `dashboards/grafana`, in the order of the panels.
pub(crate) fn asked(folder: &str) -> Vec<Asked> {
    let directory = firstbad_tests::repository().join("dashboards/grafana").join(folder);
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).expect("a folder").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let json = paths.iter().filter(|path| path.extension().is_some_and(|it| it == "json"));
    let found: Vec<Asked> = json.flat_map(|path| of_dashboard(&std::fs::read_to_string(path).expect("text"))).collect();
    assert!(found.len() > 30, "{} queries in {folder}", found.len());
    found
}

fn of_dashboard(text: &str) -> Vec<Asked> {
    let dashboard: Value = serde_json::from_str(text).expect("JSON");
    let word = |value: &Value| value.as_str().expect("text").to_owned();
    let uid = word(&dashboard["uid"]);
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let mut found = Vec::new();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            let place = format!("{uid} / {} / {}", word(&panel["title"]), word(&target["refId"]));
            found.push(Asked { place, expression: word(&target["expr"]) });
        }
    }
    for annotation in list(&dashboard["annotations"]["list"]) {
        let place = format!("{uid} / annotation");
        found.push(Asked { place, expression: word(&annotation["expr"]) });
    }
    found
}

impl Asked {
    /// The query as Grafana would send it.
    pub(crate) fn filled(&self, choice: Choice<'_>) -> String {
        self.expression
            .replace("$__rate_interval", choice.interval)
            .replace("$__range", "1h")
            .replace("$job", choice.job)
            .replace("$instance", ".+")
            .replace("$region", ".*")
            .replace("$config", ".+")
            .replace("$hash", choice.hash)
    }
}
