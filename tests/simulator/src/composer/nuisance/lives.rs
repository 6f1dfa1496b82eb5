//! Nuisances of usual operations: restarts, releases, hosts that are added or taken away.

use super::{Kind, Planned};
use crate::composer::chance::log_uniform;
use crate::composer::effect::{Effect, On, What};
use crate::composer::guilt::Harm;
use crate::composer::push::Who;
use crate::composer::truth;
use crate::composer::world::{Wave, World};
use crate::random::Random;

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    let at = length_s * r.between(0.1, 0.85);
    let takes_s = length_s * r.between(0.02, 0.2);
    let wave = Wave { at, takes_s, who: Who::All, down_s: log_uniform(r, 1.0, 30.0), binary: None };
    match planned.kind {
        Kind::RollingRestart => world.waves.push(wave),
        Kind::QuickRestart => {
            let who = Who::Share { share: planned.scaled(0.05, 1.0), salt: r.bits() };
            world.waves.push(Wave { down_s: r.between(0.05, 0.5), takes_s: 2.0, who, ..wave });
        }
        Kind::Release | Kind::ReleaseTold => {
            let binary = world.fleet.binaries.len();
            world.fleet.binaries.push(format!("2.6.{binary}"));
            let wave = Wave { binary: Some(binary), ..wave };
            world.waves.push(wave);
            if planned.kind == Kind::ReleaseTold {
                truth::deploy(world, wave, r);
            }
        }
        Kind::ScaleDown => scale_down(planned, world, wave, r),
        Kind::ScaleUp => scale_up(planned, world, wave, r),
        _ => cold(planned, world),
    }
}

/// Takes hosts away, in the rollout order of `wave`. An incident about their silence is admissible if their names are durable
/// and nothing reports their exits.
fn scale_down(planned: Planned, world: &mut World, wave: Wave, r: &mut Random) {
    let (share, salt) = (planned.scaled(0.03, 0.4), r.bits());
    let leaves = Who::Share { share, salt };
    let durable = world.fleet.styles.iter().any(|style| style.identity.is_durable() && !style.life_events);
    let going: Vec<usize> = (0..world.fleet.hosts.len()).filter(|host| leaves.holds(&world.fleet, *host)).collect();
    for host in
        world.fleet.hosts.iter_mut().enumerate().filter(|(index, _)| going.contains(index)).map(|(_, host)| host)
    {
        host.gone_s = Some(wave.at + host.place * wave.takes_s);
    }
    if durable && !going.is_empty() {
        world.harms.push(Harm { who: leaves, from: wave.at, until: f64::INFINITY });
    }
}

/// Adds hosts, in the rollout order of `wave`: hosts of the fleet start later than the others.
fn scale_up(planned: Planned, world: &mut World, wave: Wave, r: &mut Random) {
    let joins = Who::Share { share: planned.scaled(0.03, 0.4), salt: r.bits() };
    let coming: Vec<usize> = (0..world.fleet.hosts.len()).filter(|host| joins.holds(&world.fleet, *host)).collect();
    for host in
        world.fleet.hosts.iter_mut().enumerate().filter(|(index, _)| coming.contains(index)).map(|(_, host)| host)
    {
        host.born_s = Some(wave.at + host.place * wave.takes_s);
    }
    cold(planned, world);
}

/// Makes young processes slow, with a few more errors.
fn cold(planned: Planned, world: &mut World) {
    let seconds = planned.scaled(5.0, 60.0).max(world.fleet.interval_s);
    let young = On::Young(seconds);
    world.effects.push(Effect::new(young, What::Slow(planned.scaled(1.5, 4.0))));
    world.effects.push(Effect::new(young, What::Errors(planned.scaled(0.002, 0.05))));
    world.effects.push(Effect::new(young, What::Cpu(planned.scaled(0.05, 0.4))));
}
