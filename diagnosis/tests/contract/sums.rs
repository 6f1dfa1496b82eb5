//! A rise of errors that no host shows alone, and the sums of all hosts do.

use crate::story::{Fleet, Happening, Host, Shares, Version, names, only};
use firstbad_protocol::verdict::{Signal, State, Verdict};

const FEATURES: Version = Version::of("bot-features", "first");
const REPORT_S: i64 = 10;
/// Second from which on more requests fail.
const RISE_S: i64 = 1_800;
const END_S: i64 = 3_000;
/// Share of requests that fails on every host of a story in addition to the failures of a test.
const USUAL: f64 = 0.002;
/// Numbers of hosts of the fleets.
const SIZES: [i64; 3] = [60, 90, 130];

/// How little each host has to do, and how much more fails.
#[derive(Clone, Copy, Debug)]
struct Rise {
    /// Requests of a host in a second.
    requests: f64,
    /// Share of requests that fails in peace.
    peace: f64,
    /// From the rise on, that share is multiplied by this.
    times: f64,
}

/// From 0.04 to 0.3 errors of a host in a report.
const EIGHTFOLD: Rise = Rise { requests: 2.0, peace: 0.002, times: 8.0 };
/// From 0.25 to 1 error of a host in a report.
const FOURFOLD: Rise = Rise { requests: 5.0, peace: 0.005, times: 4.0 };

impl Rise {
    /// A fleet in which errors rise on some hosts.
    fn fleet(self, hosts: i64, rises: impl Fn(&Host) -> bool + 'static) -> Fleet {
        Fleet::new(hosts, REPORT_S, &[FEATURES]).requests(self.requests).effect(move |host, at_ms| {
            let times = if at_ms >= RISE_S * 1000 && rises(host) { self.times } else { 1.0 };
            Shares::errors(times * self.peace - USUAL)
        })
    }

    /// Requests that fail beyond the usual number from the rise to the end.
    fn excess(self, hosts: i64) -> f64 {
        (hosts * (END_S - RISE_S)) as f64 * self.requests * self.peace * (self.times - 1.0)
    }
}

fn is_told_on_all_hosts(rise: Rise) {
    for hosts in SIZES {
        let mut fleet = rise.fleet(hosts, |_| true);
        fleet.opens_nothing(60..RISE_S);
        let diagnosis = fleet.until(END_S);
        let incident = only(&diagnosis);
        assert_eq!(incident.signals, [Signal::Errors], "{rise:?}: {incident:#?}");
        assert_eq!(incident.state, State::Open, "{rise:?}: {incident:#?}");
        assert!(!incident.verdict.accuses(), "{rise:?}: {incident:#?}");
        let (impact, all) = (incident.impact, hosts.unsigned_abs());
        assert_eq!((impact.hosts_affected, impact.hosts_reporting), (all, all), "{rise:?}: {impact:?}");
        let (told, excess) = (impact.requests_failed as f64, rise.excess(hosts));
        assert!((excess / 2.0..=excess * 2.0).contains(&told), "{rise:?}, {hosts} hosts: {told} told of {excess}");
    }
}

#[test]
fn eight_times_as_many_errors_on_all_hosts_are_one_incident_that_accuses_nothing() {
    is_told_on_all_hosts(EIGHTFOLD);
}

#[test]
fn so_are_four_times_as_many() {
    is_told_on_all_hosts(FOURFOLD);
}

#[test]
fn without_the_rise_there_is_no_incident() {
    for rise in [EIGHTFOLD, FOURFOLD] {
        SIZES.iter().for_each(|hosts| rise.fleet(*hosts, |_| false).opens_nothing(60..END_S));
    }
}

#[test]
fn where_errors_rise_on_one_host_alone_nothing_is_seen() {
    for rise in [EIGHTFOLD, FOURFOLD] {
        rise.fleet(SIZES[0], |host| host.index == 7).opens_nothing(60..END_S);
    }
}

/// A fleet with so few requests that 90 seconds of the rise have fewer than 20 failures.
fn with_few_requests(rises: impl Fn(&Host) -> bool + 'static) -> Fleet {
    let rise = Rise { requests: 0.3, peace: 0.002, times: 12.0 };
    let mut fleet = Fleet::new(26, 30, &[FEATURES]).requests(rise.requests).effect(move |host, at_ms| {
        Shares::errors((rise.times - 1.0) * rise.peace).when(at_ms >= RISE_S * 1000 && rises(host))
    });
    fleet.opens_nothing(60..RISE_S);
    fleet
}

#[test]
fn where_requests_are_few_a_rise_is_seen_after_minutes() {
    let incident = only(&with_few_requests(|_| true).until(RISE_S + 900)).clone();
    assert_eq!((incident.signals.as_slice(), incident.verdict.accuses()), ([Signal::Errors].as_slice(), false));
}

#[test]
fn where_requests_are_few_one_host_alone_is_not() {
    with_few_requests(|host| host.index == 7).opens_nothing(RISE_S..RISE_S + 900);
}

const NEW: Version = Version::of("bot-features", "second");

/// Forty hosts load a version two seconds apart. From `begins` on three times as many requests fail on a host.
fn threefold(begins: impl Fn(&Host, i64) -> bool + 'static) -> Fleet {
    let mut fleet = Fleet::new(40, REPORT_S, &[FEATURES])
        .requests(60.0)
        .effect(move |host, at_ms| Shares::errors(2.0 * USUAL).when(begins(host, at_ms)));
    for index in 0..40 {
        fleet.plan(index, RISE_S * 1000 + 2_000 * index + 311 * index % 1000, Happening::Load(NEW));
    }
    fleet
}

#[test]
fn three_times_as_many_errors_that_follow_the_loads_make_a_suspect() {
    let diagnosis = threefold(|host, _| host.has(NEW)).until(RISE_S + 600);
    let incident = only(&diagnosis);
    assert!(names(incident, NEW) && incident.verdict == Verdict::Suspect, "{incident:#?}");
}

#[test]
fn three_times_as_many_errors_of_all_hosts_at_one_moment_accuse_nothing() {
    let diagnosis = threefold(|_, at_ms| at_ms >= (RISE_S + 40) * 1000).until(RISE_S + 600);
    assert!(!only(&diagnosis).verdict.accuses(), "{diagnosis:#?}");
}
