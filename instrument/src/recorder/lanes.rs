//! Lanes (one thread's slots for one score of one config) and blocks (one version's own cells): giving out, taking back,
//! and moving the counts of a version that makes room for another. All under the lock, but for the shared total.

use super::{Cold, count_dropped, lock, words};
use crate::cells::{add, clear, get, set};
use crate::raw::Words;
use crate::slot;
use firstbad_protocol::recorder::layout::{self, cell, dropped, header, key, version};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

const fn words_of_lane(number: usize) -> usize {
    if number == 0 { layout::TOTAL_LANE_WORDS } else { layout::LANE_WORDS }
}

fn lane_count(words: Words) -> usize {
    usize::try_from(get(words, header::LANES)).unwrap_or(0).min(layout::LANES_MAX)
}

/// A lane with this number: one that an ended thread left, with its counts, else a new one.
pub(crate) fn take_lane(number: usize) -> Option<Words> {
    let words = words()?;
    let mut cold = lock();
    let wanted = layout::LANE_FREE | (number as u64) << layout::LANE_NUMBER_SHIFT;
    let offset_of = |entry: u64| usize::try_from(entry & 0xffff_ffff).unwrap_or(usize::MAX);
    for index in 0..lane_count(words) {
        let entry = get(words, layout::DIRECTORY + index);
        if entry & !0xffff_ffff == wanted {
            set(words, layout::DIRECTORY + index, entry & !layout::LANE_FREE);
            let start = offset_of(entry);
            return words.get(start..start.checked_add(words_of_lane(number))?);
        }
    }
    new_lane(words, &mut cold, number)
}

fn new_lane(words: Words, cold: &mut Cold, number: usize) -> Option<Words> {
    let index = lane_count(words);
    if index >= layout::LANES_MAX || number >= layout::LANE_NUMBERS {
        return None;
    }
    let start = cold.take(words, words_of_lane(number))?;
    clear(words, start, words_of_lane(number));
    set(words, layout::DIRECTORY + index, start as u64 | (number as u64) << layout::LANE_NUMBER_SHIFT);
    set(words, header::LANES, index as u64 + 1);
    words.get(start..start + words_of_lane(number))
}

/// The first lane of all: the totals of threads without one.
pub(super) fn make_shared_total(words: Words, cold: &mut Cold) {
    if lane_count(words) == 0 {
        let _ = new_lane(words, cold, 0);
    }
}

/// The thread of the lane at this address ended. Its counts stay where they are, and the next thread goes on with them.
pub(crate) fn return_lane(address: usize) {
    let Some(words) = words() else { return };
    let _cold = lock();
    let offset = address.saturating_sub(words.as_ptr() as usize) as u64 / 8;
    for index in 1..lane_count(words) {
        let entry = get(words, layout::DIRECTORY + index);
        if entry & 0xffff_ffff == offset {
            set(words, layout::DIRECTORY + index, entry | layout::LANE_FREE);
        }
    }
}

/// In a forked child: no thread has a lane, no version has counts.
pub(super) fn reset(words: Words, cold: &mut Cold) {
    for index in 0..lane_count(words) {
        let entry = get(words, layout::DIRECTORY + index);
        let number = usize::try_from(entry >> layout::LANE_NUMBER_SHIFT & 0xff).unwrap_or(0);
        clear(words, usize::try_from(entry & 0xffff_ffff).unwrap_or(usize::MAX), words_of_lane(number));
        if index > 0 {
            set(words, layout::DIRECTORY + index, entry | layout::LANE_FREE);
        }
    }
    for place in 0..layout::VERSIONS_MAX {
        let entry = layout::VERSIONS + place * layout::VERSION_WORDS;
        clear(words, entry + version::LOADS, version::BLOCKS - version::LOADS);
        clear(words, entry + version::FIRST_FAILED, 1);
        clear_blocks(words, entry);
    }
    debug_assert!(cold.used >= layout::DATA);
}

/// Zeroes a version's blocks.
pub(crate) fn clear_blocks(words: Words, entry: usize) {
    for index in 0..layout::config::SCORES_MAX {
        let start = usize::try_from(get(words, entry + version::BLOCKS + index)).unwrap_or(0);
        if start != 0 {
            clear(words, start, layout::SLOT_WORDS);
        }
    }
}

/// Room for a version's own cells of one lane; 0 if there is none.
pub(crate) fn take_block(words: Words, cold: &mut Cold) -> usize {
    cold.take(words, layout::SLOT_WORDS).unwrap_or(0)
}

fn offset_in(words: Words, part: Words) -> usize {
    (part.as_ptr() as usize).saturating_sub(words.as_ptr() as usize) / 8
}

