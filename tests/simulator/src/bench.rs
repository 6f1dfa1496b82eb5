//! Runs scenarios through the engine. What is admissible is fixed by the scenario; what came out is `judge`'s to say.

use crate::args::Args;
use crate::judge::{Judge, Outcome, in_words};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::simulation::Simulation;
use firstbad_diagnosis::{Engine, Settings};
use std::time::Instant;

/// Seconds of event time between two ticks, as the collector's group commits: half a report interval, 1 to 5 s.
fn step_s(interval_s: f64) -> f64 {
    (interval_s / 2.0).clamp(1.0, 5.0).floor()
}

/// Runs `scenario` with `seed` and judges it.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> Outcome {
    run_with(scenario, seed, &Args::default())
}

/// As [`run`], with what the command line overrides.
#[must_use]
pub fn run_with(scenario: &Scenario, seed: u64, args: &Args) -> Outcome {
    let plan = Plan::draw(scenario, seed, args.overrides);
    let mut dimensions = Vec::new();
    if !plan.fleet.cell_key.is_empty() {
        dimensions.push(plan.fleet.cell_key.clone());
    }
    let mut engine = Engine::new(Settings { dimensions, ..Settings::default() });
    let mut simulation = Simulation::new(&plan);
    let mut judge = Judge::new(scenario, &plan, seed);
    let mut diagnosis = engine.diagnosis();
    let mut engine_ns = 0;
    let step = step_s(plan.interval_s);
    let mut at = 0.0;
    let mut said = Vec::new();
    while at < plan.length_s {
        at += step;
        let observations = simulation.step(at);
        let begun = Instant::now();
        engine.apply(&observations);
        engine.tick(plan.at(at));
        diagnosis = engine.diagnosis();
        engine_ns += u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        judge.watch(&diagnosis, at, simulation.truth());
        if args.trace {
            let words: Vec<String> = diagnosis.incidents.iter().map(|i| format!("{} {}", i.id, in_words(i, &plan))).collect();
            if words != said {
                println!("{} {seed} {at:>6.0} s exposed {:>4}: {}", scenario.name, simulation.truth().hosts_exposed(), words.join(" + "));
                said = words;
            }
        }
    }
    let mut outcome = judge.finish(&diagnosis, simulation.truth());
    outcome.engine_ns = engine_ns;
    outcome
}
