//! A host whose clock is a day ahead.

use crate::answer::{assert_accuses, diagnose};
use firstbad_tests::capture::{Fault, Fleet, Form, START_S, hash_of};

const DAY_S: i64 = 86_400;

/// Returns `line` with all its times a day later, if it comes from `host`.
fn a_day_ahead(line: &str, host: &str) -> String {
    if !line.contains(&format!("\"{host}\"")) {
        return line.to_owned();
    }
    let times = regex::Regex::new(r#"UnixNano":"(\d+)""#).expect("a pattern");
    let later = |found: &regex::Captures<'_>| {
        let at: i64 = found[1].parse().expect("a time");
        format!("UnixNano\":\"{}\"", at + DAY_S * 1_000_000_000)
    };
    times.replace_all(line, later).into_owned()
}

#[test]
fn one_clock_a_day_ahead_is_a_blind_spot_and_changes_neither_the_window_nor_the_verdict() {
    let fleet = Fleet {
        start_s: START_S,
        hosts: 20,
        interval_s: 10,
        intervals: 120,
        fault_at: 60,
        form: Form::StandardOnly,
        fault: Fault::Oversized,
    };
    let lines: String = fleet.lines().lines().map(|line| a_day_ahead(line, "host-5") + "\n").collect();
    let answer = diagnose(&lines);
    let window = &answer.json["window"];
    let end = window["to"].as_str().expect("a time");
    assert!(("2026-03-02T10:19:50".."2026-03-02T10:20:10").contains(&end), "{window:#}");
    assert_eq!((&window["hosts"], &window["hosts_silent"]), (&20.into(), &0.into()), "{window:#}");
    let blind = answer.json["blind_spots"].to_string();
    assert!(blind.contains("host-5") && blind.contains("clock"), "{blind}");
    let incident = answer.incident();
    assert_eq!(incident["verdict"], "cause", "{incident:#}");
    assert_accuses(incident, "bot-features", &hash_of("pushed"));
    assert_eq!(incident["cause"]["property"], "rows > 200");
}
