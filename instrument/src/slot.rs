//! The counting protocol, apart from where its words are: a slot that one thread writes, the move of its counts into a
//! version's block, and the journal that lets a process be killed within a move. `tests/loom.rs` runs this very file under
//! weakly ordered memory, and cuts it off after every store. Who holds which lock is decided in `recorder::lanes`.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// A word that others read while its one writer writes it.
pub(crate) trait Word {
    /// Its value.
    fn get(&self) -> u64;
    /// Another value.
    fn set(&self, value: u64);
    /// Everything set so far shows before anything set from now on.
    fn release();
}

impl Word for AtomicU64 {
    #[inline]
    fn get(&self) -> u64 {
        self.load(Relaxed)
    }

    #[inline]
    fn set(&self, value: u64) {
        self.store(value, Relaxed);
    }

    fn release() {
        std::sync::atomic::fence(Release);
    }
}

/// Where a move writes its target values down first.
pub(crate) struct Journal<'a, W> {
    /// Odd while a slot is being moved.
    pub(crate) sequence: &'a W,
    /// Key of the slot being moved; 0 if none is.
    pub(crate) key: &'a W,
    /// Lane within the config.
    pub(crate) lane: &'a W,
    /// Offset of the slot.
    pub(crate) slot: &'a W,
    /// Target values, by cell.
    pub(crate) values: &'a [W],
}

/// Which slot is being moved, as the journal says it.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Lane within the config.
    pub(crate) lane: u64,
    /// Offset of the slot.
    pub(crate) offset: u64,
}

/// Counts one in `cell`, if the slot is the tag's. Only the slot's own thread may call it.
#[inline]
pub(crate) fn count<W: Word>(slot: &[W], tag: u64, cell: usize) -> Option<()> {
    if slot.first()?.get() != tag {
        return None;
    }
    let cell = slot.get(cell)?;
    cell.set(cell.get().wrapping_add(1));
    Some(())
}

/// Gives an empty slot to `tag`. A reader that sees a count of the new owner also sees the new key.
pub(crate) fn give<W: Word>(slot: &[W], tag: u64) {
    if let Some(key) = slot.first() {
        key.set(tag);
    }
    W::release();
}

/// Moves a slot's counts into its version's block. Target values are written to the journal first, so that a process killed
/// within leaves neither a doubled nor a lost count; the slot is cleared before the block grows, so that a reader that copies
/// blocks before slots never sees a count twice.
pub(crate) fn move_to_block<W: Word>(slot: &[W], block: &[W], journal: &Journal<'_, W>, place: Place) {
    let Some((key, cells)) = slot.split_first() else { return };
    let held = key.get();
    let step = || journal.sequence.set(journal.sequence.get().wrapping_add(1));
    step();
    let targets = || journal.values.iter().zip(block).zip(slot).skip(1);
    for ((target, block), cell) in targets() {
        target.set(block.get().wrapping_add(cell.get()));
    }
    journal.lane.set(place.lane);
    journal.slot.set(place.offset);
    W::release();
    journal.key.set(held);
    W::release();
    cells.iter().for_each(|cell| cell.set(0));
    W::release();
    for ((target, block), _) in targets() {
        block.set(target.get());
    }
    W::release();
    key.set(0);
    W::release();
    journal.key.set(0);
    step();
}
