//! Sentences of the contract that the engine once did not keep.

use crate::story::{Fleet, Happening, Shares, Version, accuses_nothing, names, only};
use firstbad_protocol::verdict::{Impact, State, Verdict};

const FEATURES: Version = Version::of("bot-features", "first");
const BAD_FEATURES: Version = Version::of("bot-features", "second");
const ROUTES: Version = Version::of("routes", "first");
const BAD_ROUTES: Version = Version::of("routes", "second");

fn binary(index: i64) -> &'static str {
    if index < 15 { "fl1" } else { "fl2" }
}

fn counted(fleet: &Fleet) -> u64 {
    fleet.hurt.values().map(|outcomes| outcomes.failed()).sum()
}

/// Once it was 16 times as many as failed, and grew with the square of time.
#[test]
fn impact_is_not_counted_again_when_more_hosts_join() {
    let mut fleet = Fleet::of_binaries(30, 5, &[FEATURES], binary).effect(|host, at_ms| {
        let joins = host.binary == "fl1" || at_ms > 400_000 + host.index * 1000;
        Shares::errors(0.5).when(host.has(BAD_FEATURES) && joins)
    });
    fleet.push(0..30, 300, BAD_FEATURES);
    let diagnosis = fleet.until(900);
    let (told, counted) = (only(&diagnosis).impact.requests_failed, counted(&fleet));
    assert!((counted * 4 / 5..=counted * 6 / 5).contains(&told), "{told} told, {counted} counted");
}

/// Once the share was 1 where a quarter of all requests failed.
fn failed_share(report_s: i64, after_s: i64) {
    let mut fleet =
        Fleet::new(30, report_s, &[FEATURES]).effect(|host, _| Shares::errors(0.5).when(host.has(BAD_FEATURES)));
    fleet.push(0..15, 300, BAD_FEATURES);
    let Impact { requests_failed, failed_share, .. } = only(&fleet.until(300 + after_s)).impact;
    let sent = 30.0 * 50.0 * after_s as f64;
    let share = requests_failed as f64 / sent;
    assert!((failed_share / share - 1.0).abs() < 0.2, "{failed_share} told, {share} true");
}

#[test]
fn failed_share_is_of_all_requests_since_onset_10s() {
    failed_share(10, 120);
}

#[test]
fn failed_share_is_of_all_requests_since_onset_1s_long() {
    failed_share(1, 900);
}

#[test]
fn failed_share_is_of_all_requests_since_onset_5s_long() {
    failed_share(5, 3000);
}

/// Once a second outage was never seen when it came 80 s or more after the first.
fn second_outage(push_s: i64) {
    let mut fleet = Fleet::of_binaries(30, 5, &[FEATURES, ROUTES], binary).effect(|host, _| {
        let guilty = if host.binary == "fl1" { BAD_FEATURES } else { BAD_ROUTES };
        Shares::errors(0.5).when(host.has(guilty))
    });
    fleet.push(0..30, 300, BAD_FEATURES);
    fleet.push(0..30, push_s, BAD_ROUTES);
    let diagnosis = fleet.until(push_s + 300);
    assert!(diagnosis.incidents.iter().any(|one| names(one, BAD_ROUTES)), "{:#?}", diagnosis.incidents.len());
}

#[test]
fn a_second_outage_is_seen_while_the_first_goes_on() {
    second_outage(400);
}

/// Fifteen hosts that never had the accused version fail for eight minutes.
#[test]
fn what_an_explanation_does_not_cover_stays_open_for_another() {
    let mut fleet = Fleet::of_binaries(30, 5, &[FEATURES], binary).effect(|host, at_ms| {
        let own = host.binary == "fl2" && at_ms > 400_000 + host.index * 1000;
        Shares::errors(0.5).when(host.has(BAD_FEATURES) || own)
    });
    fleet.push(0..15, 300, BAD_FEATURES);
    let diagnosis = fleet.until(900);
    let told: u64 = diagnosis.incidents.iter().map(|one| one.impact.hosts_affected).sum();
    assert_eq!(told, 30, "{diagnosis:#?}");
}

/// No error names the limit.
#[test]
fn a_limit_alone_breaks_a_tie_to_suspect_and_not_to_cause() {
    let mut fleet = Fleet::new(30, 5, &[FEATURES]).effect(|host, _| Shares::errors(0.5).when(host.binary == "fl3"));
    for index in 0..10 {
        let at_ms = 300_000 + index * 4_000;
        fleet.plan(index, at_ms, Happening::Exit);
        fleet.plan(index, at_ms + 2_000, Happening::Begin("fl3"));
        fleet.plan(index, at_ms + 2_100, Happening::Load(BAD_FEATURES.with_rows(240)));
    }
    assert_eq!(only(&fleet.until(480)).verdict, Verdict::Suspect);
}

/// Once it took 468 s.
#[test]
fn an_incident_of_minute_reports_is_over_five_minutes_after_recovery() {
    let mut fleet = Fleet::new(30, 60, &[FEATURES]).effect(|host, _| Shares::errors(0.5).when(host.has(BAD_FEATURES)));
    fleet.push(0..12, 1200, BAD_FEATURES);
    fleet.push(0..12, 2400, FEATURES);
    assert_eq!(only(&fleet.until(2412 + 300)).state, State::Resolved);
}

/// An episode of its own, a load a minute, reports of 10 s without the moment of the first failure.
#[test]
fn timing_of_one_chance_in_36_names_nobody() {
    const VERSIONS: [&str; 20] =
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    let mut fleet = Fleet::new(1, 10, &[FEATURES])
        .effect(|_, at_ms| Shares::errors(1.0).when((725_000..785_000).contains(&at_ms)))
        .dress(|_, _, row| row.first_failed.clear());
    for (minute, content) in (1..21).zip(VERSIONS) {
        fleet.push(0..1, minute * 60 + 4, Version::of("bot-features", content));
    }
    for second in (720..1200).step_by(10) {
        accuses_nothing(&fleet.until(second));
    }
}

/// One host of many, and no change.
#[test]
fn a_host_that_fails_alone_is_an_incident() {
    let mut fleet = Fleet::new(86, 10, &[FEATURES])
        .effect(|host, at_ms| Shares::errors(0.34).when(host.index == 7 && at_ms > 562_000));
    let diagnosis = fleet.until(1200);
    for i in &diagnosis.incidents {
        println!("DBG {} {:?} {:?} {:?}", i.id, i.state, i.verdict, i.impact);
    }
    assert_eq!(only(&diagnosis).verdict, Verdict::External, "{diagnosis:#?}");
}
