//! A push that was there when hosts failed, and is innocent.

use crate::story::{Fleet, Happening, Shares, Version, accuses_nothing};

const FIRST: Version = Version::of("bot-features", "first");
const SECOND: Version = Version::of("bot-features", "second");

#[test]
fn a_push_that_came_with_cold_starts_is_not_accused() {
    let cold = |begun_ms: i64, at_ms: i64| at_ms < begun_ms + 120_000;
    let mut fleet = Fleet::new(30, 5, &[FIRST])
        .effect(move |host, at_ms| Shares::errors(0.3).when(host.begun_ms > 0 && cold(host.begun_ms, at_ms)));
    for index in 0..20 {
        // Eight start with what they had, and ten minutes later twelve with the new version.
        let (at_ms, version) = if index < 8 { (300_000, FIRST) } else { (900_000, SECOND) };
        let at_ms = at_ms + index * 2_000;
        fleet.plan(index, at_ms, Happening::Exit);
        fleet.plan(index, at_ms + 5_000, Happening::Begin("fl2"));
        fleet.plan(index, at_ms + 6_000, Happening::Load(version));
    }
    for second in (320..1300).step_by(20) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(1300).incidents.is_empty(), "the failing itself is seen");
}

#[test]
fn failing_that_began_under_the_old_version_does_not_accuse_the_new_one() {
    let mut fleet = Fleet::new(30, 5, &[FIRST])
        .effect(|host, at_ms| Shares::errors(0.4).when(host.index < 12 && at_ms > 300_000 + host.index * 1_500));
    fleet.push(0..20, 360, SECOND);
    for second in (320..600).step_by(10) {
        accuses_nothing(&fleet.until(second));
    }
    assert!(!fleet.until(600).incidents.is_empty(), "the failing itself is seen");
}
