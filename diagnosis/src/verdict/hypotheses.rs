//! The hypotheses: versions of a config, a binary, a change event, a dimension, one host. Each is held against the scene
//! and weighed; which of them may be named is decided in `judge`.

use crate::evidence::alike::as_prompt;
use crate::evidence::combine::TOLD_AT;
use crate::evidence::content::{clean, content, exceeds, is_a_fault_by_itself, of_levels};
use crate::evidence::moment::moment;
use crate::evidence::narrow::narrow;
use crate::evidence::property::properties;
use crate::evidence::returned::returned;
use crate::evidence::shares::{AllShares, Shares};
use crate::evidence::sides::sides;
use crate::evidence::stale::{Stale, stale};
use crate::evidence::tally::tally;
use crate::evidence::uses::Uses;
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Part, Separator, Tally};
use crate::hypothesis::history::History;
use crate::numerics::align::Lag;
use crate::numerics::math::{float, ratio};
use crate::numerics::odds::LN_10;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::scene::patient::Patient;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::{DimsId, FactorId, LevelId, UnitId};
use crate::state::model::{Counter, Factor, Family, Key, Level};
use crate::state::moves::{BEFORE_ALL, DELAY_MAX};
use crate::verdict::accusation::refuted;
use crate::verdict::feeds::feeds;
use crate::verdict::repeated::repeated;
use firstbad_protocol::Property;
use firstbad_protocol::names::attribute;
use firstbad_protocol::verdict::CauseKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Of so many hosts that fail under one version one may have another by chance: a late load, a clock that is off.
const STRAYS: u64 = 33;

/// All hypotheses about a scene, greatest weight first.
pub(crate) fn hypotheses(state: &State, scene: &Scene<'_>) -> Vec<Hypothesis> {
    let mut all: Vec<Hypothesis> = Vec::new();
    let shares = AllShares::new(scene);
    for factor in state.tables.factors.ids() {
        all.extend(of_factor(state, scene, factor, &shares));
    }
    let old: Vec<Hypothesis> = stale(state, scene).into_iter().filter_map(|stale| without_rival(stale, &all)).collect();
    all.extend(old);
    // A deploy event is the binary it deploys.
    let binaries: Vec<String> = all
        .iter()
        .filter_map(|hypothesis| {
            hypothesis.scope.get(attribute::SERVICE_VERSION).filter(|_| hypothesis.kind == CauseKind::Binary).cloned()
        })
        .collect();
    all.extend(changes(state, scene).into_iter().filter(|hypothesis| {
        let target =
            hypothesis.change.and_then(|index| state.changes.get(index)).map(|change| change.target.to_string());
        !target.is_some_and(|target| binaries.contains(&target))
    }));
    let near = distances(state, scene);
    let uses = Uses::new(state, scene);
    for hypothesis in &mut all {
        if let Some(factor) = hypothesis.factor.filter(|_| hypothesis.kind == CauseKind::Config) {
            hypothesis.used = uses.alone(factor);
            hypothesis.unused = uses.spared(factor);
            hypothesis.sides = sides(state, scene, hypothesis).filter(|sides| sides.ratio >= TOLD_AT);
            hypothesis.history =
                History { repeated: repeated(state, scene, hypothesis), returned: returned(scene, hypothesis) };
            hypothesis.moment = if hypothesis.used.is_some() { moment(state, scene, hypothesis) } else { 0.0 };
        }
        let own = distance(state, scene, hypothesis);
        hypothesis.weigh(float(near.partition_point(|other| *other <= own)));
    }
    all.extend(feeds(state, scene, &all));
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.kind.cmp(&b.kind)).then(a.levels.cmp(&b.levels)));
    all
}

/// The hypothesis that the kept version is too old, unless a recent change may be the reason.
fn without_rival(Stale { mut hypothesis, rivals }: Stale, others: &[Hypothesis]) -> Option<Hypothesis> {
    let rivals_with = |other: &Hypothesis| {
        other.recent && !refuted(other) && other.levels.iter().any(|level| rivals.levels.contains(level))
    };
    if rivals.change || others.iter().any(rivals_with) {
        return None;
    }
    // Each host that refused, served on and failed later is evidence by itself.
    hypothesis.mechanism = (LN_10 + 1.5 * float(hypothesis.tally.exposed.failing as usize)).min(14.0);
    Some(hypothesis)
}

