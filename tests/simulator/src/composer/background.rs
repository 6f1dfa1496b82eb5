//! The routine of every fleet: each config has a version from the beginning, and new versions are pushed again and again.

use super::chance::pick;
use super::content::Oddity;
use super::guilt::Culprit;
use super::push::Shape;
use super::world::World;
use crate::random::Random;

/// Greatest number of routine loads of one draw. It bounds the bytes of the load events of a big fleet. Chosen.
const LOADS_MAX: usize = 60_000;
/// Time without routine pushes of a config before its guilty push, as a share of the length of the draw. Chosen: the version
/// before is active long enough to be the last known good one.
const QUIET_SHARE: f64 = 0.06;

/// Makes the first version of each config.
pub(crate) fn first_versions(world: &mut World) {
    let r = &mut Random::fork(world.seed, "composer:first");
    for config in 0..world.configs.len() {
        if let Some(version) = world.make(config, Oddity::None, r) {
            world.first.push(version);
        }
    }
}

/// Draws the shape of a rollout that fits into `length_s`.
pub(crate) fn shape(r: &mut Random, length_s: f64) -> Shape {
    let seconds = r.between(2.0, 30.0_f64.max(length_s * 0.04));
    pick(
        r,
        Shape::Spread(seconds),
        &[Shape::Spread(seconds), Shape::Rolling(seconds * 2.0), Shape::Staged(seconds * 2.0)],
    )
}

/// Adds the routine pushes.
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

/// Returns the second at which the routine pushes of `config` end.
fn quiet_from(world: &World, config: usize) -> f64 {
    let of = |culprit: &Culprit| matches!(culprit, Culprit::Config { config: of, .. } if *of == config);
    let guilty = world.guilts.iter().filter(|guilt| of(&guilt.culprit)).map(|guilt| guilt.from);
    guilty.fold(world.fleet.length_s * 0.97, |until, from| until.min(from - world.fleet.length_s * QUIET_SHARE))
}
