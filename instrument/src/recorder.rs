//! The recorder of this process, away from the request path: its memory, the one lock, lanes and blocks, and what happens
//! around a fork. What is written where follows `protocol::recorder::layout`; where the file goes, `directory`.

mod lanes;
#[cfg(unix)]
mod signals;

use crate::cells::{add, clear, get, now_ns, set, set_bytes};
use crate::files;
use crate::raw::{self, Words};
use firstbad_protocol::recorder::layout::{self, exit, header, state};
use std::cell::RefCell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

pub(crate) use lanes::{
    clear_blocks, count_in_block, count_in_slot, count_total_shared, held_places, return_lane, take_block, take_lane,
};

#[cfg(unix)]
pub(crate) use signals::{note_asked, note_signal};

static WORDS: OnceLock<Words> = OnceLock::new();
static COLD: Mutex<Cold> = Mutex::new(Cold::new());
/// Set in a forked child until it has a recorder of its own.
static FORKED: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The lock, held around a fork so that the child finds the tables whole.
    static HELD: RefCell<Option<MutexGuard<'static, Cold>>> = const { RefCell::new(None) };
}

/// What only changes under the lock.
pub(crate) struct Cold {
    pub(crate) epoch: u64,
    pub(crate) uid: u64,
    /// First word that is not in use.
    used: usize,
    /// Words that can be touched.
    available: usize,
    pub(crate) home: Option<Home>,
}

/// The file behind the recorder.
pub(crate) struct Home {
    /// Kept open for good: closing any descriptor of it would release the lock.
    pub(crate) file: File,
    pub(crate) path: PathBuf,
    /// What a forked child needs to open its own.
    pub(crate) settings: crate::directory::Settings,
}

impl Cold {
    const fn new() -> Self {
        Self { epoch: 0, uid: 0, used: layout::DATA, available: 0, home: None }
    }

    /// Takes `count` words; none when the recorder is full.
    fn take(&mut self, words: Words, count: usize) -> Option<usize> {
        let end = self.used.checked_add(count)?;
        while end > self.available {
            self.grow(words)?;
        }
        let start = std::mem::replace(&mut self.used, end);
        set(words, header::USED, end as u64);
        Some(start)
    }

    fn grow(&mut self, words: Words) -> Option<()> {
        let file = &self.home.as_ref()?.file;
        let target = (self.available + layout::CHUNK_WORDS).min(words.len());
        if target == self.available || FORKED.load(Relaxed) {
            return None;
        }
        raw::allocate(file, target * 8).ok()?;
        self.available = target;
        Some(())
    }
}

/// The recorder's memory, if there is any yet.
pub(crate) fn words() -> Option<Words> {
    WORDS.get().copied()
}

/// The lock. Never taken on the request path, except once per thread and version, and never in the panic hook.
pub(crate) fn lock() -> MutexGuard<'static, Cold> {
    COLD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The recorder's memory, reserved if need be: what is loaded before `install` is kept and reaches the file with it.
pub(crate) fn words_or_reserve(bytes_max: usize) -> Result<Words, i32> {
    if let Some(words) = words() {
        return Ok(words);
    }
    let mut cold = lock();
    if let Some(words) = words() {
        return Ok(words);
    }
    let bytes = bytes_max.clamp(layout::CHUNK_WORDS * 8, layout::WORDS_READ_MAX * 8).next_multiple_of(4096);
    let words = raw::reserve(bytes)?;
    cold.available = words.len();
    set_up(words, &mut cold);
    let _ = WORDS.set(words);
    raw::at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    Ok(words)
}

