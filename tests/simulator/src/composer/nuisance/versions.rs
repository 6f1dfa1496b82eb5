//! Nuisances of innocent versions and changes, which may look guilty.

use super::{Kind, Planned};
use crate::composer::chance::pick;
use crate::composer::content::Oddity;
use crate::composer::guilt::Culprit;
use crate::composer::push::{Push, Shape, Who};
use crate::composer::world::{Change, World};
use crate::random::Random;

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    let at = length_s * r.between(0.15, 0.9);
    match planned.kind {
        Kind::UnrelatedFlag => flags(planned, world, r),
        Kind::GradualOther => {
            let Some(config) = world.add_config(r) else { return };
            let from = first_guilt(world).unwrap_or(at) - length_s * r.between(0.02, 0.15);
            let shape = Shape::Rolling(length_s * planned.scaled(0.1, 0.5));
            fresh(world, Fresh { config, oddity: Oddity::None, at: from, shape }, r);
        }
        Kind::AtOneInstant => at_one_instant(planned, world, at, r),
        Kind::ManyPushes => many(planned, world, r),
        Kind::Ugly => {
            let oddity = pick(r, Oddity::Duplicates, &[Oddity::Oversize, Oddity::Blanks]);
            let Some(config) = innocent(world, r) else { return };
            let shape = crate::composer::background::shape(r, length_s);
            fresh(world, Fresh { config, oddity, at, shape }, r);
        }
        Kind::PerHostBytes => {
            let Some(config) = innocent(world, r) else { return };
            world.versions.iter_mut().filter(|version| version.config == config).for_each(|v| v.per_host = true);
        }
        _ => partial_rollback(planned, world, r),
    }
}

fn innocent(world: &World, r: &mut Random) -> Option<usize> {
    let innocent: Vec<usize> = (0..world.configs.len()).filter(|config| !world.is_suspected(*config)).collect();
    innocent.get(r.below(innocent.len())).copied()
}

fn first_guilt(world: &World) -> Option<f64> {
    world.guilts.iter().map(|guilt| guilt.from).reduce(f64::min)
}

/// A version to be made and pushed to all hosts.
struct Fresh {
    config: usize,
    oddity: Oddity,
    at: f64,
    shape: Shape,
}

fn fresh(world: &mut World, fresh: Fresh, r: &mut Random) {
    if let Some(version) = world.make(fresh.config, fresh.oddity, r) {
        world.push(version, fresh.at.max(0.0), fresh.shape, r);
    }
}

fn flags(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    for number in 0..1 + (planned.strength * 4.0) as usize {
        let near = first_guilt(world).filter(|_| r.chance(0.5)).map(|from| from + r.between(-30.0, 30.0));
        let at = near.unwrap_or(length_s * r.unit()).clamp(0.0, length_s);
        let kind = pick(r, "flag", &["dns", "schema", "capacity"]);
        let (id, target) = (format!("other-{number}"), format!("{kind}-{number}"));
        let (fleet_wide, takes_s) = (r.chance(0.5), r.between(0.0, 60.0));
        let who = Who::Share { share: r.between(0.1, 1.0), salt: r.bits() };
        let until = f64::INFINITY;
        world.changes.push(Change { kind, id, target, at, takes_s, who, fleet_wide, announced: true, until });
    }
}

/// Pushes several configs at the same time: with the guilty version, if the strength is above 0.6, so that it has twins.
fn at_one_instant(planned: Planned, world: &mut World, at: f64, r: &mut Random) {
    let guilty = world.pushes.iter().rfind(|push| {
        world
            .guilts
            .iter()
            .any(|guilt| matches!(&guilt.culprit, Culprit::Config { versions, .. } if versions.contains(&push.version)))
    });
    let twin = guilty.copied().filter(|_| planned.strength > 0.6);
    let shape = crate::composer::background::shape(r, world.fleet.length_s);
    let salt = r.bits();
    for _ in 0..2 + r.below(4) {
        let config = innocent(world, r).filter(|_| r.chance(0.5));
        let Some(config) = config.or_else(|| world.add_config(r)) else { continue };
        let Some(version) = world.make(config, Oddity::None, r) else { continue };
        world.push(version, at, shape, r);
        if let Some(push) = world.pushes.last_mut() {
            push.salt = salt;
            if let Some(twin) = twin {
                *push = Push { version, refusal: None, ..twin };
            }
        }
    }
}

fn many(planned: Planned, world: &mut World, r: &mut Random) {
    let slots: usize = world.fleet.hosts.iter().map(|host| host.slots).sum();
    let most = 40_000 / slots.max(1);
    let Some(config) = world.add_config(r) else { return };
    let count = (planned.scaled_log(5.0, 60.0) as usize).min(most);
    for _ in 0..count {
        let at = world.fleet.length_s * r.unit();
        let seconds = r.between(1.0, 20.0);
        fresh(world, Fresh { config, oddity: Oddity::None, at, shape: Shape::Spread(seconds) }, r);
    }
}

/// Lets the repair reach only some hosts; the others get it later.
fn partial_rollback(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    let Some(guilt) = world.guilts.first_mut() else { return };
    let Culprit::Config { config, ref versions, .. } = guilt.culprit else { return };
    let Some(last) = versions.last().copied() else { return };
    let begun = world.pushes.iter().filter(|push| push.version == last).map(|push| push.at).fold(0.0, f64::max);
    let versions = &world.versions;
    let repairs = |push: &&mut Push| {
        push.at > begun && push.version != last && versions.get(push.version).is_some_and(|v| v.config == config)
    };
    let Some(repair) = world.pushes.iter_mut().find(repairs) else { return };
    let (share, salt) = (planned.scaled(0.2, 0.9), r.bits());
    repair.who = Who::Share { share, salt };
    let at = (repair.at + length_s * 0.1).min(length_s);
    let rest = Push { at, who: Who::Rest { share, salt }, ..*repair };
    guilt.until = (at + rest.takes_s()).min(length_s);
    world.pushes.push(rest);
}
