//! Refusals: hosts that would not take a version and went on with the last good one. Nobody is harmed by them, so they are
//! an incident of their own, or none. A version is named where its content was refused, and no host of the same binary
//! took it; what could not be read or fetched speaks of the host or of the transport.

use crate::evidence::property::properties;
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::{Part, Tally};
use crate::hypothesis::judgement::Judgement;
use crate::numerics::math::ln_choose;
use crate::numerics::odds::LN_100;
use crate::numerics::time::{Instant, Span};
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::state::State;
use crate::state::ids::{DimsId, LevelId};
use crate::state::model::Level;
use firstbad_protocol::verdict::{CauseKind, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// Reasons that speak of the content.
const OF_CONTENT: [&str; 3] = ["parse", "parser_panic", "limit"];
/// Weight of a refusal by the parser's own error: as much as makes a cause.
const TOLD: f64 = 12.0;

/// Units that were offered a version: refused and took it, and their binaries.
#[derive(Clone, Debug, Default)]
struct Offered {
    refused: u64,
    took: u64,
    last: Option<Instant>,
    binaries: BTreeSet<DimsId>,
    taken: BTreeSet<DimsId>,
}

/// Judges refusals alone: the versions of the config that most hosts refused.
pub(crate) fn judge_refusals(state: &State, scene: &Scene<'_>) -> Judgement {
    let offered = offered(state, scene);
    let mut found: Vec<Weighed> = offered.iter().filter_map(|(level, of)| weighed(state, *level, of)).collect();
    found.sort_by(|a, b| {
        let key = |one: &Hypothesis| (one.tally.exposed.failing, std::cmp::Reverse(one.levels.clone()));
        key(&b.hypothesis).cmp(&key(&a.hypothesis))
    });
    let named = found.iter().find(|one| one.content).map(|one| one.hypothesis.clone());
    let named = named.map(|first| family(state, first, &found, &offered));
    let verdict = if named.is_some() { Verdict::Cause } else { Verdict::InsufficientEvidence };
    let ranked =
        named.iter().cloned().chain(found.into_iter().map(|one| one.hypothesis).filter(|one| {
            named.as_ref().is_none_or(|named| !named.levels.iter().any(|level| one.levels.contains(level)))
        }));
    Judgement { verdict, ranked: ranked.collect(), named, tied: 0 }
}

/// All versions of the config whose content was refused, with what their contents have in common, and the binary that
/// refuses them if another takes them.
fn family(state: &State, first: Hypothesis, found: &[Weighed], offered: &BTreeMap<LevelId, Offered>) -> Hypothesis {
    let alike = |one: &&Weighed| one.content && one.hypothesis.factor == first.factor;
    let mut levels: Vec<LevelId> = found.iter().filter(alike).flat_map(|one| one.hypothesis.levels.clone()).collect();
    levels
        .sort_by_key(|level| (state.tables.level_at(*level).map(|level| level.first_seen).unwrap_or_default(), *level));
    let bad: Vec<&Level> = levels.iter().filter_map(|level| state.tables.level_at(*level)).collect();
    let served = |level: &&Level| Some(level.factor) == first.factor && level.units_ever > 0 && level.refusals == 0;
    let clean: Vec<&Level> = state.tables.levels.iter().filter(served).collect();
    let mut refused: BTreeSet<DimsId> = BTreeSet::new();
    let mut taken: BTreeSet<DimsId> = BTreeSet::new();
    for of in levels.iter().filter_map(|level| offered.get(level)) {
        refused.extend(&of.binaries);
        taken.extend(&of.taken);
    }
    let properties = properties(&bad, &clean);
    let mut hypothesis = Hypothesis { levels, properties, ..first };
    let key = firstbad_protocol::names::attribute::SERVICE_VERSION;
    let values: BTreeSet<Option<&str>> = refused.iter().map(|dims| state.tables.value(*dims, key)).collect();
    if let (Some(Some(binary)), 1, false) = (values.first(), values.len(), taken.is_empty()) {
        hypothesis.scope.insert(key.to_owned(), (*binary).to_owned());
    }
    hypothesis
}

/// By version, who refused it since the onset, and who ever took it.
fn offered(state: &State, scene: &Scene<'_>) -> BTreeMap<LevelId, Offered> {
    let mut all: BTreeMap<LevelId, Offered> = BTreeMap::new();
    for patient in &scene.patients {
        for bout in &patient.bouts {
            let Some(level) = bout.level else { continue };
            let of = all.entry(level).or_default();
            of.refused += 1;
            of.last = of.last.max(Some(bout.start));
            of.binaries.insert(patient.dims);
        }
    }
    // Who took it long before tells as well: a host that comes late refuses it for a reason of its own.
    for unit in &state.units {
        let taken: BTreeSet<LevelId> = unit.moves.iter().map(|moved| moved.level).collect();
        for level in taken {
            if let Some(of) = all.get_mut(&level) {
                of.took += 1;
                of.taken.insert(unit.dims);
            }
        }
    }
    all
}

/// What a version has for it, and whether its content was refused.
struct Weighed {
    hypothesis: Hypothesis,
    content: bool,
}

fn weighed(state: &State, level: LevelId, of: &Offered) -> Option<Weighed> {
    let known = state.tables.level_at(level)?;
    let reason = state.refusals.get(&level).and_then(|seen| seen.reason.as_deref());
    let of_content = reason.is_some_and(|reason| OF_CONTENT.contains(&reason));
    let content = of_content && !same_binary(state, &of.binaries, &of.taken) && is_no_chance(state, of);
    let tally = Tally {
        exposed: Hosts { seen: of.refused + of.took, failing: of.refused },
        bouts: Part { hits: of.refused, all: of.refused },
        refusals: of.refused,
        ..Tally::default()
    };
    let weight = if content { TOLD } else { 0.0 };
    let hypothesis = Hypothesis {
        factor: Some(known.factor),
        levels: vec![level],
        weight,
        mechanism: weight,
        ..Hypothesis::new(CauseKind::Config, tally)
    };
    Some(Weighed { hypothesis, content })
}

/// ln of the ways to choose those who refused from which it is no chance that no binary both refused and took.
const PARTED_AT: f64 = LN_100;

/// Part of the hosts that must have refused a version for it to be named while it may yet reach others: two of three.
const MOST_REFUSED: u64 = 2;
const MOST_REFUSED_OF: u64 = 3;
/// Reports since the last refusal after which a push is over, and the least of that time, ns: slow pushes leave minutes
/// between one host and the next.
const OVER_AFTER: i64 = 10;
const OVER_AFTER_MIN: Span = Span(300_000_000_000);

/// Whether everybody refused it, or so many did and did not that their binaries part them by more than chance.
fn is_no_chance(state: &State, of: &Offered) -> bool {
    let most = of.refused * MOST_REFUSED_OF >= state.census.live as u64 * MOST_REFUSED;
    let waited = (OVER_AFTER * state.interval).max(OVER_AFTER_MIN);
    let over = of.last.zip(state.last_event).is_some_and(|(last, now)| now - last >= waited);
    of.took == 0 && (most || over) || ln_choose(of.refused + of.took, of.refused) >= PARTED_AT
}

/// Whether a unit with the binary of one of the first dimensions is among the second.
fn same_binary(state: &State, one: &BTreeSet<DimsId>, two: &BTreeSet<DimsId>) -> bool {
    let key = firstbad_protocol::names::attribute::SERVICE_VERSION;
    let binaries = |dims: &BTreeSet<DimsId>| -> BTreeSet<Option<&str>> {
        dims.iter().map(|dims| state.tables.value(*dims, key)).collect()
    };
    !binaries(one).is_disjoint(&binaries(two))
}
