//! Bounds-checked reading of words, hashes and texts from a copy of a recorder. Nothing here can fail but by `None`.

use super::layout;
use crate::Hash;

/// A copy of a recorder, or of a part of it.
#[derive(Clone, Copy)]
pub(super) struct Words<'a>(pub(super) &'a [u8]);

impl<'a> Words<'a> {
    /// How many whole words there are.
    pub(super) const fn len(self) -> usize {
        self.0.len() / 8
    }

    /// The word at `place`.
    pub(super) fn get(self, place: usize) -> Option<u64> {
        let start = place.checked_mul(8)?;
        let bytes = self.0.get(start..start.checked_add(8)?)?;
        Some(u64::from_ne_bytes(bytes.try_into().ok()?))
    }

    /// The word at `place`, 0 beyond the end.
    pub(super) fn at(self, place: usize) -> u64 {
        self.get(place).unwrap_or(0)
    }

    /// `count` words from `place` on.
    pub(super) fn part(self, place: usize, count: usize) -> Option<Self> {
        let start = place.checked_mul(8)?;
        self.0.get(start..start.checked_add(count.checked_mul(8)?)?).map(Words)
    }

    /// Four words as a hash.
    pub(super) fn hash(self, place: usize) -> Option<Hash> {
        let start = place.checked_mul(8)?;
        Some(Hash(self.0.get(start..start.checked_add(32)?)?.try_into().ok()?))
    }

    /// A length of at most `bytes_max`, then that many bytes; a longer claim is cut to the bound.
    pub(super) fn bytes(self, place: usize, bytes_max: usize) -> &'a [u8] {
        let length = usize::try_from(self.at(place)).unwrap_or(usize::MAX).min(bytes_max);
        let start = place.saturating_add(1).saturating_mul(8);
        self.0.get(start..start.saturating_add(length)).unwrap_or_default()
    }

    /// As [`Self::bytes`], as text.
    pub(super) fn text(self, place: usize, bytes_max: usize) -> String {
        String::from_utf8_lossy(self.bytes(place, bytes_max)).into_owned()
    }

    /// As [`Self::text`]; an empty text is none.
    pub(super) fn some_text(self, place: usize, bytes_max: usize) -> Option<String> {
        Some(self.text(place, bytes_max)).filter(|text| !text.is_empty())
    }

    /// The facts that stand at `place`.
    pub(super) fn facts(self, place: usize) -> super::Facts {
        let mask = self.at(place);
        let number = |index: usize| {
            (mask >> index & 1 == 1).then(|| self.at(place.saturating_add(layout::facts::NUMBERS + index)))
        };
        super::Facts {
            size: number(0),
            rows: number(1),
            duplicate_rows: number(2),
            blank_fields: number(3),
            columns: number(4),
            generation: number(5).map(|number| number as i64),
            rowset: (mask >> layout::facts::NUMBER_COUNT & 1 == 1)
                .then(|| self.hash(place.saturating_add(layout::facts::ROWSET)))
                .flatten(),
        }
    }
}
