//! Every link of a dashboard leads somewhere: into this repository, or to a dashboard that is here, with variables that it has.

use crate::grafana_files;
use crate::lint::{items, text};
use serde_json::Value;
use std::collections::BTreeMap;

const FILES: &str = "https://github.com/firstbad/firstbad/blob/main/";

/// Every `url` below a value.
fn urls(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("url").and_then(Value::as_str).filter(|url| !url.is_empty()).map(str::to_owned));
            map.values().for_each(|value| urls(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| urls(value, found)),
        _ => {}
    }
}

/// The fault of a link; none if its target exists.
fn dead(url: &str, variables: &BTreeMap<String, Vec<String>>) -> Option<String> {
    if let Some(path) = url.strip_prefix(FILES) {
        return (!firstbad_tests::repository().join(path).is_file()).then(|| format!("{url}: no such file"));
    }
    let (uid, query) = url.strip_prefix("/d/").and_then(|rest| rest.split_once('?'))?;
    let Some(known) = variables.get(uid) else { return Some(format!("{url}: no such dashboard")) };
    let asked = query.split('&').filter_map(|part| part.strip_prefix("var-")?.split('=').next());
    let unknown: Vec<&str> = asked.filter(|name| !known.iter().any(|it| it == name)).collect();
    (!unknown.is_empty()).then(|| format!("{url}: no variable {unknown:?}"))
}

#[test]
fn every_link_leads_somewhere() {
    let files = grafana_files();
    let names = |dashboard: &Value| -> Vec<String> {
        items(&dashboard["templating"]["list"]).iter().map(|it| text(&it["name"]).to_owned()).collect()
    };
    let variables: BTreeMap<String, Vec<String>> =
        files.iter().map(|file| (text(&file.dashboard["uid"]).to_owned(), names(&file.dashboard))).collect();
    assert_eq!(variables.len(), files.len(), "two dashboards have one uid");
    let mut seen = 0;
    for file in &files {
        let mut found = Vec::new();
        urls(&file.dashboard, &mut found);
        for url in &found {
            assert!(url.starts_with(FILES) || url.starts_with("/d/"), "{url}");
            assert_eq!(dead(url, &variables), None, "{}", file.path);
        }
        seen += found.len();
        // From each dashboard all others of its source are one click away.
        let tags = items(&file.dashboard["tags"]);
        let link = items(&file.dashboard["links"]).into_iter().find(|it| it["type"] == "dashboards").expect("a link");
        assert!(items(&link["tags"]).iter().all(|tag| tags.contains(tag)), "{}", file.path);
    }
    assert!(seen > 100, "{seen} links found");
    // The check can fail.
    assert!(dead(&format!("{FILES}playbooks/nothing.md"), &variables).is_some());
    assert!(dead("/d/firstbad-nothing?var-hash=1", &variables).is_some());
    assert!(dead("/d/firstbad-versions?var-colour=1", &variables).is_some());
}
