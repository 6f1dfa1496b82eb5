//! Few hosts: what the moment of a load says where there is nobody to compare with.

use crate::story::{Fleet, Happening, Shares, Version, accuses_nothing, only};
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

const OTHER: Version = Version::of("geo-map", "first");
const OTHER_NEXT: Version = Version::of("geo-map", "second");

/// Time between the loads of two hosts of one push, ms, and the first of them: a minute after the fleet has started.
const APART_MS: i64 = 700;
const SHORTLY_MS: i64 = 55_200;

/// Requests per second: so few that what failed before and after the loads proves nothing by itself.
const FEW: f64 = 20.0;

/// Three of four hosts load a file within a report, one after the other, and fail by `effect`.
fn shortly_after_the_start(effect: impl Fn(bool, i64) -> bool + 'static) -> Fleet {
    let mut fleet = Fleet::new(4, 10, &[FIRST])
        .requests(FEW)
        .effect(move |host, at_ms| Shares::errors(1.0).when(effect(host.has(SECOND), at_ms)));
    for index in 0..3 {
        fleet.plan(index, SHORTLY_MS + index * APART_MS, Happening::Load(SECOND));
    }
    fleet
}

#[test]
fn so_they_do_a_minute_after_the_start_if_each_fails_at_its_own_load() {
    let diagnosis = shortly_after_the_start(|bad, _| bad).until(85);
    let incident = only(&diagnosis);
    assert_eq!(incident.verdict, Verdict::Cause, "{incident:#?}");
    assert_eq!(incident.cause.as_ref().expect("named").hashes, [SECOND.hash()]);
}

#[test]
fn a_moment_of_all_in_the_middle_of_the_same_push_names_nothing() {
    for after_ms in [0, APART_MS, 2 * APART_MS, 2 * APART_MS + 50] {
        let mut fleet = shortly_after_the_start(move |_, at_ms| at_ms >= SHORTLY_MS + after_ms);
        for second in (60..200).step_by(5) {
            accuses_nothing(&fleet.until(second));
        }
        assert!(!fleet.until(200).incidents.is_empty(), "the failing itself is seen");
    }
}

#[test]
fn nor_does_a_moment_of_those_three_alone() {
    for after_ms in [0, APART_MS, 2 * APART_MS] {
        let mut fleet = Fleet::new(4, 10, &[FIRST])
            .effect(move |host, at_ms| Shares::errors(1.0).when(host.index < 3 && at_ms >= SHORTLY_MS + after_ms));
        for index in 0..3 {
            fleet.plan(index, SHORTLY_MS + index * APART_MS, Happening::Load(SECOND));
        }
        for second in (60..200).step_by(5) {
            accuses_nothing(&fleet.until(second));
        }
    }
}

/// Requests per second of two hosts, so few that one bad stretch looks like many.
const HARDLY_ANY: f64 = 1.0;
/// When they begin to fail, and when each loads another config, ms.
const SICK_MS: i64 = 2_640_000;
const OTHER_MS: [i64; 2] = [3_086_000, 3_190_000];

#[test]
fn what_two_hosts_load_long_after_they_began_to_fail_is_not_accused() {
    for share in [0.1, 0.15, 0.25] {
        let mut fleet = Fleet::new(2, 2, &[FIRST, OTHER])
            .requests(HARDLY_ANY)
            .effect(move |_, at_ms| Shares::errors(share).when(at_ms >= SICK_MS));
        for (index, at_ms) in (0..).zip(OTHER_MS) {
            fleet.plan(index, at_ms, Happening::Load(OTHER_NEXT));
        }
        for second in (2_600..4_200).step_by(4) {
            accuses_nothing(&fleet.until(second));
        }
        assert!(!fleet.until(4_200).incidents.is_empty(), "the failing itself is seen");
    }
}
