//! Processes that die of a version as often as they load it. On 12 June 2025 a policy with blank fields was everywhere within
//! seconds; each process that held it died and came back with it, until the version was withdrawn, in one region last.

use crate::answer::{assert_onset, diagnose, has_signal};
use crate::fleet::{Fleet, Form, Happening, Process, Version};
use serde_json::Value;

const FULL: Version =
    Version { config: "policies", number: 1, facts: &[("firstbad.config.blank_fields", 0)], failed: 1, denied: 1 };
const BLANK: Version = Version { number: 2, facts: &[("firstbad.config.blank_fields", 3)], ..FULL };

const UNTIL_MS: i64 = 4_200_000;

/// A crash loop from 10:30 on.
struct Loop {
    hosts: i64,
    /// How many hosts get the old version back, from 10:50 on.
    healed: i64,
    /// Whether the last counts of a dead process are reported.
    counted: bool,
}

impl Loop {
    fn lines(&self) -> String {
        let processes = (0..self.hosts).map(|index| self.process(index)).collect();
        Fleet { processes, form: Form::Native, requests_per_s: 20, report_ms: 10_000, until_ms: UNTIL_MS }.lines()
    }

    fn process(&self, index: i64) -> Process {
        let mut process = Process::of_host(index, FULL);
        let until_ms = if index < self.healed { 3_000_000 + index * 5 % 16 * 20_000 } else { UNTIL_MS };
        let mut at_ms = 1_800_000 + index * 7 % 16 * 700;
        process.at(at_ms, Happening::Load(BLANK));
        // Death comes 4 to 13 s after the load, and the next start 12 to 30 s after the death.
        for turn in 0.. {
            let died_ms = at_ms + 4_000 + (index * 31 + turn * 17) % 10 * 1_000 + 400;
            let started_ms = died_ms + 12_000 + (index * 13 + turn * 29) % 19 * 1_000;
            at_ms = started_ms + 500;
            process.at(died_ms, Happening::Panic { counted: self.counted });
            process.at(started_ms, Happening::Start);
            if at_ms > until_ms {
                break;
            }
            process.at(at_ms, Happening::Load(BLANK));
        }
        process.at(at_ms, Happening::Load(FULL));
        process
    }
}

/// Asserts when the loop began, where it dies, and that what is nearest to a cause is its version.
fn assert_is_the_loop(incident: &Value) {
    let nearest = &incident["suspects"][0];
    assert_eq!(nearest["config"], "policies", "{incident:#}");
    assert_eq!(nearest["hashes"], serde_json::json!([BLANK.hash()]), "{incident:#}");
    assert_onset(incident, "10:30:00", "10:30:14");
    assert_eq!(incident["first_error"]["site"], "policy.rs:41:9");
    assert!(has_signal(incident, "deaths"), "{incident:#}");
}

fn assert_is_not_over(incident: &Value) {
    assert!(incident["state"] != "resolved" && incident["resolved_at"].is_null(), "{incident:#}");
}

#[test]
fn a_crash_loop_is_one_incident_from_the_first_death_on_and_not_over_while_one_region_is_left() {
    for (hosts, healed) in [(32, 24), (16, 12)] {
        let answer = diagnose(&Loop { hosts, healed, counted: false }.lines());
        assert_is_the_loop(answer.incident());
        assert_is_not_over(answer.incident());
    }
}

#[test]
fn recovery_from_a_crash_loop_moves_neither_its_begin_nor_its_first_error() {
    let answer = diagnose(&Loop { hosts: 16, healed: 16, counted: true }.lines());
    let deaths = answer.incidents().iter().find(|incident| has_signal(incident, "deaths"));
    assert_is_the_loop(deaths.expect("an incident of deaths"));
}