/// Writes a header, and the lane that threads share which got none of their own.
fn set_up(words: Words, cold: &mut Cold) {
    set(words, header::MAGIC, u64::from_ne_bytes(layout::MAGIC));
    set(words, header::VERSION, u64::from(layout::ENDIANNESS) << 32 | u64::from(layout::VERSION));
    set(words, header::USED, cold.used as u64);
    set(words, header::PID, u64::from(std::process::id()));
    set(words, header::STARTED, now_ns());
    set(words, header::PROCESS_START, raw::process_start().unwrap_or(0));
    let boot = crate::directory::random();
    set(words, header::BOOT, (boot >> 64) as u64);
    set(words, header::BOOT + 1, boot as u64);
    let binary = raw::binary();
    set(words, header::LOAD_BIAS, binary.load_bias);
    set_bytes(words, header::BUILD_ID, &binary.build_id, 32);
    lanes::make_shared_total(words, cold);
}

/// Counts something that could not be kept.
pub(crate) fn count_dropped(reason: usize) {
    if let Some(words) = words() {
        add(words, header::DROPPED + reason, 1);
    }
}

/// Writes down the exit status. The status that the C library reports replaces a declared one.
pub(crate) fn note_exit_status(status: i32) {
    if let Some(words) = words() {
        set(words, header::EXIT_STATUS, exit::word(status));
        if get(words, header::STATE) != state::CLEAN {
            note_end();
        }
    }
}

/// Writes down the present time as the end of the process. A later goodbye replaces it.
fn note_end() {
    if let Some(words) = words() {
        set(words, header::EXITED, now_ns());
    }
}

/// Moves the recorder into a file, which the caller has locked and given `available` words. What was recorded so far
/// moves with it.
pub(crate) fn move_into(words: Words, cold: &mut Cold, home: Home) -> Result<(), i32> {
    let available = cold.used.next_multiple_of(layout::CHUNK_WORDS).min(words.len());
    raw::allocate(&home.file, available * 8)?;
    set(words, header::STATE, state::RUNNING);
    let bytes: Vec<u8> = words.iter().take(cold.used).flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
    files::write_at(&home.file, &bytes, 0).map_err(|error| error.raw_os_error().unwrap_or(0))?;
    raw::share(words, &home.file)?;
    cold.available = available;
    cold.home = Some(home);
    Ok(())
}

extern "C" fn before_fork() {
    let _ = HELD.try_with(|held| held.replace(Some(lock())));
}

extern "C" fn after_fork_in_parent() {
    let _ = HELD.try_with(|held| held.take());
}

extern "C" fn after_fork_in_child() {
    if let (Some(words), Ok(Some(guard))) = (words(), HELD.try_with(|held| held.take())) {
        FORKED.store(true, Relaxed);
        if let Some(home) = &guard.home {
            // If even this fails the child would count into the parent's cells; there is no way to tell anyone here.
            let _ = raw::privatise(words, &home.file);
        }
        crate::hot::forget_lanes();
    }
}

/// Gives a forked child a recorder of its own: the same configs and versions, all counts from zero.
pub(crate) fn reopen_after_fork() {
    if !FORKED.load(Relaxed) {
        return;
    }
    let (Some(words), mut cold) = (words(), lock()) else { return };
    if !FORKED.swap(false, Relaxed) {
        return;
    }
    lanes::reset(words, &mut cold);
    for (start, count) in [
        (header::EVENT_HEAD, header::LOAD_BIAS - header::EVENT_HEAD),
        (header::EXITED, 1),
        (header::SIGNAL, 1),
        (header::EXIT_STATUS, 2),
        (layout::SITES, layout::DIRECTORY - layout::SITES),
    ] {
        clear(words, start, count);
    }
    set_up(words, &mut cold);
    let Some(home) = cold.home.take() else { return };
    drop(home.file);
    crate::directory::reopen(words, &mut cold, home.settings);
}

/// The file of this process's recorder, if there is one.
pub(crate) fn path() -> Option<PathBuf> {
    lock().home.as_ref().map(|home| home.path.clone())
}

/// Marks the process as ended on purpose.
pub(crate) fn mark_clean() {
    let Some(words) = words() else { return };
    if FORKED.load(Relaxed) {
        return;
    }
    crate::events::write_exit(words);
    set(words, header::EXITED, now_ns());
    set(words, header::STATE, state::CLEAN);
}
