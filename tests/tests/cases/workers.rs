//! Dozens of workers on one host, each a process of its own that only its pid tells from the others.

use crate::answer::{assert_accuses, assert_onset, diagnose, diagnose_at, has_signal};
use crate::fleet::{Fleet, Form, Happening, Process, Version};
use crate::otlp::{int, text};

const SHORT: Version = Version {
    config: "routes",
    number: 1,
    facts: &[("firstbad.config.rows", 120), ("firstbad.limit.rows", 200)],
    failed: 2,
    denied: 1,
};
const LONG: Version =
    Version { number: 2, facts: &[("firstbad.config.rows", 240), ("firstbad.limit.rows", 200)], failed: 400, ..SHORT };

/// Four hosts that take up the long file one after the other from 10:15 on, and the short one again from 10:25 on.
fn fleet(workers: i64) -> String {
    let process = |host: i64, worker: i64| {
        let resource = vec![
            text("service.name", "edge"),
            text("service.version", "2.0"),
            text("host.name", &format!("host-{host}")),
            int("process.pid", 4000 + worker),
        ];
        let mut process = Process::new(resource, SHORT);
        for (from_ms, version) in [(900_000, LONG), (1_500_000, SHORT)] {
            process.at(from_ms + host * 25_000 + worker * 50, Happening::Load(version));
        }
        process
    };
    let processes = (0..4).flat_map(|host| (0..workers).map(move |worker| process(host, worker))).collect();
    Fleet { processes, form: Form::Standard, requests_per_s: 4, report_ms: 15_000, until_ms: 2_400_000 }.lines()
}

#[test]
fn a_host_of_many_workers_is_one_host_and_its_bad_file_is_accused() {
    for workers in [16, 24] {
        let lines = fleet(workers);
        let calm = diagnose_at(&lines, "2026-03-02T10:10:00Z");
        assert_eq!((calm.code, calm.incidents().len()), (Some(0), 0), "{workers} workers: {:#}", calm.json);
        let answer = diagnose(&lines);
        let window = &answer.json["window"];
        assert_eq!((&window["instances"], &window["hosts"]), (&(4 * workers).into(), &4.into()));
        assert_eq!(window["hosts_silent"], 0);
        let incident = answer.incident();
        assert!(["cause", "suspect"].contains(&incident["verdict"].as_str().unwrap_or_default()), "{incident:#}");
        assert_accuses(incident, "routes", &LONG.hash());
        assert_onset(incident, "10:14:59", "10:15:16");
        assert!(has_signal(incident, "errors"), "{incident:#}");
        assert!(!has_signal(incident, "silent_hosts") && !has_signal(incident, "throughput"), "{incident:#}");
    }
}
