//! A feed that stopped: new versions of a config came in a rhythm, none came for much longer than any gap before, and the
//! hosts that kept the last one began to fail. Whether that may be named is decided in `verdict::feeds`. Where hosts refused
//! the newer versions, `stale` tells more.

use crate::evidence::stale::{refusing_since, rivals};
use crate::hypothesis::Hypothesis;
use crate::hypothesis::feed::{Feed, Rhythm, Rival};
use crate::hypothesis::findings::{Separator, Tally};
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::Factor;
use crate::state::moves::level_at;
use firstbad_protocol::Property;
use firstbad_protocol::verdict::CauseKind;
use std::collections::BTreeMap;

/// Minimum number of gaps between new versions that define the rhythm of a feed. Source: requirement. Of streams of
/// versions at random times, 1 in 150 has six gaps as regular as this, and 1 in 4,000 is overdue at a given time (simulated).
const GAPS_MIN: usize = 6;
/// Number of latest gaps that are looked at: five hours of a version every five minutes.
const GAPS_KEPT: usize = 64;
/// Least and greatest length of a regular gap, in median gaps. One in `IRREGULAR_PART` gaps may be irregular, and none may
/// be longer than `LONGEST_MOST` median gaps. Chosen: pushes by hand are less regular, a generator that skips one is not.
const REGULAR_LEAST: f64 = 0.5;
const REGULAR_MOST: f64 = 1.5;
const IRREGULAR_PART: usize = 10;
const LONGEST_MOST: f64 = 3.0;

/// Number of longest gaps after which a new version is overdue. Source: requirement.
const OVERDUE: i64 = 3;
/// Number of longest gaps after which a feed may have been ended on purpose. Source: incidents; contents expired after 2 to
/// 26 periods (1.1.1.1 2023, P15).
const ENDED: i64 = 50;

/// Minimum number of hosts that must fail with the kept version.
const FAILING_MIN: u64 = 3;
/// Part of the hosts with the kept version, four of five, that must fail for its age to be the reason.
const MOST: u64 = 4;
const WHOLE: u64 = 5;
/// Minimum number of versions of the config that a host loaded, so that it followed the feed.
const FOLLOWED_MIN: usize = 3;
/// Report intervals after a host loads a newer version in which it recovers, if the old one was the reason.
const RECOVERS_IN: i64 = 3;
/// Minimum number of hosts with a newer version that show whether it helps.
const NEWER_MIN: u64 = 3;

/// Each config whose feed stopped before its hosts began to fail, with the rivals that loads, starts and changes are.
pub(crate) fn stopped(state: &State, scene: &Scene<'_>) -> Vec<Hypothesis> {
    let class = scene.counters.first().map(|counter| Class::of(*counter));
    if !matches!(class, Some(Class::Failed | Class::Unscored | Class::Denied)) {
        return Vec::new();
    }
    let rhythms =
        new_versions(state, scene).into_iter().filter_map(|(factor, came)| Some((factor, rhythm(scene, came)?)));
    rhythms.filter_map(|(factor, rhythm)| of_factor(state, scene, factor, rhythm)).collect()
}

/// Times of the new versions of each config until the onset. What hosts had when they were first seen is no new version.
fn new_versions(state: &State, scene: &Scene<'_>) -> BTreeMap<FactorId, Vec<Instant>> {
    let new = state.warm()..=scene.onset;
    let is_config = |factor| matches!(state.tables.factors.get(factor), Some(Factor::Config(_)));
    let mut all: BTreeMap<FactorId, Vec<Instant>> = BTreeMap::new();
    for level in state.tables.levels.iter().filter(|level| level.units_ever > 0 && new.contains(&level.first_seen)) {
        if is_config(level.factor) {
            all.entry(level.factor).or_default().push(level.first_seen);
        }
    }
    all
}

fn of_factor(state: &State, scene: &Scene<'_>, factor: FactorId, rhythm: Rhythm) -> Option<Hypothesis> {
    if is_known_bad(state, factor) || is_refused(state, scene, &rhythm, factor) {
        return None;
    }
    let kept = Kept { state, scene, factor, rhythm };
    let Counted { tally, levels } = kept.count();
    let most = tally.exposed.failing * WHOLE >= tally.exposed.seen * MOST;
    let spared = tally.control.failing * 2 * tally.exposed.seen <= tally.control.seen * tally.exposed.failing;
    if tally.exposed.failing < FAILING_MIN || !most || !spared {
        return None;
    }
    let since = levels.iter().filter_map(|level| state.tables.level_at(*level)).map(|level| level.first_seen).max()?;
    let age = scene.middle() - since;
    let rival = kept.rival(&tally, age);
    Some(Hypothesis {
        factor: Some(factor),
        levels,
        properties: vec![Separator { property: Property::Stale, limit: false }],
        feed: Some(Feed { rhythm, since, age, rival }),
        ..Hypothesis::new(CauseKind::Config, tally)
    })
}

/// The rhythm of new versions, if there is one.
fn rhythm(scene: &Scene<'_>, mut came: Vec<Instant>) -> Option<Rhythm> {
    came.sort_unstable();
    let last = *came.last()?;
    let later = came.iter().skip(came.len().saturating_sub(GAPS_KEPT + 1));
    let mut gaps: Vec<Span> = later.clone().zip(later.skip(1)).map(|(from, to)| *to - *from).collect();
    gaps.sort_unstable();
    let (usual, longest) = (*gaps.get(gaps.len() / 2)?, *gaps.last()?);
    let regular = |gap: &&Span| (usual.times(REGULAR_LEAST)..=usual.times(REGULAR_MOST)).contains(gap);
    let irregular = gaps.len() - gaps.iter().filter(regular).count();
    let is_rhythm = gaps.len() >= GAPS_MIN
        && irregular * IRREGULAR_PART <= gaps.len()
        && longest <= usual.times(LONGEST_MOST)
        && usual > scene.interval;
    is_rhythm.then_some(Rhythm { last, gaps: gaps.len(), usual, longest })
}

