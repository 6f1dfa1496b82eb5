//! One host over time: what it has loaded, what effects hold on it, when its process dies and comes back, what it sends.

use crate::counts::{Counts, Failure, Modifiers, Stretch};
use crate::effect::Kind;
use crate::plan::{Happening, HostPlan, Plan};
use crate::random::Random;
use crate::telemetry::Telemetry;
use crate::truth::Truth;
use firstbad_diagnosis::observation::{
    Change, Dimensions, Exit, Facts, Load, Name, Observation, Panic, Row, Source, Start,
};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::Span;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    reports: u64,
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
            cursor: 0.0,
            report_start: 0.0,
            report_end: if host.phase_s > 0.0 { host.phase_s } else { plan.interval_s },
            reports: 0,
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
        let region = host.and_then(|host| plan.fleet.regions.get(host.region)).cloned().unwrap_or_else(|| "nowhere".into());
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
            Happening::Change(change) => self.change(context, at, (change, true)),
            Happening::Undo(change) => self.change(context, at, (change, false)),
            Happening::Restart => self.restart(context, at),
            Happening::Crash => self.crash(context, at),
            Happening::Up => self.come_up(context, at),
            Happening::Look => {}
        }
        self.refresh(context.plan, at, context.truth);
    }

    fn offer(&mut self, context: &mut Context, at: f64, version: usize) {
        let Some(config) = context.plan.versions.get(version).map(|version| version.config) else { return };
        if let Some(slot) = self.offered.get_mut(config) {
            *slot = version;
        }
        if self.up {
            self.load(context, at, version);
        }
    }

    /// Loads a version; false if the process died of it.
    fn load(&mut self, context: &mut Context, at: f64, version: usize) -> bool {
        let Some(known) = context.plan.versions.get(version) else { return true };
        context.truth.load(version, at);
        let config = known.config;
        let before = self.active.get(config).copied().flatten();
        let previous = before.and_then(|active| context.plan.versions.get(active.version)).map(|version| version.hash);
        let verdict = self.fate(context, at, version);
        let (result, reason, error) = match verdict {
            Fate::Dies => {
                self.send_load(context, at, (version, None, previous), (None, None));
                self.die(context, at + 0.2, (Some(6), Some(version)));
                return false;
            }
            Fate::Refused(message) => (LoadResult::KeptLastGood, Some(Name::from("parse")), Some(message)),
            Fate::Loaded if before.is_some_and(|active| active.version == version) => (LoadResult::Unchanged, None, None),
            Fate::Loaded => (LoadResult::Applied, None, None),
        };
        if result == LoadResult::Applied
            && let Some(slot) = self.active.get_mut(config)
        {
            *slot = Some(Active { version, since: at });
        }
        self.send_load(context, at, (version, Some(result), previous), (reason, error));
        true
    }

    fn fate(&mut self, context: &mut Context, at: f64, version: usize) -> Fate {
        let tag = context.plan.versions.get(version).and_then(|version| version.tag.as_deref());
        for effect in &context.plan.effects {
            let hits = tag.is_some()
                && effect.loads.as_deref() == tag
                && effect.hosts.get(self.index) == Some(&true)
                && effect.binary.as_deref().is_none_or(|binary| *binary == *self.binary)
                && matches!(effect.kind, Kind::CrashOnLoad | Kind::Refuse)
                && at >= effect.from_s
                && at < effect.until_s
                && self.random.chance(effect.strength);
            if hits {
                context.truth.expose(self.index, at);
                context.truth.suffer(self.index, at);
                return if effect.kind == Kind::Refuse { Fate::Refused(effect.message.clone()) } else { Fate::Dies };
            }
        }
        Fate::Loaded
    }

    fn send_load(
        &mut self,
        context: &mut Context,
        at: f64,
        (version, result, previous): (usize, Option<LoadResult>, Option<Hash>),
        (reason, error): (Option<Name>, Option<Name>),
    ) {
        let Some(known) = context.plan.versions.get(version) else { return };
        let config = context.plan.configs.get(known.config).map_or_else(|| "?".into(), |config| config.name.clone());
        let load = Load {
            at: context.plan.at(at),
            source: self.source(context.plan),
            dimensions: self.dimensions.clone(),
            config,
            hash: known.hash,
            result,
            reason,
            error,
            previous,
            facts: known.facts.clone(),
        };
        self.send(context, at, Observation::Load(load));
    }

    fn send(&self, context: &mut Context, at: f64, observation: Observation) {
        let sick = self.holds.iter().flatten().any(|hold| hold.start <= at);
        context.telemetry.send(context.plan, (self.index, at, sick), observation);
    }

    fn change(&mut self, context: &mut Context, at: f64, (index, on): (usize, bool)) {
        let Some(known) = context.plan.changes.get(index) else { return };
        self.changes.retain(|(other, _)| *other != index);
        if on {
            self.changes.push((index, at));
        }
        if known.per_host && on {
            let change = Change {
                at: context.plan.at(at),
                source: Some(self.source(context.plan)),
                dimensions: self.dimensions.clone(),
                kind: known.kind.as_str().into(),
                id: known.tag.as_str().into(),
                target: known.target.as_str().into(),
                description: format!("{} {}", known.kind, known.target).into(),
                version: None,
            };
            self.send(context, at, Observation::Change(change));
        }
        match known.kind.as_str() {
            "deploy" => {
                let before = self.plan(context.plan).map(|host| host.binary.clone());
                self.binary = if on { known.target.as_str().into() } else { before.unwrap_or_else(|| self.binary.clone()) };
                self.restart(context, at);
            }
            "restart" => self.restart(context, at),
            _ => {}
        }
    }

    fn restart(&mut self, context: &mut Context, at: f64) {
        if !self.up {
            return;
        }
        self.flush(context, at);
        let exit = self.exit(context.plan, at, (true, None, None));
        self.send(context, at, Observation::Exit(exit));
        self.up = false;
        let pause = self.random.between(1.0, 5.0);
        self.schedule(at + pause, Happening::Up);
    }

    fn crash(&mut self, context: &mut Context, at: f64) {
        if self.up {
            context.truth.suffer(self.index, at);
            self.die(context, at, (Some(11), None));
        }
    }

    fn die(&mut self, context: &mut Context, at: f64, (signal, loading): (Option<i32>, Option<usize>)) {
        if context.plan.fleet.agent {
            self.flush(context, at);
            let exit = self.exit(context.plan, at, (false, signal, loading));
            self.send(context, at, Observation::Exit(exit));
        }
        self.counts = Counts::default();
        self.up = false;
        let wait = self.backoff * self.random.between(0.8, 1.2);
        self.backoff = if loading.is_some() { (self.backoff * 2.0).min(300.0) } else { self.random.between(2.0, 8.0) };
        self.schedule(at + wait.max(0.5), Happening::Up);
    }

    fn exit(&self, plan: &Plan, at: f64, (clean, signal, loading): (bool, Option<i32>, Option<usize>)) -> Exit {
        Exit {
            at: plan.at(at),
            source: self.source(plan),
            dimensions: self.dimensions.clone(),
            clean,
            signal,
            active: self.active_hashes(plan),
            loading: loading.and_then(|version| named(plan, version)),
        }
    }

    fn active_hashes(&self, plan: &Plan) -> Vec<(Name, Hash)> {
        self.active.iter().flatten().filter_map(|active| named(plan, active.version)).collect()
    }

    fn come_up(&mut self, context: &mut Context, at: f64) {
        self.lives += 1;
        if context.plan.fleet.new_ids {
            self.instance = format!("{}:{}", self.plan(context.plan).map_or("?", |host| &*host.name), 40_000 + self.lives).into();
        }
        self.look_at_dimensions(context.plan);
        self.up = true;
        self.restarted = true;
        self.cursor = at;
        self.report_start = at;
        self.active.iter_mut().for_each(|slot| *slot = None);
        self.holds.iter_mut().for_each(|hold| *hold = None);
        let start =
            Start { at: context.plan.at(at), source: self.source(context.plan), dimensions: self.dimensions.clone() };
        self.send(context, at, Observation::Start(start));
        for version in self.offered.clone() {
            if !self.load(context, at + 0.05, version) {
                return;
            }
        }
        self.backoff = 1.0;
    }

    /// Looks anew at which effects hold.
    fn refresh(&mut self, plan: &Plan, at: f64, truth: &mut Truth) {
        for (index, effect) in plan.effects.iter().enumerate() {
            let exposed = self.exposed_since(plan, index).filter(|_| self.up);
            let before = self.holds.get(index).copied().flatten();
            let now = match (before, exposed) {
                (Some(hold), Some(since)) if since <= hold.since || effect.for_s.is_infinite() => Some(hold),
                (None, None) => None,
                (Some(hold), None) => {
                    let stays = self.up && (hold.poisoned || self.random.chance(effect.poison_share)) && hold.start <= at;
                    stays.then_some(Hold { poisoned: true, ..hold })
                }
                (_, Some(since)) => {
                    let start = since + effect.after_s.draw(&mut self.random);
                    if effect.is_guilty() && at >= effect.from_s && at < effect.until_s {
                        truth.expose(self.index, since.max(0.0));
                    }
                    self.foresee(plan, index, start.max(effect.from_s));
                    Some(Hold { since, start, poisoned: false })
                }
            };
            if let Some(slot) = self.holds.get_mut(index) {
                *slot = now;
            }
        }
    }

    /// Puts the instants on the agenda at which an effect that now holds changes what the host does.
    fn foresee(&mut self, plan: &Plan, index: usize, start: f64) {
        let Some(effect) = plan.effects.get(index) else { return };
        let until = effect.until_s;
        match effect.kind {
            Kind::Crash if start < until => self.schedule(start, Happening::Crash),
            Kind::Leak if effect.strength > 0.0 => {
                let full = start + (1.0 - self.memory) / (effect.strength * self.thirst(plan)) * 60.0;
                if full < until {
                    self.schedule(full, Happening::Crash);
                }
            }
            _ => {}
        }
        for at in [start, until, start + effect.for_s] {
            if at > self.cursor && at.is_finite() {
                self.schedule(at, Happening::Look);
            }
        }
    }

    /// How fast a leak goes here: with traffic, so that quiet hosts survive.
    fn thirst(&self, plan: &Plan) -> f64 {
        let mean = plan.hosts.iter().map(|host| host.rps).sum::<f64>() / plan.hosts.len().max(1) as f64;
        self.plan(plan).map_or(1.0, |host| (host.rps / mean).clamp(0.2, 3.0))
    }

    fn exposed_since(&self, plan: &Plan, index: usize) -> Option<f64> {
        let effect = plan.effects.get(index)?;
        if effect.hosts.get(self.index) != Some(&true) || effect.binary.as_deref().is_some_and(|binary| *binary != *self.binary) {
            return None;
        }
        let mut since = 0.0_f64;
        if effect.loads.as_deref() == Some("*") {
            since = since.max(self.active.first().copied().flatten().filter(|active| active.since > 0.0)?.since);
        } else if effect.loads.is_some() {
            let tagged = |active: &&Active| plan.versions.get(active.version).is_some_and(|v| v.tag == effect.loads);
            since = since.max(self.active.iter().flatten().find(tagged)?.since);
        }
        if effect.stale {
            let active = self.active.first().copied().flatten()?;
            self.offered.first().filter(|offered| **offered != active.version)?;
            since = since.max(effect.from_s);
        }
        if let Some(change) = effect.change {
            since = since.max(self.changes.iter().find(|(other, _)| *other == change)?.1);
        }
        Some(since)
    }

    fn count_until(&mut self, context: &mut Context, at: f64) {
        let seconds = at - self.cursor;
        if seconds <= 0.0 {
            return;
        }
        let middle = self.cursor + seconds / 2.0;
        let from = std::mem::replace(&mut self.cursor, at);
        if !self.up {
            return;
        }
        let plan = context.plan;
        let Some(host) = self.plan(plan) else { return };
        let modifiers = self.modifiers(context, (from, middle));
        let day = 1.0 + plan.fleet.day.1 * (core::f64::consts::TAU * (middle / 86_400.0 + plan.fleet.day.0)).sin();
        let active: Vec<Option<usize>> = self.active.iter().map(|slot| slot.map(|active| active.version)).collect();
        let stretch = Stretch {
            plan,
            seconds,
            rate: host.rps * day * self.pace,
            error_share: host.error_share * self.errors,
            modifiers: &modifiers,
            active: &active,
        };
        self.counts.add(&stretch, &mut self.random);
        self.cpu_and_panics(context, (from, at), &modifiers);
    }

    fn modifiers(&mut self, context: &mut Context, (from, middle): (f64, f64)) -> Modifiers {
        let region = self.plan(context.plan).map_or(0, |host| host.region);
        let (traffic, errors, tilt) = context.weather.get(region).copied().unwrap_or((1.0, 1.0, 0.0));
        let mut m = Modifiers { traffic, errors, tilt, latency: self.speed, ..Modifiers::default() };
        for (effect, hold) in context.plan.effects.iter().zip(&self.holds) {
            let Some(hold) = hold else { continue };
            let level = effect.level(hold.start, middle);
            if level <= 0.0 {
                continue;
            }
            // A leak is a symptom once it has taken a good part of what was free.
            if effect.kind != Kind::Leak || effect.strength * self.thirst(context.plan) * (middle - hold.start) / 60.0 > 0.15 {
                context.truth.suffer(self.index, from);
            }
            let strength = effect.strength * level;
            let failure = |panic| Failure { config: effect.config, cells: effect.cells, panic, share: strength.min(1.0) };
            match effect.kind {
                Kind::Panic => m.failures.push(failure(Some(effect.site.clone()))),
                Kind::Error => m.failures.push(failure(None)),
                Kind::Zero => m.zero = m.zero.max(strength),
                Kind::Flagged => m.flagged = m.flagged.max(strength),
                Kind::Drift => m.tilt += strength,
                Kind::Latency => m.latency *= 1.0 + (effect.strength - 1.0) * level,
                Kind::Cpu => m.cpu = m.cpu.max(strength),
                Kind::Leak => m.memory += effect.strength * (middle - hold.start) / 60.0,
                Kind::Hang => m.hang = m.hang.max(strength),
                Kind::Traffic => m.traffic *= 1.0 + (effect.strength - 1.0) * level,
                Kind::Crash | Kind::CrashOnLoad | Kind::Refuse | Kind::Refetch => {}
            }
        }
        m
    }

    fn cpu_and_panics(&mut self, context: &mut Context, (from, to): (f64, f64), m: &Modifiers) {
        self.refetch(context, (from, to));
        let sites: Vec<Name> = m.failures.iter().filter_map(|failure| failure.panic.clone()).collect();
        if self.counts.panicked() && self.panics_told < 2 {
            for site in sites.iter().take(1) {
                let at = self.random.between(from, to);
                let message = context.plan.effects.iter().find(|effect| effect.site == *site);
                let panic = Panic {
                    at: context.plan.at(at),
                    source: self.source(context.plan),
                    dimensions: self.dimensions.clone(),
                    message: message.map_or_else(|| "panicked".into(), |effect| effect.message.clone()),
                    site: Some(site.clone()),
                    active: self.active_hashes(context.plan),
                };
                self.panics_told += 1;
                self.send(context, to, Observation::Panic(panic));
            }
        }
    }

    /// A feedback loop asks for the same version again and again.
    fn refetch(&mut self, context: &mut Context, (from, to): (f64, f64)) {
        for (index, effect) in context.plan.effects.iter().enumerate() {
            let Some(hold) = self.holds.get(index).copied().flatten().filter(|_| effect.kind == Kind::Refetch) else { continue };
            self.refetched += effect.level(hold.start, from) * effect.strength * (to - from);
            while self.refetched >= 1.0 {
                self.refetched -= 1.0;
                let Some(version) = effect.config.and_then(|config| self.offered.get(config)).copied() else { return };
                let at = self.random.between(from, to);
                let hash = context.plan.versions.get(version).map(|version| version.hash);
                self.send_load(context, at, (version, Some(LoadResult::Unchanged), hash), (None, None));
            }
        }
    }

    fn report(&mut self, context: &mut Context, end: f64) {
        if self.up {
            self.flush(context, end);
        }
        self.report_start = end;
        self.panics_told = 0;
        let r = &mut self.random;
        self.pace = (self.pace.ln() * 0.9 + 0.05 * r.normal()).exp();
        self.errors = r.gamma(context.plan.fleet.dispersion);
        self.reports += 1;
    }

    /// Sends what was counted since the last report.
    fn flush(&mut self, context: &mut Context, end: f64) {
        if end - self.report_start < 0.01 {
            return;
        }
        let plan = context.plan;
        let m = self.modifiers(context, (end, end - 0.001));
        let counts = std::mem::take(&mut self.counts);
        let load = self.pace * m.traffic * (1.0 - m.hang).max(0.1);
        let r = &mut self.random;
        let cpu = (self.cpu * load.powf(0.8) * r.lognormal(0.04)).clamp(0.01, 1.0).max((m.cpu * r.lognormal(0.01)).min(1.0));
        let thirst = self.thirst(plan);
        let r = &mut self.random;
        let share = (self.memory + m.memory * thirst).min(1.0) * r.lognormal(0.01);
        let in_flight = counts.in_flight() + counts.hung().min(20_000.0);
        let mut row = Row {
            source: self.source(plan),
            dimensions: self.dimensions.clone(),
            span: Span { start: plan.at(self.report_start), end: plan.at(end) },
            totals: Vec::new(),
            views: Vec::new(),
            panics: Vec::new(),
            scores: Vec::new(),
            active: if plan.fleet.full { self.active_hashes(plan) } else { Vec::new() },
            loads: Vec::new(),
            latency: None,
            in_flight: Some(in_flight),
            cpu: Some(cpu),
            memory: Some(share * 2.0e9),
            facts: if self.reports < 2 && plan.fleet.full { self.facts(plan) } else { Vec::new() },
            dropped: 0,
            restarted: std::mem::take(&mut self.restarted),
        };
        counts.fill(plan, &mut row);
        self.report_start = end;
        self.send(context, end, Observation::Row(row));
    }

    fn facts(&self, plan: &Plan) -> Vec<(Name, Hash, Facts)> {
        let active = self.active.iter().flatten();
        let told = active.filter_map(|active| {
            let version = plan.versions.get(active.version)?;
            let (config, hash) = named(plan, active.version)?;
            let mut facts = Facts { limits: version.facts.limits.clone(), ..Facts::default() };
            for fact in ["rows", "duplicate_rows", "size"] {
                facts.numbers.extend(version.facts.numbers.get_key_value(fact).map(|(k, v)| (k.clone(), *v)));
            }
            Some((config, hash, facts))
        });
        told.collect()
    }
}

/// What becomes of a load.
enum Fate {
    Loaded,
    Refused(Name),
    Dies,
}

fn named(plan: &Plan, version: usize) -> Option<(Name, Hash)> {
    let version = plan.versions.get(version)?;
    Some((plan.configs.get(version.config)?.name.clone(), version.hash))
}
