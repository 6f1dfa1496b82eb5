//! Logins that are turned away. In the outage of 15 March 2021 a key was missing from published key metadata, each
//! application took the metadata up in its own time, and tokens were refused until it was rolled back.

use crate::answer::{assert_accuses, assert_onset, diagnose, has_signal};
use crate::fleet::{Fleet, Form, Happening, Process, Version};

const FOUR_KEYS: Version =
    Version { config: "access-keys", number: 1, facts: &[("firstbad.config.rows", 4)], failed: 1, denied: 10 };
const THREE_KEYS: Version = Version { number: 2, facts: &[("firstbad.config.rows", 3)], denied: 460, ..FOUR_KEYS };

/// Twelve hosts that take up the short file from 10:30 on, over two minutes, and the old one again from 10:45 on.
fn fleet(bad: Version) -> String {
    let process = |index: i64| {
        let mut process = Process::of_host(index, FOUR_KEYS);
        process.at(1_800_000 + index * 7 % 12 * 10_000, Happening::Load(bad));
        process.at(2_700_000 + index * 5 % 12 * 10_000, Happening::Load(FOUR_KEYS));
        process
    };
    let processes = (0..12).map(process).collect();
    Fleet { processes, form: Form::Standard, requests_per_s: 20, report_ms: 15_000, until_ms: 3_600_000 }.lines()
}

#[test]
fn a_key_file_after_which_logins_get_401_is_accused_of_answers_and_of_no_error() {
    let answer = diagnose(&fleet(THREE_KEYS));
    let incident = answer.incident();
    assert!(["cause", "suspect"].contains(&incident["verdict"].as_str().unwrap_or_default()), "{incident:#}");
    assert_accuses(incident, "access-keys", &THREE_KEYS.hash());
    assert_eq!(incident["cause"]["property"], "rows < 4");
    assert_eq!(incident["signals"], serde_json::json!(["answers"]));
    assert_onset(incident, "10:29:45", "10:31:00");
    assert_eq!(incident["impact"]["requests_failed"], 0);
    assert!(incident["impact"]["requests_denied"].as_i64() > Some(60_000), "{incident:#}");
}

#[test]
fn the_same_file_with_500_for_401_is_accused_of_errors() {
    let answer = diagnose(&fleet(Version { failed: 460, denied: 10, ..THREE_KEYS }));
    let incident = answer.incident();
    assert_eq!(incident["verdict"], "cause", "{incident:#}");
    assert_accuses(incident, "access-keys", &THREE_KEYS.hash());
    assert!(has_signal(incident, "errors") && !has_signal(incident, "answers"), "{incident:#}");
}
