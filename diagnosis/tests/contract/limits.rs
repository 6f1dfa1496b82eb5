//! Versions over a declared limit that follow each other quickly: each is in the cause, also where hosts had no time to
//! show it. The limit is 200 rows.

use crate::story::{Fleet, Happening, Shares, Version, names, only};
use firstbad_protocol::verdict::Diagnosis;
use std::ops::Range;

const HOSTS: i64 = 30;
const REPORT_S: i64 = 10;
const FIRST: Version = Version::of("bot-features", "first");
const GOOD: Version = Version::of("bot-features", "second").with_rows(70);
const BAD: Version = Version::of("bot-features", "third").with_rows(240);
const WORSE: Version = Version::of("bot-features", "fourth").with_rows(260);
/// Under the limit, with more rows than any version that served well.
const REPAIR: Version = Version::of("bot-features", "fifth").with_rows(150);
/// Second at which the first host gets the last version that is good. The others follow a second apart.
const GOOD_S: i64 = 300;
/// Second at which a report ends. The first version over the limit is loaded soon after.
const BAD_S: i64 = 900;
/// Time between the loads of the first host and the last, ms: at once, and longer than a report.
const AT_ONCE_MS: i64 = 300;
const SLOWLY_MS: i64 = 25_000;
/// Time between the loads of two versions on a host, ms: less than a second, and half a report.
const SOON_MS: i64 = 600;
const HALF_A_REPORT_MS: i64 = 5_000;
/// Time from a load to the panic that a host tells, ms.
const PANIC_MS: i64 = 400;

/// What becomes of half of the requests under a version over the limit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    Errors,
    Panics,
    /// They panic too, and every host tells one panic after each load. Its message names the limit.
    ToldPanics,
}

const HARMS: [Harm; 3] = [Harm::Errors, Harm::Panics, Harm::ToldPanics];

impl Harm {
    fn shares(self) -> Shares {
        let panic = Shares { panic: 0.5, ..Shares::default() };
        if self == Self::Errors { Shares::errors(0.5) } else { panic }
    }

    /// A fleet that has served two good versions.
    fn fleet(self) -> Fleet {
        let mut fleet = Fleet::new(HOSTS, REPORT_S, &[FIRST])
            .effect(move |host, _| self.shares().when(host.has(BAD) || host.has(WORSE)));
        fleet.push(0..HOSTS, GOOD_S, GOOD);
        fleet
    }

    /// All hosts load a version within a span, ms, and say what it does to them.
    fn push(self, fleet: &mut Fleet, span: Range<i64>, version: Version) {
        for index in 0..HOSTS {
            let at_ms = span.start + index * (span.end - span.start) / HOSTS;
            fleet.plan(index, at_ms, Happening::Load(version));
            if self == Self::ToldPanics && version.rows > 200 {
                fleet.plan(index, at_ms + PANIC_MS, Happening::Panic("too many rows for the limit of 200"));
            }
        }
    }
}

