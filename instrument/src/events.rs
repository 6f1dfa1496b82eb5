//! Writes start, exit and loads into the recorder's ring of events. Under the lock: one writer at a time.

use crate::cells::{clear, get, now_ns, set, set_bytes, set_hash};
use crate::raw::Words;
use crate::recorder::Cold;
use firstbad_protocol::Hash;
use firstbad_protocol::load::LoadResult;
use firstbad_protocol::recorder::Checksum;
use firstbad_protocol::recorder::layout::{self, event, facts, header, version};
use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Release;
use std::sync::atomic::fence;

const START: u64 = 1;
const EXIT: u64 = 2;
const LOAD: u64 = 3;
const LOADING: u64 = 4;

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
        set_bytes(words, cell + event::REASON, (load.reason.as_bytes(), event::REASON_BYTES_MAX));
        set_bytes(words, cell + event::LABEL, (load.label.as_bytes(), version::TEXT_BYTES_MAX));
        set_bytes(words, cell + event::SOURCE, (load.source.as_bytes(), version::TEXT_BYTES_MAX));
        set_bytes(words, cell + event::ERROR, (load.error.as_bytes(), event::ERROR_BYTES_MAX));
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
