//! Which version a unit had when: the history of its moves. Told moves (load events) win over guesses (gauges, tags), and
//! a told move that comes late corrects the guess before it.

use crate::numerics::time::{Instant, Span};
use crate::state::ids::{ExposureId, FactorId, LevelId};
use crate::state::indexed::Indexed;
use crate::state::model::{Move, Unit};
use crate::state::unit_parts::Active;

/// Bound on when a level was moved to first, by level. It may be too early, never too late: where it is known to be recent,
/// nobody's older moves need be looked through. It is made anew from the units after a restart, and no answer depends on it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Earliest(Indexed<LevelId, Instant>);

impl Earliest {
    /// A unit moved.
    pub(crate) fn note(&mut self, moved: Move) {
        if let Some(earliest) = self.0.grown(moved.level, Instant::MAX) {
            *earliest = moved.at.min(*earliest);
        }
    }

    /// No unit moved to the level before this.
    pub(crate) fn of(&self, level: LevelId) -> Instant {
        self.0.get(level).copied().unwrap_or(Instant::MAX)
    }
}

/// Moves kept for a unit; at one generation in five minutes over five configs this is an hour.
const MOVES_MAX: usize = 64;
/// A level that was active before anything was seen.
pub(crate) const BEFORE_ALL: Instant = Instant::LONG_AGO;

/// Level of `factor` at a time.
pub(crate) fn level_at(unit: &Unit, factor: FactorId, at: Instant) -> Option<LevelId> {
    unit.moves.iter().rev().find(|entry| entry.factor == factor && entry.at <= at).map(|entry| entry.level)
}

/// Notes that a unit moved. `slack` is how far a guess may be wrong.
pub(crate) fn note(unit: &mut Unit, new: Move, slack: Span, earliest: &mut Earliest) -> bool {
    if new.told {
        let guess = unit.moves.iter().position(|old| {
            !old.told && old.factor == new.factor && old.level == new.level && (old.at - new.at).abs() <= slack
        });
        if let Some(index) = guess {
            unit.moves.remove(index);
        }
    }
    let same_as_before = level_at(unit, new.factor, new.at) == Some(new.level);
    let known = unit.moves.iter().any(|old| old.factor == new.factor && old.level == new.level && old.at == new.at);
    // A restart loads the same version again: a crash loop must not push out when it was first loaded.
    if known || same_as_before {
        return false;
    }
    if unit.moves.len() >= MOVES_MAX {
        forget_one(unit);
    }
    if unit.moves.len() == unit.moves.capacity() {
        unit.moves.reserve_exact(MOVES_MAX / 8);
    }
    let at = unit.moves.partition_point(|old| old.at <= new.at);
    unit.moves.insert(at, new);
    earliest.note(new);
    refresh_active(unit);
    true
}

/// Forgets the oldest move of the factor that moved most: a busy config must not push out the history of the others.
fn forget_one(unit: &mut Unit) {
    let mut counts: std::collections::BTreeMap<FactorId, usize> = std::collections::BTreeMap::new();
    for entry in &unit.moves {
        *counts.entry(entry.factor).or_default() += 1;
    }
    let busiest = counts.into_iter().max_by_key(|(factor, count)| (*count, *factor)).map(|(factor, _)| factor);
    let first = |moves: &[Move]| moves.iter().position(|entry| Some(entry.factor) == busiest);
    if let Some(oldest) = first(&unit.moves) {
        unit.moves.remove(oldest);
    }
    if let Some(next) = first(&unit.moves).and_then(|next| unit.moves.get_mut(next)) {
        next.torn = true;
    }
}

fn refresh_active(unit: &mut Unit) {
    let mut active: Vec<Active> = Vec::with_capacity(unit.active.len());
    for entry in &unit.moves {
        match active.iter_mut().find(|slot| slot.factor == entry.factor) {
            Some(slot) => slot.level = entry.level,
            None => active.push(Active { factor: entry.factor, level: entry.level }),
        }
    }
    active.sort_unstable();
    unit.active = active;
    unit.exposure = ExposureId::STALE;
    unit.binary_known = false;
}

/// Whether a unit moved strictly within a span.
pub(crate) fn moved_within(unit: &Unit, start: Instant, end: Instant) -> bool {
    unit.moves.iter().rev().take_while(|entry| entry.at > start).any(|entry| entry.at < end)
}

/// Longest delay from a load to its effect that is looked for, ns.
pub(crate) const DELAY_MAX: Span = Span(1_800_000_000_000);
