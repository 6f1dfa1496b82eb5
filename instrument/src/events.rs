//! Writes start, exit and loads into the recorder's ring of events. Under the lock: one writer at a time.

use crate::cells::{clear, get, now_ns, set, set_bytes, set_hash};
use crate::mask;
use crate::raw::Words;
use crate::recorder::Cold;
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::layout::{self, death, event, exit, facts, header, version};
use firstbad_protocol::recorder::{Checksum, DeathImage};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Release;
use std::sync::atomic::fence;

const START: u64 = 1;
const EXIT: u64 = 2;
const LOAD: u64 = 3;
const LOADING: u64 = 4;
const DEATH: u64 = 5;
const NEW_BINARY: u64 = 6;

/// What a load event says.
pub(crate) struct LoadEvent<'a> {
    pub(crate) config: usize,
    pub(crate) hash: Option<Hash>,
    pub(crate) previous: Option<Hash>,
    /// None while the load is under way.
    pub(crate) result: Option<LoadResult>,
    pub(crate) reason: &'a str,
    pub(crate) error: &'a str,
    pub(crate) label: &'a str,
    pub(crate) source: &'a str,
    pub(crate) revision: &'a str,
    /// As `layout::facts` lays them out.
    pub(crate) facts: [u64; facts::WORDS],
}

/// Writes a load. The guard shows that the caller holds the lock.
pub(crate) fn write_load(words: Words, _cold: &Cold, load: &LoadEvent<'_>) {
    write(words, |cell| {
        set(words, cell + event::KIND, if load.result.is_some() { LOAD } else { LOADING });
        set(words, cell + event::CONFIG, load.config as u64);
        set(words, cell + event::RESULT, load.result.map_or(0, |result| result as u64));
        set(words, cell + event::HASHES, u64::from(load.hash.is_some()) | u64::from(load.previous.is_some()) << 1);
        for (place, hash) in [(event::HASH, load.hash), (event::PREVIOUS, load.previous)] {
            if let Some(hash) = hash {
                set_hash(words, cell + place, hash);
            }
        }
        for (index, word) in load.facts.iter().enumerate() {
            set(words, cell + event::FACTS + index, *word);
        }
        for (place, text, bytes_max) in [
            (event::REASON, load.reason, event::REASON_BYTES_MAX),
            (event::LABEL, load.label, version::TEXT_BYTES_MAX),
            (event::SOURCE, load.source, version::TEXT_BYTES_MAX),
            (event::ERROR, load.error, event::ERROR_BYTES_MAX),
        ] {
            set_bytes(words, cell + place, mask::message(text).as_bytes(), bytes_max);
        }
        // Not masked: versions of one revision are compared, so it has to stay what it is.
        set_bytes(words, cell + event::REVISION, load.revision.as_bytes(), event::REVISION_BYTES_MAX);
    });
}

/// Writes "the process started"; the caller holds the lock.
pub(crate) fn write_start(words: Words) {
    write(words, |cell| set(words, cell + event::KIND, START));
}

/// Writes "the process ends on purpose".
pub(crate) fn write_exit(words: Words) {
    let _cold: MutexGuard<'_, Cold> = crate::recorder::lock();
    write(words, |cell| set(words, cell + event::KIND, EXIT));
}

/// Writes that an earlier process of this service died.
pub(crate) fn write_death(words: Words, told: &DeathImage) {
    let _cold: MutexGuard<'_, Cold> = crate::recorder::lock();
    write(words, |cell| {
        let set = |place: usize, value: u64| set(words, cell + place, value);
        set(event::KIND, DEATH);
        set(death::SIGNAL, told.signal.map_or(0, u64::from));
        set(death::BOOT, (told.boot >> 64) as u64);
        set(death::BOOT + 1, told.boot as u64);
        set(death::EVENT_HEAD, told.event_head);
        set(death::LAST_SIGN, told.last_sign_ns);
        set(death::PID, u64::from(told.pid));
        set(death::PANICS, told.panics);
        set(death::STATUS, told.status.map_or(0, exit::word));
        let text = |place: usize, bytes: &str, bytes_max: usize| {
            set_bytes(words, cell + place, bytes.as_bytes(), bytes_max);
        };
        text(death::INSTANCE, &told.instance, version::TEXT_BYTES_MAX);
        if let Some((config, hash)) = &told.loading {
            set(event::HASHES, 1);
            set_hash(words, cell + death::LOADING_HASH, *hash);
            text(death::LOADING_CONFIG, config, version::TEXT_BYTES_MAX);
        }
        let mut active = String::new();
        for name in &told.active {
            if active.len() + name.len() < event::ERROR_BYTES_MAX {
                active.push_str(name);
                active.push('\n');
            }
        }
        text(death::ACTIVE, &active, event::ERROR_BYTES_MAX);
    });
}

/// Writes that this process runs another version of the binary than the one before it.
pub(crate) fn write_new_binary(words: Words, version_before: &str) {
    let _cold: MutexGuard<'_, Cold> = crate::recorder::lock();
    write(words, |cell| {
        set(words, cell + event::KIND, NEW_BINARY);
        set_bytes(words, cell + event::LABEL, version_before.as_bytes(), version::TEXT_BYTES_MAX);
    });
}

fn write(words: Words, fill: impl FnOnce(usize)) {
    let number = get(words, header::EVENT_HEAD);
    let index = usize::try_from(number).unwrap_or(0) % layout::EVENTS_MAX;
    let cell = layout::EVENTS + index * layout::EVENT_WORDS;
    let sequence = number.wrapping_mul(2).wrapping_add(2);
    set(words, cell + event::SEQUENCE, sequence - 1);
    fence(Release);
    clear(words, cell + event::CHECKSUM, layout::EVENT_WORDS - event::CHECKSUM);
    set(words, cell + event::AT, now_ns());
    fill(cell);
    let mut checksum = Checksum::new(sequence);
    for place in event::KIND..layout::EVENT_WORDS {
        checksum.add(get(words, cell + place));
    }
    set(words, cell + event::CHECKSUM, checksum.value());
    fence(Release);
    set(words, cell + event::SEQUENCE, sequence);
    set(words, header::EVENT_HEAD, number.wrapping_add(1));
}
