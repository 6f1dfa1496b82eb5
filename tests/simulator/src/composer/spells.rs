//! The spans of time in which each effect acts on one process, derived from its timeline and the effects. Nothing changes
//! between two ends of spans, so counts are drawn for each stretch between them.

use super::effect::{Effect, On, What};
use super::push::lot;
use super::timeline::{Active, Timeline};
use super::world::World;
use crate::random::Random;

/// A span in which one effect acts on a process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub(crate) what: What,
    pub(crate) guilt: Option<usize>,
    /// The config, for an effect that only acts on requests that use one.
    pub(crate) config: Option<usize>,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

/// Returns the spells of one process on host number `host`.
pub(crate) fn of(world: &World, host: usize, timeline: &Timeline) -> Vec<Spell> {
    let mut spells = Vec::new();
    for (number, effect) in world.effects.iter().enumerate() {
        let mut random = Random::new(world.seed ^ (number as u64) << 32 ^ host as u64);
        for Span { from, mut to, config } in spans(world, host, effect, timeline) {
            let from = (from + effect.delay_s.draw(&mut random)).max(effect.from);
            if from < to && lot(number as u64 ^ world.seed, host) < effect.lingering.hosts_share {
                to += effect.lingering.lasts_s;
            }
            let to = to.min(effect.until);
            if from < to {
                spells.push(Spell { what: effect.what, guilt: effect.guilt, config, from, to });
            }
        }
    }
    spells
}

/// A span in which the cause of an effect is present, before delay and lingering.
struct Span {
    from: f64,
    to: f64,
    config: Option<usize>,
}

fn spans(world: &World, host: usize, effect: &Effect, timeline: &Timeline) -> Vec<Span> {
    let fleet = &world.fleet;
    let span = |from: f64, to: f64| Span { from, to, config: None };
    let whole = |applies: bool| if applies { vec![span(effect.from, effect.until)] } else { Vec::new() };
    match effect.on {
        On::Hosts(who) => whole(who.holds(fleet, host)),
        On::Change(number) => {
            let change = world.changes.get(number);
            let arrival = change.and_then(|change| Some(span(change.arrival(fleet, host)?, change.until)));
            arrival.into_iter().collect()
        }
        On::Version { version, binary } => {
            let fits = |active: &&Active| {
                let life = timeline.lives.get(active.life);
                active.version == version && binary.is_none_or(|binary| life.is_some_and(|life| life.binary == binary))
            };
            let of = |active: &Active| Span { from: active.from, to: active.to, config: Some(active.config) };
            timeline.actives.iter().filter(fits).map(of).collect()
        }
        On::Binary(binary) => {
            let lives = timeline.lives.iter().filter(|life| life.binary == binary);
            lives.map(|life| span(life.from, life.to)).collect()
        }
        On::Young(seconds) => {
            let started = timeline.lives.iter().filter(|life| life.from > 0.0);
            started.map(|life| span(life.from, (life.from + seconds).min(life.to))).collect()
        }
        On::Loading(seconds) => timeline.loads.iter().map(|load| span(load.at, load.at + seconds)).collect(),
    }
}