/// How far from the onset each change came, ascending. Of many changes one fits by chance; but what came with the onset is
/// likelier to have caused it than what came long before, so each competes with those that came as close.
pub(crate) fn distances(state: &State, scene: &Scene<'_>) -> Vec<Span> {
    let window = scene.onset - 60 * scene.interval..=scene.onset + 2 * scene.interval;
    let levels = state.tables.levels.iter().map(|level| level.first_seen);
    let changes = state.changes.iter().map(|change| change.at);
    let mut near: Vec<Span> =
        levels.chain(changes).filter(|at| window.contains(at)).map(|at| (scene.onset - at).abs()).collect();
    near.sort_unstable();
    near
}

/// How far from the onset a hypothesis came.
fn distance(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Span {
    let levels =
        hypothesis.levels.iter().filter_map(|level| state.tables.level_at(*level)).map(|level| level.first_seen);
    let change = hypothesis.change.and_then(|index| state.changes.get(index)).map(|change| change.at);
    levels.chain(change).map(|at| (scene.onset - at).abs()).min().unwrap_or(Span::MAX)
}

/// What may be added to the versions under which hosts began to fail.
struct Carried<'a> {
    /// Versions under which hosts only went on failing.
    carried: Vec<LevelId>,
    /// Versions that were loaded just now or replaced at once, so that hosts show nothing of them.
    unseen: Vec<LevelId>,
    /// Versions that were accused before.
    named: &'a [LevelId],
    clean: &'a [&'a Level],
    shares: &'a BTreeMap<LevelId, Shares>,
}

/// Adds versions under which most hosts only went on failing. Such a version is bad if its content says so; else it may be
/// the repair, and the hosts that go on failing under it do so of what they had before, unless others began under it.
fn add_carried(state: &State, levels: &mut Vec<LevelId>, of: Carried<'_>) {
    let Carried { carried, unseen, named, clean, shares } = of;
    // The way back to a good version goes backwards as well.
    let told = |found: &&Separator| found.property != Property::GenerationWentBackwards;
    if let Some(property) = properties(&of_levels(state, levels), clean).first().filter(told) {
        let with = |level: LevelId| levels.iter().copied().chain([level]).collect::<Vec<LevelId>>();
        let has = |level: &&LevelId| properties(&of_levels(state, &with(**level)), clean).first() == Some(property);
        let known = |level: &&LevelId| !levels.contains(level);
        let others = named.iter().filter(|level| !carried.contains(level));
        // The repair may differ from the clean versions by chance as the bad ones do, but it breaks no limit.
        let breaks = property.limit || is_a_fault_by_itself(&property.property);
        let unseen = unseen.iter().filter(|level| breaks && !named.contains(level));
        let alike: Vec<LevelId> =
            carried.iter().chain(others).chain(unseen).filter(known).filter(has).copied().collect();
        levels.extend(alike);
        return;
    }
    let since = |level: LevelId| state.tables.level_at(level).map_or(Instant::MAX, |level| level.first_seen);
    let first = levels.iter().map(|level| since(*level)).min().unwrap_or(Instant::MAX);
    let began = |level: &LevelId| {
        shares.get(level).is_some_and(|of| of.begun >= BEGUN_MIN && of.begun * BEGUN_PART >= of.failing)
    };
    levels.extend(carried.into_iter().filter(|level| since(*level) > first && began(level)));
}

/// Share of the hosts that have a version which must begin to fail under it, and the part of the greatest such share: where
/// far fewer begin than under the worst, they go on failing of what they had.
const BEGUN_SHARE: f64 = 0.1;
const BEGUN_OF_MOST: f64 = 0.3;

/// Hosts that must begin to fail under a version, and their part of those that fail under it, for it to be bad by itself
/// though most of its hosts failed before.
const BEGUN_MIN: u64 = 3;
const BEGUN_PART: u64 = 20;

