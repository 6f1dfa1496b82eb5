//! Reports that hold a load: which of them tell of a version, and what they count. What they say is decided in
//! `evidence::sides` and `evidence::load_cost`.

use crate::hypothesis::findings::Counted;
use crate::numerics::time::Instant;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::load_reports::{Divided, Side};

/// Report intervals that a version must have been there before, for what went before a load.
const SETTLED: i64 = 1;

/// Reports in which a host went to one of the versions from another one.
pub(crate) fn from_others<'a>(state: &'a State, levels: &'a [LevelId]) -> impl Iterator<Item = &'a Divided> {
    levels.iter().flat_map(|level| state.divided.of(*level)).filter(|divided| !levels.contains(&divided.from))
}

/// Before when a version must have appeared to be compared with: what had only just come may be as bad.
pub(crate) fn settled(state: &State, levels: &[LevelId]) -> Option<Instant> {
    Some(levels.iter().map(|level| appeared(state, *level)).min()? - SETTLED * state.interval)
}

pub(crate) fn appeared(state: &State, level: LevelId) -> Instant {
    state.tables.level_at(level).map_or(Instant::MAX, |level| level.first_seen)
}

/// Failed requests and requests of one side.
pub(crate) fn sum(told: &[&Divided], side: fn(&Divided) -> Side) -> Counted {
    let sides = told.iter().map(|of| side(of));
    let counted = sides.map(|side| Counted { count: f64::from(side.failed), all: f64::from(side.requests) });
    counted.fold(Counted::default(), Counted::and)
}
