//! One unit in the scene, and its stretches of failing. Which of them are laid out is decided in `scene`.

use crate::numerics::time::{Instant, Placed, Window};
use crate::state::State;
use crate::state::ids::{DimsId, LevelId, UnitId};
use crate::state::model::Unit;

/// One stretch of failing, all counters together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bout {
    pub start: Instant,
    pub end: Instant,
    pub open: bool,
    /// Level that was refused or being loaded.
    pub level: Option<LevelId>,
    /// Whether it is more than refused loads.
    pub serving: bool,
    /// Whether nothing is known but that it is not heard, or died.
    pub silent: bool,
    /// Whether its end is that of a silence, which ends when the unit is heard again.
    pub heard: bool,
    /// Deaths in it.
    pub deaths: f64,
    /// Whether its beginning is known within a report.
    pub precise: bool,
    /// Between which times it began.
    pub began: Window,
    /// Where most likely.
    pub near: Placed,
}

/// A part of a list that holds something of all patients: places from `from` on, before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub from: u32,
    pub to: u32,
}

impl Part {
    /// Its entries of `all`.
    pub(crate) fn of<T>(self, all: &[T]) -> Option<&[T]> {
        all.get(self.from as usize..self.to as usize)
    }
}

/// One unit in the scene.
#[derive(Clone, Debug)]
pub(crate) struct Patient<'a> {
    pub id: UnitId,
    pub unit: &'a Unit,
    pub stratum: u32,
    /// Region and service alone: what a binary is compared within.
    pub place: u32,
    /// Its dimensions and first event time: what every pass asks for stands here, not a fetch from memory away.
    pub dims: DimsId,
    pub first: Instant,
    /// Until when it is known.
    pub seen: Instant,
    pub bouts: Vec<Bout>,
    /// Whether it was heard all the time, and is here all the time.
    pub gapless: bool,
    /// When it fails of what is explained otherwise.
    pub absent: Vec<Window>,
    /// Whether it is forgotten what it had of some config since the onset.
    pub torn: bool,
    /// Its part of the scene's moves.
    pub moves: Part,
}

/// Whether a unit can show that something is good or bad: it serves, and counts requests if those that have failed of late do.
/// A job that loads a config and counts none cannot show that the config is good.
pub(crate) fn can_show(state: &State) -> impl Fn(&Unit) -> bool {
    let sick = || state.census.sick.iter().filter_map(|id| state.units.get(*id));
    let counted = sick().any(Unit::counts_requests);
    move |unit| unit.serves() && (!counted || !unit.runs.is_empty() || unit.counts_requests())
}
