//! The last known good version: the newest that was never accused and served long without a failing that it explains.
//! Mostly the last half hour tells it; a fleet's whole history is looked through only where it might say otherwise.

use crate::numerics::reach::in_reach;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::indexed::Indexed;
use crate::state::model::{Family, Level, Move};
use crate::state::moves::BEFORE_ALL;
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::LastKnownGood;
use std::collections::BTreeSet;

/// Longest bake that is believed: an older time is a clock that is wrong.
const BAKE_MAX: Span = Span(400 * 86_400 * 1_000_000_000);
/// Report intervals of service from which a version is known to be good, and hosts that must have served it so long.
const SERVED_FOR: i64 = 3;
const SERVED_BY: usize = 3;
/// Longest time for an effect to show that is waited for.
const SHOWS_WITHIN: Span = Span(600 * 1_000_000_000);

/// The longest times for which different hosts served a version well, longest first.
type Served = [Span; SERVED_BY];

/// What may be the last known good version.
#[derive(Clone, Copy)]
struct Wanted {
    factor: FactorId,
    /// When the first of the accused was seen.
    bad_first: Instant,
    /// Only versions that were first loaded later than this: if the accused is too old, an older version does not help.
    later_than: Instant,
    /// How long it must have served, and on how many hosts.
    long: Span,
    hosts: usize,
}

impl Wanted {
    /// What came before the accused goes first, the newest of it foremost; after it the repair.
    fn rank(&self, level: LevelId, known: &Level) -> (bool, Instant, LevelId) {
        (known.first_seen < self.bad_first, known.first_seen, level)
    }

    fn is_enough(&self, served: &Served) -> bool {
        served.get(self.hosts.saturating_sub(1)).is_some_and(|served| *served >= self.long)
    }
}

/// What is accused, what the effect took to show, and whether the fault is that it is too old.
#[derive(Clone, Copy)]
pub(crate) struct Fault<'a> {
    pub family: Family<'a>,
    pub delay: Span,
    pub too_old: bool,
}

/// The newest version before the accused that was never accused itself and served enough hosts for longer than the effect
/// took to show; else the repair, once it has.
pub(crate) fn last_known_good(state: &State, scene: &Scene<'_>, fault: Fault<'_>) -> Option<LastKnownGood> {
    let Fault { family: Family { factor, levels: accused }, delay, too_old } = fault;
    let of_accused = || accused.iter().filter_map(|level| state.tables.level_at(*level));
    let bad_first = of_accused().map(|level| level.first_seen).min()?;
    let bad_last = of_accused().map(|level| level.first_seen).max()?;
    let later_than = if too_old { bad_last } else { Instant::MIN };
    let long = (SERVED_FOR * scene.interval).max(delay.min(SHOWS_WITHIN));
    let hosts = SERVED_BY.min(scene.patients.len().max(1));
    let wanted = Wanted { factor, bad_first, later_than, long, hosts };
    let mut accused: BTreeSet<LevelId> = accused.iter().copied().collect();
    accused.extend(state.accused());
    accused.extend(state.disputed_levels());
    let lately = served_lately(state, scene, factor);
    // What served enough of late and is the newest that may be it need not be looked for further back.
    let first = newest(state, wanted, &accused, &|_| true);
    let found = first.filter(|level| lately.get(*level).is_some_and(|served| wanted.is_enough(served)));
    let known = found.is_some_and(|level| state.earliest.of(level) > scene.long_ago);
    let served = if known { lately } else { served_ever(state, scene, factor) };
    let enough = |level: LevelId| served.get(level).is_some_and(|served| wanted.is_enough(served));
    let level = newest(state, wanted, &accused, &enough)?;
    let bake = served.get(level).and_then(|served| served.first()).copied().unwrap_or_default();
    let contaminated = of_accused().any(|level| scene.onset - level.first_seen > 9 * scene.interval);
    Some(LastKnownGood {
        hash: state.tables.level_at(level)?.hash()?,
        bake_time_s: u64::try_from(bake / Span(SECOND_NS)).unwrap_or(0),
        contaminated,
    })
}

