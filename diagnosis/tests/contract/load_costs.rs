//! A short rise of errors after a load: the version's fault if loads of other versions at that time cost nothing, and the
//! usual cost of a load if they cost the same.

use crate::story::{Fleet, Happening, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::{DisputedVersion, Signal};

const FIRST: Version = Version::of("bot-features", "first");
const BAD: Version = Version::of("bot-features", "second");
const WELL: Version = Version::of("bot-features", "third");
const HOSTS: i64 = 90;
const REPORT_S: i64 = 10;
/// Second at which the first hosts load one of the two versions.
const PUSH_S: i64 = 600;
/// Time between two loads, ms: all hosts have loaded within 30 s.
const APART_MS: i64 = 333;
const END_S: i64 = 1_200;
/// Share of requests that fail on every host of a story in addition to the failures of a test.
const USUAL: f64 = 0.002;

/// How much fails, and for how long after a load.
#[derive(Clone, Copy, Debug)]
struct Rise {
    /// Share of requests that fails in peace. After a load it is four times as much.
    peace: f64,
    /// Number of reports for which it lasts. The hosts of a version take these in turn.
    reports: &'static [i64],
}

/// Four of five hosts fail for a shorter time than a load may cost, which is four reports.
const MOSTLY_SHORT: Rise = Rise { peace: 0.01, reports: &[2, 3, 3, 3, 7] };
/// The share that fails is so high that two reports of a few hosts open an incident.
const HIGH: Rise = Rise { peace: 0.1, reports: &[3] };

impl Rise {
    fn length_ms(self, index: i64) -> i64 {
        let nth = usize::try_from(index / 3).expect("an index") % self.reports.len();
        self.reports[nth] * REPORT_S * 1000
    }
}

/// A third of the hosts loads one version and the rest another at the same time. If `back` holds, the third goes back when
/// the rise is over. `rises` decides whether errors rise after a load of a version.
fn two_versions(rise: Rise, back: bool, rises: fn(Version) -> bool) -> Fleet {
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[FIRST]).effect(move |host, at_ms| {
        let lately = |since: i64| since > 0 && at_ms < since + rise.length_ms(host.index);
        let is_raised = |version: &Version| rises(*version) && host.since(*version).is_some_and(lately);
        let raised = [FIRST, BAD, WELL].iter().any(is_raised);
        Shares::errors(if raised { 4.0 * rise.peace } else { rise.peace } - USUAL)
    });
    for index in 0..HOSTS {
        let at_ms = PUSH_S * 1000 + index * APART_MS;
        let is_third = index % 3 == 0;
        fleet.plan(index, at_ms, Happening::Load(if is_third { BAD } else { WELL }));
        if is_third && back {
            fleet.plan(index, at_ms + rise.length_ms(index), Happening::Load(FIRST));
        }
    }
    fleet
}

#[test]
fn a_short_rise_after_loads_of_one_version_alone_names_it() {
    for rise in [MOSTLY_SHORT, HIGH] {
        let mut fleet = two_versions(rise, true, |version| version == BAD);
        fleet.opens_nothing(60..PUSH_S);
        let diagnosis = fleet.until(END_S);
        let incident = only(&diagnosis);
        assert!(names(incident, BAD), "{rise:?}: {incident:#?}");
        assert_eq!(incident.cause.as_ref().expect("named").hashes, [BAD.hash()], "{rise:?}: {incident:#?}");
        assert!(incident.signals.contains(&Signal::Errors), "{rise:?}: {incident:#?}");
    }
}

fn names_nobody(back: bool, rises: fn(Version) -> bool) {
    for rise in [MOSTLY_SHORT, HIGH] {
        let mut fleet = two_versions(rise, back, rises);
        for second in (60..=END_S).step_by(10) {
            accuses_nothing(&fleet.until(second));
        }
    }
}

#[test]
fn the_same_rise_after_loads_of_both_versions_names_nobody() {
    names_nobody(false, |version| version != FIRST);
}

#[test]
fn nor_if_the_hosts_of_one_of_them_go_back_when_it_is_over() {
    names_nobody(true, |version| version != FIRST);
}

#[test]
fn nor_if_the_way_back_costs_as_much() {
    names_nobody(true, |_| true);
}

const NEXT: Version = Version::of("bot-features", "fourth");
const NEXT_WELL: Version = Version::of("bot-features", "fifth");
/// Second of a second push, after the first one's rise is over.
const NEXT_S: i64 = 1_200;

/// Both versions of a first push raise errors for a while. Of a second push only the version of a third of the hosts does, and
/// these go back.
fn two_pushes() -> Fleet {
    let rise = MOSTLY_SHORT;
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[FIRST]).effect(move |host, at_ms| {
        let lately = |since: i64| since > 0 && at_ms < since + rise.length_ms(host.index);
        let raised = [BAD, WELL, NEXT].iter().any(|version| host.since(*version).is_some_and(lately));
        Shares::errors(if raised { 4.0 * rise.peace } else { rise.peace } - USUAL)
    });
    for index in 0..HOSTS {
        let (first_ms, next_ms) = (PUSH_S * 1000 + index * APART_MS, NEXT_S * 1000 + index * APART_MS);
        let is_third = index % 3 == 0;
        fleet.plan(index, first_ms, Happening::Load(if is_third { BAD } else { WELL }));
        fleet.plan(index, next_ms, Happening::Load(if is_third { NEXT } else { NEXT_WELL }));
        if is_third {
            fleet.plan(index, next_ms + rise.length_ms(index), Happening::Load(FIRST));
        }
    }
    fleet
}

#[test]
fn loads_of_disputed_versions_do_not_show_what_a_load_costs() {
    let is_named = |disputed: &[Version]| {
        let mut fleet = two_pushes();
        let version = |of: &Version| DisputedVersion { config: "bot-features".to_owned(), hash: of.hash() };
        fleet.engine.set_disputed(disputed.iter().map(version).collect());
        let mut seconds = (60..=NEXT_S + 600).step_by(10);
        seconds.any(|second| fleet.until(second).incidents.iter().any(|incident| names(incident, NEXT)))
    };
    assert!(!is_named(&[]), "loads cost as much before, so this one need not be guilty");
    assert!(is_named(&[BAD, WELL]), "nobody knows whether those were innocent");
}
