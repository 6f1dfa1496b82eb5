//! The truth of a draw: no fault, one or two guilty changes, or an outside event. Everything that is drawn here is written
//! into `World::guilts`; nothing else is guilty.

mod config;
mod outside;

use super::chance::log_uniform;
use super::effect::{Effect, On, What};
use super::guilt::{Culprit, Guilt, Hurts};
use super::push::Who;
use super::world::{Change, Wave, World};
use crate::random::Random;

/// Draws the truth into `world`.
pub(crate) fn add(world: &mut World) {
    let r = &mut Random::fork(world.seed, "composer:truth");
    let at = world.fleet.length_s * r.between(0.35, 0.55);
    let drawn = r.unit();
    if drawn < 0.30 {
    } else if drawn < 0.64 {
        config::add(world, at, r);
    } else if drawn < 0.70 {
        let apart = world.fleet.length_s * r.between(-0.02, 0.2);
        config::add(world, at, r);
        config::add(world, at + apart, r);
    } else if drawn < 0.76 {
        config::with_binary(world, at, r);
    } else if drawn < 0.82 {
        binary(world, at, r);
    } else if drawn < 0.85 {
        change(world, at, r);
    } else {
        outside::add(world, at, r);
    }
}

/// Draws the end of a fault that begins at `at`: in 35 % of the draws, the end of the draw.
pub(crate) fn end(world: &World, at: f64, r: &mut Random) -> f64 {
    let length_s = world.fleet.length_s;
    if r.chance(0.35) { length_s } else { (at + length_s * r.between(0.1, 0.3)).min(length_s) }
}

/// Draws the share of the requests that fail, from 3 % to all.
pub(crate) fn share(r: &mut Random) -> f64 {
    log_uniform(r, 0.03, 1.2).min(1.0)
}

fn failing(r: &mut Random) -> What {
    let share = share(r);
    if r.chance(0.5) { What::Errors(share) } else { What::Panics(share) }
}

/// Adds a bad build that is rolled out host after host.
fn binary(world: &mut World, at: f64, r: &mut Random) {
    let number = world.fleet.binaries.len();
    world.fleet.binaries.push("2.5.0".into());
    let takes_s = world.fleet.length_s * r.between(0.03, 0.25);
    let down_s = log_uniform(r, 0.3, 20.0);
    let wave = Wave { at, takes_s, who: Who::All, down_s, binary: Some(number) };
    world.waves.push(wave);
    deploy(world, wave, r);
    let until = end(world, at + takes_s, r);
    if until < world.fleet.length_s {
        let back = Wave { at: until, takes_s: takes_s * 0.3, who: Who::All, down_s, binary: Some(0) };
        world.waves.push(back);
    }
    let what = failing(r);
    let words = format!("build 2.5.0, {what:?}, over {takes_s:.0} s");
    world.effects.push(Effect { guilt: Some(world.guilts.len()), ..Effect::new(On::Binary(number), what) });
    let until = (until + takes_s * 0.3).min(world.fleet.length_s);
    world.guilts.push(Guilt { culprit: Culprit::Binary(number), hurts: Hurts::Requests, from: at, until, words });
}

/// Adds the change that rolls out the binary of `wave`. Its pipeline sends deploy events in 60 % of the draws.
pub(crate) fn deploy(world: &mut World, wave: Wave, r: &mut Random) {
    let Wave { at, takes_s, binary, .. } = wave;
    let target = binary.and_then(|binary| world.fleet.binaries.get(binary)).cloned().unwrap_or_default();
    let id = format!("deploy-{}", world.changes.len());
    let (fleet_wide, announced) = (r.chance(0.4), r.chance(0.6));
    let until = f64::INFINITY;
    world.changes.push(Change { kind: "deploy", id, target, at, takes_s, who: Who::All, fleet_wide, announced, until });
}

/// Adds a bad feature flag that is turned on host by host, for all hosts or for a share of them.
fn change(world: &mut World, at: f64, r: &mut Random) {
    let number = world.changes.len();
    let takes_s = log_uniform(r, 1.0, world.fleet.length_s * 0.1);
    let who = if r.chance(0.6) { Who::Share { share: r.between(0.1, 0.7), salt: r.bits() } } else { Who::All };
    let until = end(world, at + takes_s, r);
    let (id, target) = ("flag-77".into(), "http3".into());
    let fleet_wide = false;
    world.changes.push(Change { kind: "flag", id, target, at, takes_s, who, fleet_wide, announced: true, until });
    let what = failing(r);
    let effect = Effect::new(On::Change(number), what).during(at, until);
    world.effects.push(Effect { guilt: Some(world.guilts.len()), ..effect });
    let words = format!("flag http3, {what:?}, {who:?}");
    world.guilts.push(Guilt { culprit: Culprit::Change(number), hurts: Hurts::Requests, from: at, until, words });
}
