//! The two rings of a recorder: events and panics with their text. A cell counts only when its sequence is complete and
//! its checksum is right; what was being written when the copy was taken shows up whole in the next one.

use super::checksum::Checksum;
use super::image::{DeathImage, EventImage, EventKind, LoadImage, PanicImage};
use super::layout::{self, death, event, panic};
use super::words::Words;
use crate::load::LoadResult;

/// Events, panics, and how many cells were torn.
pub(super) fn read(words: Words<'_>) -> (Vec<EventImage>, Vec<PanicImage>, u64) {
    let mut torn = 0;
    let mut events: Vec<EventImage> = (0..layout::EVENTS_MAX)
        .filter_map(|index| {
            let cell = words.part(layout::EVENTS + index * layout::EVENT_WORDS, layout::EVENT_WORDS)?;
            let number = whole(cell, event::CHECKSUM, layout::EVENT_WORDS, &mut torn)?;
            let kind = event_kind(cell)?;
            Some(EventImage { number, at_ns: cell.at(event::AT), kind })
        })
        .collect();
    let mut panics: Vec<PanicImage> = (0..layout::PANICS_MAX)
        .filter_map(|index| {
            let cell = words.part(layout::PANICS + index * layout::PANIC_WORDS, layout::PANIC_WORDS)?;
            let bytes = cell.bytes(panic::MESSAGE, panic::MESSAGE_BYTES_MAX).len();
            let end = panic::MESSAGE + 1 + bytes.div_ceil(8);
            let number = whole(cell, panic::CHECKSUM, end, &mut torn)?;
            Some(panic_image(cell, number))
        })
        .collect();
    events.sort_by_key(|event| event.number);
    panics.sort_by_key(|panic| panic.number);
    events.dedup_by_key(|event| event.number);
    panics.dedup_by_key(|panic| panic.number);
    (events, panics, torn)
}

/// The number of a cell that is complete and whose word `checksum` is right for the words after it, up to `end`.
fn whole(cell: Words<'_>, checksum: usize, end: usize, torn: &mut u64) -> Option<u64> {
    let sequence = cell.at(0);
    if sequence == 0 {
        return None;
    }
    let mut sum = Checksum::new(sequence);
    for place in checksum + 1..end {
        sum.add(cell.at(place));
    }
    if sequence & 1 == 1 || sum.value() != cell.at(checksum) {
        *torn += 1;
        return None;
    }
    (sequence / 2).checked_sub(1)
}

fn event_kind(cell: Words<'_>) -> Option<EventKind> {
    match cell.at(event::KIND) {
        1 => Some(EventKind::Start),
        2 => Some(EventKind::Exit),
        kind @ (3 | 4) => {
            let has = |bit: u32| cell.at(event::HASHES) >> bit & 1 == 1;
            let result = LoadResult::ALL.into_iter().find(|result| *result as u64 == cell.at(event::RESULT));
            Some(EventKind::Load(Box::new(LoadImage {
                config: usize::try_from(cell.at(event::CONFIG)).ok()?,
                hash: has(0).then(|| cell.hash(event::HASH)).flatten(),
                result: if kind == 3 { Some(result?) } else { None },
                reason: cell.some_text(event::REASON, event::REASON_BYTES_MAX),
                error: cell.some_text(event::ERROR, event::ERROR_BYTES_MAX),
                previous: has(1).then(|| cell.hash(event::PREVIOUS)).flatten(),
                facts: cell.facts(event::FACTS),
                label: cell.some_text(event::LABEL, layout::version::TEXT_BYTES_MAX),
                source: cell.some_text(event::SOURCE, layout::version::TEXT_BYTES_MAX),
                revision: cell.some_text(event::REVISION, event::REVISION_BYTES_MAX),
            })))
        }
        5 => Some(EventKind::Death(Box::new(death_image(cell)))),
        6 => Some(EventKind::NewBinary { before: cell.some_text(event::LABEL, layout::version::TEXT_BYTES_MAX)? }),
        _ => None,
    }
}

fn death_image(cell: Words<'_>) -> DeathImage {
    let loading = (cell.at(event::HASHES) & 1 == 1).then(|| cell.hash(death::LOADING_HASH)).flatten();
    let config = cell.text(death::LOADING_CONFIG, layout::version::TEXT_BYTES_MAX);
    let active = cell.text(death::ACTIVE, event::ERROR_BYTES_MAX);
    DeathImage {
        boot: u128::from(cell.at(death::BOOT)) << 64 | u128::from(cell.at(death::BOOT + 1)),
        event_head: cell.at(death::EVENT_HEAD),
        last_sign_ns: cell.at(death::LAST_SIGN),
        pid: u32::try_from(cell.at(death::PID)).unwrap_or(0),
        panics: cell.at(death::PANICS),
        signal: signal(cell.at(death::SIGNAL)),
        status: layout::exit::status(cell.at(death::STATUS)),
        instance: cell.text(death::INSTANCE, layout::version::TEXT_BYTES_MAX),
        loading: loading.map(|hash| (config, hash)),
        active: active.lines().take(layout::CONFIGS_MAX).map(str::to_owned).collect(),
    }
}

/// A signal's number, if it can be one.
pub(super) fn signal(word: u64) -> Option<u8> {
    u8::try_from(word).ok().filter(|signal| (1..=64).contains(signal))
}

fn panic_image(cell: Words<'_>, number: u64) -> PanicImage {
    let active = usize::try_from(cell.at(panic::ACTIVE)).unwrap_or(0).min(layout::CONFIGS_MAX);
    PanicImage {
        number,
        at_ns: cell.at(panic::AT),
        message: cell.text(panic::MESSAGE, panic::MESSAGE_BYTES_MAX),
        message_bytes: cell.at(panic::MESSAGE_BYTES),
        thread: cell.some_text(panic::THREAD, panic::THREAD_BYTES_MAX),
        file: cell.text(panic::FILE, layout::site::FILE_BYTES_MAX),
        line: u32::try_from(cell.at(panic::LINE)).unwrap_or(0),
        column: u32::try_from(cell.at(panic::COLUMN)).unwrap_or(0),
        site: usize::try_from(cell.at(panic::SITE)).ok().and_then(|site| site.checked_sub(1)),
        active: (0..active).map(|index| cell.at(panic::ACTIVE + 1 + index)).collect(),
    }
}
