//! A view of words as arrays, which the standard library has since Rust 1.88 (`as_chunks`). Which words, is decided by `hot`.
#![expect(unsafe_code, reason = "the oldest Rust that the crate states has no safe form")]

use crate::raw::Words;
use std::sync::atomic::AtomicU64;

/// The first `ROWS` arrays of `COLUMNS` words; none if there are fewer words.
pub(crate) fn rows<const COLUMNS: usize, const ROWS: usize>(
    words: Words,
) -> Option<&'static [[AtomicU64; COLUMNS]; ROWS]> {
    let words = words.get(..COLUMNS.checked_mul(ROWS)?)?;
    // SAFETY: the slice has exactly as many words as the arrays, lives as long, and an array has no other alignment or
    // padding than its elements.
    Some(unsafe { &*words.as_ptr().cast::<[[AtomicU64; COLUMNS]; ROWS]>() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_the_words_in_their_order_and_all_of_them() {
        let words: Words = (0..7).map(AtomicU64::new).collect::<Vec<_>>().leak();
        let found = rows::<2, 3>(words).unwrap();
        assert_eq!(
            found.each_ref().map(|row| row.each_ref().map(|word| word.load(std::sync::atomic::Ordering::Relaxed))),
            [[0, 1], [2, 3], [4, 5]]
        );
        assert!(rows::<2, 4>(words).is_none());
    }
}
