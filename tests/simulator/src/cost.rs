//! A fleet for measuring what the engine costs, and nothing else: so many hosts, fifty versions of three configs, one row
//! a host and report interval, the rollouts with jitter, the last of which fails on three hosts of ten. Its counts are
//! plain on purpose; which answers are right on rich fleets is the catalogue's to say.

use firstbad_diagnosis::observation::{
    Dimensions, Facts, Histogram, Load, Name, Observation, Outcomes, Row, Scores, Source, Total, View,
};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Versions in all.
pub const VERSIONS: usize = 50;
/// Report interval, ns.
pub const INTERVAL: i64 = 10 * SECOND_NS;
const REGIONS: usize = 20;
const EPOCH: i64 = 1_763_000_000 * SECOND_NS;
/// Versions that were there before the first report.
const BEFORE: usize = VERSIONS - 2;
/// Time between two of them.
const GENERATION: i64 = 30 * INTERVAL;
/// Time over which a rollout reaches the fleet.
const ROLLOUT: i64 = 2 * INTERVAL;
/// Of the bad version: slower, so that it is under way for several reports.
const BAD_ROLLOUT: i64 = 6 * INTERVAL;

/// Who a host says it is.
#[derive(Debug)]
struct Host {
    /// Its one process.
    source: Source,
    /// Its region, service and binary.
    dimensions: Dimensions,
}

/// A version of a config.
#[derive(Debug)]
struct Version {
    /// Name of the config.
    config: Name,
    /// Hash of the content.
    hash: Hash,
    /// Rows and their limit.
    facts: Facts,
}

/// The fleet.
#[derive(Debug)]
pub struct CostFleet {
    hosts: Vec<Host>,
    versions: Vec<Version>,
    bounds: (Arc<[f64]>, Arc<[f64]>),
    score: Name,
    /// Reports sent so far by every host.
    pub round: i64,
    /// Interval in which the bad version is published.
    bad_from: Option<i64>,
}

/// Of every ten versions eight are of the first config.
fn config_of(version: usize) -> &'static str {
    match version % 10 {
        8 => "routes",
        9 => "rules",
        _ => "bot-features",
    }
}

/// Seconds by which a host's reports lag behind the full interval: hosts do not all report at once.
fn phase(host: usize) -> i64 {
    i64::try_from(host % 10).unwrap_or(0) * SECOND_NS
}

/// A number that looks random and is not.
fn mixed(host: usize, salt: u64) -> u64 {
    let mut x = (host as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 29)
}

fn dimensions(host: usize) -> [(Name, Name); 3] {
    [
        ("cloud.region".into(), format!("region-{:02}", host % REGIONS).into()),
        ("service.name".into(), "edge".into()),
        ("service.version".into(), (if mixed(host, 1).is_multiple_of(2) { "fl2" } else { "fl1" }).into()),
    ]
}

impl CostFleet {
    /// A fleet that has reported nothing.
    #[must_use]
    pub fn new(hosts: usize) -> Self {
        let mut shared: BTreeMap<[(Name, Name); 3], Dimensions> = BTreeMap::new();
        let host = |index: usize| {
            let name: Name = format!("proxy-{index:06}.example.net").into();
            let pairs = dimensions(index);
            let dimensions = shared.entry(pairs.clone()).or_insert_with(|| Arc::new(pairs.into_iter().collect()));
            let source = Source::Instance { instance: format!("{name}:4711").into(), host: name };
            Host { source, dimensions: dimensions.clone() }
        };
        let limits = BTreeMap::from([(Name::from("rows"), 200)]);
        let version = |index: usize| {
            let rows = if index == VERSIONS { 260 } else { 100 + i64::try_from(index).unwrap_or(0) };
            let numbers = BTreeMap::from([("rows".into(), rows)]);
            let facts = Facts { numbers, limits: limits.clone(), ..Facts::default() };
            Version { config: Name::from(config_of(index)), hash: Hash::of(&index.to_le_bytes()), facts }
        };
        Self {
            hosts: (0..hosts).map(host).collect(),
            versions: (0..=VERSIONS).map(version).collect(),
            bounds: (
                [0.5, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0].into(),
                [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0].into(),
            ),
            score: "bot".into(),
            round: 0,
            bad_from: None,
        }
    }

    /// From now on the bad version is rolled out.
    pub fn publish_bad(&mut self) {
        self.bad_from = Some(self.round);
    }

