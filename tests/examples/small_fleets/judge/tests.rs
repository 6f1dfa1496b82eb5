//! Tests of the judge with answers that are right, late or wrong, and with those of an older engine.

use super::*;
use crate::looks::{Seen, read};
use crate::scenario::{GOOD, INNOCENT};
use serde_json::json;

const SECOND_NS: u64 = 1_000_000_000;
const START_NS: u64 = 1_790_000_000 * SECOND_NS;

/// Returns a time of the story, given in seconds after the push.
fn at(seconds: u64) -> u64 {
    START_NS + seconds * SECOND_NS
}

fn answer(seconds: u64, verdict: &str, file: Option<&str>, hosts: u64) -> Look {
    let cause = file.map(|file| Named {
        kind: "config".to_owned(),
        config: "routes".to_owned(),
        hashes: vec![Hash::of(file.as_bytes()).to_string()],
    });
    let seen = Seen { verdict: verdict.to_owned(), cause, signals: vec!["errors".to_owned()], confidence: 0.9 };
    Look { at_ns: at(seconds), hosts, incidents: vec![seen] }
}

fn one_process() -> Story {
    let (pushed_ns, tenth_failure_ns, way_back_ns) = (Some(at(0)), Some(at(1)), Some(at(35)));
    Story { pushed_ns, hosts_pushed: 1, tenth_failure_ns, way_back_ns }
}

fn four_hosts() -> Story {
    Story { pushed_ns: Some(at(0)), hosts_pushed: 3, tenth_failure_ns: Some(at(1)), way_back_ns: None }
}

fn innocent(hosts_pushed: usize) -> Story {
    Story { pushed_ns: Some(at(0)), hosts_pushed, ..Story::default() }
}

/// Returns the claims that do not hold.
fn broken(scenario: Scenario, story: &Story, looks: &[Look]) -> Vec<String> {
    judge(scenario, story, looks).into_iter().filter(|finding| !finding.holds).map(|finding| finding.claim).collect()
}

#[test]
fn right_answers_in_time_are_right() {
    let looks = [answer(13, "suspect", Some(BAD), 1), answer(57, "cause", Some(BAD), 1)];
    assert_eq!(broken(Scenario::OneProcess, &one_process(), &looks), [""; 0]);
    let looks = [answer(12, "suspect", Some(BAD), 4), answer(30, "cause", Some(BAD), 4)];
    assert_eq!(broken(Scenario::FourHosts, &four_hosts(), &looks), [""; 0]);
    let calm = |hosts| [Look { at_ns: at(60), hosts, incidents: Vec::new() }];
    assert_eq!(broken(Scenario::OneProcessInnocent, &innocent(1), &calm(1)), [""; 0]);
    assert_eq!(broken(Scenario::FourHostsInnocent, &innocent(3), &calm(4)), [""; 0]);
    let unnamed = [answer(9, "insufficient_evidence", None, 1)];
    assert_eq!(
        broken(Scenario::OneProcessInnocent, &innocent(1), &unnamed),
        [""; 0],
        "a verdict without a cause accuses nothing"
    );
}

#[test]
fn what_the_engine_said_of_a_real_process_before_is_wrong() {
    // From an experiment with the crate in a real proxy: all requests failed while the file was there.
    let answer = json!({"snapshot": {"diagnosis": {"window": {"hosts": 1}, "incidents": [{
        "verdict": "insufficient_evidence", "cause": null, "signals": ["errors"],
        "suspects": [{"rank": 1, "kind": "config", "config": "routes", "confidence": 0.22}]}]}}});
    let looks: Vec<Look> = (7..60).filter_map(|seconds| read(at(seconds), &answer)).collect();
    assert_eq!(looks.len(), 53);
    let claims = broken(Scenario::OneProcess, &one_process(), &looks);
    assert_eq!(claims, ["accused after the tenth failure", "cause after the way back", "the cause at the end"]);
    let findings = judge(Scenario::OneProcess, &one_process(), &looks);
    assert_eq!(
        findings[2].detail, "at most 12 s. never; at the end: insufficient_evidence (errors, 22 %): nothing",
        "{findings:#?}"
    );
    let looks: Vec<Look> = looks.into_iter().map(|look| Look { hosts: 4, ..look }).collect();
    let claims = broken(Scenario::FourHosts, &four_hosts(), &looks);
    assert_eq!(claims, ["cause after the first bad load", "the cause at the end"]);
}

#[test]
fn what_is_late_is_not_in_time() {
    let looks = [answer(14, "suspect", Some(BAD), 1), answer(58, "cause", Some(BAD), 1)];
    let claims = broken(Scenario::OneProcess, &one_process(), &looks);
    assert_eq!(claims, ["accused after the tenth failure", "cause after the way back"]);
    let looks = [answer(31, "cause", Some(BAD), 4)];
    assert_eq!(broken(Scenario::FourHosts, &four_hosts(), &looks), ["cause after the first bad load"]);
}

#[test]
fn a_suspicion_is_no_cause_and_a_cause_must_stay() {
    let looks = [answer(12, "suspect", Some(BAD), 4), answer(40, "suspect", Some(BAD), 4)];
    let claims = broken(Scenario::FourHosts, &four_hosts(), &looks);
    assert_eq!(claims, ["cause after the first bad load", "the cause at the end"]);
    let looks = [answer(20, "cause", Some(BAD), 4), answer(40, "insufficient_evidence", None, 4)];
    assert_eq!(broken(Scenario::FourHosts, &four_hosts(), &looks), ["the cause at the end"]);
}

#[test]
fn anything_else_that_is_named_is_a_false_accusation() {
    let right = answer(12, "cause", Some(BAD), 4);
    for wrong in [answer(5, "suspect", Some(GOOD), 4), answer(5, "external", Some(BAD), 4), both_files(5)] {
        let claims = broken(Scenario::FourHosts, &four_hosts(), &[wrong, right.clone()]);
        assert_eq!(claims, ["nothing innocent was named"]);
    }
    for (scenario, story, hosts) in
        [(Scenario::OneProcessInnocent, innocent(1), 1), (Scenario::FourHostsInnocent, innocent(3), 4)]
    {
        let looks = [answer(20, "suspect", Some(INNOCENT), hosts)];
        assert_eq!(broken(scenario, &story, &looks), ["nothing innocent was named"]);
    }
}

/// Returns an answer that names the good file together with the bad one.
fn both_files(seconds: u64) -> Look {
    let mut look = answer(seconds, "cause", Some(BAD), 4);
    if let Some(named) = look.incidents[0].cause.as_mut() {
        named.hashes.push(Hash::of(GOOD.as_bytes()).to_string());
    }
    look
}

#[test]
fn a_run_in_which_nothing_happened_is_not_a_calm_one() {
    let calm = [Look { at_ns: at(60), hosts: 1, incidents: Vec::new() }];
    assert_eq!(broken(Scenario::OneProcessInnocent, &Story::default(), &calm), ["it was played"]);
    assert_eq!(
        broken(Scenario::FourHostsInnocent, &innocent(3), &calm),
        ["it was played"],
        "only one of four hosts is seen"
    );
    assert_eq!(broken(Scenario::OneProcessInnocent, &innocent(1), &[]), ["it was played"]);
    let failing = Story { tenth_failure_ns: Some(at(1)), ..innocent(1) };
    assert_eq!(broken(Scenario::OneProcessInnocent, &failing, &calm), ["it was played"]);
}