/// Whether a version of the config is accused for another reason. Its feed was stopped for that, if it was.
fn is_known_bad(state: &State, factor: FactorId) -> bool {
    state
        .symptoms
        .iter()
        .filter(|symptom| symptom.factor() == Some(factor))
        .any(|symptom| symptom.named.as_ref().is_some_and(|named| named.property != Some(Property::Stale)))
}

/// Whether hosts refused versions that are newer than the newest one that any host applied.
fn is_refused(state: &State, scene: &Scene<'_>, rhythm: &Rhythm, factor: FactorId) -> bool {
    let refuses =
        |patient: &Patient<'_>| refusing_since(state, patient, factor).is_some_and(|since| since > rhythm.last);
    scene.refused && scene.patients.iter().any(refuses)
}

/// Hosts by the age of what they have, and the versions with which hosts failed.
#[derive(Clone, Debug, Default)]
struct Counted {
    tally: Tally,
    levels: Vec<LevelId>,
}

/// A config whose hosts are divided by the age of what they have.
#[derive(Clone, Copy)]
struct Kept<'a> {
    state: &'a State,
    scene: &'a Scene<'a>,
    factor: FactorId,
    rhythm: Rhythm,
}

impl Kept<'_> {
    /// Divides hosts by whether a newer version was overdue when they began to fail, or at the onset.
    fn count(&self) -> Counted {
        let Counted { mut tally, mut levels } = Counted::default();
        for patient in &self.scene.patients {
            let serves = |bout: &&Bout| bout.serving && !bout.silent;
            let begins = patient.bouts.iter().filter(serves).map(|bout| bout.start).min();
            tally.bouts.all += u64::from(begins.is_some());
            let at = begins.unwrap_or(self.scene.onset);
            let Some(level) = level_at(patient.unit, self.factor, at) else { continue };
            match self.is_overdue(patient, level, at) {
                Some(true) => {
                    tally.exposed.count(true, begins.is_some());
                    tally.bouts.hits += u64::from(begins.is_some());
                    if begins.is_some() && !levels.contains(&level) {
                        levels.push(level);
                    }
                    begins.into_iter().for_each(|begins| self.count_after(patient, begins, &mut tally));
                }
                Some(false) => tally.control.count(true, begins.is_some()),
                None => {}
            }
        }
        levels.sort_unstable();
        Counted { tally, levels }
    }

    /// Whether a newer version than a host's own was overdue; none if that host did not follow the feed, or went back.
    fn is_overdue(&self, patient: &Patient<'_>, level: LevelId, at: Instant) -> Option<bool> {
        let came = self.state.tables.level_at(level)?.first_seen;
        if at - came < self.rhythm.longest * OVERDUE {
            return Some(false);
        }
        let own = || patient.unit.moves.iter().filter(|entry| entry.factor == self.factor);
        // It took this version when it was new, and others before.
        let took = own().rev().find(|entry| entry.level == level && entry.at <= at)?;
        let followed = own().count() >= FOLLOWED_MIN && took.at <= came + self.rhythm.longest;
        (came == self.rhythm.last || followed).then_some(true)
    }

    /// How a failing host fares after it loads a newer version, or as long as it loads none.
    fn count_after(&self, patient: &Patient<'_>, begins: Instant, tally: &mut Tally) {
        let scene = self.scene;
        let newer = patient.unit.moves.iter().find(|entry| {
            let known = self.state.tables.level_at(entry.level);
            entry.factor == self.factor
                && entry.at > begins
                && known.is_some_and(|level| level.first_seen > self.rhythm.last)
        });
        let fails_after = |at: Instant| patient.bouts.iter().any(|bout| bout.open || bout.end > at);
        match newer {
            Some(newer) if scene.now - newer.at >= (RECOVERS_IN + 1) * scene.interval => {
                let until = |bout: &Bout| bout.start < newer.at && bout.end > newer.at - 2 * scene.interval;
                let goes_on = fails_after(newer.at + RECOVERS_IN * scene.interval);
                tally.stops.count(patient.bouts.iter().any(until) && !goes_on);
                tally.tail += u64::from(goes_on);
            }
            Some(_) => {}
            None => tally.stays.count(fails_after(scene.now - RECOVERS_IN * scene.interval)),
        }
    }

    /// Evidence against the feed in a host's own reports and in the change events.
    fn rival(&self, tally: &Tally, age: Span) -> Option<Rival> {
        let all = tally.stops.all;
        if all >= NEWER_MIN && tally.tail * 2 > all {
            return Some(Rival::GoesOn { hosts: tally.tail, of: all });
        }
        let rivals = rivals(self.state, self.scene, self.factor);
        if !rivals.levels.is_empty() {
            return Some(Rival::Load);
        }
        if rivals.starts {
            return Some(Rival::Start);
        }
        if rivals.changes > 0 {
            return Some(Rival::Change);
        }
        (age > self.rhythm.longest * ENDED).then_some(Rival::Ended)
    }
}
