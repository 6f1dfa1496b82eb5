//! Senders that count the same scores between other bounds: the form of a histogram is no score.

use crate::fleet::name;
use crate::story::{Fleet, Happening, Host, Version, draw, names, only};
use firstbad_diagnosis::observation::{Histogram, Scores};
use firstbad_protocol::verdict::{CauseKind, Signal};
use std::sync::Arc;

const FIRST: Version = Version::of("model", "first");
const SECOND: Version = Version::of("model", "second");
const HOSTS: i64 = 30;
const REPORT_S: i64 = 5;
/// Scores of a host in a report.
const SCORES: i64 = 200;
/// Second at which the first host gets the new version or the new binary.
const PUSH_S: i64 = 300;
const END_S: i64 = 720;

/// Bounds with a bucket for scores of exactly 0.
const TENS: &[f64] = &[0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0];
const FEW: &[f64] = &[0.0, 25.0, 50.0, 75.0];
/// Bounds whose first bucket also holds scores above 0.
const UNEVEN: &[f64] = &[5.0, 15.0, 45.0, 55.0, 85.0];

/// Scores that become others at a moment.
#[derive(Clone, Copy, Debug)]
enum Change {
    Nothing,
    /// All are 0.
    Collapse,
    /// Each is higher by 30, at most 100.
    Rise,
}

impl Change {
    fn of(self, score: f64) -> f64 {
        match self {
            Self::Nothing => score,
            Self::Collapse => 0.0,
            Self::Rise => (score + 30.0).min(100.0),
        }
    }
}

/// Scores of a report between bounds, under one version.
fn counted(bounds: &[f64], scores: &[f64], version: Option<Version>) -> Scores {
    let mut counts = vec![0; bounds.len() + 1];
    for score in scores {
        counts[bounds.partition_point(|bound| bound < score)] += 1;
    }
    let histogram = Histogram { bounds: Arc::from(bounds), counts, sum: None };
    let version = version.map(|version| (name(version.config), version.hash()));
    Scores { version, score: name("bot"), histogram, sentinel: 0, nan: 0, below: 0, above: 0 }
}

/// The scores of a report: those before the moment of a change, and those from it on. They are 0 to 100, most near 50, and
/// spread evenly over the report.
struct Divided {
    before: Vec<f64>,
    after: Vec<f64>,
}

fn divided(host: &Host, second: i64, since_ms: Option<i64>, change: Change) -> Divided {
    let mut of = Divided { before: Vec::new(), after: Vec::new() };
    for nth in 0..SCORES {
        let at_ms = (second - REPORT_S) * 1000 + nth * REPORT_S * 1000 / SCORES;
        let score = 50.0 * (draw(host.index, at_ms, 22) + draw(host.index, at_ms, 23));
        if since_ms.is_some_and(|since| at_ms >= since) {
            of.after.push(change.of(score));
        } else {
            of.before.push(score);
        }
    }
    of
}

fn is_used(scores: &Scores) -> bool {
    scores.histogram.counts.iter().any(|count| *count > 0)
}

/// One case: which bounds a third of the hosts use, which hosts these are, and whether scores carry their version.
#[derive(Clone, Copy, Debug)]
struct Case {
    bounds: &'static [f64],
    odd: fn(i64) -> bool,
    tagged: bool,
}

fn cases() -> Vec<Case> {
    let thirds: [fn(i64) -> bool; 2] = [|index| index % 3 == 0, |index| index >= 20];
    let with =
        |tagged| [FEW, UNEVEN].into_iter().flat_map(move |bounds| thirds.map(move |odd| Case { bounds, odd, tagged }));
    with(true).chain(with(false)).collect()
}

/// A fleet in which the hosts of a case use other bounds. The scores change under the new version.
fn mixed(case: Case, change: Change) -> Fleet {
    Fleet::new(HOSTS, REPORT_S, &[FIRST]).dress(move |host, second, row| {
        let bounds = if (case.odd)(host.index) { case.bounds } else { TENS };
        let Divided { before, after } = divided(host, second, host.since(SECOND), change);
        row.scores = if case.tagged {
            vec![counted(bounds, &before, Some(FIRST)), counted(bounds, &after, Some(SECOND))]
        } else {
            vec![counted(bounds, &[before, after].concat(), None)]
        };
        row.scores.retain(is_used);
    })
}

