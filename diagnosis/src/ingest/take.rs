//! Taking observations: who it is about, whether its time can be believed, and which part of the state it changes. Rows
//! and loads have files of their own.

use crate::ingest::take_load::take_load;
use crate::ingest::take_row::take_row;
use crate::ingest::unit_of::{corrected, unit_of};
use crate::numerics::time::{Instant, Span};
use crate::observation::{Change, Exit, Gap, Observation, Panic, Source, Start};
use crate::signals::death::{died, panicked, panicked_also};
use crate::state::ids::UnitId;
use crate::state::model::{Factor, Key, Reached, WorldChange};
use crate::state::unit_parts::{Loading, PanicBout};
use crate::state::{PanicSeen, State};
use firstbad_protocol::limits::{CHANGES_MAX, INSTANCES_MAX, SITE_HOSTS_MAX};
use firstbad_protocol::time::{SECOND_NS, Timestamp};

/// Distinct panic messages kept.
const PANICS_MAX: usize = 256;
/// Units kept that changes reached, over all changes: 16 MB. The oldest changes keep their number alone.
const REACHED_MAX: usize = 1_000_000;
/// Different blind-spot sentences kept.
const GAPS_MAX: usize = 64;

/// Takes one observation.
pub(crate) fn take(state: &mut State, observation: &Observation, frozen: bool) {
    match observation {
        Observation::Row(row) => take_row(state, row, frozen),
        Observation::Load(load) => take_load(state, load),
        Observation::Panic(panic) => take_panics(state, Bout { first: panic, last: panic.at, count: 1 }),
        Observation::MorePanics(more) => {
            take_panics(state, Bout { first: &more.first, last: more.last, count: more.count });
        }
        Observation::Start(start) => take_start(state, start),
        Observation::Exit(exit) => take_exit(state, exit),
        Observation::Change(change) => take_change(state, change),
        Observation::Gap(gap) => take_gap(state, gap),
    }
}

/// One panic, or several of one source at one site.
#[derive(Clone, Copy)]
struct Bout<'a> {
    first: &'a Panic,
    last: Timestamp,
    /// How many, at least one.
    count: u64,
}

fn take_panics(state: &mut State, Bout { first: panic, last, count }: Bout<'_>) {
    let Some(id) = unit_of(state, &panic.source, &panic.dimensions, panic.at.into()) else { return };
    let at = corrected(state, id, panic.at.into());
    take_bout(state, id, at, panic);
    if count > 1 && unit_of(state, &panic.source, &panic.dimensions, last.into()).is_some() {
        let last = corrected(state, id, last.into());
        take_bout(state, id, last, panic);
        if let Some(unit) = state.units.get_mut(id).filter(|unit| panic.exception.is_none() && !unit.counts_requests())
        {
            panicked_also(unit, count.saturating_sub(2));
        }
    }
    // Messages that may differ are no message.
    if panic.site.is_none() && panic.message.is_empty() && count > 1 {
        state.tables.overflow += count;
        return;
    }
    let same =
        |seen: &&mut PanicSeen| seen.site == panic.site && (seen.site.is_some() || seen.message == panic.message);
    if let Some(seen) = state.panics.iter_mut().find(same) {
        seen.count = seen.count.saturating_add(count);
        if at < seen.first {
            seen.first = at;
            seen.message = panic.message.clone();
        }
        if seen.units.len() < SITE_HOSTS_MAX && !seen.units.contains(&id) {
            seen.units.push(id);
        }
    } else if state.panics.len() < PANICS_MAX {
        state.panics.push(PanicSeen {
            message: panic.message.clone(),
            site: panic.site.clone(),
            first: at,
            count,
            units: vec![id],
            reason: None,
        });
    } else {
        state.tables.overflow += count;
    }
}

/// Notes on the unit that it panicked at `at`.
fn take_bout(state: &mut State, id: UnitId, at: Instant, panic: &Panic) {
    let (gap, interval) = (3 * state.interval, state.interval);
    let Some(unit) = state.units.get_mut(id) else { return };
    if panic.exception.is_none() && !unit.counts_requests() {
        panicked(unit, at, interval);
    }
    let PanicBout { first, last } = unit.panic_bout;
    unit.panic_bout = if at - last > gap || at < first - gap {
        PanicBout { first: at, last: at }
    } else {
        PanicBout { first: first.min(at), last: last.max(at) }
    };
}

