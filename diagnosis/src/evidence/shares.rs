//! Who had which version, and who failed under it: the counts from which the versions are chosen that a hypothesis
//! accuses. What is accused is decided in `hypotheses`.

use crate::numerics::math::ratio;
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::indexed::Indexed;
use crate::state::model::Move;
use std::collections::BTreeMap;

/// Units that had a level: exposed long enough to tell, of them failing, and those of which nothing can be said.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Shares {
    pub all: u64,
    pub failing: u64,
    /// Of the failing, those that began to fail with it, and did not only go on.
    pub begun: u64,
    pub undecided: u64,
}

/// One stay of a unit on a version: the load before it, if there is one, its own load, and the load that ends it.
#[derive(Clone, Copy)]
struct Stay<'a> {
    earlier: Option<&'a Move>,
    entry: &'a Move,
    next: Option<&'a Move>,
}

/// A level that a unit had, whether the unit failed then, and whether it began to.
#[derive(Clone, Copy)]
struct Shown {
    level: LevelId,
    failing: bool,
    begun: bool,
}

/// A level, the share of its units that began to fail under it alone, and when it appeared.
struct Ranked {
    alone: f64,
    since: Instant,
    level: LevelId,
}

/// Levels by units exposed and failing, of all factors: one pass over the patients serves every factor's hypothesis.
#[derive(Clone, Debug, Default)]
pub(crate) struct AllShares {
    by_level: Indexed<LevelId, Shares>,
    /// Units that began to fail under the second level of a pair when they had only just taken the first: of either.
    either: BTreeMap<(LevelId, LevelId), u64>,
    /// Units that fell silent on a level when a newer one was on its way: they may have taken it, and not be able to tell.
    unheard: BTreeMap<LevelId, u64>,
    /// Units that refused a level or died of it.
    by_bout: BTreeMap<LevelId, u64>,
}

impl AllShares {
    /// Counts.
    pub(crate) fn new(scene: &Scene<'_>) -> Self {
        let mut this = Self::default();
        let mut of_unit: Vec<Shown> = Vec::new();
        let mut before: Vec<Stay<'_>> = Vec::new();
        let mut refused: Vec<LevelId> = Vec::new();
        let tells = |patient: &&Patient<'_>| patient.absent.is_empty() || !patient.bouts.is_empty();
        for patient in scene.patients.iter().filter(tells) {
            of_unit.clear();
            before.clear();
            for entry in scene.moves(patient) {
                match before.iter_mut().find(|before| before.entry.factor == entry.factor) {
                    Some(before) => {
                        let now = Stay { earlier: Some(before.entry), entry, next: None };
                        let left = std::mem::replace(before, now);
                        of_unit.extend(this.shown(scene, patient, Stay { next: Some(entry), ..left }));
                    }
                    None => before.push(Stay { earlier: None, entry, next: None }),
                }
            }
            for stay in &before {
                of_unit.extend(this.shown(scene, patient, *stay));
            }
            refused.clear();
            for level in patient.bouts.iter().filter_map(|bout| bout.level) {
                of_unit.push(Shown { level, failing: true, begun: true });
                if !refused.contains(&level) {
                    refused.push(level);
                    *this.by_bout.entry(level).or_default() += 1;
                }
            }
            of_unit.sort_unstable_by_key(|shown| shown.level);
            for of_level in of_unit.chunk_by(|one, other| one.level == other.level) {
                let failing = u64::from(of_level.iter().any(|shown| shown.failing));
                let begun = u64::from(of_level.iter().any(|shown| shown.begun));
                let level = of_level.first().map(|shown| shown.level);
                level.into_iter().for_each(|level| this.add(level, Shares { all: 1, failing, begun, undecided: 0 }));
            }
        }
        this
    }

    /// Of `levels`, those that began to do harm by themselves: where the fleet took one shortly after another, what began
    /// just after both tells of the first.
    pub(crate) fn themselves(
        &self,
        state: &State,
        levels: Vec<LevelId>,
        shares: &BTreeMap<LevelId, Shares>,
    ) -> Vec<LevelId> {
        let since = |level: LevelId| state.tables.level_at(level).map_or(Instant::MAX, |level| level.first_seen);
        let latest = levels.iter().copied().max_by_key(|level| (since(*level), *level));
        let shared = |level: LevelId, others: &[LevelId]| -> u64 {
            others.iter().filter_map(|other| self.either.get(&(*other, level))).sum()
        };
        // First those that most units began to fail under when they had taken nothing else of late.
        let alone = |level: LevelId| {
            let of = shares.get(&level).copied().unwrap_or_default();
            ratio(of.begun.saturating_sub(shared(level, &levels)), of.all)
        };
        let ranked = |level: &LevelId| Ranked { alone: alone(*level), since: since(*level), level: *level };
        let mut ordered: Vec<Ranked> = levels.iter().map(ranked).collect();
        ordered.sort_by(|a, b| b.alone.total_cmp(&a.alone).then((a.since, a.level).cmp(&(b.since, b.level))));
        let mut kept: Vec<LevelId> = Vec::new();
        for Ranked { level, .. } in ordered {
            let either = shared(level, &kept);
            let of = shares.get(&level).copied().unwrap_or_default();
            let unheard = if Some(level) == latest { 0 } else { self.unheard.get(&level).copied().unwrap_or(0) };
            let own = of.begun.saturating_sub(either + unheard);
            if either + unheard == 0 || own > 0 && own * 10 >= of.all {
                kept.push(level);
            }
        }
        kept
    }

