//! The senders: what the agents of so many hosts post in one report round, as OTLP protobuf. A host runs one process with
//! three configs; each has a version from before and a newer one, the first of them a bad one at the end. Which points a
//! process has is decided by `protocol::recorder::told`, as it is for the agent.

use super::encode;
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::{
    ConfigImage, Counts, Facts, LoadCount, Outcomes, PanicPair, RecorderImage, ScoreDeclaration, SiteImage, State,
    VersionImage,
};
use firstbad_protocol::time::SECOND_NS;

/// Report interval, ns.
pub(crate) const INTERVAL: i64 = 10 * SECOND_NS;
const EPOCH: i64 = 1_763_000_000 * SECOND_NS;
/// Configs of a process.
const CONFIGS: usize = 3;
/// Rounds between the newer versions of the configs, each taken over two reports.
const APART: i64 = 3;
const ROLLOUT: i64 = 2 * INTERVAL;
/// Of the bad version.
const BAD_ROLLOUT: i64 = 6 * INTERVAL;
/// When processes began.
const BEGUN: i64 = EPOCH - 3600 * SECOND_NS;

/// The fleet.
#[derive(Debug, Default)]
pub(crate) struct Fleet {
    /// Reports sent so far by every host.
    pub(crate) round: i64,
    /// Round in which the bad version is published.
    pub(crate) bad_from: Option<i64>,
}

/// One host's report: its points, and its events if there are any.
pub(crate) struct Report {
    pub(crate) metrics: Vec<u8>,
    pub(crate) logs: Option<Vec<u8>>,
    /// Points in it.
    pub(crate) points: usize,
}

/// A version that a host has. The order is that of the fields.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    /// Place of the config.
    config: usize,
    /// Number of the version within the config.
    number: usize,
    /// Since when, ns.
    at: i64,
}

impl Held {
    const fn is_bad(self) -> bool {
        self.config == 0 && self.number == 2
    }
}

impl Fleet {
    /// Time up to which everything before the present round has been reported.
    pub(crate) const fn now(&self) -> i64 {
        EPOCH + self.round * INTERVAL
    }

    /// Hash of the bad version.
    pub(crate) fn bad() -> Hash {
        hash(0, 2)
    }

    /// What a host posts in the present round.
    pub(crate) fn report(&self, host: usize) -> Report {
        // Hosts do not all report at the same second.
        let phase = i64::try_from(host % 10).unwrap_or(0) * SECOND_NS;
        let end = self.now() + INTERVAL - phase;
        let image = self.image(host, end);
        let held = self.held(host, end);
        let new = held.iter().filter(|held| held.at > end - INTERVAL || self.round == 0);
        let mut events: Vec<encode::Event> = new
            .map(|Held { config, number, at }| {
                encode::Event::load(name(*config), hash(*config, *number), rows(*config, *number), *at)
            })
            .collect();
        let failing = image.panics > 0;
        events.extend(failing.then(|| encode::Event::panic(image.active_names(), end - SECOND_NS)));
        let (metrics, points) = encode::metrics(&image, end);
        Report { metrics, logs: encode::logs(&image, self.round, &events), points }
    }

    /// The versions that a host has taken by `end`.
    fn held(&self, host: usize, end: i64) -> Vec<Held> {
        let after = |from: i64, over: i64, salt: u64| {
            EPOCH + from * INTERVAL + i64::try_from(mixed(host, salt) % over.unsigned_abs()).unwrap_or(0)
        };
        let mut held: Vec<Held> =
            (0..CONFIGS).map(|config| Held { config, number: 0, at: BEGUN + SECOND_NS }).collect();
        let newer = (0..CONFIGS).zip(1..).zip(10..);
        let newer =
            newer.map(|((config, nth), salt)| Held { config, number: 1, at: after(nth * APART, ROLLOUT, salt) });
        held.extend(newer);
        held.extend(self.bad_from.map(|from| Held { config: 0, number: 2, at: after(from, BAD_ROLLOUT, 20) }));
        held.retain(|held| held.at <= end);
        held.sort_unstable();
        held
    }

