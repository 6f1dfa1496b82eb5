//! The panic hook: counts and describes a panic in cells that exist already. It allocates nothing, takes no lock, opens and
//! writes no descriptor, resolves no symbol, and does not enter itself. The hook that was there before runs behind a
//! token bucket, since it is usually the expensive one.

use crate::cells::{BytesWriter, add, get, now_ns, set, set_bytes};
use crate::init::PreviousHook;
use crate::raw::{self, Words};
use crate::{mask, recorder, table};
use firstbad_protocol::recorder::Checksum;
use firstbad_protocol::recorder::layout::{self, dropped, header, key, panic, site};
use std::cell::Cell;
use std::panic::{Location, PanicHookInfo};
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, fence};
use std::time::Instant;

/// Least time between two calls of the previous hook for one site.
const PREVIOUS_HOOK_INTERVAL_NS: u64 = 1_000_000_000;
/// Panics of one site that are all described; later ones by sample, so that a storm leaves room for the first of others.
const DESCRIBED_FIRST: u64 = 16;
/// One in so many is described after that.
const DESCRIBED_EVERY: u64 = 64;
/// Panics of one site under one version that are all described.
const DESCRIBED_PER_VERSION: u64 = 4;

/// Bytes of a message that are searched for secrets: twice what is kept, so that the last word that is kept is read whole.
const MESSAGE_BYTES_READ_MAX: usize = 2 * panic::MESSAGE_BYTES_MAX;

type Hook = Box<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>;

static CLOCK: OnceLock<Instant> = OnceLock::new();
static PREVIOUS_HOOK_RUNS: AtomicBool = AtomicBool::new(false);

/// What the hook counted for the last panic of this thread. A guard that this panic drops knows which version was really used.
#[derive(Clone, Copy)]
struct Counted {
    /// Number of the panic among those of this thread.
    number: u64,
    site: u64,
    uids: [u64; layout::CONFIGS_MAX],
    /// Newest epoch at the time of the panic.
    epoch: u64,
}

/// The versions under which pins counted the outcome of a panic.
#[derive(Clone, Copy)]
struct CountedByPins {
    /// [`Counted::number`] of the panic.
    number: u64,
    uids: [u64; layout::CONFIGS_MAX],
}

thread_local! {
    static IN_HOOK: Cell<bool> = const { Cell::new(false) };
    /// Key that code on this thread says it uses, by config.
    static ENTERED: [Cell<u64>; layout::CONFIGS_MAX] = const { [const { Cell::new(0) }; layout::CONFIGS_MAX] };
    static COUNTED: Cell<Counted> =
        const { Cell::new(Counted { number: 0, site: 0, uids: [0; layout::CONFIGS_MAX], epoch: 0 }) };
    static COUNTED_BY_PINS: Cell<CountedByPins> =
        const { Cell::new(CountedByPins { number: 0, uids: [0; layout::CONFIGS_MAX] }) };
}

/// Puts the hook in front of the one that is installed.
pub(crate) fn install(policy: PreviousHook) {
    let _ = CLOCK.set(Instant::now());
    // The unwinder prepares its tables at the first use: here, not in a panic.
    raw::frames(&mut [0; 4]);
    let previous: Hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if IN_HOOK.replace(true) {
            return;
        }
        let place = record(info);
        run_previous(&previous, policy, place, info);
        IN_HOOK.set(false);
    }));
}

/// Says which version of its config this thread uses from now on; gives the config's place and what was said before.
pub(crate) fn enter(key: u64) -> (usize, u64) {
    let config = recorder::words().map_or(layout::CONFIGS_MAX, |words| table::config_of(words, key));
    (config, enter_config(config, key))
}

/// As [`enter`], for a known config.
pub(crate) fn enter_config(config: usize, key: u64) -> u64 {
    ENTERED.with(|entered| entered.get(config).map_or(0, |cell| cell.replace(key)))
}

/// Key of the version that this thread entered of the config at `config`; 0 if it entered none.
fn entered(config: usize) -> u64 {
    ENTERED.with(|entered| entered.get(config).map_or(0, Cell::get))
}

