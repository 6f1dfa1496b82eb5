//! Few hosts: what the moment of a load says where there is nobody to compare with.

use crate::story::{Fleet, Shares, Version, accuses_nothing, only};
use firstbad_protocol::verdict::Verdict;

const FIRST: Version = Version::of("bot-features", "first");
const SECOND: Version = Version::of("bot-features", "second");
const THIRD: Version = Version::of("bot-features", "third");

/// One process that loads a file every five minutes and reports every 10 s.
fn one_process(effect: impl Fn(bool, i64) -> bool + 'static) -> Fleet {
    let mut fleet =
        Fleet::new(1, 10, &[FIRST]).effect(move |host, at_ms| Shares::errors(1.0).when(effect(host.has(THIRD), at_ms)));
    fleet.push(0..1, 304, SECOND);
    fleet.push(0..1, 604, THIRD);
    fleet
}

#[test]
fn a_bad_file_in_the_only_process_is_suspected_within_two_reports_of_the_tenth_failure() {
    let mut fleet = one_process(|bad, _| bad);
    let diagnosis = fleet.until(624);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Suspect, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [THIRD.hash()]);
}

#[test]
fn the_way_back_and_recovery_make_it_the_cause() {
    let mut fleet = one_process(|bad, _| bad);
    fleet.push(0..1, 664, SECOND);
    let diagnosis = fleet.until(720);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [THIRD.hash()]);
}

#[test]
fn a_push_during_a_spontaneous_episode_names_nothing() {
    let mut fleet = one_process(|_, at_ms| (592_300..=641_700).contains(&at_ms));
    for second in (600..900).step_by(10) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(900).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn reports_of_a_minute_name_nobody_where_a_file_comes_every_minute() {
    const VERSIONS: [&str; 4] = ["a", "b", "c", "d"];
    let mut fleet = Fleet::new(1, 60, &[FIRST])
        .effect(|_, at_ms| Shares::errors(1.0).when((735_000..800_000).contains(&at_ms)))
        .dress(|_, _, row| row.first_failed.clear());
    for (minute, content) in (1..25).zip(VERSIONS.into_iter().cycle()) {
        fleet.push(0..1, minute * 60 + 4, Version::of("bot-features", content));
    }
    for second in (720..1500).step_by(60) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(1500).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn three_of_four_hosts_that_fail_from_their_own_loads_on_name_it_within_half_a_minute() {
    let mut fleet = Fleet::new(4, 5, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.has(SECOND)));
    fleet.push(0..3, 301, SECOND);
    let diagnosis = fleet.until(331);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [SECOND.hash()]);
}
