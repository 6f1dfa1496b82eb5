//! The way from a host to the engine: delay, loss, wrong clocks, missing events, lies. What is sent is decided in `host`.

use crate::plan::{Fault, Plan};
use crate::random::Random;
use firstbad_diagnosis::observation::{Observation, Outcomes, View};
use firstbad_protocol::Hash;
use std::collections::BTreeMap;

/// Observations on their way, by arrival.
#[derive(Debug)]
pub struct Telemetry {
    queue: BTreeMap<(i64, u64), Observation>,
    sent: u64,
    random: Random,
}

/// A host at the instant at which it sends something.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    /// Index of the host.
    pub host: usize,
    /// Second of the run.
    pub at: f64,
    /// Whether the host suffers.
    pub sick: bool,
}

impl Telemetry {
    /// An empty way.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { queue: BTreeMap::new(), sent: 0, random: Random::fork(seed, "telemetry") }
    }

    /// Takes what a host sends.
    pub fn send(&mut self, plan: &Plan, sender: Sender, mut observation: Observation) {
        let Sender { host, at, sick } = sender;
        let is_row = matches!(observation, Observation::Row(_));
        let mut late = if is_row { self.random.between(0.05, 0.8) } else { self.random.between(0.1, 2.0) };
        for fault in &plan.faults {
            let holds = fault.hosts.get(host).copied().unwrap_or(false) && at >= fault.window.0 && at < fault.window.1;
            if !holds {
                continue;
            }
            if lost(fault, &observation, sick, &mut self.random) {
                return;
            }
            late += delay(fault, &observation, &mut self.random);
            distort(fault, host, &mut observation, &mut self.random);
        }
        self.put(at + late, observation);
    }

    /// Takes what needs no host.
    pub fn put(&mut self, arrival: f64, observation: Observation) {
        self.sent += 1;
        self.queue.insert(((arrival * 1e9) as i64, self.sent), observation);
    }

    /// What arrives before second `to`.
    pub fn arrived(&mut self, to: f64) -> Vec<Observation> {
        let later = self.queue.split_off(&((to * 1e9) as i64, 0));
        std::mem::replace(&mut self.queue, later).into_values().collect()
    }
}

fn lost(fault: &Fault, observation: &Observation, sick: bool, r: &mut Random) -> bool {
    match fault.kind.as_str() {
        "lost" => r.chance(fault.strength),
        "sick_lost" => sick && r.chance(fault.strength),
        "no_loads" => matches!(observation, Observation::Load(_)) && r.chance(fault.strength),
        _ => false,
    }
}

fn delay(fault: &Fault, observation: &Observation, r: &mut Random) -> f64 {
    match fault.kind.as_str() {
        "late" => r.between(0.0, fault.strength),
        "late_loads" if matches!(observation, Observation::Load(_)) => r.between(0.25, 1.0) * fault.strength,
        _ => 0.0,
    }
}

fn distort(fault: &Fault, host: usize, observation: &mut Observation, r: &mut Random) {
    match fault.kind.as_str() {
        // Each host has an offset of its own within the strength; `jump` begins in the middle of the run.
        "skew" | "jump" => {
            let offset = (2.0 * Random::new(host as u64).unit() - 1.0) * fault.strength;
            shift(observation, (offset * 1e9) as i64);
        }
        "far" => shift(observation, (fault.strength * 1e9) as i64),
        "liar" => lie(observation),
        "flood" => flood(observation, r),
        "nan" => spoil(observation),
        "no_active" => {
            if let Observation::Row(row) = observation {
                row.active.clear();
            }
        }
        _ => {}
    }
}

fn shift(observation: &mut Observation, by: i64) {
    match observation {
        Observation::Row(row) => {
            row.span.start = row.span.start + by;
            row.span.end = row.span.end + by;
        }
        Observation::Load(load) => load.at = load.at + by,
        Observation::Panic(panic) => panic.at = panic.at + by,
        Observation::MorePanics(more) => {
            more.first.at = more.first.at + by;
            more.last = more.last + by;
        }
        Observation::Start(start) => start.at = start.at + by,
        Observation::Exit(exit) => exit.at = exit.at + by,
        Observation::Change(change) => change.at = change.at + by,
        Observation::Gap(gap) => gap.at = gap.at + by,
    }
}

/// A liar claims the opposite: where all is well, everything fails, and the other way round.
fn lie(observation: &mut Observation) {
    if let Observation::Row(row) = observation {
        let flip = |o: &mut Outcomes| *o = Outcomes { ok: o.failed(), denied: o.denied, error: o.ok, panic: 0 };
        row.totals.iter_mut().for_each(|total| flip(&mut total.outcomes));
        row.views.iter_mut().for_each(|view| flip(&mut view.outcomes));
        row.panics.clear();
    }
}

/// A flood names versions that nobody has.
fn flood(observation: &mut Observation, r: &mut Random) {
    if let Observation::Row(row) = observation {
        for _ in 0..50 {
            let hash = Hash::of(&r.bits().to_le_bytes());
            let config = format!("junk\u{1b}[2J-{}", r.below(5)).into();
            let outcomes = Outcomes { ok: 1, error: 1, ..Outcomes::default() };
            row.views.push(View { config, hash, dimensions: Default::default(), outcomes });
        }
    }
}

fn spoil(observation: &mut Observation) {
    if let Observation::Row(row) = observation {
        row.cpu = Some(f64::NAN);
        row.memory = Some(-1.0);
        row.in_flight = Some(f64::INFINITY);
        if let Some(latency) = &mut row.latency {
            latency.sum = Some(f64::NEG_INFINITY);
        }
    }
}
