//! Reading and writing words of the recorder by place. A place beyond the end reads as 0 and is not written: what that
//! means is decided by the caller.

use crate::raw::Words;
use firstbad_protocol::Hash;
use std::sync::atomic::Ordering::Relaxed;

/// The word at `place`.
pub(crate) fn get(words: Words, place: usize) -> u64 {
    words.get(place).map_or(0, |word| word.load(Relaxed))
}

/// Writes the word at `place`.
pub(crate) fn set(words: Words, place: usize, value: u64) {
    if let Some(word) = words.get(place) {
        word.store(value, Relaxed);
    }
}

/// Adds to the word at `place`, which may have several writers.
pub(crate) fn add(words: Words, place: usize, amount: u64) {
    if let Some(word) = words.get(place) {
        word.fetch_add(amount, Relaxed);
    }
}

/// Zeroes `count` words from `place` on.
pub(crate) fn clear(words: Words, place: usize, count: usize) {
    for word in words.iter().skip(place).take(count) {
        word.store(0, Relaxed);
    }
}

/// Writes length and bytes of `text`, its head if it is longer than `bytes_max`.
pub(crate) fn set_bytes(words: Words, place: usize, bytes: &[u8], bytes_max: usize) {
    let bytes = bytes.get(..bytes_max).unwrap_or(bytes);
    set(words, place, bytes.len() as u64);
    for (index, chunk) in bytes.chunks(8).enumerate() {
        let mut word = [0; 8];
        for (target, byte) in word.iter_mut().zip(chunk) {
            *target = *byte;
        }
        set(words, place + 1 + index, u64::from_ne_bytes(word));
    }
}

/// Writes length and bytes that come in parts, their head if they are more than `bytes_max`.
pub(crate) struct BytesWriter {
    words: Words,
    place: usize,
    bytes_max: usize,
    /// Bytes that came, also those beyond `bytes_max`.
    came: usize,
    word: [u8; 8],
}

impl BytesWriter {
    /// Writes to `place`, once [`Self::finish`] is called.
    pub(crate) const fn new(words: Words, place: usize, bytes_max: usize) -> Self {
        Self { words, place, bytes_max, came: 0, word: [0; 8] }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at = self.came;
            self.came += 1;
            if at >= self.bytes_max {
                continue;
            }
            if let Some(target) = self.word.get_mut(at % 8) {
                *target = *byte;
            }
            if at % 8 == 7 {
                self.flush(at);
            }
        }
    }

    fn flush(&mut self, at: usize) {
        set(self.words, self.place + 1 + at / 8, u64::from_ne_bytes(std::mem::take(&mut self.word)));
    }

    /// Writes the length. Gives the number of bytes that came.
    pub(crate) fn finish(mut self) -> usize {
        let kept = self.came.min(self.bytes_max);
        if kept % 8 != 0 {
            self.flush(kept);
        }
        set(self.words, self.place, kept as u64);
        self.came
    }
}

/// Reads length and bytes.
pub(crate) fn get_bytes(words: Words, place: usize, bytes_max: usize) -> Vec<u8> {
    let length = usize::try_from(get(words, place)).unwrap_or(0).min(bytes_max);
    let mut bytes: Vec<u8> =
        (0..length.div_ceil(8)).flat_map(|index| get(words, place + 1 + index).to_ne_bytes()).collect();
    bytes.truncate(length);
    bytes
}

/// Writes a hash.
pub(crate) fn set_hash(words: Words, place: usize, hash: Hash) {
    for (index, chunk) in hash.0.chunks_exact(8).enumerate() {
        set(words, place + index, u64::from_ne_bytes(chunk.try_into().unwrap_or_default()));
    }
}

/// Reads a hash.
pub(crate) fn get_hash(words: Words, place: usize) -> Hash {
    let mut hash = [0; 32];
    for (index, chunk) in hash.chunks_exact_mut(8).enumerate() {
        chunk.copy_from_slice(&get(words, place + index).to_ne_bytes());
    }
    Hash(hash)
}

/// Nanoseconds since the Unix epoch.
pub(crate) fn now_ns() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
