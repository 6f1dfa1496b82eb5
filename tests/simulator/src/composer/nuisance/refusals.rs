//! Nuisances of refused versions: hosts keep the last good version, and no request fails.

use super::{Kind, Planned};
use crate::composer::background;
use crate::composer::chance::pick;
use crate::composer::content::Oddity;
use crate::composer::push::{Push, Refusal, Who};
use crate::composer::world::World;
use crate::random::Random;

/// Why a host refuses a version.
#[derive(Clone, Copy)]
struct Why {
    reason: &'static str,
    error: &'static str,
}

const fn why(reason: &'static str, error: &'static str) -> Why {
    Why { reason, error }
}

/// The reasons of contract.md section 1, and two that proxies choose themselves.
const REASONS: [Why; 6] = [
    why("parse", "line 7: expected 4 fields, found 3"),
    why("parser_panic", "index out of bounds: the len is 20 but the index is 20"),
    why("limit", "rows 240 > 200"),
    why("io", "No such file or directory (os error 2)"),
    why("checksum", "checksum mismatch"),
    why("schema", "unknown key `mode`"),
];

pub(super) fn apply(planned: Planned, world: &mut World, r: &mut Random) {
    let times = if planned.kind == Kind::RefusedAtRandom { 1 + r.below(3) } else { 1 };
    for _ in 0..times {
        let share = match planned.kind {
            Kind::RefusedByAll => 1.0,
            Kind::RefusedBySome => planned.scaled(0.05, 0.8),
            _ => pick(r, 1.0, &[0.1, 0.3, 0.6]),
        };
        refuse(world, share, r);
    }
}

fn refuse(world: &mut World, share: f64, r: &mut Random) {
    // Only innocent configs are refused: refusing a guilty version, or its repair, would change the truth.
    let innocent: Vec<usize> = (0..world.configs.len()).filter(|config| !world.is_suspected(*config)).collect();
    let Some(config) = innocent.get(r.below(innocent.len())).copied() else { return };
    let at = world.fleet.length_s * r.between(0.15, 0.85);
    let oddity = pick(r, Oddity::None, &[Oddity::Blanks, Oddity::Oversize, Oddity::Columns]);
    let Some(version) = world.make(config, oddity, r) else { return };
    let Why { reason, error } = pick(r, why("parse", "line 1: no header"), &REASONS);
    let refusal = Refusal { share, reason, error, rejected: false };
    let shape = background::shape(r, world.fleet.length_s);
    world.pushes.push(Push { version, at, shape, who: Who::All, refusal: Some(refusal), salt: r.bits() });
}