fn of_factor(state: &State, scene: &Scene<'_>, index: FactorId, of_all: &AllShares) -> Option<Hypothesis> {
    let factor = state.tables.factors.get(index)?;
    let shares = of_all.of_factor(state, index);
    let most = shares.values().map(|of| ratio(of.failing, of.all)).fold(0.0, f64::max);
    if most < 0.02 {
        return None;
    }
    let bad = |of: &Shares| of.failing > 0 && ratio(of.failing, of.all) >= 0.4 * most;
    let begins = |of: &Shares| ratio(of.begun, of.all);
    let most_begun = shares.values().map(begins).fold(0.0, f64::max);
    let begun = |of: &Shares| bad(of) && begins(of) >= BEGUN_SHARE.max(BEGUN_OF_MOST * most_begun);
    let own = |level: &LevelId| state.tables.level_at(*level).is_some_and(|level| level.factor == index);
    let chosen = |is: &dyn Fn(&Shares) -> bool| -> Vec<LevelId> {
        shares.iter().filter(|(level, of)| is(of) && own(level)).map(|(level, _)| *level).collect()
    };
    let mut levels = by_themselves(state, of_all, chosen(&begun), &shares);
    // What was named stays named, though what hosts did under it is forgotten by now.
    let named = state.symptoms.iter().filter(|symptom| {
        scene.counters.first().is_some_and(|first| Class::of(*first) == symptom.class)
            && symptom.resolved.is_none()
            && symptom.factor() == Some(index)
    });
    let named: BTreeSet<LevelId> = named.flat_map(|symptom| symptom.accused()).copied().filter(own).collect();
    let named: Vec<LevelId> = named.into_iter().collect();
    if levels.is_empty() {
        levels = named.clone();
    }
    if levels.is_empty() {
        return None;
    }
    let levels = newcomers(state, scene, proved(state, scene, levels, &shares), &shares);
    let mut levels = as_prompt(scene, index, levels);
    let carried = chosen(&|of| bad(of) && !begun(of));
    let unseen = chosen(&|of| !bad(of) && of.undecided > of.all);
    let clean = clean(state, scene, Family { factor: index, levels: &levels }, &shares);
    add_carried(state, &mut levels, Carried { carried, unseen, named: &named, clean: &clean, shares: &shares });
    let kind = if matches!(factor, Factor::Config(_)) { CauseKind::Config } else { CauseKind::Binary };
    let spans = Arc::new(Spans::on_levels(scene, Family { factor: index, levels: &levels }));
    let whole = match factor {
        Factor::Config(_) => tally(scene, &levels, false, &spans),
        Factor::Binary(service) => {
            tally(scene, &levels, true, &spans.within(scene, |dims| of_service(state, dims, service)))
        }
    };
    let mut hypothesis = Hypothesis::new(kind, whole);
    hypothesis.spans = Some(spans.clone());
    hypothesis.factor = Some(index);
    let flips = hypothesis.tally.flips.agreeing > 0 && !served_well(scene, &spans);
    let always = kind == CauseKind::Binary && was_always_there(scene, &spans);
    hypothesis.recent = !always && (flips || arrived(state, scene, index, &levels));
    if kind == CauseKind::Binary {
        let value = levels.first().and_then(|level| state.tables.level_at(*level)).map(name);
        if let Some(value) = value.filter(|_| levels.len() == 1) {
            hypothesis.scope.insert(attribute::SERVICE_VERSION.to_owned(), value);
        }
    } else {
        if let Some(narrowed) = narrow(state, scene, &levels, &spans) {
            hypothesis.scope = narrowed.scope;
            hypothesis.tally = narrowed.tally;
        }
        hypothesis.levels = levels.clone();
        content(state, scene, &mut hypothesis, &shares);
    }
    hypothesis.choices = crate::numerics::math::ln_choose(shares.len() as u64, levels.len() as u64).max(0.0);
    hypothesis.levels = levels;
    hypothesis
        .levels
        .sort_by_key(|level| (state.tables.level_at(*level).map(|level| level.first_seen).unwrap_or_default(), *level));
    Some(hypothesis)
}

/// What a level of a binary is called.
fn name(level: &Level) -> String {
    match &level.key {
        Key::Text(text) => text.to_string(),
        Key::Version(hash) => hash.short(),
    }
}

