//! A small fleet whose half loads a bad version: the observations that a normaliser would hand over, a second at a time.

use crate::store::Batch;
use firstbad_diagnosis::observation::{Facts, Load, Name, Observation, Outcomes, PanicCount, Row, Source, Total, View};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

const HOSTS: u64 = 24;
pub(super) const BEGAN: Timestamp = Timestamp::from_seconds(1_763_460_000);
/// Second at which half of the hosts load the bad version.
pub(super) const BAD_AT: u64 = 120;

pub(super) fn good() -> Hash {
    Hash::of(b"good")
}

pub(super) fn bad() -> Hash {
    Hash::of(b"bad")
}

/// Everything that the fleet reports in one second, as one batch.
pub(super) fn second(seq: u64) -> Batch {
    let end = BEGAN + i64::try_from(seq).unwrap() * SECOND_NS;
    let observations = (0..HOSTS).flat_map(|host| of_host(host, seq, end)).collect();
    Batch { seq, tick: end, observations, words: Vec::new() }
}

fn of_host(host: u64, seq: u64, end: Timestamp) -> Vec<Observation> {
    let loads = match seq {
        1 => vec![load(host, end, good())],
        BAD_AT if host.is_multiple_of(2) => vec![load(host, end - SECOND_NS / 2, bad())],
        _ => Vec::new(),
    };
    let failing = seq > BAD_AT && host.is_multiple_of(2);
    let hash = if failing { bad() } else { good() };
    // A little noise, the same in every run.
    let ok = 100 + (host * 7 + seq * 13) % 11;
    let panic = if failing { 60 } else { 0 };
    let outcomes = Outcomes { ok: ok - panic, denied: 0, error: (host + seq) % 17 / 16, panic };
    let mut observations = loads;
    observations.push(Observation::Row(row(host, end, hash, outcomes)));
    observations
}

fn source(host: u64) -> Source {
    Source::Instance { instance: format!("i{host}").into(), host: format!("h{host}").into() }
}

fn dimensions() -> Arc<BTreeMap<Name, Name>> {
    Arc::new(BTreeMap::from([("service.name".into(), "proxy".into()), ("cloud.region".into(), "eu".into())]))
}

fn load(host: u64, at: Timestamp, hash: Hash) -> Observation {
    let rows = if hash == bad() { 240 } else { 60 };
    Observation::Load(Load {
        at,
        source: source(host),
        dimensions: dimensions(),
        config: "bot-features".into(),
        hash,
        result: Some(LoadResult::Applied),
        reason: None,
        error: None,
        previous: (hash == bad()).then(good),
        facts: Facts {
            numbers: BTreeMap::from([("rows".into(), rows)]),
            limits: BTreeMap::from([("rows".into(), 200)]),
            ..Facts::default()
        },
    })
}

fn row(host: u64, end: Timestamp, hash: Hash, outcomes: Outcomes) -> Row {
    let none = Arc::new(BTreeMap::new());
    let config: Name = "bot-features".into();
    let view = View { config: Arc::clone(&config), hash, dimensions: Arc::clone(&none), outcomes };
    let site: Option<Name> = Some("proxy.rs:1:1".into());
    let panics = PanicCount { version: Some((Arc::clone(&config), hash)), site, count: outcomes.panic };
    Row {
        totals: vec![Total { dimensions: none, outcomes }],
        views: vec![view],
        panics: if panics.count == 0 { Vec::new() } else { vec![panics] },
        active: vec![(config, hash)],
        ..Row::new(source(host), dimensions(), Span { start: end - SECOND_NS, end })
    }
}
