//! Outside events: a bad region or host, a moment, more traffic, requests that fail on every host.

use super::share;
use crate::composer::chance::log_uniform;
use crate::composer::effect::{Effect, On, What};
use crate::composer::guilt::{Culprit, Guilt, Hurts};
use crate::composer::push::Who;
use crate::composer::world::World;
use crate::random::Random;

/// Draws one outside event that begins at `at`.
pub(super) fn add(world: &mut World, at: f64, r: &mut Random) {
    let until = (at + world.fleet.length_s * r.between(0.08, 0.4)).min(world.fleet.length_s);
    let culprit = match r.below(5) {
        0 if world.fleet.regions.len() > 1 => Culprit::Region(r.below(world.fleet.regions.len())),
        1 if world.fleet.hosts.len() > 3 => Culprit::Host(r.below(world.fleet.hosts.len())),
        2 => Culprit::Traffic,
        3 => Culprit::Request,
        _ => Culprit::Moment,
    };
    let who = match culprit {
        Culprit::Region(region) => Who::Region(region),
        Culprit::Host(host) => Who::Host(host),
        _ => Who::All,
    };
    let effects = match culprit {
        Culprit::Traffic => surge(r),
        Culprit::Request => vec![What::Panics(log_uniform(r, 0.002, 0.05))],
        _ => vec![What::Errors(share(r))],
    };
    let words = format!("{culprit:?}, {effects:?}");
    for what in effects {
        let effect = Effect::new(On::Hosts(who), what).during(at, until);
        world.effects.push(Effect { guilt: Some(world.guilts.len()), ..effect });
    }
    world.guilts.push(Guilt { culprit, hurts: Hurts::Requests, from: at, until, words });
}

fn surge(r: &mut Random) -> Vec<What> {
    let factor = log_uniform(r, 2.0, 10.0);
    vec![What::Traffic(factor), What::Errors(r.between(0.02, 0.6)), What::Slow(factor.sqrt())]
}
