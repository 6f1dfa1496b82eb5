//! The stale version: every newer one was refused, and what the hosts went on serving no longer does (1.1.1.1, October
//! 2023: a resolver kept an old root zone until its signatures ran out). The guilty input is the old version by then.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Separator, Tally};
use crate::numerics::math::float;
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::{Counter, Factor};
use crate::state::moves::level_at;
use firstbad_protocol::Property;
use firstbad_protocol::verdict::CauseKind;
use std::collections::{BTreeMap, BTreeSet};

/// Report intervals that refusals must have lasted before what fails is staleness and not the refusal itself.
const LATER: i64 = 12;

/// Part of the hosts that kept an old version, four of five, which must fail for its age to be the reason.
const MOST: u64 = 4;
const WHOLE: u64 = 5;

/// Time before the failing began within which another change may be its reason: report intervals, and at least so long, ns.
const RIVAL_REPORTS: i64 = 12;
const RIVAL_WITHIN: Span = Span(60_000_000_000);
/// Report intervals before the onset within which a change of the whole fleet may be the reason.
const CHANGE_REPORTS: i64 = 2;
/// Expected number of changes near a random moment from which a change near the onset is no evidence.
const OFTEN: f64 = 0.2;
/// Minimum number of hosts that refused nothing, to compare with the hosts that did.
const SPARED_MIN: u64 = 3;
/// Minimum number of versions that a host must have refused where there are fewer: one refusal some time before all hosts
/// fail at one moment may be chance.
const REFUSED_MIN: usize = 2;

/// A config whose new versions hosts refused before they began to fail.
pub(crate) struct Stale {
    pub hypothesis: Hypothesis,
    /// Other possible reasons. Empty if there are enough hosts to compare with.
    pub rivals: Rivals,
}

/// What else happened shortly before most of the failing hosts began to fail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rivals {
    /// Versions of other configs, and binaries, that they loaded.
    pub levels: Vec<LevelId>,
    /// Whether they started.
    pub starts: bool,
    /// Number of change events.
    pub changes: usize,
    /// Whether a change event is rare enough to be evidence.
    pub change: bool,
}

/// Each such config.
pub(crate) fn stale(state: &State, scene: &Scene<'_>) -> Vec<Stale> {
    if !scene.refused {
        return Vec::new();
    }
    state
        .tables
        .factors
        .numbered()
        .filter(|(_, factor)| matches!(factor, Factor::Config(_)))
        .filter_map(|(index, _)| of_factor(state, scene, index))
        .collect()
}

fn of_factor(state: &State, scene: &Scene<'_>, factor: FactorId) -> Option<Stale> {
    let mut tally = Tally::default();
    let mut levels: Vec<LevelId> = Vec::new();
    // Only hosts that have some version of it, and were there when others failed, can be compared.
    let is_comparable =
        |patient: &Patient<'_>| patient.seen >= scene.onset && level_at(patient.unit, factor, scene.now).is_some();
    for patient in &scene.patients {
        let serves = |bout: &&Bout| bout.serving && !bout.silent;
        let begins = patient.bouts.iter().filter(serves).map(|bout| bout.start).min();
        let refusing = refusing_since(state, patient, factor);
        let fails = begins.is_some();
        tally.bouts.all += u64::from(fails);
        match refusing {
            Some(since) if begins.is_none_or(|begins| begins >= since + LATER * scene.interval) => {
                tally.exposed.count(true, fails);
                tally.bouts.hits += u64::from(fails);
                tally.refusals += u64::from(fails);
                if fails
                    && let Some(level) = level_at(patient.unit, factor, scene.now)
                    && !levels.contains(&level)
                {
                    levels.push(level);
                }
            }
            _ if is_comparable(patient) => tally.control.count(true, fails),
            _ => {}
        }
    }
    // What is too old is too old on every host that kept it, and does no harm elsewhere.
    let most = tally.exposed.failing * WHOLE >= tally.exposed.seen * MOST;
    let spared = tally.control.failing * 2 * tally.exposed.seen <= tally.control.seen * tally.exposed.failing;
    if tally.exposed.failing < 2 || !most || !spared || levels.is_empty() {
        return None;
    }
    levels.sort_unstable();
    let compared = tally.control.seen >= SPARED_MIN;
    if !compared && most_refused(state, scene, factor) < REFUSED_MIN {
        return None;
    }
    let rivals = if compared { Rivals::default() } else { rivals(state, scene, factor) };
    let hypothesis = Hypothesis {
        factor: Some(factor),
        levels,
        properties: vec![Separator { property: Property::Stale, limit: false }],
        ..Hypothesis::new(CauseKind::Config, tally)
    };
    Some(Stale { hypothesis, rivals })
}