/// Key of the version of a config that this thread says it uses, or that its request used last; 0 if there is none.
pub(crate) fn used_key(words: Words, config: usize) -> u64 {
    let entered = entered(config);
    if entered == 0 { of_request(words, config) } else { entered }
}

#[cfg(feature = "tower")]
use crate::current::used_of as of_request;

/// Without a layer no request is known.
#[cfg(not(feature = "tower"))]
const fn of_request(_: Words, _: usize) -> u64 {
    0
}

/// Writes the panic down. Gives the place of its site.
fn record(info: &PanicHookInfo<'_>) -> Option<usize> {
    let words = recorder::words()?;
    add(words, header::PANICS, 1);
    let location = info.location()?;
    let (mut uids, mut epoch) = ([0; layout::CONFIGS_MAX], 0);
    for (config, uid) in uids.iter_mut().enumerate().take(table::configs_entered()) {
        let active = table::active_at(words, config);
        epoch = epoch.max(key::epoch(active));
        let used = used_key(words, config);
        *uid = table::uid_of(words, if used == 0 { active } else { used });
    }
    let place = site_place(words, location);
    let mut describe = true;
    let mut site_key = 0;
    match place {
        Some(place) => {
            site_key = place as u64 + 1;
            let count = count_site(words, place);
            let in_version = count_pairs(words, site_key, &uids);
            describe = count <= DESCRIBED_FIRST || in_version <= DESCRIBED_PER_VERSION || count % DESCRIBED_EVERY == 0;
        }
        None => add(words, header::DROPPED + dropped::PANIC_SITES, 1),
    }
    COUNTED.set(Counted { number: COUNTED.get().number.wrapping_add(1), site: site_key, uids, epoch });
    if describe {
        let message = message(info);
        write_cell(words, Description { location, message, site: site_key, uids: &uids });
    }
    place
}

fn message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a panic whose payload is no text)")
}

/// Place of the location in the table of sites; none if it is full.
fn site_place(words: Words, location: &Location<'_>) -> Option<usize> {
    let mut identity = Checksum::new(location.file().as_ptr() as u64);
    identity.add(u64::from(location.line()) << 32 | u64::from(location.column()));
    let identity = identity.value().max(1);
    for step in 0..layout::SITES_MAX {
        let place = (identity as usize).wrapping_add(step) % layout::SITES_MAX;
        let entry = layout::SITES + place * layout::SITE_WORDS;
        let claim = words.get(entry + site::IDENTITY)?;
        match claim.compare_exchange(0, identity, Relaxed, Relaxed) {
            Ok(_) => {
                describe_site(words, entry, location);
                return Some(place);
            }
            Err(held) if held == identity => return Some(place),
            Err(_) => {}
        }
    }
    None
}

fn describe_site(words: Words, entry: usize, location: &Location<'_>) {
    set(words, entry + site::LINE, u64::from(location.line()));
    set(words, entry + site::COLUMN, u64::from(location.column()));
    set_bytes(words, entry + site::FILE, tail(location.file()), site::FILE_BYTES_MAX);
    let mut frames = [0; site::FRAMES_MAX];
    let count = raw::frames(&mut frames);
    for (index, frame) in frames.iter().take(count).enumerate() {
        set(words, entry + site::FRAMES + 1 + index, *frame);
    }
    set(words, entry + site::FRAMES, count as u64);
    fence(Release);
    set(words, entry + site::READY, 1);
}

/// The end of a path says more than its beginning.
fn tail(file: &str) -> &[u8] {
    let bytes = file.as_bytes();
    bytes.get(bytes.len().saturating_sub(site::FILE_BYTES_MAX)..).unwrap_or(bytes)
}

fn count_site(words: Words, place: usize) -> u64 {
    let counter = words.get(layout::SITES + place * layout::SITE_WORDS + site::COUNT);
    counter.map_or(0, |counter| counter.fetch_add(1, Relaxed) + 1)
}

/// Counts the panic under each version, or under none. Gives the least count among them.
fn count_pairs(words: Words, site: u64, uids: &[u64]) -> u64 {
    let mut least = u64::MAX;
    for uid in uids.iter().filter(|uid| **uid != 0) {
        least = least.min(add_pair(words, site, *uid, 1));
    }
    if least == u64::MAX { add_pair(words, site, 0, 1) } else { least }
}

