//! The outage of 18 November 2025 in small, as OpenMetrics text with times, in the words of each source of metrics: six processes in two
//! regions, one input. A version of 240 rows (limit 200) reaches all but one process, which refuses it: of those that take it, the new
//! engine panics and the old one scores 0. Half an hour later the good version comes back.

use firstbad_dashboards::source::{Labels, Measure, STANDARD_REQUESTS, STANDARD_STATUS, Source};
use firstbad_protocol::Hash;
use firstbad_protocol::names::SCORE_BOUNDS;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// 10:05 UTC.
pub(crate) const START_S: i64 = 1_763_460_300;
/// A report a minute until 12:05.
pub(crate) const MINUTES: i64 = 120;
/// Minute at which the first process loads the bad version: 11:28.
pub(crate) const BAD_MINUTE: i64 = 83;
/// Minute at which the first process is back on the good one: 11:58.
const BACK_MINUTE: i64 = 113;
const PROCESSES: i64 = 6;
/// The process that refuses the bad version.
const REFUSING: i64 = 5;
const REQUESTS_A_MINUTE: u32 = 600;
const LIMIT: u32 = 200;
const SITE: &str = "src/table.rs:41:9";

/// Label pairs, in any order.
type Pairs = Vec<(&'static str, String)>;

/// Samples by series and minute.
struct Page {
    source: Source,
    labels: Labels,
    /// Which process speaks, and when.
    place: Place,
    samples: BTreeMap<String, BTreeMap<i64, f64>>,
}

/// Counts of one version in one process.
#[derive(Clone, Copy, Default)]
struct Counts {
    ok: u32,
    panic: u32,
    zero: u32,
    forty: u32,
}

/// The whole text.
pub(crate) fn openmetrics(source: Source) -> String {
    let place = Place { process: 0, minute: 0 };
    let mut page = Page { source, labels: source.labels(), place, samples: BTreeMap::new() };
    for process in 0..PROCESSES {
        page.process(process);
    }
    if source == Source::Collector {
        page.collector();
    }
    let mut text = String::new();
    for (series, values) in &page.samples {
        for (minute, value) in values {
            let _ = writeln!(text, "{series} {value} {}", START_S + minute * 60);
        }
    }
    text + "# EOF\n"
}

fn rows(version: &str) -> u32 {
    if version == "bad" { 240 } else { 60 }
}

fn active(process: i64, minute: i64) -> &'static str {
    let bad = (BAD_MINUTE + process..BACK_MINUTE + process).contains(&minute);
    if bad && process != REFUSING { "bad" } else { "good" }
}

impl Page {
    /// Adds to a series: what several processes count is one series at the collector.
    fn add(&mut self, name: &str, pairs: Pairs, value: f64) {
        let series = self.series(name, pairs);
        *self.samples.entry(series).or_default().entry(self.place.minute).or_default() += value;
    }

    /// The same for a last value: of what several processes say, the collector serves the greatest.
    fn set(&mut self, name: &str, pairs: Pairs, value: f64) {
        let series = self.series(name, pairs);
        let kept = self.samples.entry(series).or_default().entry(self.place.minute).or_insert(value);
        *kept = kept.max(value);
    }

    fn series(&self, name: &str, pairs: Pairs) -> String {
        let region = ["eu", "us"][usize::from(self.place.process % 2 == 1)];
        let target: Pairs = match self.source {
            Source::Collector => vec![("job", "firstbad".into()), ("instance", "collector:4319".into())],
            Source::Proxy | Source::Otlp => vec![
                ("job", "edge/proxy".into()),
                ("instance", format!("proxy-{}", self.place.process)),
                (self.labels.region, region.into()),
            ],
        };
        let all: Vec<String> =
            target.into_iter().chain(pairs).map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        format!("{name}{{{}}}", all.join(","))
    }

    fn version(&self, version: &str) -> Pairs {
        let hash = Hash::of(version.as_bytes());
        let hash = if self.source == Source::Otlp { hash.to_string() } else { hash.short() };
        vec![(self.labels.config, "features".to_owned()), (self.labels.hash, hash)]
    }

