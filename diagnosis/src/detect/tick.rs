//! What a tick does before it judges: waiting rows enter their cells, the units are looked over, missing reports open runs, expectations rotate.

use crate::detect::census::{look_over, stir_all};
use crate::detect::risen::{FOLLOWED_FOR, FOLLOWED_MAX};
use crate::ingest::waiting::fold;
use crate::numerics::shape;
use crate::numerics::time::Instant;
use crate::signals::death::not_heard;
use crate::state::compact::compact;
use crate::state::ids::LevelId;
use crate::state::model::Counter;
use crate::state::place::Place;
use crate::state::ring::{Ring, index_of};
use crate::state::{REVISABLE, State};
use std::collections::BTreeMap;

/// Brings the state up to `at`.
pub(crate) fn settle(state: &mut State, at: Instant) {
    state.now = Some(state.now.map_or(at, |now| now.max(at)));
    state.ticks += 1;
    let changed = state.learn_interval();
    if changed {
        state.ring = Ring::default();
        state.rotated = i64::MIN;
        stir_all(state);
    }
    fold(state, changed);
    state.ring.trim();
    choose_followed(state);
    look_over(state);
    state.front = state.census.front.or(state.front);
    mark_silent(state);
    rotate(state);
}

/// Versions that are new: what their hosts count is summed up apart.
fn choose_followed(state: &mut State) {
    let last = state.last_event.unwrap_or_default();
    let since = (last - FOLLOWED_FOR * state.interval).max(state.warm());
    let new = state.tables.levels.numbered().filter(|(_, level)| level.first_seen > since);
    let mut found: Vec<(Instant, LevelId)> = new.map(|(id, level)| (level.first_seen, id)).collect();
    if found.len() > FOLLOWED_MAX {
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.truncate(FOLLOWED_MAX);
    }
    state.followed = found.into_iter().map(|(_, id)| id).collect();
    state.followed.sort_unstable();
}

/// Units whose reports are missing. Where nearly the whole fleet is missing at once the collector is blind, or the
/// clock of one host runs ahead; that is a blind spot, not a symptom of each host.
fn mark_silent(state: &mut State) {
    let Some(now) = state.now else { return };
    let interval = state.interval;
    let (awaited, missing) = (state.census.awaited, state.census.missing);
    if missing * 10 > awaited * 9 && awaited > 3 {
        return;
    }
    for id in std::mem::take(&mut state.census.late) {
        let Some(unit) = state.units.get_mut(id) else { continue };
        if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Silent && run.open) {
            run.end = run.end.max(now);
            continue;
        }
        let credit = state.born.entry(Place::of(&state.tables, unit.dims)).or_default();
        if *credit > 0 {
            *credit -= 1;
            unit.left = Some(unit.last_event);
            continue;
        }
        let loading =
            unit.loading.filter(|loading| loading.at >= unit.last_event - interval).map(|loading| loading.level);
        let (stirred, sick) = (unit.stirred, !unit.runs.is_empty());
        not_heard(unit, loading);
        state.census.stirred.extend((!stirred).then_some(id));
        state.census.sick.extend((!sick).then_some(id));
    }
}

/// Rotates expectations every 18 report intervals in which nothing was wrong.
fn rotate(state: &mut State) {
    let now = index_of(state.last_event.unwrap_or_default(), state.interval);
    if state.rotated == i64::MIN {
        state.rotated = now;
        return;
    }
    if now - state.rotated < REVISABLE {
        return;
    }
    state.rotated = now;
    compact(state);
    if state.open_case() {
        return;
    }
    for base in &mut state.prior {
        base.rotate();
    }
    state.rotations = state.rotations.wrapping_add(1);
    for shape in state.shapes.values_mut() {
        shape::rotate(shape);
    }
    learn_slow(state);
}

/// Requests up to a latency, and above that of the bucket before.
struct Bucket {
    bound_s: f64,
    count: f64,
}

/// A request is slow above the least bound under which 95 % of requests were.
fn learn_slow(state: &mut State) {
    let bucket = |(bits, count): (&u64, &f64)| Bucket { bound_s: f64::from_bits(*bits), count: *count };
    let mut buckets: Vec<Bucket> = state.slow.histogram.iter().map(bucket).collect();
    buckets.sort_by(|a, b| a.bound_s.total_cmp(&b.bound_s));
    let all: f64 = buckets.iter().map(|bucket| bucket.count).sum();
    let mut below = 0.0;
    for Bucket { bound_s: bound, count } in buckets {
        below += count;
        if below >= 0.95 * all && all > 0.0 {
            if !state.slow.above_s.is_finite() {
                state.slow.above_s = bound;
            }
            break;
        }
    }
    let halved: BTreeMap<u64, f64> = state.slow.histogram.iter().map(|(bits, count)| (*bits, count / 2.0)).collect();
    state.slow.histogram = halved;
}
