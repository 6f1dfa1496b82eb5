//! Prints what a run looks like from outside, minute by minute, so that a person can hold a scenario against the
//! signature it stands for. It judges nothing.

use crate::overrides::Overrides;
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::simulation::Simulation;
use firstbad_diagnosis::observation::{Observation, Row};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Sums of one minute.
#[derive(Debug, Default)]
struct Minute {
    requests: u64,
    errors: u64,
    panics: u64,
    scores: u64,
    zeros: u64,
    high: u64,
    latency: f64,
    cpu: f64,
    memory: f64,
    rows: f64,
    hosts: BTreeSet<String>,
    loads: usize,
    refused: usize,
    exits: usize,
    changes: usize,
}

impl Minute {
    fn take(&mut self, row: &Row) {
        for total in &row.totals {
            self.requests += total.outcomes.all();
            self.errors += total.outcomes.error;
            self.panics += total.outcomes.panic;
        }
        for scores in &row.scores {
            self.scores += scores.histogram.counts.iter().sum::<u64>() + scores.sentinel;
            self.zeros += scores.sentinel + scores.histogram.counts.first().copied().unwrap_or(0);
            self.high += scores.histogram.counts.iter().skip(6).sum::<u64>();
        }
        self.latency += row.latency.as_ref().and_then(|latency| latency.sum).unwrap_or(0.0);
        self.cpu += row.cpu.unwrap_or(0.0);
        self.memory += row.memory.unwrap_or(0.0) / 2.0e9;
        self.rows += 1.0;
        if let firstbad_diagnosis::observation::Source::Instance { host, .. } = &row.source {
            self.hosts.insert(host.to_string());
        }
    }
}

/// The table of run `seed`.
#[must_use]
pub fn text(scenario: &Scenario, seed: u64, overrides: Overrides) -> String {
    let plan = Plan::draw(scenario, seed, overrides);
    let mut simulation = Simulation::new(&plan);
    let mut out = format!(
        "{} seed {seed}: {} hosts, interval {} s, regions {}, configs {}\n minute  hosts     rps  error%  panic%   zero%   high%  lat ms   cpu   mem  loads refus exits chang exposed\n",
        scenario.name,
        plan.hosts.len(),
        plan.interval_s,
        plan.fleet.regions.len(),
        plan.configs.len()
    );
    let mut at = 0.0;
    while at < plan.length_s {
        at += 60.0;
        let mut minute = Minute::default();
        for observation in simulation.step(at) {
            match &observation {
                Observation::Row(row) => minute.take(row),
                Observation::Load(load) if load.result.is_none_or(|result| result.is_refusal()) => minute.refused += 1,
                Observation::Load(_) => minute.loads += 1,
                Observation::Exit(_) => minute.exits += 1,
                Observation::Change(_) => minute.changes += 1,
                _ => {}
            }
        }
        line(&mut out, at / 60.0, &minute, simulation.truth().hosts_exposed());
    }
    out
}

fn line(out: &mut String, number: f64, m: &Minute, exposed: usize) {
    let share = |part: u64, of: u64| if of == 0 { 0.0 } else { 100.0 * part as f64 / of as f64 };
    let _ = writeln!(
        out,
        "{number:>7.0} {:>6} {:>7.0} {:>7.3} {:>7.2} {:>7.2} {:>7.1} {:>7.1} {:>5.2} {:>5.2} {:>6} {:>5} {:>5} {:>5} {exposed:>7}",
        m.hosts.len(),
        m.requests as f64 / 60.0,
        share(m.errors, m.requests),
        share(m.panics, m.requests),
        share(m.zeros, m.scores),
        share(m.high, m.scores),
        1000.0 * m.latency / m.requests.max(1) as f64,
        m.cpu / m.rows.max(1.0),
        m.memory / m.rows.max(1.0),
        m.loads,
        m.refused,
        m.exits,
        m.changes
    );
}
