//! The last known good version: the newest that was never accused and served long without a failing that it explains.
//! Mostly the last half hour tells it; a fleet's whole history is looked through only where it might say otherwise.

use crate::numerics::reach::in_reach;
use crate::numerics::time::Ns;
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::state::State;
use crate::state::model::{Level, Move};
use crate::state::moves::BEFORE_ALL;
use firstbad_protocol::verdict::LastKnownGood;

/// Longest bake that is believed: an older time is a clock that is wrong.
const BAKE_MAX: Ns = 400 * 86_400 * 1_000_000_000;
/// Report intervals of service that are enough, however long others served.
const ENOUGH: i64 = 30;

/// What may be the last known good version.
#[derive(Clone, Copy)]
struct Wanted<'a> {
    factor: u16,
    accused: &'a [u32],
    /// When the first of the accused was seen.
    bad_first: Ns,
}

impl Wanted<'_> {
    /// What came before the accused goes first, the newest of it foremost.
    fn rank(&self, level: u32, known: &Level) -> (bool, Ns, u32) {
        (known.first_seen <= self.bad_first, known.first_seen, level)
    }
}

/// The newest version that was never accused and served long without a failing that it explains.
pub(crate) fn last_known_good(state: &State, scene: &Scene<'_>, factor: u16, accused: &[u32]) -> Option<LastKnownGood> {
    let of_accused = || accused.iter().filter_map(|level| state.tables.level_at(*level));
    let bad_first = of_accused().map(|level| level.first_seen).min()?;
    let wanted = Wanted { factor, accused, bad_first };
    let is_recent = newest_of(state, wanted).is_some_and(|level| state.earliest.of(level) > scene.long_ago);
    let lately = || newest(state, scene, wanted, (&served_lately(state, scene, wanted), true));
    let (level, served) = match is_recent.then(lately).flatten() {
        Some(found) => found,
        None => newest(state, scene, wanted, (&served(state, scene, wanted), false))?,
    };
    let contaminated = of_accused().any(|level| scene.onset - level.first_seen > 9 * scene.interval);
    Some(LastKnownGood {
        hash: state.tables.level_at(level)?.hash()?,
        bake_time_s: u64::try_from(served / 1_000_000_000).unwrap_or(0),
        contaminated,
    })
}

/// The newest version that may be it, whether it served or not.
fn newest_of(state: &State, wanted: Wanted<'_>) -> Option<u32> {
    let others = (0_u32..).zip(&state.tables.levels);
    others
        .filter(|(level, known)| known.factor == wanted.factor && !wanted.accused.contains(level))
        .max_by_key(|(level, known)| wanted.rank(*level, known))
        .map(|(level, _)| level)
}

/// The newest version that served for long enough, and for how long; of the last moves alone only if older ones cannot
/// say otherwise.
fn newest(state: &State, scene: &Scene<'_>, wanted: Wanted<'_>, (served, lately): (&[Ns], bool)) -> Option<(u32, Ns)> {
    let longest = served.iter().copied().max()?;
    let most = ENOUGH * scene.interval;
    if lately && longest / 2 < most {
        return None;
    }
    let enough = (longest / 2).min(most).max(scene.interval);
    let may_be_older =
        |level: u32| lately && state.earliest.of(level) <= scene.long_ago && !wanted.accused.contains(&level);
    let candidates = (0_u32..)
        .zip(served)
        .zip(&state.tables.levels)
        .filter(|((level, served), known)| **served >= enough || known.factor == wanted.factor && may_be_older(*level));
    let ((level, served), _) = candidates.max_by_key(|((level, _), known)| wanted.rank(*level, known))?;
    (!may_be_older(level)).then_some((level, *served))
}

/// By level, how long a unit served it without a failing, at most.
fn served(state: &State, scene: &Scene<'_>, wanted: Wanted<'_>) -> Vec<Ns> {
    let lines = |patient: &Patient<'_>| patient.unit.moves.iter().step_by(4).fold(0, |all, entry| all ^ entry.at);
    let patients = in_reach(scene.patients.iter(), lines);
    let since = |patient: &Patient<'_>| Some(patient.first);
    longest(state, scene, wanted, patients.map(|patient| (patient, patient.unit.moves.as_slice(), since(patient))))
}

/// The same by the moves that the scene lays out: exact for versions that nobody had long ago, else too little, since
/// then only that a version is older is known.
fn served_lately(state: &State, scene: &Scene<'_>, wanted: Wanted<'_>) -> Vec<Ns> {
    let since = |patient: &Patient<'_>| patient.bouts.is_empty().then_some(patient.first.max(scene.long_ago));
    let patients = scene.patients.iter();
    longest(state, scene, wanted, patients.map(|patient| (patient, scene.moves(patient), since(patient))))
}

/// By level, of patients with their moves, and since when they had what they had before all, if that can be told.
fn longest<'a>(
    state: &State,
    scene: &Scene<'a>,
    wanted: Wanted<'_>,
    patients: impl Iterator<Item = (&'a Patient<'a>, &'a [Move], Option<Ns>)>,
) -> Vec<Ns> {
    let mut served = vec![0; state.tables.levels.len()];
    let earliest = state.first_event.unwrap_or(Ns::MIN / 4).max(scene.now - BAKE_MAX);
    for (patient, moves, since) in patients {
        let mut tell = |(from, level): (Ns, u32), to: Ns| {
            // What is no longer as a whole is not looked at for what failed in it: most stays are not.
            if let Some(longest) = served.get_mut(level as usize).filter(|longest| to - from > **longest) {
                *longest = well((patient, scene.interval), (from, to)).max(*longest);
            }
        };
        let mut before: Option<(Ns, u32)> = None;
        for entry in moves.iter().filter(|entry| entry.factor == wanted.factor) {
            if let Some(before) = before {
                tell(before, entry.at.min(patient.seen));
            }
            let from = if entry.at == BEFORE_ALL { since } else { Some(entry.at) };
            before = from.map(|from| (from.max(earliest), entry.level));
        }
        if let Some(before) = before {
            tell(before, patient.seen);
        }
    }
    for level in wanted.accused {
        if let Some(longest) = served.get_mut(*level as usize) {
            *longest = 0;
        }
    }
    served
}

/// How long a stay on a version went well.
fn well((patient, interval): (&Patient<'_>, Ns), (from, to): (Ns, Ns)) -> Ns {
    let mut starts = patient.bouts.iter().map(|bout| bout.start);
    let first_bad = starts.find(|start| *start > from + interval && *start < to);
    first_bad.unwrap_or(to) - from
}
