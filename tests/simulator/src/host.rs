//! One host over time: what happens to it when. Its process's life, the effects that hold on it and what it reports have
//! files of their own below.

use crate::counts::Counts;
use crate::plan::{Happening, HostPlan, Plan};
use crate::random::Random;
use crate::telemetry::{Sender, Telemetry};
use crate::truth::Truth;
use firstbad_diagnosis::observation::{Dimensions, Name, Observation, Source};
use firstbad_protocol::Hash;
use life::Switch;
use std::collections::BTreeMap;
use std::sync::Arc;

mod holds;
mod life;
mod report;

/// What a host shares with the others while time passes.
pub struct Context<'a> {
    /// The run.
    pub plan: &'a Plan,
    /// The way to the engine.
    pub telemetry: &'a mut Telemetry,
    /// What really happened.
    pub truth: &'a mut Truth,
    /// Per region: factor of traffic, factor of errors, tilt of scores.
    pub weather: &'a [(f64, f64, f64)],
}

/// An effect's hold on a host.
#[derive(Clone, Copy, Debug)]
struct Hold {
    since: f64,
    start: f64,
    /// Outlives the version until a restart.
    poisoned: bool,
}

/// A version in use.
#[derive(Clone, Copy, Debug)]
struct Active {
    version: usize,
    since: f64,
}

/// One host.
#[derive(Debug)]
pub struct Host {
    index: usize,
    agenda: BTreeMap<(i64, u64), (f64, Happening)>,
    planned: u64,
    binary: Name,
    dimensions: Dimensions,
    instance: Name,
    lives: u32,
    up: bool,
    cursor: f64,
    report_start: f64,
    report_end: f64,
    /// Versions of which the last report told the facts.
    told: Vec<usize>,
    active: Vec<Option<Active>>,
    offered: Vec<usize>,
    changes: Vec<(usize, f64)>,
    holds: Vec<Option<Hold>>,
    counts: Counts,
    random: Random,
    pace: f64,
    errors: f64,
    speed: f64,
    cpu: f64,
    memory: f64,
    restarted: bool,
    backoff: f64,
    refetched: f64,
    panics_told: u32,
    refusal: Option<Name>,
}

fn key(at: f64, number: u64) -> (i64, u64) {
    ((at * 1e9) as i64, number)
}

impl Host {
    /// Host number `index` at second 0.
    #[must_use]
    pub fn new(plan: &Plan, index: usize, host: &HostPlan) -> Self {
        let mut random = Random::fork(plan.seed, &host.name);
        let agenda = host.agenda.iter().enumerate();
        let versions = if host.downstream { Vec::new() } else { plan.configs.iter().map(|c| c.initial).collect() };
        let mut this = Self {
            index,
            agenda: agenda.map(|(i, (at, what))| (key(*at, i as u64), (*at, what.clone()))).collect(),
            planned: host.agenda.len() as u64,
            binary: host.binary.clone(),
            dimensions: Arc::default(),
            instance: format!("{}:{}", host.name, 1000 + random.below(30_000)).into(),
            lives: 0,
            up: true,
            // A process that ran before the data begin sends whole spans only.
            cursor: host.phase_s,
            report_start: host.phase_s,
            report_end: host.phase_s + plan.interval_s,
            told: Vec::new(),
            active: versions.iter().map(|version| Some(Active { version: *version, since: -1000.0 })).collect(),
            offered: versions,
            changes: Vec::new(),
            holds: vec![None; plan.effects.len()],
            counts: Counts::default(),
            pace: 1.0,
            errors: 1.0,
            speed: random.lognormal(0.15),
            cpu: random.between(0.25, 0.45),
            memory: random.between(0.25, 0.4),
            restarted: false,
            backoff: 1.0,
            refetched: 0.0,
            panics_told: 0,
            refusal: None,
            random,
        };
        this.look_at_dimensions(plan);
        this.refresh(plan, 0.0, &mut Truth::default());
        this
    }

    fn plan<'a>(&self, plan: &'a Plan) -> Option<&'a HostPlan> {
        plan.hosts.get(self.index)
    }

    fn look_at_dimensions(&mut self, plan: &Plan) {
        let host = self.plan(plan);
        let region =
            host.and_then(|host| plan.fleet.regions.get(host.region)).cloned().unwrap_or_else(|| "nowhere".into());
        let service = if host.is_some_and(|host| host.downstream) { "kv" } else { "edge" };
        self.dimensions = Arc::new(BTreeMap::from([
            ("cloud.region".into(), region),
            ("service.name".into(), service.into()),
            ("service.version".into(), self.binary.clone()),
        ]));
    }

    fn source(&self, plan: &Plan) -> Source {
        let host = self.plan(plan).map_or_else(|| "nobody".into(), |host| host.name.clone());
        Source::Instance { instance: self.instance.clone(), host }
    }

    /// Lets time pass until second `to`.
    pub fn advance(&mut self, context: &mut Context, to: f64) {
        loop {
            let next = self.agenda.first_key_value().map_or(f64::INFINITY, |(_, (at, _))| *at);
            if next.min(self.report_end) > to {
                return;
            }
            if next <= self.report_end {
                let Some((_, (at, happening))) = self.agenda.pop_first() else { return };
                self.count_until(context, at);
                self.happen(context, at, happening);
            } else {
                let end = self.report_end;
                self.count_until(context, end);
                self.report(context, end);
                self.report_end = end + context.plan.interval_s;
            }
        }
    }

    fn schedule(&mut self, at: f64, happening: Happening) {
        self.planned += 1;
        self.agenda.insert(key(at, self.planned), (at, happening));
    }

    fn happen(&mut self, context: &mut Context, at: f64, happening: Happening) {
        match happening {
            Happening::Deliver(version) => self.offer(context, at, version),
            Happening::Change(change) => self.change(context, at, Switch { change, on: true }),
            Happening::Undo(change) => self.change(context, at, Switch { change, on: false }),
            Happening::Restart => self.restart(context, at),
            Happening::Crash => self.crash(context, at),
            Happening::Up => self.come_up(context, at),
            Happening::Look => {}
        }
        self.refresh(context.plan, at, context.truth);
    }

    fn send(&self, context: &mut Context, at: f64, observation: Observation) {
        let sick = self.holds.iter().flatten().any(|hold| hold.start <= at);
        context.telemetry.send(context.plan, Sender { host: self.index, at, sick }, observation);
    }

    fn active_hashes(&self, plan: &Plan) -> Vec<(Name, Hash)> {
        self.active.iter().flatten().filter_map(|active| named(plan, active.version)).collect()
    }
}

fn named(plan: &Plan, version: usize) -> Option<(Name, Hash)> {
    let version = plan.versions.get(version)?;
    Some((plan.configs.get(version.config)?.name.clone(), version.hash))
}