/// Whether the place that `tag` names still means the version it meant when the tag was made.
fn is_valid(words: Words, tag: u64) -> bool {
    let entry = layout::VERSIONS + key::place(tag) * layout::VERSION_WORDS;
    key::place(tag) < layout::VERSIONS_MAX
        && get(words, entry + version::UID) != 0
        && get(words, entry + version::BORN) <= key::epoch(tag)
}

/// Counts one in this thread's slot, after the slot was given to the tag's version if it held an older one. `false` if
/// the slot belongs to a newer version already.
pub(crate) fn count_in_slot(slot: Words, tag: u64, number: usize, place: usize) -> bool {
    let Some(words) = words() else { return false };
    let _cold = lock();
    let held = get(slot, cell::KEY);
    if held != tag {
        if key::epoch(held) > key::epoch(tag) || !is_valid(words, tag) {
            return false;
        }
        if held != 0 {
            move_slot(words, slot, held, number);
        }
        slot::give(slot, tag);
    }
    slot::count(slot, tag, place);
    true
}

/// Moves a slot's counts into its version's block; counts of a version without one are counted as lost.
fn move_slot(words: Words, slot: Words, held: u64, number: usize) {
    let entry = layout::VERSIONS + key::place(held) * layout::VERSION_WORDS;
    let index = number.saturating_sub(key::lane(held));
    let block = usize::try_from(get(words, entry + version::BLOCKS + index.min(layout::config::SCORES_MAX - 1)));
    let block = block.ok().filter(|block| *block != 0 && is_valid(words, held));
    let block = block.and_then(|block| words.get(block..block.checked_add(layout::SLOT_WORDS)?));
    match (block, journal(words)) {
        (Some(block), Some(journal)) => {
            let place = slot::Place { lane: index as u64, offset: offset_in(words, slot) as u64 };
            slot::move_to_block(slot, block, &journal, place);
        }
        _ => {
            let lost: u64 = slot.iter().skip(1).map(|counter| counter.load(Relaxed)).sum();
            add(words, header::DROPPED + dropped::RECORDER, lost);
            clear(slot, 1, layout::SLOT_WORDS - 1);
        }
    }
}

fn journal(words: Words) -> Option<slot::Journal<'static, AtomicU64>> {
    Some(slot::Journal {
        sequence: words.get(header::SPILL_SEQUENCE)?,
        key: words.get(header::JOURNAL_KEY)?,
        lane: words.get(header::JOURNAL_LANE)?,
        slot: words.get(header::JOURNAL_SLOT)?,
        values: words.get(layout::JOURNAL..layout::JOURNAL + layout::SLOT_WORDS)?,
    })
}

/// Counts one in the version's block: for results that arrive after the slot went to a newer version, and for threads
/// without a lane. It takes the lock, so that the place cannot go to another version in between.
pub(crate) fn count_in_block(tag: u64, number: usize, place: usize) {
    let Some(words) = words() else { return };
    let _cold = lock();
    if !is_valid(words, tag) {
        return count_dropped(dropped::VERSIONS);
    }
    let entry = layout::VERSIONS + key::place(tag) * layout::VERSION_WORDS;
    let index = number.wrapping_sub(key::lane(tag));
    let block = if index < layout::config::SCORES_MAX { get(words, entry + version::BLOCKS + index) } else { 0 };
    match usize::try_from(block) {
        Ok(block) if block != 0 && place < layout::SLOT_WORDS => add(words, block + place, 1),
        _ => count_dropped(dropped::RECORDER),
    }
}

/// Counts one request in the total that threads without a lane share.
pub(crate) fn count_total_shared(place: usize) {
    let Some(words) = words() else { return };
    let start = usize::try_from(get(words, layout::DIRECTORY) & 0xffff_ffff).unwrap_or(usize::MAX);
    add(words, start.saturating_add(place), 1);
}

/// Places of versions that some lane holds counts of: those cannot be given to another version.
pub(crate) fn held_places(words: Words) -> Vec<usize> {
    let mut held = Vec::new();
    for index in 1..lane_count(words) {
        let entry = get(words, layout::DIRECTORY + index);
        let start = usize::try_from(entry & 0xffff_ffff).unwrap_or(usize::MAX);
        if entry >> layout::LANE_NUMBER_SHIFT & 0xff == 0 {
            continue;
        }
        for slot in 0..layout::SLOTS {
            let found = get(words, start.saturating_add(slot * layout::SLOT_WORDS));
            if found != 0 && !held.contains(&key::place(found)) {
                held.push(key::place(found));
            }
        }
    }
    held
}
