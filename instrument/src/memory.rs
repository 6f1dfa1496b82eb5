//! How much memory the recorder takes, as a formula; `tests/threads.rs` holds the recorder to it.

use firstbad_protocol::recorder::layout;

/// Bytes of the recorder of a proxy in which `threads` record at the same time. `scores` is the sum over all configs of their
/// scores (a config without scores counts as one), `versions` how many versions of each config there were, at most 256 in all:
///
/// `tables (0.7 MiB) + threads * (128 + 7168 * scores) + (versions + 1) * scores * 896`, rounded up to a MiB, at most
/// `memory_bytes_max` (8 MiB unless told). Threads that end leave their place to the next. What finds no room is counted
/// under a lock instead of in a place of its own; it is not lost.
///
/// ```
/// // 64 threads; two configs with a score each; four versions of each until the next restart.
/// let bytes = firstbad_instrument::memory_bytes(64, 2, 8);
/// assert!(bytes <= 8 << 20, "{bytes}");
/// ```
#[must_use]
pub const fn memory_bytes(threads: usize, scores: usize, versions: usize) -> usize {
    words(threads, scores, versions).next_multiple_of(layout::CHUNK_WORDS).saturating_mul(8)
}

/// The same in words, before it is rounded up.
const fn words(threads: usize, scores: usize, versions: usize) -> usize {
    let of_thread = layout::TOTAL_LANE_WORDS + layout::LANE_WORDS * scores;
    // One more lane of totals is shared by threads without one of their own.
    layout::DATA + layout::TOTAL_LANE_WORDS + threads * of_thread + (versions + 1) * scores * layout::SLOT_WORDS
}
