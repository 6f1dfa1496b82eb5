//! One host of a story: what serves there, what it has counted, and what it says of that as the contract has it.

use super::words::{Happening, Refusal, Serving, Shares, Version, draw};
use crate::fleet::{START, applied, facts, host, name};
use firstbad_diagnosis::observation::{
    Dimensions, Exit, Facts, FirstFailure, Load, Observation, Outcomes, Panic, Row, Start, Total, View,
};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Requests of a host in a second, where a story says nothing else.
const REQUESTS: f64 = 50.0;
/// Share of requests that fails on any host at any time.
const USUAL_ERRORS: f64 = 0.002;
const MS_NS: i64 = 1_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) index: i64,
    pub(crate) binary: &'static str,
    pub(crate) begun_ms: i64,
    /// Requests in a second.
    pub(super) requests: f64,
    pub(super) alive: bool,
    restarted: bool,
    serving: BTreeMap<&'static str, Serving>,
    first_failed: BTreeMap<Hash, FirstFailure>,
    counted: Counted,
}

/// What a host has counted since its last report.
#[derive(Clone, Debug, Default)]
struct Counted {
    total: Outcomes,
    views: BTreeMap<Hash, View>,
}

impl Host {
    /// Whether the version serves.
    pub(crate) fn has(&self, version: Version) -> bool {
        self.since(version).is_some()
    }

    /// When the version began to serve, if it does.
    pub(crate) fn since(&self, version: Version) -> Option<i64> {
        self.serving.get(version.config).filter(|one| one.version == version).map(|one| one.since_ms)
    }

    /// A process that has just begun, with nothing loaded.
    pub(super) fn fresh(index: i64, binary: &'static str, begun_ms: i64) -> Self {
        Self {
            index,
            binary,
            begun_ms,
            requests: REQUESTS,
            alive: true,
            restarted: false,
            serving: BTreeMap::new(),
            first_failed: BTreeMap::new(),
            counted: Counted::default(),
        }
    }

    /// Counts the requests of a piece of time in which nothing else happens.
    pub(super) fn count(&mut self, piece: &Range<i64>, shares: Shares) -> Outcomes {
        let outcomes = outcomes(self, piece, shares);
        add(&mut self.counted.total, outcomes);
        for serving in self.serving.values() {
            let (config, hash) = (name(serving.version.config), serving.version.hash());
            let view = View { config: config.clone(), hash, dimensions: Arc::default(), outcomes: Outcomes::default() };
            add(&mut self.counted.views.entry(hash).or_insert(view).outcomes, outcomes);
            if outcomes.failed() > 0 {
                let after_ms = (piece.end - piece.start) / (outcomes.failed() as i64 + 1);
                let first = FirstFailure { config, hash, at: moment(piece.start + after_ms) };
                self.first_failed.entry(hash).or_insert(first);
            }
        }
        outcomes
    }

    /// What was counted since the last report.
    pub(super) fn report(&mut self, span: Span) -> Row {
        let counted = std::mem::take(&mut self.counted);
        let start = span.start.max(moment(self.begun_ms));
        let row = report_of(self, Span { start, ..span }, counted);
        self.restarted = false;
        row
    }

    /// What the host says of what happens to it, if anything.
    pub(super) fn happen(&mut self, at_ms: i64, happening: Happening) -> Option<Observation> {
        let said = match happening {
            Happening::Load(version) => {
                let served = self.serving.insert(version.config, Serving { version, since_ms: at_ms });
                let previous = served.map(|serving| serving.version.hash());
                Observation::Load(Load { previous, ..load_of(self, at_ms, version) })
            }
            Happening::Refuse(version, Refusal { reason, error }) => Observation::Load(Load {
                result: Some(LoadResult::KeptLastGood),
                reason: Some(name(reason)),
                error: Some(name(error)),
                ..load_of(self, at_ms, version)
            }),
            Happening::Panic(message) => Observation::Panic(panic_of(self, at_ms, message)),
            Happening::Exit => {
                self.alive = false;
                Observation::Exit(exit_of(self, at_ms))
            }
            Happening::Vanish => {
                self.alive = false;
                return None;
            }
            Happening::Return(binary) => {
                self.restart(at_ms, binary);
                return None;
            }
            Happening::Begin(binary) => {
                self.restart(at_ms, binary);
                let dimensions = self.dimensions();
                Observation::Start(Start { at: moment(at_ms), source: host(self.index), dimensions })
            }
        };
        Some(said)
    }

