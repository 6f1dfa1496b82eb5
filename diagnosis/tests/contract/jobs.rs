//! Short-lived units of another service that load a config and count no requests. That they do not fail says nothing about
//! the version that they load, nor about the one that the fleet kept.

use crate::fleet::{START, applied, facts, name};
use crate::story::{Fleet, Happening, Refusal, Shares, Version};
use firstbad_diagnosis::observation::{Dimensions, Load, NamedBy, Observation, Row, Source};
use firstbad_protocol::time::{Span, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, Signal};
use std::sync::Arc;

const HOSTS: i64 = 40;
const REPORT_S: i64 = 10;
const FIRST: Version = Version::of("bot-features", "first");
const REFUSED: Version = Version::of("bot-features", "second");
/// A version that only jobs load.
const BRANCH: Version = Version::of("bot-features", "branch");
const BROKEN: Refusal = Refusal { reason: "parse", error: "line 12: expected a table" };
/// Second at which the first host refuses the new version. The others follow a second apart.
const REFUSAL_S: i64 = 1_200;
const END_S: i64 = 3_000;
/// Share of requests that fails from a moment on.
const FAILING: f64 = 0.4;
/// Seconds between two jobs.
const JOB_EVERY_S: i64 = 180;
/// Length of a job, seconds: it ends after its only report.
const JOB_S: i64 = 10;

/// All hosts refuse the new version and fail at one moment, `after_s` seconds later. Jobs load `versions` in
/// turn. What is told at every report.
fn fails_after_a_refusal(after_s: i64, versions: &[Version]) -> Vec<Diagnosis> {
    let fails_ms = (REFUSAL_S + after_s) * 1000;
    let mut fleet =
        Fleet::new(HOSTS, REPORT_S, &[FIRST]).effect(move |_, at_ms| Shares::errors(FAILING).when(at_ms >= fails_ms));
    for index in 0..HOSTS {
        let at_ms = REFUSAL_S * 1000 + index * 1_037;
        fleet.plan(index, at_ms, Happening::Refuse(REFUSED, BROKEN));
    }
    let mut told = Vec::new();
    for second in (REPORT_S..=END_S).step_by(10) {
        let diagnosis = fleet.until(second);
        if second % JOB_EVERY_S == 0 {
            let nth = second / JOB_EVERY_S;
            let version = versions.iter().cycle().nth(nth.unsigned_abs() as usize);
            version.into_iter().for_each(|version| fleet.engine.apply(&job(nth, second, *version)));
        }
        told.push(diagnosis);
    }
    told
}

/// What a job says: the load of its version, and one report without requests.
fn job(nth: i64, at_s: i64, version: Version) -> [Observation; 2] {
    let pairs = [("service.name", "ci-check"), ("service.version", "7")];
    let dimensions: Dimensions = Arc::new(pairs.into_iter().map(|(key, value)| (name(key), name(value))).collect());
    let unit = name(&format!("job-{nth}"));
    let source = Source::Instance { instance: unit.clone(), host: unit };
    let (at, end) = (Timestamp::from_seconds(START + at_s), Timestamp::from_seconds(START + at_s + JOB_S));
    let load = applied(source.clone(), at, version.config, version.hash());
    let load = Load { dimensions: dimensions.clone(), facts: facts(version.rows), ..load };
    let report = Row {
        active: vec![(name(version.config), version.hash())],
        named_by: NamedBy::Container,
        ..Row::new(source, dimensions, Span { start: at, end })
    };
    [Observation::Load(load), Observation::Row(report)]
}

/// Only a refusal may be laid to a version, and the failing itself has to be seen.
fn accuses_nothing_for_errors(versions: &[Version]) {
    for after_s in [300, 420, 900] {
        let told = fails_after_a_refusal(after_s, versions);
        for incident in told.iter().flat_map(|diagnosis| &diagnosis.incidents) {
            let is_refusal = incident.signals == [Signal::Loads];
            assert!(is_refusal || !incident.verdict.accuses(), "{after_s} s, {versions:?}: {incident:#?}");
        }
        let last = told.last().expect("a report");
        let failing = last.incidents.iter().find(|one| one.signals.contains(&Signal::Errors)).expect("seen");
        assert_eq!(failing.impact.hosts_affected, HOSTS.unsigned_abs(), "{after_s} s, {versions:?}: {failing:#?}");
    }
}

#[test]
fn jobs_with_the_old_version_do_not_make_a_refusal_guilty() {
    accuses_nothing_for_errors(&[FIRST]);
}

#[test]
fn nor_do_jobs_with_the_version_that_the_fleet_refused() {
    accuses_nothing_for_errors(&[REFUSED]);
}

#[test]
fn nor_do_jobs_with_another_version() {
    accuses_nothing_for_errors(&[BRANCH]);
    accuses_nothing_for_errors(&[FIRST, REFUSED, BRANCH]);
}

#[test]
fn nor_does_the_refusal_alone() {
    accuses_nothing_for_errors(&[]);
}
