//! The request path: one compare and one add in a lane that only this thread writes. No lock, clock, allocation or locked
//! instruction. Values that do not fit go to the `_slowly` functions, and failures to `count_failure`.

use crate::raw::Words;
use crate::raw_arrays;
use crate::{recorder, slot, table};
use firstbad_protocol::recorder::layout::{LANE_NUMBERS, SLOT_WORDS, SLOTS, TOTAL_LANE_WORDS, dropped, key};
use std::cell::Cell;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// A lane of a config: slots of cells, of which the first is the key.
pub(crate) type Slots = [[AtomicU64; SLOT_WORDS]; SLOTS];
/// The lane of totals.
pub(crate) type Totals = [AtomicU64; TOTAL_LANE_WORDS];

thread_local! {
    /// Lanes of this thread by number. Without a destructor, so that they can be used to the thread's very end, also in a
    /// panic.
    static LANES: [Cell<Option<&'static Slots>>; LANE_NUMBERS] = const { [const { Cell::new(None) }; LANE_NUMBERS] };
    static TOTALS: Cell<Option<&'static Totals>> = const { Cell::new(None) };
    /// Bit i: there is no room for lane i, do not ask again.
    static NO_ROOM: Cell<u64> = const { Cell::new(0) };
    /// Gives the lanes back when the thread ends.
    static KEEPER: Keeper = const { Keeper };
}

struct Keeper;

impl Drop for Keeper {
    fn drop(&mut self) {
        NO_ROOM.set(u64::MAX);
        LANES.with(|lanes| {
            for lane in lanes.iter().filter_map(Cell::take) {
                recorder::return_lane(std::ptr::from_ref(lane) as usize);
            }
        });
        if let Some(totals) = TOTALS.take() {
            recorder::return_lane(std::ptr::from_ref(totals) as usize);
        }
    }
}

/// Forgets the lanes of this thread: in a forked child they are the parent's.
pub(crate) fn forget_lanes() {
    LANES.with(|lanes| lanes.iter().for_each(|lane| lane.set(None)));
    TOTALS.set(None);
    NO_ROOM.set(0);
}

/// Counts one in `cell` of the version behind `tag`, in lane `number`.
#[inline]
pub(crate) fn count(tag: u64, number: usize, cell: usize) {
    let counted = LANES.with(|lanes| {
        let slots = lanes.get(number)?.get()?;
        slot::count(slots.get((tag >> key::EPOCH_SHIFT) as usize % SLOTS)?, tag, cell)
    });
    if counted.is_none() {
        count_slowly(tag, number, cell);
    }
}

/// Adds one to a cell that only this thread writes.
#[inline]
fn increment(cell: &AtomicU64) {
    cell.store(cell.load(Relaxed).wrapping_add(1), Relaxed);
}

/// Counts one request in the total.
#[inline]
pub(crate) fn count_total(cell: usize) {
    match TOTALS.get().and_then(|totals| totals.get(cell)) {
        Some(cell) => increment(cell),
        None => count_total_slowly(cell),
    }
}

/// A lane taken from the recorder, if there is room and this thread can give it back.
fn take(number: usize) -> Option<Words> {
    let bit = 1_u64.checked_shl(u32::try_from(number).unwrap_or(u32::MAX)).unwrap_or(0);
    if NO_ROOM.get() & bit != 0 {
        return None;
    }
    let taken = KEEPER.try_with(|_| recorder::take_lane(number)).ok().flatten();
    if taken.is_none() {
        NO_ROOM.set(NO_ROOM.get() | bit);
    }
    taken
}

fn slots(number: usize) -> Option<&'static Slots> {
    LANES.with(|lanes| {
        let place = lanes.get(number)?;
        if place.get().is_none() {
            place.set(raw_arrays::rows(take(number)?));
        }
        place.get()
    })
}

/// Counts a failure of the version behind `tag`. If it is the first, notes its time.
#[cold]
#[inline(never)]
pub(crate) fn count_failure(tag: u64, cell: usize) {
    count(tag, key::lane(tag), cell);
    table::note_failure(tag);
}

#[cold]
#[inline(never)]
fn count_slowly(tag: u64, number: usize, cell: usize) {
    if tag == 0 || recorder::words().is_none() {
        return;
    }
    recorder::reopen_after_fork();
    if !table::may_have_lane(tag, number) {
        return recorder::count_dropped(dropped::TAGS);
    }
    let slot = slots(number).and_then(|slots| slots.get((tag >> key::EPOCH_SHIFT) as usize % SLOTS));
    if !slot.is_some_and(|slot| recorder::count_in_slot(slot, tag, number, cell)) {
        recorder::count_in_block(tag, number, cell);
    }
}

#[cold]
#[inline(never)]
fn count_total_slowly(cell: usize) {
    if recorder::words().is_none() {
        return;
    }
    recorder::reopen_after_fork();
    if TOTALS.get().is_none() {
        TOTALS.set(take(0).and_then(|lane| lane.try_into().ok()));
    }
    match TOTALS.get().and_then(|totals| totals.get(cell)) {
        Some(cell) => increment(cell),
        None => recorder::count_total_shared(cell),
    }
}
