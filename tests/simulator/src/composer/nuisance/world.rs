//! Nuisances that do harm: echoes of the truth, and small outages that are independent of it.

use super::{Kind, Planned};
use crate::composer::effect::{Effect, Lingering, On, What};
use crate::composer::guilt::Harm;
use crate::composer::push::Who;
use crate::composer::world::World;
use crate::random::Random;

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    match planned.kind {
        Kind::SlowRecovery => {
            let (hosts_share, lasts_s) = (planned.scaled(0.02, 0.4), length_s * r.between(0.03, 0.15));
            let guilty = world.effects.iter_mut().filter(|effect| effect.guilt.is_some());
            guilty.for_each(|effect| effect.lingering = Lingering { hosts_share, lasts_s });
            world.guilts.iter_mut().for_each(|guilt| guilt.until = (guilt.until + lasts_s).min(length_s));
        }
        Kind::FeedbackLoop | Kind::RetrySpill | Kind::DebugCost => echo(planned, world, r),
        Kind::SecondOutage => second_outage(planned, world, r),
        Kind::ReloadBlip => {
            let on = On::Loading(planned.scaled(0.3, 3.0));
            world.effects.push(Effect::new(on, What::Errors(planned.scaled(0.01, 0.3))));
            world.effects.push(Effect::new(on, What::Slow(planned.scaled(1.2, 4.0))));
        }
        Kind::LoadStops => {
            let at = length_s * r.between(0.6, 0.9);
            let stops = Effect::new(On::Hosts(Who::All), What::Traffic(planned.scaled(0.5, 0.0))).during(at, length_s);
            world.effects.push(stops);
            // Throughput does fall: an incident about it that accuses no change is not needless.
            world.harms.push(Harm { who: Who::All, from: at, until: length_s });
        }
        _ => {
            let leak = What::Leak(planned.scaled_log(0.0005, 0.01));
            world.effects.push(Effect::new(On::Hosts(Who::All), leak));
        }
    }
}

/// Adds a side effect of the first guilt on all hosts. It belongs to the incident of that guilt, and is no harm of its own.
fn echo(planned: Planned, world: &mut World, r: &mut Random) {
    let Some(guilt) = world.guilts.first_mut() else { return };
    let length_s = world.fleet.length_s;
    let (from, until) = (guilt.from, guilt.until);
    let everywhere = On::Hosts(Who::All);
    let late = (until + length_s * planned.scaled(0.02, 0.1)).min(length_s);
    let effects = match planned.kind {
        Kind::FeedbackLoop => {
            guilt.until = late;
            vec![Effect::new(everywhere, What::Traffic(planned.scaled(1.1, 2.5))).during(from + 30.0, late)]
        }
        Kind::RetrySpill => {
            let traffic = Effect::new(everywhere, What::Traffic(planned.scaled(1.05, 1.6)));
            let errors = Effect::new(everywhere, What::Errors(planned.scaled_log(0.0002, 0.02)));
            [traffic, errors].map(|effect| effect.during(from + r.between(5.0, 40.0), until)).to_vec()
        }
        _ => {
            let cpu = Effect::new(everywhere, What::Cpu(planned.scaled(0.1, 0.5)));
            let slow = Effect::new(everywhere, What::Slow(planned.scaled(1.1, 2.0)));
            [cpu, slow].map(|effect| effect.during(from + 20.0, until)).to_vec()
        }
    };
    world.effects.extend(effects);
}

fn second_outage(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    let region = r.below(world.fleet.regions.len());
    let who = Who::RegionShare { region, share: planned.scaled(0.05, 0.4), salt: r.bits() };
    let from = length_s * r.between(0.1, 0.8);
    let until = (from + length_s * r.between(0.03, 0.15)).min(length_s);
    world.effects.push(Effect::new(On::Hosts(who), What::Errors(planned.scaled(0.05, 0.8))).during(from, until));
    world.harms.push(Harm { who, from, until });
}