    fn process(&mut self, process: i64) {
        let mut counts: BTreeMap<&str, Counts> = BTreeMap::new();
        for minute in 0..=MINUTES {
            self.place = Place { process, minute };
            let version = active(process, minute);
            let now = counts.entry(version).or_default();
            let (broken, old_engine) = (version == "bad", process % 3 == 0);
            let panics = if broken && !old_engine { REQUESTS_A_MINUTE * 9 / 10 } else { 0 };
            now.panic += panics;
            now.ok += REQUESTS_A_MINUTE - panics;
            if broken && old_engine {
                now.zero += REQUESTS_A_MINUTE;
            } else {
                now.forty += REQUESTS_A_MINUTE - panics;
            }
            let counts: Vec<(&str, Counts)> = counts.iter().map(|(version, counts)| (*version, *counts)).collect();
            self.requests(&counts);
            for (version, counts) in &counts {
                self.scores(version, *counts);
                self.loads(version);
            }
            self.content(version);
        }
    }

    fn requests(&mut self, counts: &[(&str, Counts)]) {
        let name = self.name(Measure::Requests);
        let whole = counts.iter().fold(Counts::default(), |sum, (_, it)| Counts {
            ok: sum.ok + it.ok,
            panic: sum.panic + it.panic,
            ..sum
        });
        let views: Vec<(Pairs, Counts)> =
            counts.iter().map(|(version, counts)| (self.version(version), *counts)).collect();
        for (pairs, counts) in std::iter::once((Vec::new(), whole)).chain(views) {
            for (outcome, count) in [("ok", counts.ok), ("denied", 0), ("error", 0), ("panic", counts.panic)] {
                let pairs = [pairs.clone(), vec![(self.labels.outcome, outcome.to_owned())]].concat();
                self.add(&name, pairs, f64::from(count));
            }
            let site: Pairs =
                if self.source == Source::Collector { Vec::new() } else { vec![(self.labels.site, SITE.to_owned())] };
            let panics = self.name(Measure::Panics);
            self.add(&panics, [pairs, site].concat(), f64::from(counts.panic));
        }
    }

    fn scores(&mut self, version: &str, counts: Counts) {
        let of = [self.version(version), vec![(self.labels.score, "bot".to_owned())]].concat();
        let name = self.name(Measure::Scores);
        let up_to = |bound: f64| counts.zero + if bound >= 40.0 { counts.forty } else { 0 };
        let bounds = SCORE_BOUNDS.iter().map(|bound| (bound.to_string(), up_to(*bound)));
        for (le, count) in bounds.chain([("+Inf".to_owned(), counts.zero + counts.forty)]) {
            self.add(&format!("{name}_bucket"), [of.clone(), vec![("le", le)]].concat(), f64::from(count));
        }
        self.add(&format!("{name}_sum"), of.clone(), f64::from(counts.forty * 40));
        self.add(&format!("{name}_count"), of.clone(), f64::from(counts.zero + counts.forty));
        let reason = vec![(self.labels.reason, "sentinel".to_owned())];
        let defaulted = self.name(Measure::Defaulted);
        self.add(&defaulted, [of, reason].concat(), f64::from(counts.zero));
    }

    fn loads(&mut self, version: &str) {
        let name = self.name(Measure::Loads);
        let of = |page: &Self, version: &str, result: &str, reason: &str| {
            let result = [(page.labels.result, result.to_owned()), (page.labels.reason, reason.to_owned())];
            let filled = result.into_iter().filter(|(_, value)| !value.is_empty());
            [page.version(version), filled.collect()].concat()
        };
        self.add(&name, of(self, version, "applied", ""), 1.0);
        if self.place.process == REFUSING {
            let refused = f64::from(u8::from(self.place.minute >= BAD_MINUTE + REFUSING));
            self.add(&name, of(self, "bad", "kept_last_good", "limit"), refused);
        }
    }

