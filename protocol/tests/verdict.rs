//! Schema 1 as others read it: the golden JSON with every field, JSON of releases before, and the order of incidents.
//! `FIRSTBAD_BLESS=1` writes the golden anew.
#![allow(clippy::expect_used, clippy::panic, reason = "a test may fail loudly")]

use firstbad_protocol::property::{Comparison, Fact};
use firstbad_protocol::snapshot::{Line, LineRole};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{
    Arm, Cause, CauseKind, Change, Diagnosis, EngineerWord, Excluded, FirstError, HistoryEntry, Impact, Incident,
    Input, LastKnownGood, LimitFact, Pattern, QuietScope, RuledOut, SCHEMA, Signal, State, Suspect, Verdict, Window,
    WordKind, by_urgency,
};
use firstbad_protocol::{BlindSpot, Finding, Hash, Property};
use std::collections::BTreeMap;

const ONSET: Timestamp = Timestamp::from_seconds(1_763_465_284);

fn cause() -> Cause {
    Cause {
        kind: CauseKind::Config,
        config: Some("bot-features".into()),
        hashes: vec![Hash::of(b"bad")],
        property: Some(Property::number(Fact::Rows, Comparison::Above, 200)),
        also_separates: vec![Property::number(Fact::DuplicateRows, Comparison::Above, 0)],
        scope: BTreeMap::from([("service.version".into(), "fl2".into())]),
        change: Some(Change { kind: "publish".into(), id: "p-7".into(), target: "bot-features".into() }),
        dimensions: BTreeMap::new(),
    }
}

fn suspect() -> Suspect {
    let Cause { kind, config, hashes, property, scope, change, dimensions, .. } = cause();
    Suspect {
        rank: 1,
        kind,
        config,
        hashes,
        property,
        scope,
        change,
        dimensions,
        confidence: 0.964,
        exposed: Arm { hosts: 16, hosts_failing: 16, observed: 115_012.0, expected: 46.2 },
        control: Arm { hosts: 8, hosts_failing: 0, observed: 21.0, expected: 23.4 },
        rate_ratio: 2774.1,
        explained_share: 0.998,
        evidence: vec!["16 of 16 hosts exposed to it fail".into()],
        against: Vec::new(),
    }
}

/// A word of an engineer with something in every field but the incident.
fn quiet() -> EngineerWord {
    EngineerWord {
        id: 7,
        kind: WordKind::Quiet,
        at: ONSET + 60_000_000_000,
        since: ONSET,
        until: Some(ONSET + 3_600_000_000_000),
        author: "anna".into(),
        authenticated: true,
        text: "disk exchange".into(),
        incident: None,
        scope: Some(QuietScope { host: Some("edge-eu-05".into()), config: None }),
    }
}

/// An incident with something in every field.
fn incident() -> Incident {
    Incident {
        id: "20251118-112804-errors".into(),
        split_from: Some("20251118-112801-panics".into()),
        merged_into: Some("20251118-112700-errors".into()),
        state: State::Open,
        pattern: Pattern::Flapping,
        onset: ONSET,
        named_at: Some(ONSET + 20_000_000_000),
        resolved_at: None,
        signals: vec![
            Signal::Errors,
            Signal::Panics,
            Signal::Answers,
            Signal::Deaths,
            Signal::Scores,
            Signal::Latency,
            Signal::Cpu,
            Signal::Memory,
            Signal::Throughput,
            Signal::SilentHosts,
            Signal::Loads,
        ],
        impact: Impact {
            requests_failed: 115_012,
            requests_denied: 7,
            requests_unscored: 40_000,
            requests_missing: 90,
            failed_share: 0.4823,
            hosts_affected: 16,
            hosts_reporting: 24,
        },
        verdict: Verdict::Cause,
        cause: Some(cause()),
        suspects: vec![suspect()],
        ruled_out: vec![
            RuledOut::new(Excluded::Traffic, "requests are 1.02 times those before the onset".into()),
            RuledOut::new(Excluded::Config, "waf-rules: 8 of 8 hosts began to fail without it".into())
                .of_config("waf-rules", vec![Hash::of(b"waf")]),
        ],
        first_error: Some(FirstError {
            message: "too many features".into(),
            site: Some("src/bot/features.rs:71:14".into()),
            count: 115_012,
            first_seen: ONSET,
        }),
        input: Some(Input {
            rows: Some(240),
            duplicate_rows: Some(120),
            limits: vec![LimitFact { name: "rows".into(), value: 240, limit: 200 }],
            against: Some(Hash::of(b"good")),
            findings: vec![
                Finding::ExceedsLimit { name: "rows".into(), value: 240, limit: 200 },
                Finding::RepeatedRows { rows: 120 },
            ],
        }),
        last_known_good: Some(LastKnownGood { hash: Hash::of(b"good"), bake_time_s: 273_601, contaminated: false }),
        history: vec![HistoryEntry { at: ONSET, verdict: Verdict::InsufficientEvidence, cause: None }],
        playbook: Some("oversized-input".into()),
        blind_spots: vec![BlindSpot::Silent { hosts: 1, since: Some(ONSET.into()), names: vec!["edge-eu-05".into()] }],
        words: vec![quiet()],
    }
}

