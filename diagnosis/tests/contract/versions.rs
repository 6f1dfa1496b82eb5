//! Which version an episode belongs to, and which is the one to go back to.

use crate::story::{Fleet, Happening, Shares, Version, only};
use firstbad_protocol::Hash;
use firstbad_protocol::verdict::{CauseKind, Diagnosis, Verdict};

const CONFIG: &str = "bot-features";
const FIRST: Version = Version::of(CONFIG, "first");
const SECOND: Version = Version::of(CONFIG, "second");
const THIRD: Version = Version::of(CONFIG, "third");
const FOURTH: Version = Version::of(CONFIG, "fourth");

fn accused(diagnosis: &Diagnosis) -> Vec<Hash> {
    let incident = only(diagnosis);
    assert!(incident.verdict.accuses(), "{incident:#?}");
    incident.cause.as_ref().expect("named").hashes.clone()
}

#[test]
fn the_version_that_follows_the_guilty_one_is_not_named_with_it() {
    // Hosts that failed go on failing for 40 to 80 s after the repair.
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, at_ms| {
        let repaired = host.since(THIRD).filter(|_| host.index < 20);
        let fails_on = repaired.is_some_and(|since| at_ms < since + 40_000 + host.index * 2_000);
        Shares::errors(0.5).when(host.has(SECOND) || fails_on)
    });
    fleet.push(0..20, 300, SECOND);
    fleet.push(0..30, 420, THIRD);
    for second in [430, 450, 480, 540, 700] {
        assert_eq!(accused(&fleet.until(second)), [SECOND.hash()], "at {second} s");
    }
}

#[test]
fn last_known_good_is_the_newest_version_that_served_well_and_not_the_longest_baked() {
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.has(FOURTH)));
    fleet.push(0..30, 400, SECOND);
    fleet.push(0..30, 450, THIRD);
    fleet.push(0..20, 510, FOURTH);
    let diagnosis = fleet.until(600);
    assert_eq!(accused(&diagnosis), [FOURTH.hash()]);
    assert_eq!(only(&diagnosis).last_known_good.as_ref().expect("known").hash, THIRD.hash());
}

#[test]
fn a_version_that_two_hosts_served_is_not_known_to_be_good() {
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.has(FOURTH)));
    fleet.push(0..30, 400, SECOND);
    fleet.push(28..30, 450, THIRD);
    fleet.push(0..20, 510, FOURTH);
    let diagnosis = fleet.until(600);
    assert_eq!(accused(&diagnosis), [FOURTH.hash()]);
    assert_eq!(only(&diagnosis).last_known_good.as_ref().expect("known").hash, SECOND.hash());
}

/// Ten hosts restart from an image with a new binary and a new config, one after the other, and fail from then on.
fn image(carried: Version) -> Diagnosis {
    let mut fleet = Fleet::new(30, 5, &[FIRST]).effect(|host, _| Shares::errors(0.5).when(host.binary == "fl3"));
    for index in 0..10 {
        let at_ms = 300_000 + index * 4_000;
        fleet.plan(index, at_ms, Happening::Exit);
        fleet.plan(index, at_ms + 2_000, Happening::Begin("fl3"));
        fleet.plan(index, at_ms + 2_100, Happening::Load(carried));
    }
    fleet.until(480)
}

#[test]
fn an_image_with_a_new_binary_and_a_new_config_accuses_neither_alone() {
    let diagnosis = image(SECOND);
    let incident = only(&diagnosis);
    assert_eq!((incident.verdict, &incident.cause), (Verdict::InsufficientEvidence, &None), "{incident:#?}");
    let tied: Vec<CauseKind> = incident.tied().iter().map(|suspect| suspect.kind).collect();
    assert!(tied.contains(&CauseKind::Binary) && tied.contains(&CauseKind::Config), "{:#?}", incident.suspects);
    assert!(incident.tied().iter().all(|suspect| !suspect.against.is_empty()), "{:#?}", incident.suspects);
}

#[test]
fn a_declared_limit_that_the_content_passes_breaks_the_tie() {
    let over = SECOND.with_rows(240);
    let diagnosis = image(over);
    let incident = only(&diagnosis);
    assert!(incident.verdict.accuses(), "{incident:#?}");
    let cause = incident.cause.as_ref().expect("named");
    assert_eq!((cause.kind, cause.hashes.as_slice()), (CauseKind::Config, [over.hash()].as_slice()));
    assert_eq!(cause.property, Some("rows > 200".into()));
}