    /// Those of one factor, and what hosts refused or died of, whatever it was of.
    pub(crate) fn of_factor(&self, state: &State, factor: FactorId) -> BTreeMap<LevelId, Shares> {
        let own = |level: LevelId| state.tables.level_at(level).is_some_and(|level| level.factor == factor);
        let of_others = |level: LevelId| {
            let count = self.by_bout.get(&level).copied().unwrap_or(0);
            Shares { all: count, failing: count, begun: count, undecided: 0 }
        };
        let levels = self.by_level.numbered();
        let told = levels.map(|(level, of)| (level, if own(level) { *of } else { of_others(level) }));
        told.filter(|(_, of)| *of != Shares::default()).collect()
    }

    /// Adds to the counts of a level.
    fn add(&mut self, level: LevelId, more: Shares) {
        if let Some(of) = self.by_level.grown(level, Shares::default()) {
            of.all += more.all;
            of.failing += more.failing;
            of.begun += more.begun;
            of.undecided += more.undecided;
        }
    }

    /// What one stay of a unit on a level shows of the level; none if it shows nothing.
    fn shown(&mut self, scene: &Scene<'_>, patient: &Patient<'_>, stay: Stay<'_>) -> Option<Shown> {
        let Stay { earlier, entry, next } = stay;
        let tolerance = scene.tolerance();
        let to = next.map_or(patient.seen, |next| next.at).min(patient.seen);
        let from = entry.at.max(scene.onset - scene.interval);
        // A host that dies at once is evidence even after a short stay. A stay that ended before the onset is not.
        let within = to > scene.onset - scene.interval;
        let at_once =
            || within && patient.bouts.iter().any(|bout| (entry.at - tolerance..=to + tolerance).contains(&bout.start));
        if to - from < scene.interval * 3 / 10 && !at_once() {
            // A version that was left before the onset was well. One that was loaded just now is undecided.
            if next.is_none() {
                self.add(entry.level, Shares { undecided: 1, ..Shares::default() });
            }
            return None;
        }
        // A failure that begins this close before the next load counts for that load: the time of a beginning is not more exact.
        // The last observation of a process may be its death, which must lie within this stay.
        let until = |bout: &Bout| if next.is_some() { to - scene.early(bout) } else { to + Span::NS };
        let own = |bout: &&Bout| bout.level.is_none_or(|level| level == entry.level);
        let bouts = || patient.bouts.iter().filter(own);
        let began = || bouts().filter(|bout| bout.start >= entry.at - scene.early(bout) && bout.start < until(bout));
        let begins = began().next().is_some();
        // What begins soon after a load may be its effect, though the next version is loaded by then.
        if let Some(earlier) = earlier.filter(|earlier| began().all(|bout| bout.start - earlier.at < scene.soon()))
            && begins
        {
            *self.either.entry((earlier.level, entry.level)).or_default() += 1;
        }
        if begins && next.is_none() && began().all(|bout| scene.may_have_left(entry, bout)) {
            *self.unheard.entry(entry.level).or_default() += 1;
        }
        // In a stay that is shorter than the error of the beginning, the failure may or may not belong to it.
        let close = |bout: &Bout| (entry.at - scene.early(bout)..to).contains(&bout.start);
        if !begins && next.is_some() && to - entry.at < scene.soon() && bouts().any(close) {
            self.add(entry.level, Shares { undecided: 1, ..Shares::default() });
            return None;
        }
        let carried = bouts().find(|bout| bout.start < entry.at - scene.early(bout) && bout.end > entry.at);
        // A failure that began under the version before is evidence against this one only if it lasts.
        let lasting = carried.is_some_and(|bout| bout.end >= entry.at + 4 * scene.interval);
        if carried.is_some() && (entry.torn || !lasting && to - entry.at < 4 * scene.interval) {
            // Undecided: neither bad nor clean.
            self.add(entry.level, Shares { undecided: 1, ..Shares::default() });
            return None;
        }
        Some(Shown { level: entry.level, failing: begins | lasting, begun: begins })
    }
}
