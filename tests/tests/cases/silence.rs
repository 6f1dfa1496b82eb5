//! Hosts that are not heard again. In the outage of 8 March 2023 an automatic update cut nodes off the network one by one
//! within an hour, in all regions.

use crate::answer::{assert_onset, diagnose, diagnose_at, has_signal};
use crate::fleet::{Fleet, Form, Happening, Process, Version};

/// Routes that everybody loads every five minutes, and that do no harm.
const fn routes(number: i64) -> Version {
    Version { config: "routes", number, facts: &[("firstbad.config.rows", 500)], failed: 1, denied: 1 }
}

/// Thirty hosts. From 10:30:10 on one is lost every two minutes, until eighteen are gone.
fn fleet() -> String {
    let process = |index: i64| {
        let mut process = Process::of_host(index, routes(0));
        for number in 1..14 {
            process.at(number * 300_000 + index * 11 % 30 * 1_000, Happening::Load(routes(number)));
        }
        let place = index * 7 % 30;
        if place < 18 {
            process.at(1_810_000 + place * 120_000, Happening::Vanish);
        }
        process
    };
    let processes = (0..30).map(process).collect();
    Fleet { processes, form: Form::Native, requests_per_s: 20, report_ms: 10_000, until_ms: 4_200_000 }.lines()
}

#[test]
fn hosts_that_fall_silent_one_by_one_are_counted_from_the_first_and_accuse_no_push() {
    let lines = fleet();
    let answer = diagnose(&lines);
    assert_eq!(answer.json["window"]["hosts_silent"], 18, "{:#}", answer.json);
    assert_eq!(answer.code, Some(1));
    let silent = answer.incidents().iter().find(|incident| has_signal(incident, "silent_hosts"));
    assert_onset(silent.expect("an incident of silence"), "10:30:00", "10:30:21");
    assert!(answer.accusing().is_empty(), "{:#}", answer.json);

    // Of the hosts that were lost at 10:30:10, :32:10, :34:10, :36:10 and :38:10 nothing was heard for a minute and more.
    let early = diagnose_at(&lines, "2026-03-02T10:39:50Z");
    assert_eq!(early.json["window"]["hosts_silent"], 5, "{:#}", early.json);
    assert!(early.accusing().is_empty(), "{:#}", early.json);
}
