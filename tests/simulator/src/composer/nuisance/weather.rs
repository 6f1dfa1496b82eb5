//! Nuisances of noise: dispersion, bursts and autocorrelation of failures, waves of traffic, unsteady regions.

use super::{Kind, Planned};
use crate::composer::noise::Bursts;
use crate::composer::world::World;
use crate::random::Random;

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let noise = &mut world.noise;
    match planned.kind {
        Kind::NoisyFirst => {
            let factor = planned.scaled_log(1.5, 10.0);
            let first = world.fleet.hosts.iter_mut().filter(|host| host.place < 0.15);
            first.for_each(|host| host.error_scale *= factor);
        }
        Kind::Overdispersed => noise.dispersion = planned.scaled_log(0.05, 2.0),
        Kind::Bursts => {
            noise.bursts = Bursts {
                chance: planned.scaled_log(0.001, 0.03),
                factor_max: planned.scaled(3.0, 12.0),
                reports: r.between(1.0, 6.0),
            };
        }
        Kind::Correlated => {
            noise.host_errors = planned.scaled(0.2, 1.0);
            noise.memory = r.between(0.9, 0.99);
        }
        Kind::GaugeJumps => noise.jumps = planned.scaled_log(0.005, 0.1),
        Kind::TrafficWaves => {
            noise.host_traffic = planned.scaled(0.1, 0.6);
            noise.traffic = planned.scaled(0.05, 0.4);
        }
        Kind::RegionalWobble => noise.regional = planned.scaled(0.1, 0.8),
        Kind::DailySlope => noise.slope = planned.scaled(0.1, 1.2) * if r.chance(0.5) { 1.0 } else { -1.0 },
        Kind::MixShift => noise.drift = planned.scaled(1.0, 12.0),
        _ => noise.moods = planned.scaled(0.1, 1.0),
    }
}
