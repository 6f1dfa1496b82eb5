//! What a host counts and reports.

use super::life::LoadOutcome;
use super::{Context, Host, named};
use crate::counts::{Failure, Modifiers, Stretch};
use crate::effect::Kind;
use crate::plan::Plan;
use firstbad_diagnosis::observation::{Facts, Name, Observation, Panic, Row};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::time::Span;

/// A stretch of the run between two instants, seconds.
#[derive(Clone, Copy)]
pub(super) struct Interval {
    /// Its beginning.
    pub(super) from: f64,
    /// Its end.
    pub(super) to: f64,
}

impl Host {
    pub(super) fn count_until(&mut self, context: &mut Context, at: f64) {
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
        let modifiers = self.modifiers(context, from, middle);
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
        self.cpu_and_panics(context, Interval { from, to: at }, &modifiers);
    }

    /// What holds at second `middle`; symptoms count from second `from`.
    pub(super) fn modifiers(&mut self, context: &mut Context, from: f64, middle: f64) -> Modifiers {
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
            if effect.kind != Kind::Leak
                || effect.strength * self.thirst(context.plan) * (middle - hold.start) / 60.0 > 0.15
            {
                context.truth.suffer(self.index, from);
            }
            let strength = effect.strength * level;
            let failure =
                |panic| Failure { config: effect.config, cells: effect.cells, panic, share: strength.min(1.0) };
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

    pub(super) fn cpu_and_panics(&mut self, context: &mut Context, interval: Interval, m: &Modifiers) {
        let Interval { from, to } = interval;
        self.refetch(context, interval);
        let sites: Vec<Name> = m.failures.iter().filter_map(|failure| failure.panic.clone()).collect();
        if self.counts.panicked() && self.panics_told < 2 {
            for site in sites.iter().take(1) {
                let at = self.random.between(from, to);
                let message = context.plan.effects.iter().find(|effect| effect.site == *site);
                let panic = Panic {
                    at: context.plan.at(at),
                    source: self.source(context.plan),
                    dimensions: self.dimensions.clone(),
                    exception: None,
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
    pub(super) fn refetch(&mut self, context: &mut Context, interval: Interval) {
        let Interval { from, to } = interval;
        for (index, effect) in context.plan.effects.iter().enumerate() {
            let Some(hold) = self.holds.get(index).copied().flatten().filter(|_| effect.kind == Kind::Refetch) else {
                continue;
            };
            self.refetched += effect.level(hold.start, from) * effect.strength * (to - from);
            while self.refetched >= 1.0 {
                self.refetched -= 1.0;
                let Some(version) = effect.config.and_then(|config| self.offered.get(config)).copied() else { return };
                let at = self.random.between(from, to);
                let hash = context.plan.versions.get(version).map(|version| version.hash);
                let outcome = LoadOutcome { version, result: Some(LoadResult::Unchanged), previous: hash };
                self.send_load(context, at, outcome);
            }
        }
    }

    pub(super) fn report(&mut self, context: &mut Context, end: f64) {
        if self.up {
            self.flush(context, end);
        }
        self.report_start = end;
        self.panics_told = 0;
        let r = &mut self.random;
        self.pace = (self.pace.ln() * 0.9 + 0.05 * r.normal()).exp();
        self.errors = r.gamma(context.plan.fleet.dispersion);
    }

    /// Sends what was counted since the last report.
    pub(super) fn flush(&mut self, context: &mut Context, end: f64) {
        if end - self.report_start < 0.01 {
            return;
        }
        let plan = context.plan;
        let m = self.modifiers(context, end, end - 0.001);
        let counts = std::mem::take(&mut self.counts);
        let load = self.pace * m.traffic * (1.0 - m.hang).max(0.1);
        let r = &mut self.random;
        let cpu =
            (self.cpu * load.powf(0.8) * r.lognormal(0.04)).clamp(0.01, 1.0).max((m.cpu * r.lognormal(0.01)).min(1.0));
        let thirst = self.thirst(plan);
        let r = &mut self.random;
        let share = (self.memory + m.memory * thirst).min(1.0) * r.lognormal(0.01);
        let in_flight = counts.in_flight() + counts.hung().min(20_000.0);
        let span = Span { start: plan.at(self.report_start), end: plan.at(end) };
        let mut row = Row {
            active: if plan.fleet.full { self.active_hashes(plan) } else { Vec::new() },
            in_flight: Some(in_flight),
            cpu: Some(cpu),
            memory: Some(share * 2.0e9),
            facts: if plan.fleet.full { self.new_facts(plan) } else { Vec::new() },
            restarted: std::mem::take(&mut self.restarted),
            ..Row::new(self.source(plan), self.dimensions.clone(), span)
        };
        counts.fill(plan, &mut row);
        self.report_start = end;
        self.send(context, end, Observation::Row(row));
    }

    /// Facts of the versions that have become active since the last report, as gauges tell them.
    fn new_facts(&mut self, plan: &Plan) -> Vec<(Name, Hash, Facts)> {
        let now: Vec<usize> = self.active.iter().flatten().map(|active| active.version).collect();
        let before = std::mem::replace(&mut self.told, now.clone());
        let fact = |version: usize| {
            let of = &plan.versions.get(version)?.facts;
            let (config, hash) = named(plan, version)?;
            let mut facts = Facts { limits: of.limits.clone(), ..Facts::default() };
            for fact in ["rows", "duplicate_rows", "size"] {
                facts.numbers.extend(of.numbers.get_key_value(fact).map(|(name, value)| (name.clone(), *value)));
            }
            Some((config, hash, facts))
        };
        now.into_iter().filter(|version| !before.contains(version)).filter_map(fact).collect()
    }
}
