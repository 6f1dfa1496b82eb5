//! The one look over all units that a tick takes: who is heard, who is late, who may be failing. What follows from it is
//! decided in `tick` and `detect`. It is made anew at each tick and is no part of a checkpoint.

use crate::detect::TOGETHER;
use crate::numerics::time::Instant;
use crate::state::State;
use crate::state::model::Unit;
use crate::state::tick_summary::Census;

/// Report intervals after which a host that is not heard is no longer missed.
const MISSED: i64 = 360;
/// One in so many hosts may have a clock that runs ahead.
const AHEAD_PART: usize = 4;

/// Looks over the units.
pub(crate) fn look_over(state: &mut State) {
    let (now, interval) = (state.now.unwrap_or_default(), state.interval);
    let latest = state.last_event.unwrap_or_default().max(now);
    let mut census = Census::default();
    let until = heard_until(state, now);
    let mut times: Vec<Instant> = Vec::with_capacity(state.units.len());
    for (id, unit) in state.units.ids().zip(&mut state.units) {
        let unheard = now - unit.last_arrival;
        if unit.rows > 0 && unheard < 6 * interval {
            times.push(unit.last_event);
        }
        census.live +=
            usize::from(latest - unit.last_arrival < 60 * interval || unit.last_event > latest - 60 * interval);
        if unit.left.is_none() && !unit.aggregate {
            let late = unit.rows >= 2 && until - unit.reported > 7 * unit.span.max(interval) / 2;
            census.awaited += usize::from(unheard < MISSED * interval);
            if late {
                census.missing += usize::from(unheard < MISSED * interval);
                census.late.push(id);
            }
        }
        if !unit.runs.is_empty() {
            census.sick.push(id);
        }
        if unit.stirred {
            unit.stirred = fails(unit, latest - TOGETHER * interval);
            if unit.stirred {
                census.stirred.push(id);
            }
        }
    }
    let middle = times.len() / 2;
    if !times.is_empty() {
        census.front = Some(*times.select_nth_unstable(middle).1);
    }
    state.census = census;
}

/// Until when reports can be missed: where a capture ends, the hosts whose clocks run ahead report for longer than the
/// others, which are no less alive.
fn heard_until(state: &State, now: Instant) -> Instant {
    let alive = |unit: &&Unit| unit.rows > 0 && now - unit.last_arrival < 6 * state.interval;
    let mut reported: Vec<Instant> = state.units.iter().filter(alive).map(|unit| unit.reported).collect();
    let ahead = reported.len() / AHEAD_PART;
    let at = reported.len().saturating_sub(ahead + 1);
    let most = reported.get_mut(..).filter(|all| at < all.len()).map(|all| *all.select_nth_unstable(at).1);
    most.map_or(now, |most| now.min(most + state.interval))
}

/// A longer report interval makes older runs recent again.
pub(crate) fn stir_all(state: &mut State) {
    for unit in &mut state.units {
        unit.stirred = !unit.runs.is_empty();
    }
}

/// Whether a unit has a run that is open or ended after `since`.
fn fails(unit: &Unit, since: Instant) -> bool {
    unit.runs.iter().any(|run| run.open || run.end > since)
}
