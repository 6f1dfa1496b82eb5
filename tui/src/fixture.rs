//! Snapshots for tests, built in code: the 18 November incident on 24 hosts, and what differs from it in each case.

mod harm;
mod hostile;
mod large;
mod words;

use firstbad_protocol::Hash;
use firstbad_protocol::snapshot::{ChangeView, Fleet, HostView, Line, LineRole, Snapshot, VersionView};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{
    Arm, Cause, CauseKind, Diagnosis, Excluded, FirstError, HistoryEntry, Impact, Incident, Input, LastKnownGood,
    LimitFact, Pattern, RuledOut, SCHEMA, Signal, State, Suspect, Verdict, Window,
};
pub(crate) use hostile::hostile;
pub(crate) use large::large;
use std::collections::BTreeMap;
pub(crate) use words::{disputed, said};

/// 2025-11-18T11:28:04Z.
pub(crate) const ONSET: Timestamp = Timestamp::from_seconds(1_763_465_284);
const POINTS: usize = 60;

/// The good file: 120 features.
pub(crate) fn good_file() -> Vec<u8> {
    (0..120).map(|row| format!("feature_{row:03},Float64\n")).collect::<String>().into_bytes()
}

/// The bad file: every feature twice, as the query without a database filter returned them.
pub(crate) fn bad_file() -> Vec<u8> {
    let good = good_file();
    [good.as_slice(), good.as_slice()].concat()
}

pub(crate) fn good() -> Hash {
    Hash::of(&good_file())
}

pub(crate) fn bad() -> Hash {
    Hash::of(&bad_file())
}

