//! Every query of every panel, asked of a real Prometheus: over the outage of 18 November 2025 in the words of each source of metrics,
//! over a fleet of standard metrics, and over a collector that is scraped while it receives. A query gives data, or its silence is
//! listed here with the reason.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]
#![allow(clippy::cast_precision_loss, reason = "seconds of this century are exact in a double")]

#[path = "panels/boards.rs"]
mod boards;
#[path = "panels/incident.rs"]
mod incident;
#[path = "panels/live.rs"]
mod live;
#[path = "panels/prometheus.rs"]
mod prometheus;

use boards::{Asked, Choice, asked};
use firstbad_dashboards::source::Source;
use firstbad_protocol::Hash;
use firstbad_tests::capture::hash_of;
use incident::{BAD_MINUTE, MINUTES, START_S};
use prometheus::{Prometheus, Series, Window};

/// The hour of the incident, at its own interval.
const HOUR: Window = Window { from_s: START_S + (MINUTES - 60) * 60, to_s: START_S + MINUTES * 60, step_s: 60 };
const ALL: Choice<'_> = Choice { job: ".+", hash: ".+", interval: "4m" };

/// Queries that give no data over the incident, by the end of their place, and why.
const SILENT: [(&str, &str); 1] =
    [("Failed share of the chosen version and of all others / B", "with all versions chosen there are no others")];

/// The queries that give no data.
fn silent<'a>(prometheus: &Prometheus, asked: &'a [Asked], choice: Choice<'_>) -> Vec<&'a str> {
    let gives_none = |it: &&Asked| prometheus.range(&it.filled(choice), HOUR).is_empty();
    asked.iter().filter(gives_none).map(|it| it.place.as_str()).collect()
}

fn series(prometheus: &Prometheus, asked: &[Asked], place: &str, choice: Choice<'_>) -> Vec<Series> {
    let found = asked.iter().find(|it| it.place.ends_with(place)).unwrap_or_else(|| panic!("no {place}"));
    prometheus.range(&found.filled(choice), HOUR)
}

fn short(version: &str) -> String {
    Hash::of(version.as_bytes()).short()
}

/// The greatest value of the series whose labels name a version.
fn greatest(series: &[Series], version: &str) -> f64 {
    let of = series.iter().filter(|it| it.labels.to_string().contains(&short(version)));
    of.flat_map(|it| &it.points).map(|point| point.value).fold(f64::NAN, f64::max)
}

#[test]
fn every_panel_shows_the_incident_whatever_its_metrics_are_called() {
    for source in Source::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        let prometheus = Prometheus::with(directory.path(), &incident::openmetrics(source));
        let mut asked = asked(source.slug());
        // The collector's own health is no matter of this text: a live collector answers for it below.
        asked.retain(|it| !it.place.starts_with("firstbad-collector "));
        let found = silent(&prometheus, &asked, ALL);
        assert!(found.iter().all(|place| SILENT.iter().any(|(end, _)| place.ends_with(end))), "{source:?}: {found:#?}");
        assert_eq!(found.len(), SILENT.len(), "{source:?}: {found:#?}");

        let failed = series(&prometheus, &asked, "Failed share by version / A", ALL);
        assert!(greatest(&failed, "bad") > 0.5 && greatest(&failed, "good") < 1e-9, "{source:?}: {failed:?}");
        let zero = series(&prometheus, &asked, "Scores of zero by version / A", ALL);
        assert!(greatest(&zero, "bad") > 0.5 && greatest(&zero, "good") < 1e-9, "{source:?}: {zero:?}");
        let usage = series(&prometheus, &asked, "Limit usage / A", ALL);
        let fullest = usage.iter().flat_map(|it| &it.points).map(|it| it.value).fold(0.0, f64::max);
        assert!((fullest - 1.2).abs() < 1e-9, "{source:?}: {fullest}");
        let refused = series(&prometheus, &asked, "Refused loads in this range / A", ALL);
        assert!(greatest(&refused, "bad") > 0.0 && greatest(&refused, "good").is_nan(), "{source:?}: {refused:?}");
        let loads = series(&prometheus, &asked, "annotation", ALL);
        let least = |series: &Series| series.points.iter().map(|it| it.value).fold(f64::INFINITY, f64::min);
        let bad: Vec<&Series> = loads.iter().filter(|it| it.labels.to_string().contains(&short("bad"))).collect();
        assert_eq!(bad.iter().map(|it| least(it)).collect::<Vec<_>>(), [((START_S + BAD_MINUTE * 60) * 1000) as f64]);

        let hash = if source == Source::Otlp { hash_of("bad") } else { short("bad") };
        let choice = Choice { hash: &hash, ..ALL };
        let of = |letter: &str| {
            let place = format!("Failed share of the chosen version and of all others / {letter}");
            let points = series(&prometheus, &asked, &place, choice);
            points.iter().flat_map(|it| &it.points).map(|it| it.value).fold(f64::NAN, f64::max)
        };
        assert!(of("A") > 0.5 && of("B") < 1e-9, "{source:?}: {} {}", of("A"), of("B"));
        // The check can fail.
        let wrong = [Asked { place: "wrong".to_owned(), expression: "sum(firstbad_request_total)".to_owned() }];
        assert_eq!(silent(&prometheus, &wrong, ALL), ["wrong"]);
    }
}

/// Panels that a process of standard metrics fills by itself.
const OF_STANDARD_METRICS: [&str; 7] = [
    "Failed requests / A",
    "Processes / A",
    "Failed share by version / B",
    "Requests by region / A",
    "Failed share by region / A",
    "Failed share of the chosen version and of all others / C",
    "Requests by version / B",
];

#[test]
fn a_process_of_standard_metrics_alone_is_shown_with_what_it_counts() {
    for source in [Source::Proxy, Source::Otlp] {
        let directory = tempfile::tempdir().expect("a directory");
        let prometheus = Prometheus::with(directory.path(), &incident::standard(source));
        let asked = asked(source.slug());
        for place in OF_STANDARD_METRICS {
            assert!(!series(&prometheus, &asked, place, ALL).is_empty(), "{source:?}: {place}");
        }
        let failed = series(&prometheus, &asked, "Failed requests / A", ALL);
        let [only] = &failed[..] else { panic!("{failed:?}") };
        let at =
            |minute: i64| only.points.iter().find(|it| it.at_s >= (START_S + minute * 60) as f64).map(|it| it.value);
        // Before anything fails no series of status 5xx exists, and the share is 0, not unknown.
        assert_eq!(at(BAD_MINUTE - 10), Some(0.0));
        assert!(at(BAD_MINUTE + 10).is_some_and(|share| (share - 0.1).abs() < 1e-6), "{:?}", only.points);
    }
}
