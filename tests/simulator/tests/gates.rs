//! What must never happen, held on one seed of every scenario: no change is accused where none is guilty, and none is
//! exonerated where one is. How often the guilty one is named is the bench's to measure (`firstbad-simulator --help`).

#![expect(clippy::expect_used, reason = "a test may fail loudly")]

use firstbad_simulator::bench;
use firstbad_simulator::judge::Outcome;
use firstbad_simulator::scenario::{self, Scenario};
use std::sync::Mutex;

/// Fixed, so that a failure is the engine's and not the draw's.
const SEED: u64 = 31;
/// Hours of event time: the bench and the end-to-end tests run them.
const LONG: [&str; 3] = ["null-wild", "replay-cf-2025-11-18-fresh-hashes", "replay-cf-2025-11-18-two-hashes"];

fn outcomes(chosen: impl Fn(&Scenario) -> bool) -> Vec<Outcome> {
    let all = scenario::read_all(&scenario::directory()).expect("scenarios");
    let mut work: Vec<Scenario> =
        all.into_iter().filter(|scenario| !LONG.contains(&scenario.name.as_str()) && chosen(scenario)).collect();
    work.reverse();
    let work = Mutex::new(work);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = work.lock().expect("work").pop() else { return };
                    let outcome = bench::run(&scenario, SEED);
                    done.lock().expect("done").push(outcome);
                }
            });
        }
    });
    done.into_inner().expect("outcomes")
}

#[test]
fn no_change_is_accused_where_none_is_guilty() {
    let outcomes = outcomes(|scenario| scenario.expect.class == "negative");
    assert!(outcomes.len() >= 30, "{} negative scenarios", outcomes.len());
    let wrong: Vec<String> = outcomes
        .iter()
        .filter_map(|outcome| Some(format!("{}: {}", outcome.scenario, outcome.false_accusation.as_ref()?)))
        .collect();
    assert!(wrong.is_empty(), "seed {SEED}: {wrong:#?}");
}

/// The control of the test above: an engine that never accuses would pass it.
#[test]
fn the_guilty_input_is_named_where_it_can_be_told() {
    const TOLD: [&str; 12] = [
        "p1-panic-storm",
        "p2-silent-zero",
        "p3-mixed-engines",
        "p4-alternating-two-hashes",
        "p7-staged",
        "p13-crash-loop-agent",
        "p15-refused",
        "p16-empty",
        "p17-split",
        "p18-data-and-code",
        "d3-flag-staged",
        "n3-deploy",
    ];
    let outcomes = outcomes(|scenario| TOLD.contains(&scenario.name.as_str()));
    assert_eq!(outcomes.len(), TOLD.len());
    for outcome in outcomes {
        assert!(outcome.right, "{} seed {SEED}: {} / {}", outcome.scenario, outcome.answered, outcome.admissible);
        assert_eq!(outcome.false_accusation, None, "{} seed {SEED}", outcome.scenario);
        assert_eq!(outcome.wrong_exoneration, None, "{} seed {SEED}", outcome.scenario);
    }
}