/// Adds to the count of one site under one version, `amount` in two's complement. Gives the new count.
fn add_pair(words: Words, site: u64, uid: u64, amount: u64) -> u64 {
    let wanted = site << layout::PAIR_SITE_SHIFT | uid;
    let mut hash = Checksum::new(site);
    hash.add(uid);
    for step in 0..layout::PAIRS_MAX {
        let index = (hash.value() as usize).wrapping_add(step) % layout::PAIRS_MAX;
        let (claim, counter) = (words.get(layout::PAIRS + 2 * index), words.get(layout::PAIRS + 2 * index + 1));
        let (Some(claim), Some(counter)) = (claim, counter) else { return 0 };
        match claim.compare_exchange(0, wanted, Relaxed, Relaxed) {
            Ok(_) => return counter.fetch_add(amount, Relaxed).wrapping_add(amount),
            Err(held) if held == wanted => return counter.fetch_add(amount, Relaxed).wrapping_add(amount),
            Err(_) => {}
        }
    }
    add(words, header::DROPPED + dropped::PANIC_SITES, 1);
    u64::MAX
}

/// What a ring cell says of a panic.
#[derive(Clone, Copy)]
struct Description<'a> {
    /// Where it began.
    location: &'a Location<'a>,
    /// With its secrets, which are masked as it is written.
    message: &'a str,
    /// Place of the site + 1; 0: the table of sites is full.
    site: u64,
    /// Unique numbers of the versions in use, by config; 0: none.
    uids: &'a [u64],
}

/// Writes a ring cell, unless another thread is writing the same one.
fn write_cell(words: Words, described: Description<'_>) {
    let Description { location, message, site, uids } = described;
    let Some(head) = words.get(header::PANIC_HEAD) else { return };
    let number = head.fetch_add(1, Relaxed);
    let cell = layout::PANICS + (number as usize % layout::PANICS_MAX) * layout::PANIC_WORDS;
    let sequence = number.wrapping_mul(2).wrapping_add(2);
    let Some(guard) = words.get(cell + panic::SEQUENCE) else { return };
    let held = guard.load(Acquire);
    let free = held & 1 == 0 && held < sequence;
    if !free || guard.compare_exchange(held, sequence - 1, Acquire, Relaxed).is_err() {
        return add(words, header::DROPPED + dropped::PANIC_RING, 1);
    }
    fence(Release);
    set(words, cell + panic::AT, now_ns());
    set(words, cell + panic::LINE, u64::from(location.line()));
    set(words, cell + panic::COLUMN, u64::from(location.column()));
    set(words, cell + panic::SITE, site);
    let mut count = 0;
    for uid in uids.iter().filter(|uid| **uid != 0) {
        count += 1;
        set(words, cell + panic::ACTIVE + count, *uid);
    }
    set(words, cell + panic::ACTIVE, count as u64);
    let thread = std::thread::current();
    set_bytes(words, cell + panic::THREAD, thread.name().unwrap_or("").as_bytes(), panic::THREAD_BYTES_MAX);
    set_bytes(words, cell + panic::FILE, tail(location.file()), site::FILE_BYTES_MAX);
    let bytes = write_message(words, cell, message.as_bytes());
    set(words, cell + panic::MESSAGE_BYTES, bytes as u64);
    let end = panic::MESSAGE + 1 + bytes.min(panic::MESSAGE_BYTES_MAX).div_ceil(8);
    let mut checksum = Checksum::new(sequence);
    for place in panic::AT..end {
        checksum.add(get(words, cell + place));
    }
    set(words, cell + panic::CHECKSUM, checksum.value());
    guard.store(sequence, Release);
}

/// Writes a message without its secrets. Gives the length of the whole.
fn write_message(words: Words, cell: usize, message: &[u8]) -> usize {
    let head = message.get(..MESSAGE_BYTES_READ_MAX).unwrap_or(message);
    // A word that is cut is not known any more as one of a secret: it is left out, unless it fills all that is kept.
    let cut = head.len() < message.len();
    let end = head.iter().rposition(u8::is_ascii_whitespace).filter(|end| cut && *end > panic::MESSAGE_BYTES_MAX);
    let mut writer = BytesWriter::new(words, cell + panic::MESSAGE, panic::MESSAGE_BYTES_MAX);
    mask::panic_message(head.get(..end.unwrap_or(head.len())).unwrap_or(head), &mut |part| writer.push(part));
    let written = writer.finish();
    if cut { message.len() } else { written }
}

