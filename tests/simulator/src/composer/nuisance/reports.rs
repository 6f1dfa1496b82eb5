//! Nuisances of telemetry: lost, late or repeated reports, wrong clocks, wrong identities, foreign senders.

use super::{Kind, Planned};
use crate::composer::push::Who;
use crate::composer::telemetry::{Blind, Repeats, Skew};
use crate::composer::world::World;
use crate::random::Random;

/// Seconds of a day.
const DAY_S: f64 = 86_400.0;

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let length_s = world.fleet.length_s;
    let some =
        |weak: f64, strong: f64, r: &mut Random| Who::Share { share: planned.scaled(weak, strong), salt: r.bits() };
    let at = length_s * r.between(0.1, 0.8);
    let one = Who::Host(r.below(world.fleet.hosts.len()));
    let step_s = world.fleet.interval_s;
    let telemetry = &mut world.telemetry;
    match planned.kind {
        Kind::IdentityShared => telemetry.shared = Some(some(0.02, 0.3, r)),
        Kind::IdentityMissing => telemetry.anonymous = Some(some(0.02, 0.5, r)),
        Kind::OneOff => telemetry.one_off_at.push(at),
        Kind::CronJobs => telemetry.cron_every_s = Some((planned.scaled(600.0, 60.0)).max(length_s / 40.0)),
        Kind::OtherBounds => {
            telemetry.other_bounds = Some(if planned.strength < 0.5 { one } else { some(0.0, 0.5, r) })
        }
        Kind::Exponential => telemetry.exponential = Some(some(0.05, 0.5, r)),
        Kind::Dropped => {
            let share = planned.scaled_log(0.001, 0.15);
            telemetry.blind.push(Blind { who: Who::All, from: 0.0, until: length_s, share, late: false });
        }
        Kind::Blind | Kind::Batched => {
            let until = at + (length_s * planned.scaled(0.02, 0.1)).max(step_s * 2.0);
            let (who, late) = (some(0.2, 1.0, r), planned.kind == Kind::Batched);
            telemetry.blind.push(Blind { who, from: at, until, share: 1.0, late });
        }
        Kind::Repeated => {
            telemetry.repeats = Repeats { share: planned.scaled_log(0.002, 0.2), times: 1 + r.below(2) };
        }
        Kind::ClocksOff => {
            let (who, off_s) = (some(0.05, 0.4, r), planned.scaled_log(0.2, 90.0));
            telemetry.skews.push(Skew { who, off_s, exact: false, salt: r.bits() });
        }
        Kind::DayAhead => telemetry.skews.push(Skew { who: one, off_s: DAY_S, exact: true, salt: 0 }),
        Kind::LoadsLost => telemetry.loads_lost = planned.scaled(0.01, 0.5),
        _ => telemetry.names_lost = planned.scaled(0.1, 1.0),
    }
}