/// The newest version that may be it and of which `is` holds.
fn newest(state: &State, wanted: Wanted, accused: &BTreeSet<LevelId>, is: &dyn Fn(LevelId) -> bool) -> Option<LevelId> {
    state
        .tables
        .levels
        .numbered()
        .filter(|(level, known)| known.factor == wanted.factor && known.units_ever > 0 && !accused.contains(level))
        .filter(|(_, known)| known.first_seen > wanted.later_than)
        .filter(|(level, _)| is(*level))
        .max_by_key(|(level, known)| wanted.rank(*level, known))
        .map(|(level, _)| level)
}

/// By level, how long hosts served it without a failing.
fn served_ever(state: &State, scene: &Scene<'_>, factor: FactorId) -> Indexed<LevelId, Served> {
    let lines = |patient: &Patient<'_>| patient.unit.moves.iter().step_by(4).fold(0, |all, entry| all ^ entry.at.0);
    let patients = in_reach(scene.patients.iter(), lines);
    let since = |patient: &Patient<'_>| Some(patient.first);
    let lives = patients.map(|patient| Life { patient, moves: &patient.unit.moves, since: since(patient) });
    longest(state, scene, factor, lives)
}

/// The same by the moves that the scene lays out: exact for versions that nobody had long ago, else too little, since
/// then only that a version is older is known.
fn served_lately(state: &State, scene: &Scene<'_>, factor: FactorId) -> Indexed<LevelId, Served> {
    let since = |patient: &Patient<'_>| patient.bouts.is_empty().then_some(patient.first.max(scene.long_ago));
    let patients = scene.patients.iter();
    let lives = patients.map(|patient| Life { patient, moves: scene.moves(patient), since: since(patient) });
    longest(state, scene, factor, lives)
}

/// A patient with its moves, and since when it had its first versions, if known.
struct Life<'a> {
    patient: &'a Patient<'a>,
    moves: &'a [Move],
    since: Option<Instant>,
}

/// A level that a patient had, and since when.
#[derive(Clone, Copy)]
struct Stay {
    from: Instant,
    level: LevelId,
}

/// By level, of patients.
fn longest<'a>(
    state: &State,
    scene: &Scene<'a>,
    factor: FactorId,
    lives: impl Iterator<Item = Life<'a>>,
) -> Indexed<LevelId, Served> {
    let mut served: Indexed<LevelId, Served> = state.tables.levels.iter().map(|_| Served::default()).collect();
    let earliest = state.first_event.unwrap_or(Instant::LONG_AGO).max(scene.now - BAKE_MAX);
    for Life { patient, moves, since } in lives {
        let mut tell = |stay: Stay, to: Instant| {
            // What is no longer as a whole is not looked at for what failed in it: most stays are not.
            if let Some(longest) = served.get_mut(stay.level)
                && longest.last().is_some_and(|least| to - stay.from > *least)
            {
                enter(longest, well(patient, scene.interval, Window { start: stay.from, end: to }));
            }
        };
        let mut before: Option<Stay> = None;
        for entry in moves.iter().filter(|entry| entry.factor == factor) {
            if let Some(before) = before {
                tell(before, entry.at.min(patient.seen));
            }
            let from = if entry.at == BEFORE_ALL { since } else { Some(entry.at) };
            before = from.map(|from| Stay { from: from.max(earliest), level: entry.level });
        }
        if let Some(before) = before {
            tell(before, patient.seen);
        }
    }
    served
}

/// Keeps a time among the longest.
fn enter(longest: &mut Served, time: Span) {
    if let Some(least) = longest.last_mut().filter(|least| time > **least) {
        *least = time;
        longest.sort_unstable_by(|a, b| b.cmp(a));
    }
}

/// How long a stay on a version went well.
fn well(patient: &Patient<'_>, interval: Span, stay: Window) -> Span {
    let mut starts = patient.bouts.iter().map(|bout| bout.start);
    let first_bad = starts.find(|start| *start > stay.start + interval && *start < stay.end);
    first_bad.unwrap_or(stay.end) - stay.start
}
