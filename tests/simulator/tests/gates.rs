//! One seed of every scenario, run once and held against four things: no change is accused where none is guilty and none is
//! exonerated where one is; the guilty one is named where it can be told; the verdict reads as it was last reviewed
//! (`tests/golden`); and what was seen stays seen when the fleet recovers afterwards. How often the guilty
//! one is named is the bench's to measure (`firstbad-simulator --help`).

#![expect(clippy::expect_used, reason = "a test may fail loudly")]

use firstbad_simulator::constancy::Kept;
use firstbad_simulator::outcome::Outcome;
use firstbad_simulator::scenario::{self, Scenario};
use firstbad_simulator::{bench, golden};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// Fixed, so that a failure is the engine's and not the draw's.
const SEED: u64 = 31;
/// Hours of event time: the bench and the end-to-end tests run them.
const LONG: [&str; 3] = ["null-wild", "replay-cf-2025-11-18-fresh-hashes", "replay-cf-2025-11-18-two-hashes"];
/// Writes what the engine says now instead of comparing: `FIRSTBAD_BLESS=1 cargo test -p firstbad-simulator --test gates`.
const BLESS: &str = "FIRSTBAD_BLESS";

struct Seen {
    outcome: Outcome,
    text: String,
    kept: Kept,
}

/// Every scenario, run once for all tests of this file.
fn seen() -> &'static [Seen] {
    static SEEN: OnceLock<Vec<Seen>> = OnceLock::new();
    SEEN.get_or_init(|| {
        let mut work = scenario::read_all(&scenario::directory()).expect("scenarios");
        work.retain(|scenario| !LONG.contains(&scenario.name.as_str()));
        work.reverse();
        let (work, done) = (Mutex::new(work), Mutex::new(Vec::new()));
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(|| run_all(&work, &done)))));
        let mut done: Vec<Seen> = done.into_inner().expect("outcomes");
        done.sort_by(|a, b| a.outcome.scenario.cmp(&b.outcome.scenario));
        done
    })
}

fn run_all(work: &Mutex<Vec<Scenario>>, done: &Mutex<Vec<Seen>>) {
    loop {
        let Some(scenario) = work.lock().expect("work").pop() else { return };
        let run = bench::run_and_recover(&scenario, SEED);
        let text = golden::text(&scenario, &run);
        done.lock().expect("done").push(Seen { outcome: run.outcome, text, kept: run.kept });
    }
}

#[test]
fn no_change_is_accused_where_none_is_guilty() {
    let innocent: Vec<&Seen> = seen().iter().filter(|seen| seen.outcome.class == "negative").collect();
    assert!(innocent.len() >= 30, "{} negative scenarios", innocent.len());
    let accused =
        |seen: &&Seen| Some(format!("{}: {}", seen.outcome.scenario, seen.outcome.false_accusation.as_ref()?));
    let wrong: Vec<String> = innocent.iter().filter_map(accused).collect();
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
    let outcomes = seen().iter().map(|seen| &seen.outcome).filter(|outcome| TOLD.contains(&outcome.scenario.as_str()));
    let outcomes: Vec<&Outcome> = outcomes.collect();
    assert_eq!(outcomes.len(), TOLD.len());
    for outcome in outcomes {
        assert!(outcome.right, "{} seed {SEED}: {} / {}", outcome.scenario, outcome.answered, outcome.admissible);
        assert_eq!(outcome.false_accusation, None, "{} seed {SEED}", outcome.scenario);
        assert_eq!(outcome.wrong_exoneration, None, "{} seed {SEED}", outcome.scenario);
    }
}

fn golden_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden")
}

#[test]
fn every_verdict_reads_as_it_was_last_reviewed() {
    let directory = golden_directory();
    let file = |seen: &Seen| directory.join(format!("{}.txt", seen.outcome.scenario));
    if std::env::var_os(BLESS).is_some() {
        std::fs::create_dir_all(&directory).expect("the golden directory");
        seen().iter().for_each(|seen| std::fs::write(file(seen), &seen.text).expect("writing a golden file"));
    }
    let changed = |seen: &Seen| {
        let before = std::fs::read_to_string(file(seen)).unwrap_or_default();
        (before != seen.text)
            .then(|| format!("{}:\n{}", seen.outcome.scenario, golden::difference(&before, &seen.text)))
    };
    let mut wrong: Vec<String> = seen().iter().filter_map(changed).collect();
    let known: Vec<PathBuf> = seen().iter().map(file).collect();
    let found = std::fs::read_dir(&directory).expect("the golden directory").flatten().map(|entry| entry.path());
    let stale = found.filter(|path| path.extension().is_some_and(|end| end == "txt") && !known.contains(path));
    wrong.extend(stale.map(|path| format!("{}: no such scenario", path.display())));
    assert!(
        wrong.is_empty(),
        "{} verdicts read differently; review them, then {BLESS}=1 writes them:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// Incidents that must be named when all failing is over, so that the test below compares something. 72 were seen.
const NAMED_MIN: usize = 50;

/// Missing data, recovery and rollback weaken no verdict (contract, section 6). All fleets recover after the end of their
/// scenario. That a broken promise is seen is tested in `constancy`.
#[test]
fn what_was_seen_stays_seen_when_the_fleet_recovers() {
    let words = |seen: &'static Seen| {
        seen.kept.lapses.iter().map(move |lapse| format!("{} --first-seed {SEED}: {lapse}", seen.outcome.scenario))
    };
    let lapses: Vec<String> = seen().iter().flat_map(words).collect();
    let sum = |of: fn(&Kept) -> usize| seen().iter().map(|seen| of(&seen.kept)).sum::<usize>();
    let named = sum(|kept| kept.causes_after);
    println!(
        "seed {SEED}, {} scenarios: {} comparisons, {named} incidents named when all failing was over, {} verdicts weakened \
         before, {} lapses",
        seen().len(),
        sum(|kept| kept.compared),
        sum(|kept| kept.weakened_before),
        lapses.len()
    );
    assert!(named >= NAMED_MIN, "only {named} incidents were named");
    assert!(lapses.is_empty(), "{} promises broken:\n{}", lapses.len(), lapses.join("\n"));
}