    /// The recorder of a host's process at `end`.
    fn image(&self, host: usize, end: i64) -> RecorderImage {
        let held = self.held(host, end);
        let each = 400 + mixed(host, 1) % 200;
        let served = |from: i64, to: i64| each * (to - from).max(0).unsigned_abs() / INTERVAL.unsigned_abs();
        let bad = held.iter().find(|held| held.is_bad()).map(|held| held.at);
        let panic = bad.filter(|_| mixed(host, 7) % 10 < 3).map_or(0, |at| served(at, end) * 3 / 10);
        let versions: Vec<VersionImage> = held
            .iter()
            .map(|of| {
                let is_next = |other: &&Held| other.config == of.config && other.number == of.number + 1;
                let next = held.iter().find(is_next).map_or(end, |next| next.at);
                version(*of, served(of.at, next), if of.is_bad() { panic } else { 0 })
            })
            .collect();
        let active = |config: usize| {
            held.iter().filter(|held| held.config == config).map(|held| uid(held.config, held.number)).max()
        };
        let all = served(BEGUN, end);
        let error = all / 5000;
        let site = SiteImage {
            place: 0,
            file: "src/features.rs".to_owned(),
            line: 88,
            column: 14,
            count: panic,
            frames: Vec::new(),
        };
        let bad_pair = PanicPair { site: 0, uid: uid(0, 2), count: panic };
        RecorderImage {
            boot: mixed(host, 3).into(),
            pid: 4711,
            process_start: 0,
            started_ns: BEGUN.unsigned_abs(),
            state: State::Running,
            signal: None,
            asked: None,
            exit_status: None,
            exited_ns: None,
            resource: resource(host),
            totals: Outcomes { ok: all - error - panic, denied: 0, error, panic },
            configs: (0..CONFIGS).map(|place| config(place, active(place))).collect(),
            versions,
            panics: panic,
            sites: if panic > 0 { vec![site] } else { Vec::new() },
            panic_pairs: if panic > 0 { vec![bad_pair] } else { Vec::new() },
            events: Vec::new(),
            event_head: 0,
            panic_texts: Vec::new(),
            panic_head: 0,
            dropped: Vec::new(),
            hook_held_back: 0,
            build_id: Vec::new(),
            load_bias: 0,
            torn: 0,
            damaged: 0,
        }
    }
}

fn resource(host: usize) -> Vec<(String, String)> {
    let name = format!("proxy-{host:06}.example.net");
    let binary = if mixed(host, 2).is_multiple_of(2) { "fl2-2025.11.3" } else { "fl1-2025.10.9" };
    [
        (attribute::SERVICE_NAME, "edge".to_owned()),
        (attribute::SERVICE_VERSION, binary.to_owned()),
        (attribute::SERVICE_INSTANCE_ID, format!("{name}:4711")),
        (attribute::HOST_NAME, name),
        (attribute::CLOUD_REGION, format!("region-{:02}", host % 20)),
        ("deployment.environment.name", "production".to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

fn name(config: usize) -> &'static str {
    match config {
        0 => "bot-features",
        1 => "routes",
        _ => "rules",
    }
}

fn config(place: usize, active: Option<u64>) -> ConfigImage {
    let score =
        ScoreDeclaration { name: "bot".to_owned(), least: 0.0, greatest: 100.0, sentinel: Some(0.0), scaled: false };
    ConfigImage {
        place,
        name: name(place).to_owned(),
        active,
        loading: None,
        last_load_refused: false,
        unreadable: (0, 0),
        limits: vec![("rows".to_owned(), 200)],
        scores: if place == 0 { vec![score] } else { Vec::new() },
    }
}

fn version(Held { config, number, at }: Held, requests: u64, panic: u64) -> VersionImage {
    let (error, at) = (requests / 5000, at.unsigned_abs());
    let rows = rows(config, number);
    let buckets = (0..101).map(|score| if score == 0 { 0 } else { requests / 100 }).collect();
    let facts = Facts { size: Some(rows * 70), rows: Some(rows), duplicate_rows: Some(0), ..Facts::default() };
    VersionImage {
        uid: uid(config, number),
        config,
        hash: Some(hash(config, number)),
        facts,
        label: None,
        source: None,
        format: None,
        first_applied_ns: Some(at),
        last_applied_ns: Some(at),
        first_failed_ns: None,
        loads: vec![LoadCount { result: LoadResult::Applied, reason: None, count: 1 }],
        observed: vec![Some(rows)],
        outcomes: Outcomes { ok: requests.saturating_sub(error + panic), denied: 0, error, panic },
        scores: if config == 0 { vec![Counts { buckets, above: 0, below: 0, nan: 0 }] } else { Vec::new() },
    }
}

fn uid(config: usize, number: usize) -> u64 {
    (10 * config + number) as u64
}

fn hash(config: usize, number: usize) -> Hash {
    Hash::of(&[uid(config, number).to_le_bytes(), *b"a config"].concat())
}

/// Rows of a version: the bad one exceeds the limit of 200.
fn rows(config: usize, number: usize) -> u64 {
    if (config, number) == (0, 2) { 260 } else { 100 + uid(config, number) }
}

/// A number that looks random and is not.
fn mixed(host: usize, salt: u64) -> u64 {
    let mut x = (host as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 29)
}
