//! Effects too small for any one host to show: the contrast on sums. Failures observed over those expected, of exposed
//! cells against the cells of the same report interval, region, binary and service that are not exposed, weighed as a
//! conditional binomial (Mantel and Haenszel 1959; the mixture over factors is an e-value). Each host is its own
//! expectation. Hosts that fail visibly are not in the sums (see `ingest::waiting`), so that one loud host moves nothing here.
//! Hosts that have just loaded something are in them only if the failing goes on when a load is paid for: then it is not the
//! cost of a reload, and in a quick rollout these reports are the only ones in which hosts differ. Whether it may be named is
//! decided in `judge`.

use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Pooled, Tally};
use crate::numerics::align::Lag;
use crate::numerics::math::{float, ln_choose};
use crate::numerics::sums::{DISPERSION, FACTORS};
use crate::numerics::time::Instant;
use crate::scene::Scene;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::{Counter, Exposure, Factor, Family};
use crate::state::moves::DELAY_MAX;
use crate::state::ring::{Sums, index_of};
use crate::state::strata::{places, strata};
use firstbad_protocol::names::attribute;
use firstbad_protocol::verdict::CauseKind;
use std::collections::{BTreeMap, BTreeSet};

/// Report intervals looked at, at most.
const WINDOW: i64 = 60;
/// Report intervals looked at before the onset: sums rise some reports after the first hosts do.
const BEFORE: i64 = 6;
/// Observed over expected events, and events beyond expectation, at which failing goes on when a load is paid for, at least.
/// Source: `risen::FACTOR_MIN` and `risen::WORTH_WAKING`.
const GOES_ON_RATIO: f64 = 2.0;
const GOES_ON_EXCESS: f64 = 20.0;
/// Minimum number of units that had a version at once: what one or two had cannot be told from the host itself.
const UNITS_MIN: u32 = 3;
/// Levels of one factor that may be bad together.
const FAMILY_MAX: usize = 12;

/// Variance of a host's count beyond chance, per squared expectation, before anything was learnt (detector study: errors).
const SPREAD_PRIOR: f64 = 0.25;
/// Reports that are bad together: real errors remember for two to three reports.
const RELATED_REPORTS: f64 = 2.5;

/// A cell, folded: sums of one report interval, stratum and level of the factor.
#[derive(Clone, Copy)]
struct Folded {
    index: i64,
    stratum: u32,
    level: LevelId,
    sums: Sums,
    /// Rows, of which a unit has one.
    rows: u32,
}

/// The explanation by sums with the greatest e-value, and ln of the e-value of the next one that is not of the same factor.
pub(crate) struct Foremost {
    pub best: Hypothesis,
    pub next: f64,
}

/// Explains by sums.
pub(crate) fn pooled(state: &State, scene: &Scene<'_>) -> Option<Foremost> {
    let mut found: Vec<Hypothesis> = Vec::new();
    for counter in scene.counters.iter().filter(|counter| counter.is_additive()) {
        for factor in state.tables.factors.ids() {
            found.extend(of_factor(state, scene, factor, *counter));
        }
    }
    let weight = |one: &Hypothesis| one.pooled.map_or(0.0, |pooled| pooled.ln_e);
    found.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let best = found.first()?.clone();
    let next = found.iter().find(|other| other.factor != best.factor).map_or(0.0, weight);
    Some(Foremost { best, next })
}

fn of_factor(state: &State, scene: &Scene<'_>, index: FactorId, counter: Counter) -> Option<Hypothesis> {
    let binary = is_binary(state, index);
    let paid = Asked { factor: index, counter, after_load: false };
    let cells = folded(state, scene, paid);
    let cells =
        if goes_on(&cells, state, scene) { folded(state, scene, Asked { after_load: true, ..paid }) } else { cells };
    let temper = temper(state, scene, &cells, counter);
    let Together { levels, pooled } = family(state, scene, Cells { all: &cells, temper })?;
    let kind = if binary { CauseKind::Binary } else { CauseKind::Config };
    let mut hypothesis = Hypothesis::new(kind, hosts(scene, index, &levels));
    hypothesis.factor = Some(index);
    if let (true, [level]) = (binary, levels.as_slice())
        && let Some(crate::state::model::Key::Text(version)) = state.tables.level_at(*level).map(|level| &level.key)
    {
        hypothesis.scope.insert(attribute::SERVICE_VERSION.to_owned(), version.to_string());
    }
    hypothesis.levels = levels;
    hypothesis.pooled = Some(pooled);
    hypothesis.weight = pooled.ln_e;
    Some(hypothesis)
}

