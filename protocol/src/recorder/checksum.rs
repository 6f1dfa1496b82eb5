//! The checksum of a ring cell. It tells a torn cell from a whole one; it protects against accident, not against forgery.

/// A running checksum over words.
#[derive(Clone, Copy, Debug)]
pub struct Checksum(u64);

impl Checksum {
    /// Begins with the cell's sequence, so that a cell of an earlier round does not pass for this one.
    #[must_use]
    pub const fn new(sequence: u64) -> Self {
        Self(sequence ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// Adds a word.
    pub const fn add(&mut self, word: u64) {
        self.0 = (self.0 ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    /// The checksum.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}
