//! Hand-written truth, verdicts and snapshots for the tests of this crate.

use crate::scenario::Scenario;
use crate::truth::Truth;
use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::{Fleet, HostView, Snapshot, VersionView};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{
    Cause, CauseKind, Diagnosis, Incident, Pattern, SCHEMA, Signal, State, Verdict, Window,
};
use std::collections::BTreeMap;

pub(crate) fn truth() -> Truth {
    let mut truth = Truth::new(Scenario::November, 1);
    truth.bad = vec![Hash([1; 32]), Hash([2; 32])];
    truth.good = vec![Hash([9; 32])];
    truth.innocent.config = "waf-rules".to_owned();
    truth.innocent.hashes = vec![Hash([7; 32]), Hash([8; 32])];
    truth.innocent.changes = vec!["http3-early-hints".to_owned()];
    truth
}

pub(crate) fn cause() -> Cause {
    Cause {
        kind: CauseKind::Config,
        config: Some("bot-features".to_owned()),
        hashes: vec![Hash([1; 32]), Hash([2; 32])],
        property: Some("rows > 200".into()),
        also_separates: Vec::new(),
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
    }
}

pub(crate) fn incident() -> Incident {
    Incident {
        state: State::Resolved,
        pattern: Pattern::Flapping,
        named_at: Some(Timestamp(2)),
        resolved_at: Some(Timestamp(3)),
        signals: vec![Signal::Panics, Signal::Scores, Signal::Errors],
        verdict: Verdict::Cause,
        cause: Some(cause()),
        ..Incident::new("20251118-112804-panics".to_owned(), Timestamp(1))
    }
}

pub(crate) fn diagnosis(incidents: Vec<Incident>) -> Diagnosis {
    Diagnosis { schema: SCHEMA, asked: false, window: Window::default(), blind_spots: Vec::new(), incidents }
}

pub(crate) fn host(panics: u64) -> HostView {
    HostView {
        host: "a".to_owned(),
        dimensions: BTreeMap::new(),
        active: BTreeMap::new(),
        last_seen: Timestamp(9),
        silent: false,
        failing: false,
        needs_restart: false,
        restarts: 0,
        panics,
        loading: None,
    }
}

pub(crate) fn version(requests: u64) -> VersionView {
    VersionView {
        config: "bot-features".to_owned(),
        hash: Hash([1; 32]),
        label: None,
        first_seen: Timestamp(1),
        hosts_active: 0,
        hosts_ever: 1,
        refusals: 0,
        facts: BTreeMap::new(),
        limits: BTreeMap::new(),
        source: None,
        accused: true,
        requests,
        failed: 0,
        score_deciles: Vec::new(),
    }
}

pub(crate) fn snapshot(diagnosis: Diagnosis, hosts: Vec<HostView>, versions: Vec<VersionView>) -> Snapshot {
    Snapshot {
        at: None,
        diagnosis,
        fleet: Fleet::default(),
        versions,
        lines: Vec::new(),
        hosts,
        census: None,
        changes: Vec::new(),
        rollouts: Vec::new(),
        sites: Vec::new(),
        deaths: Vec::new(),
    }
}
