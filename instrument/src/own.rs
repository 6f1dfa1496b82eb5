//! This process's own recorder, read the way a stranger would: copied and validated, off the request path.

use crate::recorder;
use firstbad_protocol::recorder::layout::{WORDS_READ_MAX, header};
use firstbad_protocol::recorder::{RecorderImage, decode, discard_moved, moved_between};
use std::sync::atomic::Ordering::Relaxed;

/// The recorder of this process, decoded.
pub(crate) fn image() -> Option<RecorderImage> {
    let words = recorder::words()?;
    let used = words.get(header::USED)?.load(Relaxed);
    let used = usize::try_from(used).unwrap_or(0).min(WORDS_READ_MAX);
    let copy = || -> Vec<u8> { words.iter().take(used).flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect() };
    let (tables, mut lanes) = (copy(), copy());
    let after = copy();
    if moved_between(&tables, &after) {
        discard_moved(&tables, &mut lanes, &after);
    }
    decode(&tables, &lanes).ok()
}