    fn restart(&mut self, at_ms: i64, binary: &'static str) {
        *self = Self { restarted: true, requests: self.requests, ..Self::fresh(self.index, binary, at_ms) };
    }

    fn dimensions(&self) -> Dimensions {
        let region = ["eu", "us"][usize::from(self.index % 2 == 0)];
        let pairs = [("service.name", "proxy"), ("service.version", self.binary), ("cloud.region", region)];
        Arc::new(pairs.into_iter().map(|(key, value)| (name(key), name(value))).collect())
    }
}

fn moment(at_ms: i64) -> Timestamp {
    Timestamp(START * SECOND_NS + at_ms * MS_NS)
}

pub(super) fn add(sum: &mut Outcomes, more: Outcomes) {
    sum.ok += more.ok;
    sum.denied += more.denied;
    sum.error += more.error;
    sum.panic += more.panic;
}

fn outcomes(host: &Host, piece: &Range<i64>, shares: Shares) -> Outcomes {
    let drawn = |purpose: u64| draw(host.index, piece.start, purpose);
    let whole = |of: f64, purpose: u64| (of + drawn(purpose)).floor() as u64;
    let length_s = (piece.end - piece.start) as f64 / 1000.0;
    let all = whole(host.requests * length_s * (0.8 + 0.4 * drawn(1)), 2);
    let mut left = all;
    let mut take = |share: f64, purpose: u64| {
        let taken = whole(all as f64 * share, purpose).min(left);
        left -= taken;
        taken
    };
    let panic = take(shares.panic, 3);
    let error = take(shares.error + USUAL_ERRORS, 4);
    let denied = take(shares.denied + USUAL_ERRORS, 5);
    Outcomes { ok: left, denied, error, panic }
}

fn report_of(one: &Host, span: Span, counted: Counted) -> Row {
    let active = one.serving.values().map(Serving::named).collect();
    Row {
        totals: vec![Total { dimensions: Arc::default(), outcomes: counted.total }],
        views: counted.views.into_values().collect(),
        active,
        restarted: one.restarted,
        first_failed: one.first_failed.values().cloned().collect(),
        ..Row::new(host(one.index), one.dimensions(), span)
    }
}

fn load_of(one: &Host, at_ms: i64, version: Version) -> Load {
    let load = applied(host(one.index), moment(at_ms), version.config, version.hash());
    Load { dimensions: one.dimensions(), facts: facts_of(version), ..load }
}

fn facts_of(version: Version) -> Facts {
    let words = (!version.producer.is_empty()).then(|| (name("source"), name(version.producer)));
    Facts { words: words.into_iter().collect(), ..facts(version.rows) }
}

fn panic_of(one: &Host, at_ms: i64, message: &str) -> Panic {
    Panic {
        at: moment(at_ms),
        source: host(one.index),
        dimensions: one.dimensions(),
        exception: None,
        message: name(message),
        site: Some(name("src/features.rs:88:14")),
        active: one.serving.values().map(Serving::named).collect(),
    }
}

fn exit_of(one: &Host, at_ms: i64) -> Exit {
    Exit {
        at: moment(at_ms),
        source: host(one.index),
        dimensions: one.dimensions(),
        clean: true,
        signal: None,
        status: Some(0),
        active: Vec::new(),
        loading: None,
    }
}
