//! Runs `firstbad demo`, scrapes its collector with a real Prometheus, and asks every query of the collector's dashboards over the time of
//! the demo: `cargo run -p firstbad-tests --example live-panels` (80 s; it needs the binary: `cargo build -p firstbad`). Prints the
//! queries that gave no data. Exit code 0: none but those of the list; 1: others.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "it uses parts of the tests")]

#[path = "../../tests/panels/boards.rs"]
mod boards;
#[path = "../../tests/panels/prometheus.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod prometheus;

use boards::{Choice, asked};
use prometheus::{Prometheus, Window};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::SystemTime;

/// Queries without data in a demo, by the end of their place, and why.
const SILENT: [(&str, &str); 3] = [
    ("Failed share of the chosen version and of all others / B", "with all versions chosen there are no others"),
    ("Refused loads in this range / A", "no host of the demo refuses a load"),
    ("Rows beside an hour ago / A", "the demo takes a minute"),
];

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn main() -> ExitCode {
    let directory = tempfile::tempdir().expect("a directory");
    let mut demo = Command::new(firstbad_tests::repository().join("target/debug/firstbad"))
        .args(["demo", "--headless", "--format", "json"])
        .env("TMPDIR", directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cargo build -p firstbad");
    let mut lines = BufReader::new(demo.stderr.take().expect("piped")).lines().map_while(Result::ok);
    let first = lines.next().expect("the demo says what it starts");
    let api = first.rsplit_once("http://").expect("the collector's address").1.to_owned();
    let scrape = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: firstbad, static_configs: [{{targets: [\"{api}\"]}}]}}]\n"
    );
    let begin_s = now_s();
    let prometheus = Prometheus::start(&directory.path().join("prometheus"), &scrape);
    lines.for_each(|line| println!("{line}"));
    let named = demo.wait().expect("the demo ends").success();

    let choice = Choice { job: ".+", hash: ".+", interval: "5s" };
    let window = Window { from_s: begin_s, to_s: now_s(), step_s: 1 };
    let all = asked("collector");
    let silent: Vec<&str> = all
        .iter()
        .filter(|it| prometheus.range(&it.filled(choice), window).is_empty())
        .map(|it| it.place.as_str())
        .collect();
    let unlisted: Vec<&&str> =
        silent.iter().filter(|place| !SILENT.iter().any(|(end, _)| place.ends_with(end))).collect();
    println!("{} queries; without data: {silent:#?}", all.len());
    if named && unlisted.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
