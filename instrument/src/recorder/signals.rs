//! What the handlers of `raw` write down of a signal. Which signals there are and what happens next is decided there.

use super::{note_end, words};
use firstbad_protocol::recorder::layout::header;
use std::sync::atomic::Ordering::Relaxed;

/// Writes down the first fatal signal. For a signal handler: it only touches atomics and the clock.
pub(crate) fn note_signal(signal: i32) {
    note_first(header::SIGNAL, signal);
    note_end();
}

/// Writes down the first signal that asks the process to end, and the time if the signal ends it at once. Safe in a signal
/// handler, as [`note_signal`] is.
pub(crate) fn note_asked(signal: i32, ends_at_once: bool) {
    note_first(header::ASKED, signal);
    if ends_at_once {
        note_end();
    }
}

fn note_first(place: usize, signal: i32) {
    if let Some(word) = words().and_then(|words| words.get(place)) {
        let _ = word.compare_exchange(0, u64::try_from(signal).unwrap_or(0), Relaxed, Relaxed);
    }
}
