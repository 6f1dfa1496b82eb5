//! The playbook of each written scenario. The verdicts are those of `tests/golden`, which `firstbad-simulator` holds to be what the
//! engine says; what no scenario brings about stands in `verdicts/`. Each rule names one that it must fit and one that it must not.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_playbooks::{Playbook, embedded};
use firstbad_protocol::verdict::Incident;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden")
}

/// Incidents by the name of their scenario or of their file.
fn all() -> BTreeMap<String, Vec<Incident>> {
    let mut found = BTreeMap::new();
    for (directory, end) in [(golden(), "txt"), (Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/verdicts"), "json")]
    {
        for entry in std::fs::read_dir(&directory).expect("the directory of verdicts").flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != end) {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a verdict");
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let incidents = if end == "txt" {
                read(&text)
            } else {
                let changes: Value = serde_json::from_str(&text).expect("JSON");
                vec![incident(&changes)]
            };
            found.insert(name, incidents);
        }
    }
    assert!(found.len() > 100, "{} verdicts", found.len());
    found
}

fn incident(changes: &Value) -> Incident {
    let mut whole = json!({
        "id": "a", "state": "open", "pattern": "step", "onset": "2025-11-18T11:28:04Z", "named_at": null, "resolved_at": null,
        "signals": [], "impact": {"requests_failed": 1, "failed_share": 0.1, "hosts_affected": 3, "hosts_reporting": 9},
        "verdict": "cause", "cause": null, "suspects": [], "ruled_out": [], "first_error": null, "input": null,
        "last_known_good": null, "history": [], "playbook": null, "blind_spots": []
    });
    for (key, value) in changes.as_object().expect("an object") {
        whole[key] = value.clone();
    }
    serde_json::from_value(whole).expect("an incident of schema 1")
}

/// The incidents of a golden text.
fn read(text: &str) -> Vec<Incident> {
    let blocks = text.split("\n\n").skip(1).filter(|block| block.contains("\n  verdict "));
    blocks.map(|block| incident(&fields(block))).collect()
}

fn after<'a>(block: &'a str, begins: &str) -> Option<&'a str> {
    block.lines().find_map(|line| line.strip_prefix(begins))
}

fn fields(block: &str) -> Value {
    let head = block.lines().nth(1).expect("state, pattern and signals").trim();
    let (words, signals) = head.split_once("; signals").expect("signals");
    let (state, pattern) = words.split_once(", ").expect("a pattern");
    let (verdict, cause) = after(block, "  verdict ").and_then(|line| line.split_once(": ")).expect("a verdict");
    let findings: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("    finding ")).collect();
    // The evidence of the first suspect stands before the second.
    let first = block.split("\n  2. ").next().unwrap_or(block);
    let evidence: Vec<&str> = first.lines().filter_map(|line| line.strip_prefix("    + ")).collect();
    let error = after(block, "  first error: ").map(|line| {
        let message = line.rsplit_once(" at ").map_or(line, |(before, _)| before);
        json!({"message": message, "site": null, "count": 1, "first_seen": "2025-11-18T11:28:04Z"})
    });
    let good = after(block, "  last known good: ")
        .map(|line| json!({"hash": hash(), "bake_time_s": 60, "contaminated": line.ends_with("CONTAMINATED")}));
    let input = (!findings.is_empty())
        .then(|| json!({"rows": 1, "duplicate_rows": 0, "limits": [], "against": null, "findings": findings}));
    let arm = json!({"hosts": 0, "hosts_failing": 0, "observed": 0.0, "expected": 0.0});
    json!({
        "state": state.to_lowercase(), "pattern": pattern.to_lowercase(),
        "signals": signals.split_whitespace().collect::<Vec<_>>(), "verdict": verdict, "cause": cause_of(cause),
        "first_error": error, "last_known_good": good, "input": input,
        "suspects": [{"rank": 1, "kind": "config", "config": null, "hashes": [], "property": null, "scope": {}, "change": null,
            "dimensions": {}, "confidence": 0.5, "exposed": arm, "control": arm, "rate_ratio": 1.0, "explained_share": 1.0,
            "evidence": evidence, "against": []}],
    })
}

fn hash() -> String {
    format!("sha256:{}", "ab".repeat(32))
}

/// `config bot-features 4559<bad> and 1 more (rows > 200) where service.version=fl2; older: ..; also separates: ..`
fn cause_of(text: &str) -> Value {
    if text == "-" {
        return Value::Null;
    }
    let (told, also) = text.split_once("; also separates: ").unwrap_or((text, ""));
    let told = told.split("; older: ").next().unwrap_or(told);
    let (kind, rest) = told.split_once(' ').expect("a kind");
    let (rest, place) = rest.split_once(" where ").unwrap_or((rest, ""));
    let property = rest.rsplit_once(" (").and_then(|(_, end)| end.strip_suffix(')')).filter(|_| kind == "config");
    let pairs = |text: &str| -> Map<String, Value> {
        let each = text.split(", ").filter_map(|pair| pair.split_once('='));
        each.map(|(key, value)| (key.trim().to_owned(), Value::from(value))).collect()
    };
    let dimensions = if matches!(kind, "dimension" | "host") { pairs(rest) } else { Map::new() };
    let also: Vec<&str> = also.split(", ").filter(|one| !one.is_empty()).collect();
    json!({"kind": kind, "config": (kind == "config").then_some("bot-features"), "hashes": [hash()], "property": property,
        "also_separates": also, "scope": pairs(place), "change": null, "dimensions": dimensions})
}