fn is_binary(state: &State, factor: FactorId) -> bool {
    matches!(state.tables.factors.get(factor), Some(Factor::Binary(_)))
}

/// Whether hosts go on failing more than expected under new versions when the cost of the load is paid. Then what they count
/// soon after the load is no such cost either.
fn goes_on(cells: &[Folded], state: &State, scene: &Scene<'_>) -> bool {
    let mut sums = Sums::default();
    cells.iter().filter(|cell| is_recent(state, scene, cell.level)).for_each(|cell| sums.add(cell.sums));
    sums.observed >= GOES_ON_RATIO * sums.expected && sums.observed - sums.expected >= GOES_ON_EXCESS
}

/// Whether a level is new enough to be the reason, and was not active when the data began.
fn is_recent(state: &State, scene: &Scene<'_>, level: LevelId) -> bool {
    let since = state.tables.level_at(level).map_or(Instant::LONG_AGO, |level| level.first_seen);
    since >= scene.onset - DELAY_MAX && since > state.warm()
}

/// Which cells are asked for.
#[derive(Clone, Copy)]
struct Asked {
    factor: FactorId,
    counter: Counter,
    /// Whether also those of hosts that may still pay for their last load.
    after_load: bool,
}

/// Cells that have a level of the factor.
fn folded(state: &State, scene: &Scene<'_>, Asked { factor, counter, after_load }: Asked) -> Vec<Folded> {
    let counts = |exposure: &&Exposure| after_load || !exposure.after_load;
    let strata = if is_binary(state, factor) { places(state) } else { strata(state) };
    let end = index_of(scene.now, scene.interval);
    let from = (index_of(scene.onset, scene.interval) - BEFORE).max(end - WINDOW);
    let mut cells = Vec::new();
    for index in from..=end {
        let Some(interval) = state.ring.get(index) else { continue };
        for (exposure, cell) in &interval.cells {
            let Some(exposure) = state.tables.exposures.get(*exposure).filter(counts) else {
                continue;
            };
            let level = exposure.levels.iter().find(|of| of.factor == factor).map(|of| of.level);
            let sums = cell.of(counter);
            if let (Some(level), true) = (level, sums.expected > 0.0) {
                let stratum = strata.get(exposure.dims).copied().unwrap_or(0);
                cells.push(Folded { index, stratum, level, sums, rows: cell.rows });
            }
        }
    }
    cells
}

/// Cells, and by how much less than Poisson counts theirs say.
#[derive(Clone, Copy)]
struct Cells<'a> {
    all: &'a [Folded],
    temper: f64,
}

/// Variance of the cells' counts over the Poisson one: what this fleet's hosts vary by themselves, and that a bad report is
/// followed by another.
fn temper(state: &State, scene: &Scene<'_>, cells: &[Folded], counter: Counter) -> f64 {
    let intervals = cells.iter().map(|cell| cell.index).collect::<BTreeSet<i64>>().len();
    let expected: f64 = cells.iter().map(|cell| cell.sums.expected).sum();
    let of_host = expected / float(intervals.max(1)) / float(scene.patients.len().max(1));
    let spread = state.spread.get(counter as usize).map_or(SPREAD_PRIOR, |spread| spread.rate(SPREAD_PRIOR));
    DISPERSION.max(RELATED_REPORTS * (1.0 + spread * of_host))
}

/// Levels that are bad together, and the contrast of their sums.
struct Together {
    levels: Vec<LevelId>,
    pooled: Pooled,
}

/// A level, and how much more fails under it than expected.
struct Ranked {
    ratio: f64,
    level: LevelId,
}