#[test]
fn equal_scores_between_other_bounds_are_no_incident_with_or_without_a_push() {
    for case in cases() {
        mixed(case, Change::Nothing).opens_nothing(REPORT_S..END_S);
        let mut pushed = mixed(case, Change::Nothing);
        pushed.push(0..HOSTS, PUSH_S, SECOND);
        pushed.opens_nothing(REPORT_S..END_S);
    }
}

/// The version is named whether it reaches all hosts or some, and on all that have it.
fn names_the_change(change: Change) {
    for case in cases() {
        for hosts in [20, HOSTS] {
            let mut fleet = mixed(case, change);
            fleet.push(0..hosts, PUSH_S, SECOND);
            fleet.opens_nothing(REPORT_S..PUSH_S);
            let diagnosis = fleet.until(END_S);
            let incident = only(&diagnosis);
            assert_eq!(incident.signals, [Signal::Scores], "{case:?}: {incident:#?}");
            assert!(names(incident, SECOND), "{case:?}: {incident:#?}");
            assert_eq!(incident.impact.hosts_affected, hosts.unsigned_abs(), "{case:?}: {incident:#?}");
        }
    }
}

#[test]
fn scores_that_collapse_to_zero_under_a_version_name_it_whatever_the_bounds() {
    names_the_change(Change::Collapse);
}

#[test]
fn scores_that_rise_under_a_version_name_it_whatever_the_bounds() {
    names_the_change(Change::Rise);
}

/// A release after which every host uses other bounds. The scores change with it.
fn released(bounds: &'static [f64], change: Change) -> Fleet {
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[FIRST]).dress(move |host, second, row| {
        let is_new = host.binary == "fl3";
        let Divided { before, after } = divided(host, second, is_new.then_some(host.begun_ms), change);
        // What the old process counted last is lost with it.
        row.scores =
            vec![if is_new { counted(bounds, &after, Some(FIRST)) } else { counted(TENS, &before, Some(FIRST)) }];
    });
    for index in 0..HOSTS {
        let at_ms = PUSH_S * 1000 + index * 2_300;
        fleet.plan(index, at_ms, Happening::Return("fl3"));
        fleet.plan(index, at_ms + 100, Happening::Load(FIRST));
    }
    fleet
}

#[test]
fn hosts_that_change_their_bounds_with_a_release_do_not_drift() {
    for bounds in [FEW, UNEVEN] {
        released(bounds, Change::Nothing).opens_nothing(REPORT_S..END_S);
    }
}

#[test]
fn scores_that_collapse_to_zero_with_the_release_that_changes_the_bounds_name_it() {
    let mut fleet = released(FEW, Change::Collapse);
    fleet.opens_nothing(REPORT_S..PUSH_S);
    let diagnosis = fleet.until(END_S);
    let incident = only(&diagnosis);
    assert!(incident.signals.contains(&Signal::Scores) && incident.verdict.accuses(), "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").kind, CauseKind::Binary, "{incident:#?}");
}

/// A version with which every host uses other bounds, as a process that reads its bounds from a config does.
fn loaded(bounds: &'static [f64], change: Change) -> Fleet {
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[FIRST]).dress(move |host, second, row| {
        let Divided { before, after } = divided(host, second, host.since(SECOND), change);
        row.scores = vec![counted(TENS, &before, Some(FIRST)), counted(bounds, &after, Some(SECOND))];
        row.scores.retain(is_used);
    });
    fleet.push(0..HOSTS, PUSH_S, SECOND);
    fleet
}

#[test]
fn hosts_that_change_their_bounds_with_a_version_do_not_drift() {
    for bounds in [FEW, UNEVEN] {
        loaded(bounds, Change::Nothing).opens_nothing(REPORT_S..END_S);
    }
}

#[test]
fn scores_that_collapse_to_zero_with_the_version_that_changes_the_bounds_name_it() {
    let mut fleet = loaded(FEW, Change::Collapse);
    fleet.opens_nothing(REPORT_S..PUSH_S);
    let diagnosis = fleet.until(END_S);
    assert!(names(only(&diagnosis), SECOND), "{diagnosis:#?}");
}