fn diagnosis() -> Diagnosis {
    Diagnosis {
        schema: SCHEMA,
        asked: false,
        window: Window {
            from: Some(ONSET - 1_800_000_000_000),
            to: Some(ONSET),
            instances: 24,
            hosts: 24,
            hosts_silent: 1,
            report_interval_s: 10.0,
        },
        blind_spots: vec![BlindSpot::Dropped { events: 3 }],
        incidents: vec![incident(), Incident::new("20251118-113000-loads".into(), ONSET)],
    }
}

#[test]
fn the_json_has_the_fields_of_the_contract() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/diagnosis.json");
    let now = serde_json::to_string_pretty(&diagnosis()).expect("JSON") + "\n";
    if std::env::var_os("FIRSTBAD_BLESS").is_some() {
        std::fs::write(golden, &now).expect("written");
    }
    let before = std::fs::read_to_string(golden).expect("the golden file");
    assert_eq!(now, before, "schema 1 changed: bless it, and say so in CHANGELOG.md");
    assert_eq!(serde_json::from_str::<Diagnosis>(&before).expect("schema 1"), diagnosis());
}

/// Keys of an object and of everything in it, but for dimensions, whose keys are the senders'.
fn keys(value: &serde_json::Value, found: &mut Vec<String>) {
    if let Some(object) = value.as_object() {
        found.extend(object.keys().cloned());
        let fixed = object.iter().filter(|(key, _)| !matches!(key.as_str(), "scope" | "dimensions"));
        fixed.for_each(|(_, value)| keys(value, found));
    }
    value.as_array().into_iter().flatten().for_each(|value| keys(value, found));
}

#[test]
fn every_field_signal_and_word_is_documented() {
    let page = include_str!("../../docs/verdict.md");
    let mut all = Vec::new();
    keys(&serde_json::to_value(diagnosis()).expect("JSON"), &mut all);
    all.extend(incident().signals.iter().map(|signal| signal.as_str().to_owned()));
    let missing: Vec<&String> = all.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(all.len() > 60 && missing.is_empty(), "docs/verdict.md lacks {missing:?}");
    for word in ["empty", "generation went backwards", "split within a generation", "undeclared", "stale"] {
        assert!(page.contains(&format!("\"{word}\"")) && word.parse::<Property>().is_ok(), "{word}");
    }
}

#[test]
fn a_lineage_is_absent_where_there_is_none() {
    let json = serde_json::to_value(Incident::new("20251118-113000-errors".into(), ONSET)).expect("JSON");
    let object = json.as_object().expect("an object");
    assert!(!object.contains_key("split_from") && !object.contains_key("merged_into"), "{object:?}");
    for null in ["named_at", "resolved_at", "cause", "first_error", "input", "last_known_good", "playbook"] {
        assert_eq!(object.get(null), Some(&serde_json::Value::Null), "{null}");
    }
}