    /// The time at which everything before `round` has been reported.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp(EPOCH + self.round * INTERVAL)
    }

    /// Hash of the version that fails.
    #[must_use]
    pub fn bad(&self) -> Option<Hash> {
        self.versions.last().map(|version| version.hash)
    }

    /// When a host takes a version: a generation every five minutes, the last two while rows are reported.
    fn taken_at(&self, host: usize, version: usize) -> Option<i64> {
        let number = i64::try_from(version).unwrap_or(0);
        let before = i64::try_from(BEFORE).unwrap_or(0);
        let (from, over) = match version {
            VERSIONS => (self.bad_from? * INTERVAL, BAD_ROLLOUT),
            BEFORE.. => ((number - before + 1) * 8 * INTERVAL, ROLLOUT),
            _ => ((number - before) * GENERATION, ROLLOUT),
        };
        let jitter = i64::try_from(mixed(host, 100 + number.unsigned_abs()) % over.unsigned_abs()).unwrap_or(0);
        Some(EPOCH + from + jitter)
    }

    /// The loads of before the first report.
    #[must_use]
    pub fn history(&self, hosts: Range<usize>) -> Vec<Observation> {
        let mut observations = Vec::with_capacity(BEFORE * hosts.len());
        for (index, host) in self.hosts.iter().enumerate().skip(hosts.start).take(hosts.len()) {
            for (version, known) in self.versions.iter().enumerate().take(BEFORE) {
                let taken = self.taken_at(index, version);
                observations.extend(taken.map(|at| Observation::Load(load(host, known, at))));
            }
        }
        observations
    }

    /// Versions that a host has at a time, one a config.
    fn active(&self, host: usize, at: i64) -> Vec<(Name, Hash)> {
        let mut active: BTreeMap<&str, &Version> = BTreeMap::new();
        for (version, known) in self.versions.iter().enumerate() {
            if self.taken_at(host, version).is_some_and(|taken| taken <= at) {
                active.insert(config_of(version), known);
            }
        }
        active.into_values().map(|version| (version.config.clone(), version.hash)).collect()
    }

    /// What `hosts` report in the interval that begins at `round`: their loads, and one row each.
    #[must_use]
    pub fn report(&self, hosts: Range<usize>) -> Vec<Observation> {
        let span = (EPOCH + self.round * INTERVAL, EPOCH + (self.round + 1) * INTERVAL);
        let mut observations = Vec::with_capacity(3 * hosts.len());
        for (index, host) in self.hosts.iter().enumerate().skip(hosts.start).take(hosts.len()) {
            for (version, known) in self.versions.iter().enumerate() {
                if let Some(at) = self.taken_at(index, version).filter(|at| (span.0..span.1).contains(at)) {
                    observations.push(Observation::Load(load(host, known, at)));
                }
            }
            let phase = phase(index);
            let span = Span { start: Timestamp(span.0 - phase), end: Timestamp(span.1 - phase) };
            observations.push(Observation::Row(self.row(index, host, span)));
        }
        observations
    }

    /// What host number `index` counts in `span`.
    fn row(&self, index: usize, host: &Host, span: Span) -> Row {
        let (start, end) = (span.start.0, span.end.0);
        let noise = mixed(index, 1000 + self.round.unsigned_abs());
        let requests = 400 + noise % 200;
        let suffers = self.taken_at(index, VERSIONS).filter(|taken| *taken < end && mixed(index, 7) % 10 < 3);
        let panic = suffers
            .map_or(0, |taken| requests * 3 * (end - taken.max(start)).unsigned_abs() / INTERVAL.unsigned_abs() / 10);
        let error = u64::from(noise.is_multiple_of(10));
        let outcomes = Outcomes { ok: requests - error - panic, denied: 0, error, panic };
        let active = self.active(index, end - 1);
        let view = |(config, hash): (Name, Hash)| View { config, hash, dimensions: Dimensions::default(), outcomes };
        // The lowest bucket stays empty: a score of zero would be one that was not computed.
        let counts: Vec<u64> = (0..11).map(|at| if at == 0 { 0 } else { requests / 10 + (noise >> at) % 3 }).collect();
        let histogram = |bounds: &Arc<[f64]>| Histogram { bounds: bounds.clone(), counts: counts.clone(), sum: None };
        let scores = Scores {
            version: active.first().cloned(),
            score: self.score.clone(),
            histogram: histogram(&self.bounds.0),
            sentinel: 0,
            nan: 0,
            below: 0,
            above: 0,
        };
        Row {
            totals: vec![Total { dimensions: Dimensions::default(), outcomes }],
            views: active.iter().cloned().map(view).collect(),
            scores: vec![scores],
            active,
            latency: Some(histogram(&self.bounds.1)),
            in_flight: Some(4.0),
            cpu: Some(0.3 + (noise % 50) as f64 / 1000.0),
            memory: Some(1.0e9 + (noise % 1000) as f64 * 1e4),
            ..Row::new(host.source.clone(), host.dimensions.clone(), span)
        }
    }
}

fn load(host: &Host, version: &Version, at: i64) -> Load {
    Load {
        at: Timestamp(at),
        source: host.source.clone(),
        dimensions: host.dimensions.clone(),
        config: version.config.clone(),
        hash: version.hash,
        result: Some(LoadResult::Applied),
        reason: None,
        error: None,
        previous: None,
        facts: version.facts.clone(),
    }
}