/// Greatest number of versions of a config that one host refused. Where each host renders its own bytes, the versions of
/// different hosts may be one.
fn most_refused(state: &State, scene: &Scene<'_>, factor: FactorId) -> usize {
    let own = |level: &LevelId| state.tables.level_at(*level).is_some_and(|level| level.factor == factor);
    let of_host = |patient: &Patient<'_>| {
        let runs = patient.unit.runs.iter().filter(|run| run.counter == Counter::Refused);
        runs.filter_map(|run| run.level).filter(own).collect::<BTreeSet<LevelId>>().len()
    };
    scene.patients.iter().map(of_host).max().unwrap_or(0)
}

/// Other possible reasons of the failures, in addition to a config that got no new version.
pub(crate) fn rivals(state: &State, scene: &Scene<'_>, factor: FactorId) -> Rivals {
    let within = RIVAL_WITHIN.max(RIVAL_REPORTS * scene.interval);
    let mut hosts: BTreeMap<LevelId, usize> = BTreeMap::new();
    let mut started = 0;
    for (_, patient) in scene.that_fail() {
        let Some(began) = patient.bouts.iter().map(|bout| bout.start).min() else { continue };
        let came = began - within..=began + scene.interval;
        started += usize::from(patient.unit.starts.iter().chain([&patient.first]).any(|start| came.contains(start)));
        let mut levels: Vec<LevelId> = scene
            .moves(patient)
            .iter()
            .filter(|entry| entry.factor != factor && came.contains(&entry.at))
            .map(|entry| entry.level)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        levels.into_iter().for_each(|level| *hosts.entry(level).or_default() += 1);
    }
    let at_onset = scene.onset - CHANGE_REPORTS * scene.interval..=scene.onset + scene.interval;
    // If changes are frequent, one lies near any moment.
    let known = (scene.onset - state.first_event.unwrap_or(scene.onset)).max(Span::NS);
    let earlier = state.changes.iter().filter(|change| change.at < scene.onset).count();
    let by_chance = float(earlier) * (*at_onset.end() - *at_onset.start()).seconds() / known.seconds();
    let changes = state.changes.iter().filter(|change| at_onset.contains(&change.at)).count();
    let most = |count: usize| count * 2 >= scene.failing();
    let levels = hosts.into_iter().filter(|(_, count)| most(*count)).map(|(level, _)| level).collect();
    Rivals { levels, starts: most(started), changes, change: by_chance < OFTEN && changes > 0 }
}

/// Since when a unit has refused every load of a config, if it does.
pub(crate) fn refusing_since(state: &State, patient: &Patient<'_>, factor: FactorId) -> Option<Instant> {
    let of_factor = |level: LevelId| state.tables.level_at(level).is_some_and(|level| level.factor == factor);
    let runs = patient.unit.runs.iter();
    let mut refused = runs
        .filter(|run| run.counter == Counter::Refused && run.level.is_some_and(of_factor))
        .map(|run| run.start)
        .peekable();
    refused.peek()?;
    let moved = patient.unit.moves.iter().filter(|entry| entry.factor == factor).map(|entry| entry.at).max();
    refused.filter(|at| moved.is_none_or(|moved| *at > moved)).min()
}
