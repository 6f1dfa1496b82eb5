//! Runs scenarios through the engine. What is admissible is fixed by the scenario; what came out is `judge`'s to say.

use crate::args::Args;
use crate::compare::Comparison;
use crate::constancy::{self, Constancy, Kept};
use crate::judge::{Judge, in_words};
use crate::outcome::Outcome;
use crate::overrides::Overrides;
use crate::plan::Plan;
use crate::recovery;
use crate::scenario::Scenario;
use crate::simulation::{Simulation, step_s};
use crate::truth::Truth;
use firstbad_diagnosis::{Engine, Settings};
use firstbad_protocol::verdict::Diagnosis;
use std::time::Instant;

/// One run: what was drawn, what the engine said at the end, and what that came to.
#[derive(Debug)]
pub struct Run {
    /// What was drawn.
    pub plan: Plan,
    /// The last diagnosis.
    pub diagnosis: Diagnosis,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether what was said of an incident stayed said; empty unless the fleet recovers.
    pub kept: Kept,
}

/// CPU time of this thread, ns, where the kernel tells (it is brought up to date a few hundred times a second, which evens
/// out over the ticks of a run); wall time elsewhere.
fn cpu_ns(since: Instant) -> u64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = told.as_deref().and_then(|text| text.split(' ').next()?.parse().ok());
    first.unwrap_or_else(|| u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

/// Runs `scenario` with `seed` and judges it.
#[must_use]
pub fn run(scenario: &Scenario, seed: u64) -> Run {
    run_with(scenario, seed, &Args::default())
}

/// As [`run`], and then lets the fleet recover. Diagnosis and outcome are those of the scenario's end; whether what was said
/// stayed said is watched until the end of the recovery.
#[must_use]
pub fn run_and_recover(scenario: &Scenario, seed: u64) -> Run {
    let mut plan = Plan::draw(scenario, seed, Overrides::NONE);
    recovery::add(&mut plan);
    let ends_s = recovery::ends_s(&plan);
    drive(scenario, Course { plan, seed, recovers_s: Some(ends_s) }, &Args::default())
}

fn engine(plan: &Plan) -> Engine {
    let dimensions = Some(plan.fleet.cell_key.clone()).filter(|key| !key.is_empty());
    Engine::new(Settings { dimensions: dimensions.into_iter().collect(), ..Settings::default() })
}

/// As [`run`], with what the command line overrides.
#[must_use]
pub fn run_with(scenario: &Scenario, seed: u64, args: &Args) -> Run {
    let plan = Plan::draw(scenario, seed, args.overrides);
    drive(scenario, Course { plan, seed, recovers_s: None }, args)
}

/// What is run.
struct Course {
    plan: Plan,
    seed: u64,
    /// Second to which the run goes on after the end of the scenario, if the fleet recovers.
    recovers_s: Option<f64>,
}

fn drive(scenario: &Scenario, course: Course, args: &Args) -> Run {
    let Course { plan, seed, recovers_s } = course;
    let mut engine = engine(&plan);
    let mut simulation = Simulation::new(&plan);
    let mut judge = Judge::new(scenario, &plan, seed);
    let mut comparison = args.simple.then(|| Comparison::new(&plan));
    let mut constancy = Constancy::default();
    let mut diagnosis = engine.diagnosis();
    let mut engine_ns = 0;
    let mut cost = Cost::default();
    let step = step_s(plan.interval_s);
    let mut at = 0.0;
    let start = Instant::now();
    let mut trace = Trace { scenario, seed, plan: &plan, said: Vec::new() };
    while at < plan.length_s {
        at += step;
        let observations = simulation.step(at);
        let begun = cpu_ns(start);
        engine.apply(&observations);
        let applied = cpu_ns(start);
        engine.tick(plan.at(at));
        let ticked = cpu_ns(start);
        diagnosis = engine.diagnosis();
        engine_ns += cpu_ns(start).saturating_sub(begun);
        cost.add(&diagnosis, observations.len(), [begun, applied, ticked]);
        judge.watch(&diagnosis, at, simulation.truth());
        if recovers_s.is_some() {
            constancy.watch(&diagnosis, at);
        }
        if let Some(comparison) = &mut comparison {
            comparison.take(&observations, &diagnosis, at);
        }
        if args.trace {
            trace.print(&diagnosis, at, simulation.truth());
        }
    }
    if let Some(comparison) = comparison {
        judge.compare(comparison.named(&plan, simulation.truth()));
    }
    let mut outcome = judge.finish(&diagnosis, simulation.truth());
    outcome.engine_ns = engine_ns;
    (outcome.taking, outcome.quiet, outcome.diagnosing) = (cost.taking, cost.quiet, cost.diagnosing);
    while recovers_s.is_some_and(|ends_s| at < ends_s) {
        at += step;
        engine.apply(&simulation.step(at));
        engine.tick(plan.at(at));
        constancy.watch(&engine.diagnosis(), at);
    }
    let kept = constancy.finish(constancy::settled_s(&plan, simulation.truth()));
    drop(simulation);
    Run { plan, diagnosis, outcome, kept }
}

/// Prints each change of the answer over time.
struct Trace<'a> {
    /// What is run.
    scenario: &'a Scenario,
    /// With which seed.
    seed: u64,
    /// What was drawn.
    plan: &'a Plan,
    /// The incidents last printed, in words.
    said: Vec<String>,
}

impl Trace<'_> {
    /// Prints the answer of second `at` if it is not the one before.
    fn print(&mut self, diagnosis: &Diagnosis, at: f64, truth: &Truth) {
        let words: Vec<String> = diagnosis
            .incidents
            .iter()
            .map(|incident| format!("{} {}", incident.id, in_words(incident, self.plan)))
            .collect();
        if words != self.said {
            let (name, seed, exposed) = (&self.scenario.name, self.seed, truth.hosts_exposed());
            println!("{name} {seed} {at:>6.0} s exposed {exposed:>4}: {}", words.join(" + "));
            self.said = words;
        }
    }
}

/// What the engine's parts cost: sums of ns, and how often.
#[derive(Debug, Default)]
struct Cost {
    taking: (u64, u64),
    quiet: (u64, u64),
    diagnosing: (u64, u64),
}

impl Cost {
    fn add(&mut self, diagnosis: &Diagnosis, observations: usize, [begun, applied, ticked]: [u64; 3]) {
        self.taking.0 += applied.saturating_sub(begun);
        self.taking.1 += observations as u64;
        let open = diagnosis.incidents.iter().any(|incident| incident.resolved_at.is_none());
        let sum = if open { &mut self.diagnosing } else { &mut self.quiet };
        sum.0 += ticked.saturating_sub(applied);
        sum.1 += 1;
    }
}

/// Judges a final diagnosis that came another way, such as `firstbad diagnose` over a capture of the same run.
#[must_use]
pub fn judge_final(scenario: &Scenario, seed: u64, diagnosis: &Diagnosis) -> Outcome {
    let plan = Plan::draw(scenario, seed, Overrides::NONE);
    let mut simulation = Simulation::new(&plan);
    let mut at = 0.0;
    while at < plan.length_s {
        at += step_s(plan.interval_s);
        let _ = simulation.step(at);
    }
    let mut judge = Judge::new(scenario, &plan, seed);
    judge.watch(diagnosis, plan.length_s, simulation.truth());
    judge.finish(diagnosis, simulation.truth())
}
