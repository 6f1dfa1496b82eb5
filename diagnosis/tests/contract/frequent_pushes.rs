//! A fleet in which every load costs some requests, and pushes come often: the cost is what the fleet expects, and neither
//! hides a version that fails for good nor accuses a config that is pushed for the first time.

use crate::story::{Fleet, Host, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::{Diagnosis, Signal};

const HOSTS: i64 = 50;
const REPORT_S: i64 = 10;
/// Seconds between two pushes.
const EVERY_S: i64 = 480;
/// Second of the push under test: the first one after an hour.
const LAST_S: i64 = 8 * EVERY_S;
/// Seconds between the loads of two hosts.
const APART_S: i64 = 2;
/// Time for which a load costs requests, ms: two reports.
const COST_MS: i64 = 20_000;
/// Share of requests that a load costs in that time.
const COST: f64 = 0.03;
/// A share at which every push is an incident.
const HIGH_COST: f64 = 0.25;
/// Share of requests that fails for good under a version.
const FOR_GOOD: f64 = 0.06;
/// Contents of the versions that are pushed, by number of the push. Number 0 is served from the beginning.
const CONTENTS: [&str; 9] = ["0", "1", "2", "3", "4", "5", "6", "7", "8"];
const LAST: usize = 8;
/// A config that nobody pushes before the push under test.
const RULES: Version = Version::of("rules", "0");
const NEW_RULES: Version = Version::of("rules", "1");

/// The version of a push, from 1 on. Two configs take turns.
fn version(push: usize) -> Version {
    Version::of(["bot-features", "routes"][push % 2], CONTENTS[push])
}

/// Whether the host lately loaded a version that was pushed.
fn pays(host: &Host, at_ms: i64) -> bool {
    let pushed = (1..=LAST).map(version).chain([NEW_RULES]);
    pushed.filter_map(|version| host.since(version)).any(|since| at_ms < since + COST_MS)
}

/// An hour of harmless pushes, each load of which costs requests, and then a last push if there is one. Under `bad`
/// requests fail for good.
fn after_an_hour(last: Option<Version>, bad: Option<Version>) -> Fleet {
    of_cost(COST, last, bad)
}

/// The same if each load costs that share of requests.
fn of_cost(cost: f64, last: Option<Version>, bad: Option<Version>) -> Fleet {
    let routes = Version::of("routes", "0");
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[version(0), routes, RULES]).effect(move |host, at_ms| {
        let fails = bad.is_some_and(|bad| host.has(bad));
        Shares::errors(if fails { FOR_GOOD } else { cost }).when(fails || pays(host, at_ms))
    });
    for push in 1..LAST {
        push_to_all(&mut fleet, push as i64 * EVERY_S, version(push));
    }
    last.into_iter().for_each(|version| push_to_all(&mut fleet, LAST_S, version));
    fleet
}

fn push_to_all(fleet: &mut Fleet, from_s: i64, version: Version) {
    for index in 0..HOSTS {
        fleet.push(index..index + 1, from_s + index * APART_S, version);
    }
}

/// Second by which an incident has to be open: eight reports after half of the fleet has the version.
const DEADLINE_S: i64 = LAST_S + HOSTS / 2 * APART_S + 8 * REPORT_S;
const END_S: i64 = LAST_S + EVERY_S;

fn opens_in_time(version: Version) {
    let mut fleet = after_an_hour(Some(version), Some(version));
    fleet.opens_nothing(60..LAST_S);
    let diagnosis = fleet.until(DEADLINE_S);
    assert!(only(&diagnosis).signals.contains(&Signal::Errors), "{diagnosis:#?}");
    let diagnosis = fleet.until(END_S);
    assert!(names(only(&diagnosis), version), "{diagnosis:#?}");
}

#[test]
fn a_version_that_fails_for_good_opens_an_incident_of_errors_though_every_load_costs_requests() {
    opens_in_time(version(LAST));
}

#[test]
fn without_it_an_hour_of_pushes_that_cost_requests_is_no_incident() {
    after_an_hour(None, None).opens_nothing(60..END_S);
    after_an_hour(Some(version(LAST)), None).opens_nothing(60..END_S);
}

#[test]
fn the_first_push_of_a_config_is_not_named_for_what_every_load_costs() {
    let mut fleet = after_an_hour(Some(NEW_RULES), None);
    for second in (60..=END_S).step_by(10) {
        accuses_nothing(&fleet.until(second));
    }
}

#[test]
fn the_first_push_of_a_config_is_not_named_though_every_load_costs_a_quarter_of_the_requests() {
    let mut fleet = of_cost(HIGH_COST, Some(NEW_RULES), None);
    for second in (LAST_S..=END_S).step_by(10) {
        let diagnosis = fleet.until(second);
        let accused = diagnosis.incidents.iter().find(|incident| names(incident, NEW_RULES));
        assert!(accused.is_none(), "at {second} s: {accused:#?}");
    }
}

#[test]
fn the_first_push_of_a_config_is_named_for_what_fails_for_good() {
    opens_in_time(NEW_RULES);
}

/// Second of the first of several pushes of one config, and seconds between them.
const ROW_FROM_S: i64 = 600;
const ROW_EVERY_S: i64 = 60;

fn of_row(push: usize) -> Version {
    Version::of("bot-features", CONTENTS[push])
}

#[test]
fn what_the_first_loads_cost_is_taken_back_when_the_next_ones_cost_as_much() {
    let paid = |host: &Host, at_ms: i64| {
        (1..=LAST).filter_map(|push| host.since(of_row(push))).any(|since| at_ms < since + COST_MS)
    };
    let mut fleet = Fleet::new(HOSTS, REPORT_S, &[of_row(0), RULES])
        .effect(move |host, at_ms| Shares::errors(HIGH_COST).when(paid(host, at_ms)));
    for push in 1..=4 {
        fleet.push(0..HOSTS, ROW_FROM_S + (push as i64 - 1) * ROW_EVERY_S, of_row(push));
    }
    let named = |diagnosis: &Diagnosis| diagnosis.incidents.iter().any(|incident| names(incident, of_row(1)));
    let mut first = (ROW_FROM_S..ROW_FROM_S + ROW_EVERY_S).step_by(5);
    assert!(first.any(|second| named(&fleet.until(second))), "the premise: nobody can know better at first");
    let diagnosis = fleet.until(ROW_FROM_S + 4 * ROW_EVERY_S);
    accuses_nothing(&diagnosis);
}
