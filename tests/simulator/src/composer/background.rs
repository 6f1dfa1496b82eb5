//! What every fleet does all day: each config has a version from the start, and new ones are pushed again and again.

use super::chance::pick;
use super::content::Oddity;
use super::guilt::Culprit;
use super::push::Shape;
use super::world::World;
use crate::random::Random;

/// Greatest number of loads of one draw, so that a big fleet does not spend its bytes on them.
const LOADS_MAX: usize = 60_000;
/// Part of the whole time that is kept free of routine pushes of a config before its guilty one, so that the version before
/// it can be known for good.
const QUIET_SHARE: f64 = 0.06;

/// The version that each config begins with.
pub(crate) fn first_versions(world: &mut World) {
    let r = &mut Random::fork(world.seed, "composer:first");
    for config in 0..world.configs.len() {
        if let Some(version) = world.make(config, Oddity::None, r) {
            world.first.push(version);
        }
    }
}

/// A shape of a rollout that fits into `length_s`.
pub(crate) fn shape(r: &mut Random, length_s: f64) -> Shape {
    let seconds = r.between(2.0, 30.0_f64.max(length_s * 0.04));
    pick(
        r,
        Shape::Spread(seconds),
        &[Shape::Spread(seconds), Shape::Rolling(seconds * 2.0), Shape::Staged(seconds * 2.0)],
    )
}

/// Routine pushes.
pub(crate) fn routine(world: &mut World) {
    let r = &mut Random::fork(world.seed, "composer:routine");
    let length_s = world.fleet.length_s;
    let slots: usize = world.fleet.hosts.iter().map(|host| host.slots).sum();
    let mut left = (LOADS_MAX / slots.max(1)).min(40);
    for config in 0..world.configs.len() {
        let until = quiet_from(world, config);
        let gap = length_s / r.between(1.0, 9.0);
        let mut at = r.unit() * gap;
        while at < until && left > 0 {
            left -= 1;
            let shape = shape(r, length_s);
            if let Some(version) = world.make(config, Oddity::None, r) {
                world.push(version, at, shape, r);
            }
            at += gap * r.between(0.5, 1.5);
        }
    }
}

/// Until when routine pushes of `config` go on.
fn quiet_from(world: &World, config: usize) -> f64 {
    let of = |culprit: &Culprit| matches!(culprit, Culprit::Config { config: of, .. } if *of == config);
    let guilty = world.guilts.iter().filter(|guilt| of(&guilt.culprit)).map(|guilt| guilt.from);
    guilty.fold(world.fleet.length_s * 0.97, |until, from| until.min(from - world.fleet.length_s * QUIET_SHARE))
}
