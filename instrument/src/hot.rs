//! The request path: one compare and one add in a lane that only this thread writes. No lock, clock, allocation or locked
//! instruction; whatever does not fit goes to `cold`.

use crate::raw::Words;
use crate::recorder;
use firstbad_protocol::recorder::layout::{LANE_NUMBERS, SLOT_WORDS, SLOTS, cell, key};
use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

thread_local! {
    /// Lanes of this thread by number; empty: none yet. Without a destructor, so that it can be used to the thread's very
    /// end, also in a panic.
    static LANES: [Cell<Words>; LANE_NUMBERS] = const { [const { Cell::new(&[]) }; LANE_NUMBERS] };
    /// Gives the lanes back when the thread ends.
    static KEEPER: Keeper = const { Keeper };
}

/// Stands for "there is no room for a lane": too short for any cell.
static NO_ROOM: [AtomicU64; 1] = [AtomicU64::new(0)];

struct Keeper;

impl Drop for Keeper {
    fn drop(&mut self) {
        for number in 0..LANE_NUMBERS {
            let lane = replace(number, &NO_ROOM);
            if lane.len() > NO_ROOM.len() {
                recorder::return_lane(lane);
            }
        }
    }
}

fn replace(number: usize, lane: Words) -> Words {
    LANES.with(|lanes| lanes.get(number).map_or(&[] as Words, |cell| cell.replace(lane)))
}

/// Forgets the lanes of this thread: in a forked child they are the parent's.
pub(crate) fn forget_lanes() {
    for number in 0..LANE_NUMBERS {
        replace(number, &[]);
    }
}

/// Counts one in `cell` of the version behind `tag`, in lane `number`.
#[inline]
pub(crate) fn count(tag: u64, number: usize, cell: usize) {
    let start = (tag >> key::EPOCH_SHIFT) as usize % SLOTS * SLOT_WORDS;
    let counted = LANES.with(|lanes| {
        let lane: Words = lanes.get(number)?.get();
        let slot = lane.get(start..start + SLOT_WORDS)?;
        let owner = slot.get(cell::KEY)?;
        if owner.load(Relaxed) != tag {
            return None;
        }
        let counter = slot.get(cell)?;
        counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
        Some(())
    });
    if counted.is_none() {
        count_slowly(tag, number, cell);
    }
}

/// Counts one request in the total.
#[inline]
pub(crate) fn count_total(cell: usize) {
    let counted = LANES.with(|lanes| {
        let lane: Words = lanes.first()?.get();
        let counter = lane.get(cell)?;
        counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed);
        Some(())
    });
    if counted.is_none() {
        count_total_slowly(cell);
    }
}

/// The lane with this number, taken from the recorder if this thread has none; none if there is no room.
fn lane(number: usize) -> Option<Words> {
    recorder::reopen_after_fork();
    let lane = LANES.with(|lanes| lanes.get(number).map(Cell::get))?;
    if lane.len() > NO_ROOM.len() {
        return Some(lane);
    }
    if !lane.is_empty() {
        return None;
    }
    // A thread whose keeper is gone could not give the lane back.
    let taken = KEEPER.try_with(|_| recorder::take_lane(number)).ok().flatten();
    replace(number, taken.unwrap_or(&NO_ROOM));
    taken
}

#[cold]
#[inline(never)]
fn count_slowly(tag: u64, number: usize, cell: usize) {
    if tag == 0 || recorder::words().is_none() {
        return;
    }
    let counted = lane(number).is_some_and(|lane| recorder::count_in_slot(lane, (tag, number, cell)));
    if !counted {
        recorder::count_in_block(tag, number, cell);
    }
}

#[cold]
#[inline(never)]
fn count_total_slowly(cell: usize) {
    if recorder::words().is_none() {
        return;
    }
    match lane(0).and_then(|lane| lane.get(cell)) {
        Some(counter) => counter.store(counter.load(Relaxed).wrapping_add(1), Relaxed),
        None => recorder::count_total_shared(cell),
    }
}