/// Whether any unit was seen to take one of `levels` late enough to be a trigger, or appeared with a new one.
fn arrived(state: &State, scene: &Scene<'_>, factor: FactorId, levels: &[LevelId]) -> bool {
    let window = scene.onset - DELAY_MAX..=scene.now;
    let moved = scene.patients.iter().flat_map(|patient| scene.moves(patient)).any(|entry| {
        entry.factor == factor && levels.contains(&entry.level) && entry.at != BEFORE_ALL && window.contains(&entry.at)
    });
    if moved {
        return true;
    }
    // What hosts had when they were first seen is old, unless they were first seen later than the fleet.
    let mut first: Vec<Instant> = scene.patients.iter().map(|patient| patient.first).collect();
    first.sort_unstable();
    let from = first.get(first.len() / 10).copied().unwrap_or_default() + 3 * scene.interval;
    let had = |patient: &Patient<'_>, level: LevelId| {
        patient.first <= from && patient.unit.moves.iter().any(|entry| entry.level == level && entry.at == BEFORE_ALL)
    };
    let new = |level: &LevelId| {
        state.tables.level_at(*level).is_some_and(|known| known.first_seen >= from.max(*window.start()))
            && !scene.patients.iter().any(|patient| had(patient, *level))
    };
    levels.iter().any(new)
}

/// Report intervals before the onset from which what a unit had was no trigger: it is what failing was moved away from.
const SERVED: i64 = 12;

/// Whether most units that fail had it long before, and were well.
fn served_well(scene: &Scene<'_>, spans: &Spans) -> bool {
    let before = scene.onset - SERVED * scene.interval;
    let had = |(index, patient): &(usize, &Patient<'_>)| {
        patient.first <= before && spans.of(*index).is_some_and(|spans| spans.iter().any(|span| span.start <= before))
    };
    scene.that_fail().filter(had).count() * 2 > scene.failing()
}

/// Whether most units that fail had it when they were first seen, as early as the fleet itself. A binary that a release
/// replaces is such a one: its hosts fall silent because they are replaced.
fn was_always_there(scene: &Scene<'_>, spans: &Spans) -> bool {
    let early = scene.warm;
    let always = |(index, patient): &(usize, &Patient<'_>)| {
        let had = |span: &Window| span.start <= patient.first;
        patient.first <= early && spans.of(*index).is_some_and(|spans| spans.iter().any(had))
    };
    scene.that_fail().filter(always).count() * 2 > scene.failing()
}

/// A binary of another service is no explanation.
fn of_service(state: &State, dims: DimsId, service: &str) -> bool {
    state.tables.value(dims, attribute::SERVICE_NAME).unwrap_or("") == service
}

/// Of the versions under which hosts began to fail those that did it by themselves: neither because the one before had
/// just come, nor on one or two hosts, or a few where hundreds fail under the others. One that breaks a limit needs no such proof.
fn by_themselves(
    state: &State,
    of_all: &AllShares,
    begun: Vec<LevelId>,
    shares: &BTreeMap<LevelId, Shares>,
) -> Vec<LevelId> {
    let begins = |level: &LevelId| shares.get(level).map_or(0, |of| of.begun);
    let most = begun.iter().map(begins).max().unwrap_or(0);
    let least = most.min(BEGUN_MIN.max(most / STRAYS + 1));
    let themselves = of_all.themselves(state, begun.clone(), shares);
    let proved = |level: &LevelId| exceeds(state, *level) || themselves.contains(level) && begins(level) >= least;
    begun.into_iter().filter(proved).collect()
}

/// Part of the hosts that began to fail under a version that must have done so before the next guilty one came.
const FIRST_BEGUN_PART: u64 = 3;