#[test]
fn json_of_releases_before_still_reads() {
    let old = include_str!("golden/diagnosis-before-20261129.json");
    let read: Diagnosis = serde_json::from_str(old).expect("schema 1");
    let [incident] = read.incidents.as_slice() else { panic!("{read:#?}") };
    let requests = incident.impact;
    assert_eq!((requests.requests_failed, requests.requests_denied, requests.requests_missing), (115_012, 0, 0));
    assert_eq!((&incident.split_from, &incident.merged_into), (&None, &None));
    assert_eq!(incident.ruled_out, [RuledOut::new(Excluded::Region, "all 3 regions fail alike".into())]);
    assert_eq!(incident.cause.as_ref().and_then(|cause| cause.property.clone()), Some("rows > 200".into()));
    let said = "the clock of the generator is unknown".to_owned();
    assert_eq!(read.blind_spots, [BlindSpot::Other { sentence: said, count: 1 }]);
}

#[test]
fn the_versions_of_a_line_give_its_role_in_an_older_snapshot() {
    let role = |config: Option<&str>, hashes: Vec<Hash>| {
        let mut line = serde_json::json!({"signal": "errors", "label": "x", "from": ONSET, "step_s": 10.0,
            "points": [], "loads": []});
        line["config"] = config.into();
        line["hashes"] = serde_json::to_value(hashes).expect("JSON");
        serde_json::from_value::<Line>(line).expect("an older line").role()
    };
    assert_eq!(role(Some("bot-features"), vec![Hash::of(b"bad")]), LineRole::Accused);
    assert_eq!(role(Some("bot-features"), Vec::new()), LineRole::Others);
    assert_eq!(role(None, Vec::new()), LineRole::Fleet);
}

/// An incident that differs from others only in what the order rests on.
fn felt(id: &str, state: State, impact: Impact) -> Incident {
    Incident { state, impact, ..Incident::new(id.into(), ONSET) }
}

#[test]
fn open_incidents_come_first_then_those_that_hurt_most() {
    let failed = |requests_failed| Impact { requests_failed, ..Impact::default() };
    let sorted = [
        // Failed, denied, unscored and missing requests count alike.
        felt(
            "sum",
            State::Open,
            Impact {
                requests_failed: 2,
                requests_denied: 3,
                requests_unscored: 4,
                requests_missing: 5,
                ..Impact::default()
            },
        ),
        felt("hosts", State::Open, Impact { hosts_affected: 2, ..failed(1) }),
        Incident { onset: ONSET - 1, ..felt("onset", State::Open, failed(1)) },
        felt("a-id", State::Open, failed(1)),
        felt("b-id", State::Open, failed(1)),
        felt("refusal", State::Open, failed(0)),
        felt("recovering", State::Recovering, failed(13)),
        felt("over", State::Resolved, failed(1_000_000)),
    ];
    let mut shuffled: Vec<Incident> = sorted.iter().rev().cloned().collect();
    shuffled.rotate_left(3);
    shuffled.sort_by(by_urgency);
    assert_eq!(shuffled, sorted);
}

#[test]
fn a_refusal_that_harms_nobody_differs_from_a_harmful_load() {
    let with = |signals: &[Signal]| Incident { signals: signals.to_vec(), ..incident() };
    assert!(with(&[Signal::Loads]).is_refusal_only());
    assert!(!with(&[Signal::Errors, Signal::Loads]).is_refusal_only());
    assert!(!with(&[]).is_refusal_only());
}

#[test]
fn a_tie_is_more_than_one_suspect_of_the_first_rank() {
    let with = |ranks: &[u32]| {
        let suspects = ranks.iter().map(|rank| Suspect { rank: *rank, ..suspect() }).collect();
        Incident { suspects, ..incident() }.tied().len()
    };
    assert_eq!((with(&[1, 1, 3]), with(&[1, 2]), with(&[])), (2, 0, 0));
}