    fn content(&mut self, version: &str) {
        let of = self.version(version);
        let limit = vec![(self.labels.config, "features".to_owned()), (self.labels.limit, "rows".to_owned())];
        let rows = rows(version);
        let duplicates = if version == "bad" { 120 } else { 0 };
        let active = self.name(Measure::Active);
        self.add(&active, of.clone(), 1.0);
        for (measure, value) in
            [(Measure::Rows, rows), (Measure::DuplicateRows, duplicates), (Measure::Size, rows * 40)]
        {
            self.if_served(measure, of.clone(), f64::from(value));
        }
        let usage = f64::from(rows) / f64::from(LIMIT);
        self.if_served(Measure::LimitUsage, limit.clone(), usage);
        self.if_served(Measure::Limit, limit, f64::from(LIMIT));
        let loaded = if version == "bad" { BAD_MINUTE } else { 0 };
        let loaded_s = (START_S + (loaded + self.place.process.min(loaded)) * 60) as f64;
        if version == "bad" {
            self.if_served(Measure::FirstFailed, of.clone(), loaded_s + 1.0);
        }
        self.if_served(Measure::Dropped, vec![(self.labels.reason, "ring_full".to_owned())], 0.0);
        self.load_time(of, loaded_s);
    }

    fn load_time(&mut self, of: Pairs, loaded_s: f64) {
        let now_s = (START_S + self.place.minute * 60) as f64;
        match self.source {
            Source::Collector if self.place.process == 0 => {
                self.set("firstbad_fleet_config_first_load_timestamp_seconds", of, loaded_s);
            }
            Source::Collector => {}
            Source::Proxy => {
                self.set("firstbad_config_load_timestamp_seconds", of, loaded_s);
                self.set("firstbad_metric_hashes_evicted_total", Vec::new(), 0.0);
            }
            Source::Otlp => self.set("firstbad_config_age_seconds", of, now_s - loaded_s),
        }
    }

    fn if_served(&mut self, measure: Measure, pairs: Pairs, value: f64) {
        if let Some(name) = self.source.metric(measure) {
            self.set(&name, pairs, value);
        }
    }

    fn name(&self, measure: Measure) -> String {
        self.source.metric(measure).expect("every source has it")
    }

    /// What the collector says of the incident, while it is open.
    fn collector(&mut self) {
        for minute in 0..=MINUTES {
            self.place = Place { process: 0, minute };
            for (state, hosts) in [("reporting", 6.0), ("silent", 0.0)] {
                self.set("firstbad_collector_hosts", vec![("state", state.to_owned())], hosts);
            }
            if minute > BAD_MINUTE {
                let words = [
                    ("incident", "20251118-112800-errors"),
                    ("verdict", "cause"),
                    ("config", "features"),
                    ("severity", "critical"),
                    ("sentence", "NAMED: features"),
                ];
                let words = words.map(|(name, value)| (name, value.to_owned())).into();
                self.set("firstbad_collector_incident_info", words, 1.0);
                let bad = self.version("bad");
                self.set("firstbad_collector_suspect_confidence_ratio", bad, 0.9);
            }
        }
    }
}

/// Which process, and when.
#[derive(Clone, Copy)]
struct Place {
    process: i64,
    minute: i64,
}

/// A process that sends only the standard metrics, 1 of 10 requests failing from the bad minute on.
pub(crate) fn standard(source: Source) -> String {
    let region = source.labels().region;
    let mut text = String::new();
    for minute in 0..=MINUTES {
        let at_s = START_S + minute * 60;
        let failed = (minute - BAD_MINUTE).max(0) * 60;
        for (status, count) in [("200", minute * 600 - failed), ("500", failed)].into_iter().filter(|it| it.1 > 0) {
            let _ = writeln!(
                text,
                "{STANDARD_REQUESTS}{{job=\"edge/plain\",instance=\"plain-0\",{region}=\"eu\",{STANDARD_STATUS}=\"{status}\"}} {count} {at_s}"
            );
        }
    }
    text + "# EOF\n"
}