/// Versions under which hosts began to fail before a worse one came, or after which none came. A version that hosts go back
/// to shares no guilt: they may go on failing under it, or begin again, of what they had.
fn newcomers(
    state: &State,
    scene: &Scene<'_>,
    levels: Vec<LevelId>,
    shares: &BTreeMap<LevelId, Shares>,
) -> Vec<LevelId> {
    let since = |level: LevelId| state.tables.level_at(level).map_or(Instant::MAX, |level| level.first_seen);
    let begun = |level: LevelId| shares.get(&level).map_or(0, |of| of.begun);
    let Some(worst) = levels.iter().copied().max_by_key(|level| (begun(*level), *level)) else { return levels };
    let came = since(worst);
    let first = |level: LevelId| {
        let on_it = |patient: &Patient<'_>, at: Instant| {
            let moves = scene.moves(patient).iter().filter(|entry| entry.factor == factor_of(state, level));
            moves.take_while(|entry| entry.at <= at).last().is_some_and(|entry| entry.level == level)
        };
        let before = |patient: &Patient<'_>| {
            patient.bouts.iter().any(|bout| bout.start < came - scene.early(bout) && on_it(patient, bout.start))
        };
        scene.that_fail().filter(|(_, patient)| before(patient)).count() as u64
    };
    // One that breaks a limit and was followed at once by the next had no time to show more hosts.
    let at_once = |level: LevelId| came - since(level) < scene.soon() && exceeds(state, level);
    let guilty = |level: &LevelId| {
        since(*level) >= came || at_once(*level) || first(*level) * FIRST_BEGUN_PART >= begun(*level).max(1)
    };
    levels.iter().copied().filter(guilty).collect()
}

fn factor_of(state: &State, level: LevelId) -> FactorId {
    state.tables.level_at(level).map_or(FactorId::NONE, |level| level.factor)
}

/// Requests under a version from which its own failing share is known, and the share beside which a tenth is well.
const TAGGED_MIN: u64 = 50;
const TAGGED_BAD: f64 = 0.02;

/// Of versions under which hosts began to fail those that are worse by themselves. A beginning is placed only so well, and
/// may fall to the version before: those over a limit explain it alone, if so, and those whose own requests were answered
/// do not.
fn proved(state: &State, scene: &Scene<'_>, levels: Vec<LevelId>, shares: &BTreeMap<LevelId, Shares>) -> Vec<LevelId> {
    let failing = |of: &[LevelId]| of.iter().filter_map(|level| shares.get(level)).map(|of| of.begun).sum::<u64>();
    let over: Vec<LevelId> = levels.iter().copied().filter(|level| exceeds(state, *level)).collect();
    let levels = if failing(&over) * 5 >= failing(&levels) * 4 { over } else { levels };
    let share = |level: &LevelId| {
        let known = state.tables.level_at(*level).filter(|known| known.requests >= TAGGED_MIN)?;
        Some(ratio(known.failed, known.requests))
    };
    let most = levels.iter().filter_map(share).fold(0.0, f64::max);
    if most < TAGGED_BAD || !scene.counters.iter().any(|counter| matches!(counter, Counter::Errors | Counter::Panics)) {
        return levels;
    }
    levels.into_iter().filter(|level| share(level).is_none_or(|share| share >= most / 10.0)).collect()
}

/// Length of a report at least, of sixty of which a change is recent.
const RECENT_MIN: Span = Span(10_000_000_000);

/// Change events that reached hosts one by one, or the whole fleet at once.
fn changes(state: &State, scene: &Scene<'_>) -> Vec<Hypothesis> {
    let recent = |at: Instant| at <= scene.now && at >= scene.onset - 60 * scene.interval.max(RECENT_MIN);
    let mut found = Vec::new();
    for (index, change) in state.changes.iter().enumerate().filter(|(_, change)| recent(change.at)) {
        let counted = if change.is_everywhere() {
            // No contrast, no alignment: all it can have is the moment.
            if (scene.onset - change.at).abs() > 3 * scene.interval {
                continue;
            }
            let (all, failing) = (scene.patients.len() as u64, scene.failing() as u64);
            let lag = Lag { hosts: failing, delay_s: (scene.onset - change.at).seconds(), ..Lag::default() };
            let bouts = Part { hits: failing, all: failing };
            Tally { exposed: Hosts { seen: all, failing }, bouts, lag, ..Tally::default() }
        } else {
            let reached: BTreeMap<UnitId, Instant> = change.reached.iter().rev().map(|of| (of.unit, of.at)).collect();
            tally(scene, &[], false, &Spans::since(scene, |patient| reached.get(&patient.id).copied()))
        };
        if counted.exposed.failing == 0 {
            continue;
        }
        let mut hypothesis = Hypothesis::new(CauseKind::Change, counted);
        hypothesis.change = Some(index);
        hypothesis.everywhere = change.is_everywhere();
        found.push(hypothesis);
    }
    found.sort_by(|a, b| b.tally.risk.ln_e.total_cmp(&a.tally.risk.ln_e));
    found.truncate(8);
    found
}