/// A guard that is dropped by the panic which the hook has just counted knows which version was used: if a swap came
/// between, the count moves to that version. An earlier panic of this thread never moves: without a panic nothing does, and a
/// version that became active after the counted panic cannot have been used by it. (`resume_unwind` unwinds without the hook.)
pub(crate) fn amend(used_key: u64) {
    let Some(words) = recorder::words().filter(|_| std::thread::panicking()) else { return };
    let mut counted = COUNTED.get();
    let used = table::uid_of(words, used_key);
    let Some(uid) = counted.uids.get_mut(table::config_of(words, used_key)) else { return };
    if counted.site == 0 || used == 0 || *uid == used || key::epoch(used_key) > counted.epoch {
        return;
    }
    add_pair(words, counted.site, used, 1);
    if *uid != 0 {
        add_pair(words, counted.site, *uid, 1_u64.wrapping_neg());
    }
    *uid = used;
    COUNTED.set(counted);
}

/// Notes that a pin which this thread's panic drops has counted the outcome under the version of a key.
pub(crate) fn note_outcome_of_pin(found: u64) {
    with_outcomes_of_pins(found, |by_pins, uid| *by_pins = uid);
}

/// Whether a pin has counted the outcome of this thread's panic under the version of a key. Each is told once, so that a
/// request of the same panic does not count it again, and the next request does.
pub(crate) fn take_outcome_of_pin(found: u64) -> bool {
    with_outcomes_of_pins(found, |by_pins, uid| std::mem::take(by_pins) == uid).unwrap_or(false)
}

/// Calls `with` with what pins counted in the config of a key during this thread's panic, and the key's version.
fn with_outcomes_of_pins<R>(found: u64, with: impl FnOnce(&mut u64, u64) -> R) -> Option<R> {
    let words = recorder::words().filter(|_| std::thread::panicking())?;
    let uid = Some(table::uid_of(words, found)).filter(|uid| *uid != 0)?;
    let (number, mut by_pins) = (COUNTED.get().number, COUNTED_BY_PINS.get());
    if by_pins.number != number {
        by_pins = CountedByPins { number, uids: [0; layout::CONFIGS_MAX] };
    }
    let result = with(by_pins.uids.get_mut(table::config_of(words, found))?, uid);
    COUNTED_BY_PINS.set(by_pins);
    Some(result)
}

fn run_previous(previous: &Hook, policy: PreviousHook, place: Option<usize>, info: &PanicHookInfo<'_>) {
    let allowed = match policy {
        PreviousHook::Always => true,
        PreviousHook::Never => false,
        PreviousHook::Limited => may_run_previous(place) && raw::stderr_takes(),
    };
    if !allowed {
        if let Some(words) = recorder::words() {
            add(words, header::HOOK_HELD_BACK, 1);
        }
        return;
    }
    if policy == PreviousHook::Always {
        return previous(info);
    }
    // One thread at a time: if it waits for a stalled reader of stderr, the others do not wait with it.
    if !PREVIOUS_HOOK_RUNS.swap(true, Acquire) {
        previous(info);
        PREVIOUS_HOOK_RUNS.store(false, Release);
    }
}

fn may_run_previous(place: Option<usize>) -> bool {
    let (Some(words), Some(place), Some(clock)) = (recorder::words(), place, CLOCK.get()) else { return true };
    let Some(last) = words.get(layout::SITES + place * layout::SITE_WORDS + site::PREVIOUS_HOOK) else { return true };
    let now = u64::try_from(clock.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
    let then = last.load(Relaxed);
    let due = then == 0 || now.saturating_sub(then) >= PREVIOUS_HOOK_INTERVAL_NS;
    due && last.compare_exchange(then, now, Relaxed, Relaxed).is_ok()
}
