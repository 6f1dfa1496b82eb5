//! Which effects hold on a host, and since when.

use super::{Active, Hold, Host};
use crate::effect::Kind;
use crate::plan::{Happening, Plan};
use crate::truth::Truth;

impl Host {
    /// Looks anew at which effects hold.
    pub(super) fn refresh(&mut self, plan: &Plan, at: f64, truth: &mut Truth) {
        for (index, effect) in plan.effects.iter().enumerate() {
            let exposed = self.exposed_since(plan, index).filter(|_| self.up);
            let before = self.holds.get(index).copied().flatten();
            let now = match (before, exposed) {
                (Some(hold), Some(since)) if since <= hold.since || effect.for_s.is_infinite() => Some(hold),
                (None, None) => None,
                (Some(hold), None) => {
                    let stays =
                        self.up && (hold.poisoned || self.random.chance(effect.poison_share)) && hold.start <= at;
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
    pub(super) fn foresee(&mut self, plan: &Plan, index: usize, start: f64) {
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
    pub(super) fn thirst(&self, plan: &Plan) -> f64 {
        let mean = plan.hosts.iter().map(|host| host.rps).sum::<f64>() / plan.hosts.len().max(1) as f64;
        self.plan(plan).map_or(1.0, |host| (host.rps / mean).clamp(0.2, 3.0))
    }

    pub(super) fn exposed_since(&self, plan: &Plan, index: usize) -> Option<f64> {
        let effect = plan.effects.get(index)?;
        if effect.hosts.get(self.index) != Some(&true)
            || effect.binary.as_deref().is_some_and(|binary| *binary != *self.binary)
        {
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
}