/// The only incident is laid to these versions, because of their rows.
fn is_laid_to(diagnosis: &Diagnosis, versions: &[Version], harm: Harm) {
    let incident = only(diagnosis);
    assert!(incident.verdict.accuses(), "{harm:?}: {incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    let hashes: Vec<_> = versions.iter().map(|version| version.hash()).collect();
    assert_eq!(cause.hashes, hashes, "{harm:?}: {incident:#?}");
    assert_eq!(cause.property, Some("rows > 200".into()), "{harm:?}: {incident:#?}");
    let good = incident.last_known_good.as_ref().map(|good| good.hash);
    assert_eq!(good, Some(GOOD.hash()), "{harm:?}: {incident:#?}");
}

/// The first version comes `after_ms` after the end of a report.
fn both_within_a_second(within_ms: i64, after_ms: i64) {
    for harm in HARMS {
        let mut fleet = harm.fleet();
        let at_ms = BAD_S * 1000 + after_ms;
        harm.push(&mut fleet, at_ms..at_ms + within_ms, BAD);
        harm.push(&mut fleet, at_ms + SOON_MS..at_ms + SOON_MS + within_ms, WORSE);
        for second in [BAD_S + 60, BAD_S + 300] {
            is_laid_to(&fleet.until(second), &[BAD, WORSE], harm);
        }
    }
}

#[test]
fn two_versions_over_the_limit_within_a_second_are_both_in_the_cause() {
    for after_ms in [200, 2_200, 4_200, 7_200] {
        both_within_a_second(AT_ONCE_MS, after_ms);
    }
}

#[test]
fn so_they_are_where_hosts_load_them_one_after_the_other() {
    for after_ms in [200, 2_200, 4_200, 7_200] {
        both_within_a_second(SLOWLY_MS, after_ms);
    }
}

/// All hosts load a version over the limit, and another version half a report later.
fn followed_by(harm: Harm, bad_ms: i64, next: Version) -> Fleet {
    let mut fleet = harm.fleet();
    let next_ms = bad_ms + HALF_A_REPORT_MS;
    harm.push(&mut fleet, bad_ms..bad_ms + AT_ONCE_MS, BAD);
    harm.push(&mut fleet, next_ms..next_ms + AT_ONCE_MS, next);
    fleet
}

#[test]
fn one_that_all_hosts_load_in_the_last_seconds_is_in_the_cause_before_a_report_tells_of_it() {
    for harm in HARMS {
        let mut fleet = followed_by(harm, (BAD_S + 5) * 1000, WORSE);
        is_laid_to(&fleet.until(BAD_S + REPORT_S), &[BAD], harm);
        is_laid_to(&fleet.until(BAD_S + REPORT_S + 5), &[BAD, WORSE], harm);
    }
}

#[test]
fn so_it_is_in_the_same_report_where_a_panic_names_the_limit() {
    for after_ms in [0, 2_500, 4_000] {
        let mut fleet = followed_by(Harm::ToldPanics, BAD_S * 1000 + after_ms, WORSE);
        is_laid_to(&fleet.until(BAD_S + REPORT_S), &[BAD, WORSE], Harm::ToldPanics);
    }
}

#[test]
fn a_repair_under_the_limit_is_not_in_the_cause_though_it_has_more_rows_than_any_good_version() {
    for harm in HARMS {
        let mut fleet = followed_by(harm, (BAD_S + 5) * 1000, REPAIR);
        for second in (BAD_S + REPORT_S..=BAD_S + 120).step_by(5) {
            is_laid_to(&fleet.until(second), &[BAD], harm);
        }
    }
}

#[test]
fn nor_is_it_at_any_second_where_it_comes_in_the_same_report() {
    for harm in HARMS {
        for after_ms in [0, 2_500, 4_000] {
            let mut fleet = followed_by(harm, BAD_S * 1000 + after_ms, REPAIR);
            for second in BAD_S..=BAD_S + 60 {
                let diagnosis = fleet.until(second);
                assert!(!diagnosis.incidents.iter().any(|one| names(one, REPAIR)), "{harm:?}: {diagnosis:#?}");
            }
        }
    }
}

#[test]
fn so_they_are_where_the_loads_cross_the_end_of_a_report() {
    [9_700, 9_900].into_iter().for_each(|after_ms| both_within_a_second(AT_ONCE_MS, after_ms));
    [2_200, 9_700].into_iter().for_each(|after_ms| both_within_a_second(8_000, after_ms));
    [9_000, 9_900].into_iter().for_each(|after_ms| both_within_a_second(SLOWLY_MS, after_ms));
}

#[test]
fn so_they_are_half_a_report_apart_over_the_end_of_a_report() {
    for harm in HARMS {
        for ms in [-2_000, 6_000, 8_000] {
            let diagnosis = followed_by(harm, BAD_S * 1000 + ms, WORSE).until(BAD_S + 60);
            is_laid_to(&diagnosis, &[BAD, WORSE], harm);
        }
    }
}