fn name_of(incident: &Incident) -> &str {
    embedded().matching(incident).map_or("none", |playbook| playbook.name.as_str())
}

/// Scenario and playbooks of its incidents, in order; `tests/playbooks.txt` was read line by line.
#[test]
fn the_playbook_of_each_scenario_is_the_reviewed_one() {
    let told: String = all()
        .iter()
        .map(|(name, incidents)| {
            let names: Vec<&str> = incidents.iter().map(name_of).collect();
            format!("{name}: {}\n", if names.is_empty() { "no incident".to_owned() } else { names.join(", ") })
        })
        .collect();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/playbooks.txt");
    if std::env::var_os("FIRSTBAD_BLESS").is_some() {
        std::fs::write(&file, &told).expect("writing");
    }
    let reviewed = std::fs::read_to_string(&file).expect("tests/playbooks.txt");
    let other: Vec<(&str, &str)> = reviewed.lines().zip(told.lines()).filter(|(before, now)| before != now).collect();
    assert!(reviewed == told, "reviewed and now: {other:#?}");
}

#[test]
fn every_rule_fits_one_that_it_names_and_not_the_other() {
    let all = all();
    let incidents = |playbook: &Playbook, index: usize, name: Option<&str>| -> Vec<Incident> {
        let name = name.unwrap_or_else(|| panic!("{}: rule {index} names none", playbook.name));
        all.get(name).unwrap_or_else(|| panic!("{}: there is no {name}", playbook.name)).clone()
    };
    let mut used = BTreeSet::new();
    for playbook in embedded().iter() {
        for (index, examples) in playbook.examples().enumerate() {
            let like = incidents(playbook, index, examples.like);
            let fits = |incident: &Incident| playbook.rule_fits(index, incident) && name_of(incident) == playbook.name;
            assert!(like.iter().any(fits), "{} rule {index} must be the one for {:?}", playbook.name, examples.like);
            let unlike = incidents(playbook, index, examples.unlike);
            assert!(!unlike.is_empty(), "{} rule {index}: {:?} has no incident", playbook.name, examples.unlike);
            let fits = unlike.iter().any(|incident| playbook.rule_fits(index, incident));
            assert!(!fits, "{} rule {index} must not fit {:?}", playbook.name, examples.unlike);
            used.insert(playbook.name.as_str());
        }
    }
    assert_eq!(used.len(), embedded().iter().count(), "every playbook has a rule");
}

/// The reader of golden texts would let every check pass if it read nothing.
#[test]
fn golden_texts_are_read_whole() {
    let all = all();
    let p1 = &all["p1-panic-storm"][0];
    let cause = p1.cause.as_ref().expect("a cause");
    assert_eq!(cause.property.as_ref().map(ToString::to_string).as_deref(), Some("rows > 200"));
    assert_eq!(cause.also_separates.len(), 3);
    assert_eq!(cause.scope["service.version"], "fl2");
    assert!(p1.first_error.as_ref().is_some_and(|error| error.message.contains("TooManyRows")));
    assert!(p1.suspects[0].evidence.len() > 3);
    assert_eq!(all["n5-region"][0].cause.as_ref().expect("a cause").dimensions["cloud.region"], "us-west");
    assert!(all["p14-delayed-errors"][0].last_known_good.as_ref().is_some_and(|good| good.contaminated));
    assert_eq!(all["p15-stale"].len(), 2);
    let incidents: usize = all.values().map(Vec::len).sum();
    assert!(incidents > 90, "{incidents}");
}

#[test]
fn every_step_can_be_filled_for_the_scenario_that_its_playbook_is_for() {
    let all = all();
    for playbook in embedded().iter() {
        let known = [
            "config",
            "bad",
            "bad_hash",
            "last_known_good",
            "last_known_good_hash",
            "binary",
            "incident",
            "change",
            "where",
            "hosts_affected",
        ];
        let texts = playbook
            .actions
            .iter()
            .flat_map(|action| [Some(&action.what), action.brief.as_ref(), Some(&action.verify), Some(&action.risk)]);
        for text in texts.flatten() {
            for slot in text.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                assert!(known.contains(&slot), "{}: there is no slot {{{slot}}}", playbook.name);
            }
        }
        assert!(playbook.actions.iter().all(|action| !action.verify.is_empty() && !action.risk.is_empty()));
        let brief = playbook.actions.iter().filter_map(|action| action.brief.as_ref());
        assert!(brief.into_iter().all(|brief| brief.chars().count() <= 50), "{}", playbook.name);
    }
    assert!(!all.is_empty());
}
