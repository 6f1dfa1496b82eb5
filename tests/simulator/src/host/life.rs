//! A process's life: loads and refusals, restarts, deaths, and coming back.

use super::{Active, Context, Host, named};
use crate::counts::Counts;
use crate::effect::Kind;
use crate::plan::{Happening, Plan};
use firstbad_diagnosis::observation::{Change, Exit, Load, Name, Observation, Start};
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;

/// A change that reaches a host or is undone there.
#[derive(Clone, Copy)]
pub(super) struct Switch {
    /// Index of the change.
    pub(super) change: usize,
    /// Whether it reaches the host; if not, it is undone.
    pub(super) on: bool,
}

/// The content of a load event.
#[derive(Clone, Copy)]
pub(super) struct LoadOutcome {
    /// Index of the version.
    pub(super) version: usize,
    /// Result of the load; none if the process died before it reported one.
    pub(super) result: Option<LoadResult>,
    /// The version of the same config that was active before.
    pub(super) previous: Option<Hash>,
}

/// How a process ended.
#[derive(Clone, Copy)]
pub(super) struct Ending {
    /// Whether it was asked to stop.
    pub(super) clean: bool,
    /// Number of the signal that it died of.
    pub(super) signal: Option<i32>,
    /// Index of the version that it was loading.
    pub(super) loading: Option<usize>,
}

impl Host {
    pub(super) fn offer(&mut self, context: &mut Context, at: f64, version: usize) {
        let Some(config) = context.plan.versions.get(version).map(|version| version.config) else { return };
        if let Some(slot) = self.offered.get_mut(config) {
            *slot = version;
        }
        if self.up {
            self.load(context, at, version);
        }
    }

    /// Loads a version; false if the process died of it.
    pub(super) fn load(&mut self, context: &mut Context, at: f64, version: usize) -> bool {
        let Some(known) = context.plan.versions.get(version) else { return true };
        context.truth.load(version, at);
        let config = known.config;
        let before = self.active.get(config).copied().flatten();
        let previous = before.and_then(|active| context.plan.versions.get(active.version)).map(|version| version.hash);
        let verdict = self.fate(context, at, version);
        self.refusal = None;
        let result = match verdict {
            Fate::Dies => {
                // Without an agent the breadcrumb mostly stays on the disk of a process that lived too short to send it.
                if context.plan.fleet.agent || self.random.chance(0.3) {
                    self.send_load(context, at, LoadOutcome { version, result: None, previous });
                }
                self.die(context, at + 0.2, Ending { clean: false, signal: Some(6), loading: Some(version) });
                return false;
            }
            Fate::Refused(message) => {
                self.refusal = Some(message);
                LoadResult::KeptLastGood
            }
            Fate::Loaded if before.is_some_and(|active| active.version == version) => LoadResult::Unchanged,
            Fate::Loaded => LoadResult::Applied,
        };
        if result == LoadResult::Applied
            && let Some(slot) = self.active.get_mut(config)
        {
            *slot = Some(Active { version, since: at });
        }
        self.send_load(context, at, LoadOutcome { version, result: Some(result), previous });
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
                if effect.kind == Kind::CrashOnLoad {
                    context.truth.suffer(self.index, at);
                }
                return if effect.kind == Kind::Refuse { Fate::Refused(effect.message.clone()) } else { Fate::Dies };
            }
        }
        Fate::Loaded
    }

    pub(super) fn send_load(&mut self, context: &mut Context, at: f64, outcome: LoadOutcome) {
        let Some(known) = context.plan.versions.get(outcome.version) else { return };
        let config = context.plan.configs.get(known.config).map_or_else(|| "?".into(), |config| config.name.clone());
        let load = Load {
            at: context.plan.at(at),
            source: self.source(context.plan),
            dimensions: self.dimensions.clone(),
            config,
            hash: known.hash,
            result: outcome.result,
            reason: self.refusal.as_ref().map(|_| Name::from("parse")),
            error: self.refusal.take(),
            previous: outcome.previous,
            facts: known.facts.clone(),
        };
        self.send(context, at, Observation::Load(load));
    }

    pub(super) fn change(&mut self, context: &mut Context, at: f64, switch: Switch) {
        let Switch { change: index, on } = switch;
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
                self.binary =
                    if on { known.target.as_str().into() } else { before.unwrap_or_else(|| self.binary.clone()) };
                self.restart(context, at);
            }
            "restart" => self.restart(context, at),
            _ => {}
        }
    }

    pub(super) fn restart(&mut self, context: &mut Context, at: f64) {
        if !self.up {
            return;
        }
        self.flush(context, at);
        let exit = self.exit(context.plan, at, Ending { clean: true, signal: None, loading: None });
        self.send(context, at, Observation::Exit(exit));
        self.up = false;
        let pause = self.random.between(1.0, 5.0);
        self.schedule(at + pause, Happening::Up);
    }

    pub(super) fn crash(&mut self, context: &mut Context, at: f64) {
        if self.up {
            context.truth.suffer(self.index, at);
            self.die(context, at, Ending { clean: false, signal: Some(11), loading: None });
        }
    }

    pub(super) fn die(&mut self, context: &mut Context, at: f64, ending: Ending) {
        if context.plan.fleet.agent {
            self.flush(context, at);
            let exit = self.exit(context.plan, at, ending);
            self.send(context, at, Observation::Exit(exit));
        }
        self.counts = Counts::default();
        self.up = false;
        let wait = self.backoff * self.random.between(0.8, 1.2);
        self.backoff =
            if ending.loading.is_some() { (self.backoff * 2.0).min(300.0) } else { self.random.between(2.0, 8.0) };
        self.schedule(at + wait.max(0.5), Happening::Up);
    }

    pub(super) fn exit(&self, plan: &Plan, at: f64, ending: Ending) -> Exit {
        Exit {
            at: plan.at(at),
            source: self.source(plan),
            dimensions: self.dimensions.clone(),
            clean: ending.clean,
            signal: ending.signal,
            status: None,
            active: self.active_hashes(plan),
            loading: ending.loading.and_then(|version| named(plan, version)),
        }
    }

    pub(super) fn come_up(&mut self, context: &mut Context, at: f64) {
        self.lives += 1;
        if context.plan.fleet.new_ids {
            self.instance =
                format!("{}:{}", self.plan(context.plan).map_or("?", |host| &*host.name), 40_000 + self.lives).into();
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
}

/// What becomes of a load.
enum Fate {
    Loaded,
    Refused(Name),
    Dies,
}
