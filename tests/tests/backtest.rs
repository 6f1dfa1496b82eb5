//! `firstbad backtest`: over a capture and over a collector's store it says the same, and a shadow collector says it in its
//! status while its metrics alert nobody.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, hash_of};
use firstbad_tests::collector::{Collector, wait_for};
use firstbad_tests::command::{argument, errors, run};
use serde_json::Value;
use std::process::Output;
use std::time::SystemTime;

fn backtest(arguments: &[&str]) -> Output {
    run(&[&["backtest"], arguments].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", errors(output)))
}

fn of_file(fleet: &Fleet, arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().expect("directory");
    let path = directory.path().join("capture.jsonl");
    std::fs::write(&path, fleet.lines()).expect("write");
    backtest(&[&[argument(&path)], arguments].concat())
}

#[test]
fn it_says_what_would_have_been_named_and_when_somebody_would_have_been_woken() {
    let output = of_file(&Fleet::OVERSIZED, &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let found = json(&output);
    assert_eq!((&found["counts"]["incidents"], &found["counts"]["named"]), (&1.into(), &1.into()), "{found:#}");
    assert_eq!(
        (&found["counts"]["wakes"], &found["wakes_per_day"]),
        (&1.into(), &Value::Null),
        "ten minutes tell no rate"
    );
    let story = &found["stories"][0];
    let wakes: Vec<&Value> =
        story["turns"].as_array().expect("turns").iter().filter(|turn| turn["wakes"] == true).collect();
    assert_eq!(wakes.len(), 1, "{story:#}");
    assert_eq!(story["incident"]["cause"]["hashes"][0], hash_of("pushed").as_str());
    assert!(wakes[0]["at"].as_str() >= story["onset"].as_str(), "{story:#}");
    let text = of_file(&Fleet::OVERSIZED, &[]).stdout;
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(text.contains("INCIDENTS  1 (") && text.contains("WOKEN      1 time ("), "{text}");
}

#[test]
fn calm_is_0_and_nothing_understood_is_2() {
    let calm = of_file(&Fleet { fault: Fault::None, ..Fleet::OVERSIZED }, &[]);
    assert_eq!(calm.status.code(), Some(0), "{}", String::from_utf8_lossy(&calm.stdout));
    let window = of_file(&Fleet::OVERSIZED, &["--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"]);
    let said = errors(&window);
    assert_eq!(window.status.code(), Some(2), "{said}");
    assert!(said.contains("2020-01-02") && said.contains("hint:"), "{said}");
}

/// A fleet whose last reports are of the present, as a live collector expects them.
fn fleet_until_now() -> Fleet {
    let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970").as_secs();
    let (interval_s, intervals) = (2, 120);
    let start_s = i64::try_from(now_s).expect("a clock before 2262") - interval_s * intervals;
    Fleet { start_s, hosts: 18, interval_s, intervals, fault_at: 70, ..Fleet::OVERSIZED }
}

#[test]
fn a_shadow_collector_records_and_alerts_nobody() {
    let directory = tempfile::tempdir().expect("directory");
    let collector = Collector::start_with(directory.path(), &["--shadow"]);
    let fleet = fleet_until_now();
    collector.send(fleet.lines().lines());
    wait_for("an incident", || collector.incidents().into_iter().find(|incident| incident["verdict"] == "cause"));
    let (_, metrics) = collector.get("/metrics").expect("an answer");
    let told: Vec<&str> =
        metrics.lines().filter(|line| line.starts_with("firstbad_collector_incident_info{")).collect();
    assert!(!told.is_empty() && told.iter().all(|line| line.contains(r#"severity="shadow""#)), "{told:#?}");
    let (_, status) = collector.get("/api/v1/status").expect("an answer");
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["shadow"], true);

    let live = json(&backtest(&["--format", "json", "--collector", &collector.api_url()]));
    let file = json(&of_file(&fleet, &["--format", "json"]));
    assert_eq!(live, file, "the store says what the capture says");
}
