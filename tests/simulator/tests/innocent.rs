//! A thousand runs in which something innocent could be blamed: every scenario without a guilty change, and every one with
//! something innocent beside what is guilty, over seeds that no constant was chosen on. Nothing innocent may be accused, and
//! nothing guilty be exonerated. Ten thousand are the bench's to run (`firstbad-simulator --help`, `docs/engine-ledger.csv`).

#![expect(clippy::expect_used, reason = "a test may fail loudly")]

use firstbad_simulator::bench;
use firstbad_simulator::outcome::Outcome;
use firstbad_simulator::scenario::{self, Scenario};
use std::sync::Mutex;

/// First of the seeds.
const FIRST_SEED: u64 = 70_001;
/// Runs, at least.
const RUNS: usize = 1_000;
/// An hour of event time each: the bench runs it.
const LONG: &str = "null-wild";

/// Scenarios in which something innocent can be blamed.
fn innocent() -> Vec<Scenario> {
    let mut all = scenario::read_all(&scenario::directory()).expect("scenarios");
    all.retain(|scenario| scenario.name != LONG && scenario.is_of("negative,confounded"));
    all
}

#[test]
fn nothing_innocent_is_accused_in_a_thousand_runs() {
    let scenarios = innocent();
    let seeds = RUNS.div_ceil(scenarios.len()) as u64;
    let mut work: Vec<(usize, u64)> =
        (0..seeds).flat_map(|seed| (0..scenarios.len()).map(move |index| (index, FIRST_SEED + seed))).collect();
    work.reverse();
    let runs = work.len();
    let (work, done) = (Mutex::new(work), Mutex::new(Vec::<Outcome>::new()));
    let run_all = || {
        while let Some((index, seed)) = { work.lock().expect("work").pop() } {
            let outcome = bench::run(&scenarios[index], seed).outcome;
            done.lock().expect("done").push(outcome);
        }
    };
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(run_all))));
    let done = done.into_inner().expect("outcomes");
    assert!(done.len() == runs && runs >= RUNS, "{} of {runs} runs", done.len());
    let told = |outcome: &Outcome| {
        let (accused, exonerated) = (&outcome.false_accusation, &outcome.wrong_exoneration);
        let what = accused.as_ref().or(exonerated.as_ref())?;
        Some(format!("{} --first-seed {}: {what}", outcome.scenario, outcome.seed))
    };
    let wrong: Vec<String> = done.iter().filter_map(told).collect();
    println!("{runs} runs, seeds {FIRST_SEED} to {}: {} wrong", FIRST_SEED + seeds - 1, wrong.len());
    assert!(wrong.is_empty(), "{} of {runs} runs: {wrong:#?}", wrong.len());
    // The control: an engine that never accuses would pass all of the above.
    let guilty: Vec<&Outcome> = done.iter().filter(|outcome| outcome.class == "positive").collect();
    let named = guilty.iter().filter(|outcome| outcome.right).count();
    assert!(named * 10 >= guilty.len() * 8 && guilty.len() >= 100, "{named} of {} guilty versions", guilty.len());
}
