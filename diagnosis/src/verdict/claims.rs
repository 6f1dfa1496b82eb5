//! Which episodes a symptom explains. An episode that is explained belongs to its symptom and to no other; what is left is
//! looked at for another explanation.

use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::{DimsId, UnitId};
use crate::state::model::{Run, Unit};
use crate::state::symptom::Symptom;
use firstbad_protocol::time::SECOND_NS;

/// Time after a host has left what is accused within which it may fail again of the same: queues, refetching, restarts.
const RELAPSE: Span = Span(120 * SECOND_NS);
const RELAPSE_REPORTS: i64 = 6;
/// How much before a load an episode may seem to begin, in tenths of a report, where its beginning is not placed better.
const EARLY_TENTHS: i64 = 6;

/// Marks the episodes that a symptom explains, and lets those go that it does not explain any more.
pub(crate) fn claim(state: &mut State, symptom: &Symptom) {
    let interval = state.interval;
    let over = symptom.resolved.is_some() && !symptom.verdict.accuses();
    let reached = reached_by(state, symptom);
    for id in state.census.sick.clone() {
        let dims = state.units.get(id).map_or(DimsId::default(), |unit| unit.dims);
        let inside = reached.as_ref().is_none_or(|reached| reached.binary_search(&id).is_ok())
            && is_in_scope(state, dims, symptom);
        let Some(unit) = state.units.get_mut(id) else { continue };
        let mut runs = std::mem::take(&mut unit.runs);
        let mut hit = false;
        for run in runs.iter_mut().filter(|run| is_of(run, symptom)) {
            let explained = if over {
                run.start >= symptom.onset - 2 * interval
            } else {
                symptom.verdict.accuses() && inside && is_explained(unit, run, symptom, Slack { interval, hit })
            };
            hit |= explained;
            run.claim = if explained { symptom.id } else { 0 };
        }
        unit.runs = runs;
    }
}

/// Units that the accused change reached, sorted, where it is a change event that did not reach all.
fn reached_by(state: &State, symptom: &Symptom) -> Option<Vec<UnitId>> {
    let named = symptom.named.as_ref().filter(|named| named.factor.is_none())?;
    let accused = named.change.as_ref()?;
    let change = state.changes.iter().find(|change| *change.id == *accused.id && !change.is_everywhere())?;
    let mut reached: Vec<UnitId> = change.reached.iter().map(|of| of.unit).collect();
    reached.sort_unstable();
    Some(reached)
}

/// Whether units with some dimensions are among those that what is named is guilty on.
fn is_in_scope(state: &State, dims: DimsId, symptom: &Symptom) -> bool {
    let scope = symptom.named.iter().flat_map(|named| &named.scope);
    scope.into_iter().all(|(key, value)| state.tables.value(dims, key).is_none_or(|known| known == value))
}

fn is_of(run: &Run, symptom: &Symptom) -> bool {
    Class::of(run.counter) == symptom.class && (run.claim == 0 || run.claim == symptom.id)
}

/// What allows for times that are not exact.
#[derive(Clone, Copy)]
struct Slack {
    /// Length of a report.
    interval: Span,
    /// Whether the unit has failed of the same before.
    hit: bool,
}

/// Whether an episode began under what is accused, or soon after on a unit that it had hit already.
fn is_explained(unit: &Unit, run: &Run, symptom: &Symptom, slack: Slack) -> bool {
    let Slack { interval, hit } = slack;
    let Some(factor) = symptom.factor() else { return run.start >= symptom.onset - interval };
    let early = (EARLY_TENTHS * interval / 10).max(2 * run.near.deviation);
    if run.level.is_some_and(|level| symptom.accused().contains(&level)) {
        return true;
    }
    let relapse = RELAPSE.max(RELAPSE_REPORTS * interval);
    let mut since: Option<Instant> = None;
    let mut until: Option<Instant> = None;
    for entry in unit.moves.iter().filter(|entry| entry.factor == factor && entry.at <= run.start + early) {
        if symptom.accused().contains(&entry.level) {
            (since, until) = (Some(entry.at), None);
        } else if since.is_some() {
            until = until.or(Some(entry.at));
        }
    }
    match (since, until) {
        (Some(_), None) => true,
        // A report that spans the end of the one and the start of the other belongs to the one before.
        (Some(_), Some(left)) => run.start < left + early || hit && run.start < left + relapse,
        _ => false,
    }
}