fn take_start(state: &mut State, start: &Start) {
    let Some(id) = unit_of(state, &start.source, &start.dimensions, start.at.into()) else { return };
    let (at, interval) = (corrected(state, id, start.at.into()), state.interval);
    if let Some(unit) = state.units.get_mut(id) {
        unit.note_start(at, interval);
        unit.left = None;
    }
}

fn take_exit(state: &mut State, exit: &Exit) {
    let Some(id) = unit_of(state, &exit.source, &exit.dimensions, exit.at.into()) else { return };
    let at = corrected(state, id, exit.at.into());
    let loading = exit.loading.as_ref().and_then(|(config, hash)| {
        let factor = state.tables.factor(&Factor::Config(config.clone()))?;
        Some(Loading { factor, level: state.tables.level(factor, &Key::Version(*hash), at)?, at })
    });
    let Some(unit) = state.units.get_mut(id) else { return };
    if exit.clean {
        unit.left = Some(at);
        unit.restarts_seen.forget();
        unit.restarts_seen.left = unit.restarts_seen.left.max(at);
        return;
    }
    unit.loading = loading.or(unit.loading);
    let level = unit.loading.filter(|of| at - of.at < Span(60 * SECOND_NS) && at >= of.at).map(|of| of.level);
    died(unit, at, level);
}

fn take_change(state: &mut State, change: &Change) {
    let at = Instant::from(change.at);
    if let (true, Some((config, hash))) = (&*change.kind == "publish", &change.version) {
        if let Some(factor) = state.tables.factor(&Factor::Config(config.clone()))
            && let Some(level) = state.tables.level(factor, &Key::Version(*hash), at)
            && let Some(level) = state.tables.level_mut(level)
        {
            level.published = true;
        }
        return;
    }
    let unit = change.source.as_ref().and_then(|source| match source {
        Source::Instance { .. } => unit_of(state, source, &change.dimensions, at),
        Source::Aggregate => None,
    });
    let same =
        |known: &WorldChange| known.kind == change.kind && known.id == change.id && known.target == change.target;
    let index = if let Some(index) = state.changes.iter().rposition(same) {
        index
    } else {
        if state.changes.len() >= CHANGES_MAX {
            state.reached -= state.changes.remove(0).reached.len();
        }
        state.changes.push(WorldChange {
            at,
            kind: change.kind.clone(),
            id: change.id.clone(),
            target: change.target.clone(),
            description: change.description.clone(),
            reached: Vec::new(),
            folded: 0,
            unnamed: 0,
        });
        state.changes.len() - 1
    };
    let corrected = unit.map_or(at, |id| corrected(state, id, at));
    let Some(known) = state.changes.get_mut(index) else { return };
    known.at = known.at.min(corrected);
    match unit {
        Some(id) if known.reached.len() < INSTANCES_MAX => {
            if known.reached.last().is_none_or(|last| last.unit != id) {
                known.reached.push(Reached { unit: id, at: corrected });
                state.reached += 1;
            }
        }
        Some(_) => {}
        None => known.unnamed += 1,
    }
    if state.reached > REACHED_MAX {
        fold_reached(state, index);
    }
}

/// Lets the units go that the oldest change reached, except `kept`.
fn fold_reached(state: &mut State, kept: usize) {
    let others =
        state.changes.iter_mut().enumerate().filter(|(index, change)| *index != kept && !change.reached.is_empty());
    if let Some((_, oldest)) = others.min_by_key(|(_, change)| change.at) {
        oldest.folded += oldest.reached.len() as u64;
        state.reached -= oldest.reached.len();
        oldest.reached = Vec::new();
    }
}

fn take_gap(state: &mut State, gap: &Gap) {
    if state.gaps.len() < GAPS_MAX || state.gaps.contains_key(&gap.sentence) {
        *state.gaps.entry(gap.sentence.clone()).or_default() += gap.count;
    }
}
