//! A run seen from outside, snapshot by snapshot.

use super::*;
use crate::fixture::{cause, diagnosis, host, incident, snapshot, truth};
use firstbad_protocol::snapshot::HostView;
use firstbad_protocol::verdict::Cause;
use firstbad_protocol::verdict::{Incident, Verdict};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn exposed_truth() -> Truth {
    let mut truth = truth();
    truth.phase = Phase::Alternating;
    truth.first_bad_load = [("a".to_owned(), at(100)), ("b".to_owned(), at(103)), ("c".to_owned(), at(120))].into();
    truth
}

#[test]
fn the_time_to_the_name_runs_from_the_first_bad_load_to_the_first_right_verdict() {
    let (mut watch, truth) = (Watch::new(), exposed_truth());
    let undecided = Incident { verdict: Verdict::InsufficientEvidence, cause: None, ..incident() };
    let lines = watch.see(&snapshot(diagnosis(vec![undecided]), vec![], vec![]), &truth, at(104));
    assert_eq!(lines.len(), 1, "{lines:?}");
    for seen in [108, 109] {
        watch.see(&snapshot(diagnosis(vec![incident()]), vec![], vec![]), &truth, at(seen));
    }
    let outcome = watch.finish(&truth);
    assert_eq!(outcome.named_after_s.map(f64::to_bits), Some(8.0_f64.to_bits()));
    assert_eq!(outcome.named_after_exposed_hosts, Some(2));
    assert_eq!(outcome.first_bad_load, Some(at(100)));
}

#[test]
fn a_name_without_the_property_is_no_name() {
    let (mut watch, truth) = (Watch::new(), exposed_truth());
    let bare = Incident { cause: Some(Cause { property: None, ..cause() }), ..incident() };
    watch.see(&snapshot(diagnosis(vec![bare]), vec![], vec![]), &truth, at(104));
    let outcome = watch.finish(&truth);
    assert_eq!((outcome.named_after_s, outcome.exit_code()), (None, 1));
}

#[test]
fn a_line_is_told_when_something_changes_and_not_again() {
    let (mut watch, mut truth) = (Watch::new(), exposed_truth());
    let seen = snapshot(diagnosis(vec![incident()]), vec![], vec![]);
    assert_eq!(watch.see(&seen, &truth, at(104)).len(), 2, "the verdict, and that it names the input");
    assert!(watch.see(&seen, &truth, at(105)).is_empty());
    truth.phase = Phase::Recovering;
    truth.poisoned.insert("a".to_owned());
    let waiting = HostView { needs_restart: true, ..host(3) };
    let with = |hosts: Vec<HostView>| snapshot(diagnosis(vec![incident()]), hosts, vec![]);
    assert_eq!(
        watch.see(&with(vec![waiting]), &truth, at(106)),
        ["hosts that still need a restart: 1 seen, 1 in truth"]
    );
    truth.poisoned.clear();
    assert_eq!(
        watch.see(&with(vec![host(3)]), &truth, at(107)),
        ["hosts that still need a restart: 0 seen, 0 in truth"]
    );
    assert!(!watch.is_settled(&truth));
    truth.phase = Phase::Done;
    assert!(watch.is_settled(&truth));
}

#[test]
fn the_outcome_is_the_contracts_object_and_the_demos_three_fields() {
    let (mut watch, truth) = (Watch::new(), exposed_truth());
    watch.see(&snapshot(diagnosis(vec![incident()]), vec![], vec![]), &truth, at(108));
    let json = serde_json::to_value(watch.finish(&truth)).unwrap();
    assert_eq!(json["schema"], 1);
    assert_eq!(json["incidents"][0]["cause"]["property"], "rows > 200");
    assert_eq!(json["named_after_s"], 8.0);
    assert_eq!(json["named_after_exposed_hosts"], 2);
    assert_eq!(json["first_bad_load"], "1970-01-01T00:01:40Z");
}

#[test]
fn whoever_leaves_in_mid_play_gets_no_verdict_on_its_end() {
    let (mut watch, mut truth) = (Watch::new(), exposed_truth());
    watch.see(&snapshot(diagnosis(vec![incident()]), vec![], vec![]), &truth, at(104));
    let judged = |outcome: &Outcome| outcome.findings.iter().any(|finding| finding.claim.contains("recovered"));
    let left = watch.finish(&truth);
    assert!(!left.finished && !judged(&left) && left.text().contains("before its end"), "{}", left.text());
    truth.phase = Phase::Done;
    let seen = watch.finish(&truth);
    assert!(seen.finished && judged(&seen) && !seen.text().contains("before its end"), "{}", seen.text());
}

#[test]
fn what_does_not_hold_when_somebody_leaves_early_has_not_failed() {
    let (mut watch, mut truth) = (Watch::new(), exposed_truth());
    watch.see(&snapshot(diagnosis(vec![]), vec![], vec![]), &truth, at(104));
    let left = watch.finish(&truth).text();
    assert!(left.contains("\nopen      the input is named") && !left.contains("FAIL"), "{left}");
    truth.phase = Phase::Done;
    let seen = watch.finish(&truth).text();
    assert!(seen.contains("\nFAIL      the input is named") && !seen.contains("\nopen"), "control: {seen}");
}
