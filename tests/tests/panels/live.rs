//! The collector's dashboards over a real collector: it is scraped by a real Prometheus while two small fleets send to it, one with
//! `firstbad.*` metrics and one with standard metrics and load events alone.

use crate::boards::{Choice, asked};
use crate::prometheus::{Prometheus, Window};
use firstbad_protocol::names::METRICS;
use firstbad_tests::capture::{Fault, Fleet, Form};
use firstbad_tests::collector::{Collector, wait_for};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// Queries without data over a healthy collector with a fleet that fails, by the end of their place, and why.
const SILENT: [(&str, &str); 3] = [
    ("Failed share of the chosen version and of all others / B", "with all versions chosen there are no others"),
    ("Refused loads in this range / A", "no host refuses a load"),
    ("Rows beside an hour ago / A", "the scrapes began seconds ago"),
];

/// Queries without data where the fleet sends standard metrics and load events alone: what nobody measures.
const SILENT_OF_STANDARD_METRICS: [(&str, &str); 12] = [
    ("Failed share of the chosen version and of all others / A", "nobody says which version a request used"),
    ("Failed share by version / A", "nobody says which version a request used"),
    ("Scores of zero / A", "no scores are sent"),
    ("Scores of zero by version / A", "no scores are sent"),
    ("Scores of the chosen versions / A", "no scores are sent"),
    ("Scores up to 30 / A", "no scores are sent"),
    ("Quantiles by version / A", "no scores are sent"),
    ("Quantiles by version / B", "no scores are sent"),
    ("Quantiles by version / C", "no scores are sent"),
    ("Mean by version / A", "no scores are sent"),
    ("Scores that were not computed / A", "no scores are sent"),
    ("Scores by version / A", "no scores are sent"),
];

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    i64::try_from(since.as_secs()).expect("a clock before 2262")
}

/// The places of the queries without data, after a fleet has sent for some seconds of scrapes.
struct Shown {
    silent: Vec<String>,
    /// Names of the metrics that the collector serves.
    served: BTreeSet<String>,
}

fn shown(form: Form) -> Shown {
    let directory = tempfile::tempdir().expect("a directory");
    let collector = Collector::start(&directory.path().join("store"));
    let api = collector.api_url().replace("http://", "");
    let scrape = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: firstbad, static_configs: [{{targets: [\"{api}\"]}}]}}]\n"
    );
    let begin_s = now_s();
    let prometheus = Prometheus::start(&directory.path().join("prometheus"), &scrape);
    let (interval_s, intervals) = (2, 120);
    let start_s = now_s() - interval_s * intervals;
    let fleet = Fleet { start_s, hosts: 18, interval_s, intervals, fault_at: 70, form, fault: Fault::Oversized };
    let lines = fleet.lines();
    let lines: Vec<&str> = lines.lines().collect();
    // In parts, so that counters grow from scrape to scrape.
    for part in lines.chunks(lines.len().div_ceil(4)) {
        collector.send(part.iter().copied());
        std::thread::sleep(Duration::from_millis(1500));
    }
    wait_for("a cause", || collector.incidents().into_iter().find(|it| it["verdict"] == "cause"));
    std::thread::sleep(Duration::from_secs(2));
    let (_, metrics) = collector.get("/metrics").expect("metrics");
    let served = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).map(str::to_owned);
    let choice = Choice { job: ".+", hash: ".+", interval: "5s" };
    let window = Window { from_s: begin_s, to_s: now_s(), step_s: 1 };
    let all = asked("collector");
    let without = all.iter().filter(|it| prometheus.range(&it.filled(choice), window).is_empty());
    Shown { silent: without.map(|it| it.place.clone()).collect(), served: served.collect() }
}

/// Queries that are silent and not in the list, and entries of the list that are not silent.
fn against(silent: &[String], listed: &[&str]) -> (Vec<String>, Vec<String>) {
    let unlisted = silent.iter().filter(|place| !listed.iter().any(|end| place.ends_with(end))).cloned().collect();
    let filled = listed.iter().filter(|end| !silent.iter().any(|place| place.ends_with(*end)));
    (unlisted, filled.map(|end| (*end).to_owned()).collect())
}

#[test]
fn every_panel_shows_a_live_collector() {
    let shown = shown(Form::Native);
    assert_eq!(against(&shown.silent, &SILENT.map(|it| it.0)), (Vec::new(), Vec::new()));

    // The list of names holds what a collector serves, and nothing else of it.
    let own = |name: &&str| name.contains("_fleet_") || name.contains("_collector_") || name.contains("_evicted_");
    let listed: BTreeSet<String> = METRICS.iter().map(|it| it.prometheus).filter(own).map(str::to_owned).collect();
    // Metrics of the process itself have the names that every client library gives them.
    let served: BTreeSet<String> = shown.served.into_iter().filter(|name| !name.starts_with("process_")).collect();
    assert_eq!(served, listed);
}

#[test]
fn a_fleet_of_standard_metrics_leaves_no_panel_without_what_it_sends() {
    let shown = shown(Form::StandardOnly);
    let listed: Vec<&str> = SILENT.iter().chain(&SILENT_OF_STANDARD_METRICS).map(|it| it.0).collect();
    assert_eq!(against(&shown.silent, &listed), (Vec::new(), Vec::new()));
}
