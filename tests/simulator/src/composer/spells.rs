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
        for (from, to, config) in spans(world, (host, effect), timeline) {
            let delay = random.between(effect.delay_s.0, effect.delay_s.1.max(effect.delay_s.0));
            let (from, mut to) = ((from + delay).max(effect.from), to);
            if from < to && lot(number as u64 ^ world.seed, host) < effect.lingers.0 {
                to += effect.lingers.1;
            }
            let to = to.min(effect.until);
            if from < to {
                spells.push(Spell { what: effect.what, guilt: effect.guilt, config, from, to });
            }
        }
    }
    spells
}

type Span = (f64, f64, Option<usize>);

fn spans(world: &World, (host, effect): (usize, &Effect), timeline: &Timeline) -> Vec<Span> {
    let fleet = &world.fleet;
    let whole = |applies: bool| if applies { vec![(effect.from, effect.until, None)] } else { Vec::new() };
    match effect.on {
        On::Hosts(who) => whole(who.holds(fleet, host)),
        On::Change(number) => {
            let change = world.changes.get(number);
            let arrival = change.and_then(|change| Some((change.arrival(fleet, host)?, change.until, None)));
            arrival.into_iter().collect()
        }
        On::Version { version, binary } => {
            let fits = |active: &&Active| {
                let life = timeline.lives.get(active.life);
                active.version == version && binary.is_none_or(|binary| life.is_some_and(|life| life.binary == binary))
            };
            timeline.actives.iter().filter(fits).map(|active| (active.from, active.to, Some(active.config))).collect()
        }
        On::Binary(binary) => {
            let lives = timeline.lives.iter().filter(|life| life.binary == binary);
            lives.map(|life| (life.from, life.to, None)).collect()
        }
        On::Young(seconds) => {
            let started = timeline.lives.iter().filter(|life| life.from > 0.0);
            started.map(|life| (life.from, (life.from + seconds).min(life.to), None)).collect()
        }
        On::Loading(seconds) => timeline.loads.iter().map(|load| (load.at, load.at + seconds, None)).collect(),
    }
}
