//! Effects that come minutes after the load, and what their beginnings and ends say.

use crate::story::{Fleet, Happening, Host, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::Verdict;

const GOOD: Version = Version::of("rules", "first");
const BAD: Version = Version::of("rules", "second");
const REPAIR: Version = Version::of("rules", "third");
const FLAGS: Version = Version::of("flags", "first");
const OTHER_FLAGS: Version = Version::of("flags", "second");

/// Second of the first load, seconds between two loads, and seconds from a load to its effect.
const PUSH_S: i64 = 900;
const APART_S: i64 = 38;
const DELAY_S: i64 = 263;

/// Fifteen hosts load the version one after another and keep it.
fn one_by_one(fails: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let mut fleet = Fleet::new(15, 30, &[GOOD])
        .requests(5.0)
        .effect(move |host, at_ms| Shares::errors(0.2).when(fails(host, at_ms)));
    for index in 0..15 {
        fleet.plan(index, (PUSH_S + APART_S * index) * 1000, Happening::Load(BAD));
    }
    fleet
}

#[test]
fn hosts_that_fail_after_one_delay_each_from_its_own_load_make_a_suspect() {
    let delay = |host: &Host| 1000 * DELAY_S + host.index * 577 % 8000;
    let mut fleet = one_by_one(move |host, at_ms| host.since(BAD).is_some_and(|since| at_ms >= since + delay(host)));
    let diagnosis = fleet.until(PUSH_S + 1200);
    let incident = only(&diagnosis);
    assert!(names(incident, BAD), "{incident:#?}");
    assert_eq!(incident.verdict, Verdict::Suspect, "times alone are no cause: {incident:#?}");
}

#[test]
fn hosts_that_fail_at_times_of_their_own_after_the_loads_accuse_nothing() {
    let begins = |host: &Host| 1000 * (PUSH_S + DELAY_S) + host.index * 7919 % 570 * 1000;
    let mut fleet = one_by_one(move |host, at_ms| at_ms >= begins(host));
    accuses_nothing(&fleet.until(PUSH_S + 1200));
}

/// Eighteen hosts load the version soon after new flags, fail some time after it, and leave it one after another.
fn left(ends: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let begins = |host: &Host| 1000 * (1380 + host.index * 7 % 18 * 2);
    let mut fleet = Fleet::new(18, 2, &[GOOD, FLAGS])
        .effect(move |host, at_ms| Shares::errors(0.15).when(at_ms >= begins(host) && !ends(host, at_ms)));
    for index in 0..18 {
        fleet.plan(index, (1173 + index * 3) * 1000, Happening::Load(OTHER_FLAGS));
        fleet.plan(index, (1200 + index * 3) * 1000, Happening::Load(BAD));
        fleet.plan(index, 2_100_000 + 2_000 * (index * 5 % 18), Happening::Load(REPAIR));
    }
    fleet
}

#[test]
fn where_each_host_gets_well_as_it_leaves_the_version_the_ends_name_it() {
    let mut fleet = left(|host, _| host.has(REPAIR));
    let diagnosis = fleet.until(2_300);
    assert!(names(only(&diagnosis), BAD), "{diagnosis:#?}");
}

#[test]
fn where_all_get_well_at_one_moment_nothing_is_named() {
    let mut fleet = left(|_, at_ms| at_ms >= 2_117_000);
    accuses_nothing(&fleet.until(2_300));
}

/// Three hosts load the version and fail at once, go back, and get well so many seconds after that.
fn of_three(well_after_s: i64) -> Verdict {
    let fails = move |at_ms: i64, host: &Host| {
        let load_ms = 600_000 + host.index * 31_000;
        (load_ms + 20..800_000 + host.index * 1_000 + well_after_s * 1000).contains(&at_ms)
    };
    let mut fleet = Fleet::new(3, 2, &[GOOD]).effect(move |host, at_ms| Shares::errors(0.5).when(fails(at_ms, host)));
    for index in 0..3 {
        fleet.plan(index, 600_000 + index * 31_000, Happening::Load(BAD));
        fleet.plan(index, 800_000 + index * 1_000, Happening::Load(GOOD));
    }
    only(&fleet.until(1_300)).verdict
}

#[test]
fn of_few_hosts_a_way_back_proves_only_if_the_failing_ends_with_it() {
    assert_eq!(of_three(0), Verdict::Cause);
    assert_eq!(of_three(300), Verdict::Suspect);
}