/// Levels that are bad together: those with the greatest ratios, as many as give the greatest e-value (for sums of this
/// kind the best of all sets is among these: Neill, "Fast subset scan", JRSS B 2012).
fn family(state: &State, scene: &Scene<'_>, cells: Cells<'_>) -> Option<Together> {
    let mut by_level: BTreeMap<LevelId, Sums> = BTreeMap::new();
    for cell in cells.all {
        by_level.entry(cell.level).or_default().add(cell.sums);
    }
    let ratio = |sums: &Sums| (sums.observed + 1.0) / (sums.expected + 1.0);
    let recent = |level: &LevelId| is_recent(state, scene, *level);
    let ranked = |(level, sums): (&LevelId, &Sums)| Ranked { ratio: ratio(sums), level: *level };
    let rows = rows_of(cells.all);
    let held = |level: &LevelId| rows.get(level).is_some_and(|rows| rows.values().any(|rows| *rows >= UNITS_MIN));
    let mut order: Vec<Ranked> =
        by_level.iter().filter(|(level, _)| recent(level) && held(level)).map(ranked).collect();
    order.sort_by(|a, b| b.ratio.total_cmp(&a.ratio).then(a.level.cmp(&b.level)));
    let all = order.len() as u64;
    let mut best: Option<Together> = None;
    let mut chosen: BTreeSet<LevelId> = BTreeSet::new();
    for Ranked { level, .. } in order.into_iter().take(FAMILY_MAX) {
        chosen.insert(level);
        let mut said = contrast(cells, &chosen);
        // Of many versions, as where every host has bytes of its own, those that fail most are found by chance.
        said.ln_e -= ln_choose(all, chosen.len() as u64).max(0.0);
        if best.as_ref().is_none_or(|known| said.ln_e > known.pooled.ln_e + 2.0) {
            best = Some(Together { levels: chosen.iter().copied().collect(), pooled: said });
        }
    }
    best.filter(|best| best.pooled.ln_e > 0.0)
}

/// By level, the number of rows in each report interval: how many units had it at once.
fn rows_of(cells: &[Folded]) -> BTreeMap<LevelId, BTreeMap<i64, u32>> {
    let mut rows: BTreeMap<LevelId, BTreeMap<i64, u32>> = BTreeMap::new();
    for cell in cells {
        *rows.entry(cell.level).or_default().entry(cell.index).or_default() += cell.rows;
    }
    rows
}

/// The stratified contrast of cells on `levels` against the others.
fn contrast(Cells { all, temper }: Cells<'_>, levels: &BTreeSet<LevelId>) -> Pooled {
    let mut strata: BTreeMap<(i64, u32), [Sums; 2]> = BTreeMap::new();
    for cell in all {
        let side = usize::from(!levels.contains(&cell.level));
        if let Some(slot) = strata.entry((cell.index, cell.stratum)).or_default().get_mut(side) {
            slot.add(cell.sums);
        }
    }
    let mut said = Pooled::default();
    let mut logs = FACTORS.map(|_| 0.0);
    let (mut excess, mut own, mut intervals) = (0.0, 0.0, BTreeSet::new());
    for ((index, _), [exposed, control]) in &strata {
        own += exposed.observed - exposed.expected;
        excess += exposed.observed - exposed.expected + control.observed - control.expected;
        if exposed.expected <= 0.0 || control.expected <= 0.0 {
            continue;
        }
        intervals.insert(*index);
        said.exposed.add(*exposed);
        said.control.add(*control);
        let chance = exposed.expected / (exposed.expected + control.expected);
        for (log, factor) in logs.iter_mut().zip(FACTORS) {
            let all = exposed.observed + control.observed;
            *log += (exposed.observed * libm::log(factor) - all * libm::log1p(chance * (factor - 1.0))) / temper;
        }
    }
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| libm::exp(log - most)).sum();
    said.ln_e = if intervals.is_empty() { 0.0 } else { most + libm::log(sum / float(FACTORS.len())) };
    said.explained = if excess > 0.0 { (own / excess).clamp(0.0, 1.0) } else { 0.0 };
    said.intervals = intervals.len() as u64;
    said
}

/// Hosts that were on `levels` since the onset, and hosts that were not.
fn hosts(scene: &Scene<'_>, factor: FactorId, levels: &[LevelId]) -> Tally {
    let mut tally = Tally::default();
    let mut lags: Vec<f64> = Vec::new();
    let of_all = Spans::on_levels(scene, Family { factor, levels });
    for (index, patient) in scene.patients.iter().enumerate() {
        let spans = of_all.of(index).unwrap_or_default();
        let on = spans.iter().find(|span| span.end > scene.onset && span.start < patient.seen);
        let fails = !patient.bouts.is_empty();
        let arm = if on.is_some() { &mut tally.exposed } else { &mut tally.control };
        arm.count(true, fails);
        // Before its own load a host was one of those that others are compared with.
        let before = on.is_some_and(|on| on.start > scene.onset - (BEFORE - 1) * scene.interval);
        tally.control.count(before, false);
        lags.extend(on.map(|span| (scene.onset - span.start).seconds()));
    }
    tally.lag = Lag { delay_s: crate::numerics::math::median(&mut lags), ..Lag::default() };
    tally
}