fn map<V>(pairs: impl IntoIterator<Item = (&'static str, V)>) -> BTreeMap<String, V> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A snapshot without any data.
pub(crate) fn empty() -> Snapshot {
    Snapshot {
        at: Some(ONSET + 200 * SECOND_NS),
        diagnosis: Diagnosis {
            schema: SCHEMA,
            asked: false,
            window: Window::default(),
            blind_spots: Vec::new(),
            incidents: Vec::new(),
        },
        fleet: Fleet::default(),
        versions: Vec::new(),
        lines: Vec::new(),
        hosts: Vec::new(),
        census: None,
        changes: Vec::new(),
        rollouts: Vec::new(),
        sites: Vec::new(),
        deaths: Vec::new(),
    }
}

/// A fleet without an incident, ten minutes before.
pub(crate) fn calm() -> Snapshot {
    let at = ONSET - 600 * SECOND_NS;
    Snapshot {
        at: Some(at),
        diagnosis: Diagnosis {
            window: Window {
                from: Some(at - 3600 * SECOND_NS),
                to: Some(at - 2 * SECOND_NS),
                instances: 24,
                hosts: 24,
                hosts_silent: 0,
                report_interval_s: 10.0,
            },
            ..empty().diagnosis
        },
        fleet: Fleet {
            hosts_reporting: 24,
            instances: 24,
            requests_per_s: 1200.0,
            failed_share: Some(0.0002),
            scores_defaulted_share: Some(0.01),
            ..Fleet::default()
        },
        versions: vec![version(good(), 24), innocent_version()],
        lines: [line(Signal::Errors, LineRole::Fleet, |_| 0.0002), line(Signal::Scores, LineRole::Fleet, |_| 0.01)]
            .map(|line| Line { from: at - 590 * SECOND_NS, ..line })
            .into(),
        hosts: (0..24).map(|index| host(index, at)).collect(),
        census: None,
        changes: changes(at),
        rollouts: Vec::new(),
        sites: Vec::new(),
        deaths: Vec::new(),
    }
}

fn changes(at: Timestamp) -> Vec<ChangeView> {
    vec![
        ChangeView {
            at: at - 120 * SECOND_NS,
            kind: "flag".into(),
            id: "f-77".into(),
            target: "beta-ui".into(),
            description: "beta for 5 % of users".into(),
            hosts: None,
        },
        ChangeView {
            at: at - 3000 * SECOND_NS,
            kind: "load".into(),
            id: good().to_string(),
            target: "bot-features".into(),
            description: String::new(),
            hosts: Some(24),
        },
    ]
}

fn version(hash: Hash, hosts_active: u64) -> VersionView {
    let is_bad = hash == bad();
    let rows = if is_bad { 240 } else { 120 };
    VersionView {
        config: "bot-features".into(),
        hash,
        label: None,
        first_seen: ONSET - if is_bad { SECOND_NS } else { 273_600 * SECOND_NS },
        hosts_active,
        hosts_ever: 24,
        refusals: 0,
        facts: map([("rows", rows), ("duplicate_rows", rows - 120), ("size", rows * 21)]),
        limits: map([("rows", 200)]),
        source: Some("generator-3".into()),
        accused: is_bad,
        requests: 240_000,
        failed: if is_bad { 115_000 } else { 48 },
        score_deciles: if is_bad {
            vec![9000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        } else {
            vec![100, 900, 1200, 1100, 1000, 1000, 1000, 1000, 900, 800, 1000]
        },
    }
}

fn innocent_version() -> VersionView {
    VersionView {
        config: "waf-rules".into(),
        hash: Hash::of(b"waf"),
        facts: map([("rows", 812)]),
        limits: BTreeMap::new(),
        score_deciles: Vec::new(),
        ..version(good(), 24)
    }
}

fn host(index: u64, at: Timestamp) -> HostView {
    let engine = if index < 16 { "fl2" } else { "fl" };
    let region = ["eu", "us", "ap"][usize::try_from(index % 3).unwrap()];
    HostView {
        host: format!("edge-{region}-{index:02}"),
        dimensions: map([("cloud.region", region.to_owned()), ("service.version", engine.to_owned())]),
        active: map([("bot-features", good()), ("waf-rules", Hash::of(b"waf"))]),
        last_seen: at - 2 * SECOND_NS,
        silent: false,
        failing: false,
        needs_restart: false,
        restarts: 0,
        panics: 0,
        loading: None,
    }
}

fn line(signal: Signal, role: LineRole, value: impl Fn(usize) -> f64) -> Line {
    let is_accused = role == LineRole::Accused;
    Line {
        signal,
        config: is_accused.then(|| "bot-features".into()),
        role: Some(role),
        property: None,
        label: if is_accused { bad().short() } else { role.label(None) },
        hashes: if is_accused { vec![bad()] } else { Vec::new() },
        from: ONSET - 400 * SECOND_NS,
        step_s: 10.0,
        points: (0..POINTS).map(|index| Some(value(index))).collect(),
        loads: vec![0; POINTS],
    }
}

fn cause() -> Cause {
    Cause {
        kind: CauseKind::Config,
        config: Some("bot-features".into()),
        hashes: vec![bad()],
        property: Some("rows > 200".into()),
        also_separates: vec!["duplicate_rows > 0".into()],
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
    }
}

fn guilty() -> Suspect {
    Suspect {
        rank: 1,
        kind: CauseKind::Config,
        config: Some("bot-features".into()),
        hashes: vec![bad()],
        property: Some("rows > 200".into()),
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
        confidence: 0.964,
        exposed: Arm { hosts: 16, hosts_failing: 16, observed: 115_012.0, expected: 46.2 },
        control: Arm { hosts: 8, hosts_failing: 0, observed: 21.0, expected: 23.4 },
        rate_ratio: 2774.1,
        explained_share: 0.998,
        evidence: vec![
            "16 of 16 hosts fail within 1 s after their own load of it; standard deviation of the delay 0.4 s".into(),
            "8 hosts went back to another version and failed no longer".into(),
        ],
        against: Vec::new(),
    }
}

fn innocent() -> Suspect {
    Suspect {
        rank: 2,
        kind: CauseKind::Change,
        config: None,
        hashes: Vec::new(),
        property: None,
        change: Some(firstbad_protocol::verdict::Change {
            kind: "flag".into(),
            id: "f-77".into(),
            target: "beta-ui".into(),
        }),
        confidence: 0.02,
        exposed: Arm { hosts: 24, hosts_failing: 16, observed: 115_033.0, expected: 69.6 },
        control: Arm::default(),
        rate_ratio: 1.0,
        explained_share: 0.11,
        evidence: Vec::new(),
        against: vec!["it reached all hosts at once, 12 min before; failures follow each host's own load".into()],
        ..guilty()
    }
}

/// The incident as it stands 200 s after its onset.
pub(crate) fn incident() -> Incident {
    Incident {
        id: "20251118-112804-errors".into(),
        split_from: None,
        merged_into: None,
        state: State::Open,
        pattern: Pattern::Flapping,
        onset: ONSET,
        named_at: Some(ONSET + 20 * SECOND_NS),
        resolved_at: None,
        signals: vec![Signal::Errors, Signal::Panics, Signal::Scores],
        impact: Impact {
            requests_failed: 115_012,
            failed_share: 0.4823,
            hosts_affected: 24,
            hosts_reporting: 24,
            ..Impact::default()
        },
        verdict: Verdict::Cause,
        cause: Some(cause()),
        suspects: vec![guilty(), innocent()],
        ruled_out: vec![
            RuledOut::new(
                Excluded::Traffic,
                "requests x1.02 of their level before; hosts with the most fail no more".into(),
            ),
            RuledOut::new(Excluded::Region, "all 3 regions fail alike (47.9% to 48.6%)".into()),
            RuledOut::new(Excluded::Binary, "fl2 and fl ran for 9 d before; neither changed".into()),
        ],
        first_error: Some(FirstError {
            message: "called `Result::unwrap()` on an `Err` value: TooManyFeatures { rows: 240, limit: 200 }".into(),
            site: Some("src/bot/features.rs:71:14".into()),
            count: 115_012,
            first_seen: ONSET,
        }),
        input: Some(Input {
            rows: Some(240),
            duplicate_rows: Some(120),
            limits: vec![LimitFact { name: "rows".into(), value: 240, limit: 200 }],
            against: Some(good()),
            findings: vec!["every row stands twice".to_owned().into()],
        }),
        last_known_good: Some(LastKnownGood { hash: good(), bake_time_s: 273_601, contaminated: false }),
        history: vec![HistoryEntry { at: ONSET + 10 * SECOND_NS, verdict: Verdict::InsufficientEvidence, cause: None }],
        playbook: Some("oversized-input".into()),
        blind_spots: vec!["1 host is silent since 11:29:40 (edge-ap-05)".to_owned().into()],
        words: Vec::new(),
    }
}

/// The snapshot around [`incident`].
pub(crate) fn named() -> Snapshot {
    with(incident())
}

/// The snapshot around some incident of the same fleet.
pub(crate) fn with(incident: Incident) -> Snapshot {
    let at = ONSET + 200 * SECOND_NS;
    let mut bad_line =
        line(Signal::Errors, LineRole::Accused, |index| if index < 41 || (index / 3) % 2 == 0 { 0.0 } else { 0.71 });
    bad_line.points[..40].fill(None);
    bad_line.loads[40] = 16;
    bad_line.loads[48] = 8;
    let mut others = line(Signal::Errors, LineRole::Others, |_| 0.0003);
    others.loads[12] = 24;
    let zero = line(Signal::Scores, LineRole::Accused, |index| if index < 41 { 0.01 } else { 0.97 });
    let mut snapshot = Snapshot { at: Some(at), lines: vec![others, bad_line, zero], ..calm() };
    snapshot.diagnosis.window.to = Some(at - 2 * SECOND_NS);
    snapshot.diagnosis.incidents = vec![incident];
    snapshot.fleet.hosts_silent = 1;
    snapshot.fleet.hosts_reporting = 23;
    snapshot.fleet.failed_share = Some(0.4711);
    snapshot.fleet.scores_defaulted_share = Some(0.327);
    snapshot.versions.insert(0, version(bad(), 23));
    snapshot.hosts = (0..24).map(|index| failing(host(index, at))).collect();
    (snapshot.rollouts, snapshot.sites, snapshot.deaths) = (harm::rollouts(), harm::sites(), harm::deaths());
    snapshot.hosts[7].restarts = 2;
    snapshot.hosts[5].silent = true;
    snapshot.hosts[5].last_seen = ONSET + 96 * SECOND_NS;
    snapshot.changes.insert(
        0,
        ChangeView {
            at: ONSET - SECOND_NS,
            kind: "load".into(),
            id: bad().to_string(),
            target: "bot-features".into(),
            description: "from generator-3".into(),
            hosts: Some(24),
        },
    );
    snapshot
}

fn failing(host: HostView) -> HostView {
    let mut host = host;
    host.active.insert("bot-features".into(), bad());
    host.failing = true;
    host.needs_restart = true;
    host.panics = if host.dimensions["service.version"] == "fl2" { 7188 } else { 0 };
    host
}

/// A symptom that nothing explains.
pub(crate) fn insufficient() -> Incident {
    let mut incident = incident();
    incident.verdict = Verdict::InsufficientEvidence;
    incident.pattern = Pattern::Step;
    incident.cause = None;
    incident.named_at = None;
    incident.signals = vec![Signal::Errors];
    incident.impact = Impact { requests_failed: 31, failed_share: 0.0007, hosts_affected: 2, ..incident.impact };
    incident.playbook = Some("insufficient-evidence".into());
    incident.suspects = vec![Suspect {
        confidence: 0.43,
        exposed: Arm { hosts: 2, hosts_failing: 2, observed: 31.0, expected: 2.0 },
        control: Arm { hosts: 22, hosts_failing: 0, observed: 20.0, expected: 22.0 },
        against: vec![
            "2 exposed hosts are too few: chance alone gives this in 1 of 276 cases, and 40 changes were tried".into(),
        ],
        ..guilty()
    }];
    incident
}

/// Hosts that refused the bad file and kept the good one, without harm.
pub(crate) fn refused() -> Incident {
    let mut incident = incident();
    incident.id = "20251118-112804-loads".into();
    incident.pattern = Pattern::Step;
    incident.signals = vec![Signal::Loads];
    incident.impact = Impact { hosts_affected: 16, hosts_reporting: 24, ..Impact::default() };
    incident.first_error =
        Some(FirstError { message: "240 rows, and 200 is the limit".into(), site: None, count: 16, first_seen: ONSET });
    incident.suspects = vec![Suspect {
        exposed: Arm { hosts: 16, hosts_failing: 16, observed: 16.0, expected: 0.0 },
        control: Arm::default(),
        evidence: vec!["16 hosts refused to load it".into()],
        ..guilty()
    }];
    incident.playbook = Some("refused-load".into());
    incident
}

/// Two versions that reached the same hosts in the same report, so that no evidence separates them.
pub(crate) fn tied() -> Incident {
    let mut incident = insufficient();
    let against = "cannot be told apart: both explain the same failures";
    let one = Suspect { against: vec![against.into()], ..incident.suspects[0].clone() };
    let waf =
        Suspect { config: Some("waf-rules".into()), hashes: vec![Hash::of(b"waf")], property: None, ..one.clone() };
    incident.suspects = vec![one, waf];
    incident
}

/// Innocent clients are denied and some hosts hang, but no request fails.
pub(crate) fn denied() -> Incident {
    let mut incident = incident();
    incident.id = "20251118-112804-answers".into();
    incident.split_from = Some("20251118-112801-errors".into());
    incident.signals = vec![Signal::Answers];
    incident.impact = Impact {
        requests_failed: 0,
        requests_denied: 40_000,
        requests_unscored: 12,
        requests_missing: 900,
        failed_share: 0.0,
        ..incident.impact
    };
    incident.verdict = Verdict::Suspect;
    incident
}

/// A place that fails, whatever version it has.
pub(crate) fn external() -> Incident {
    let mut incident = incident();
    incident.verdict = Verdict::External;
    incident.pattern = Pattern::Step;
    incident.input = None;
    incident.last_known_good = None;
    incident.playbook = Some("external-dimension".into());
    let dimensions = map([("cloud.region", "eu".to_owned())]);
    incident.cause = Some(Cause {
        kind: CauseKind::Dimension,
        config: None,
        hashes: Vec::new(),
        property: None,
        also_separates: Vec::new(),
        dimensions: dimensions.clone(),
        ..cause()
    });
    incident.suspects = vec![Suspect {
        kind: CauseKind::Dimension,
        config: None,
        hashes: Vec::new(),
        property: None,
        dimensions,
        exposed: Arm { hosts: 8, hosts_failing: 8, observed: 900.0, expected: 2.0 },
        control: Arm { hosts: 16, hosts_failing: 0, observed: 5.0, expected: 4.0 },
        evidence: vec!["all 8 hosts there fail from 11:28:04 on, 5 of them before they loaded anything".into()],
        ..guilty()
    }];
    incident
}

/// The same incident after the good file came back.
pub(crate) fn recovering() -> Snapshot {
    let mut incident = incident();
    incident.state = State::Recovering;
    let mut snapshot = with(incident);
    for (index, host) in snapshot.hosts.iter_mut().enumerate() {
        host.active.insert("bot-features".into(), good());
        host.failing = index < 3;
        host.needs_restart = index < 3;
        host.silent = false;
    }
    snapshot.fleet.failed_share = Some(0.031);
    snapshot.fleet.hosts_silent = 0;
    snapshot.fleet.hosts_reporting = 24;
    snapshot
}
