//! A named score that is given under a config, with its declared range. Which values are suspicious is decided elsewhere.

use std::sync::atomic::AtomicU32;

/// A named score, declared once: `static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);`
#[derive(Debug)]
pub struct Score {
    pub(crate) name: &'static str,
    /// Least and greatest valid value.
    pub(crate) range: (f64, f64),
    /// Value that means "not computed".
    pub(crate) sentinel: Option<f64>,
    /// Lane in the recorder, from 1; 0 while the config has not been loaded.
    pub(crate) lane: AtomicU32,
    /// Buckets per unit: 1 for whole scores, 100 / (high - low) for scaled ones.
    pub(crate) scaled: bool,
}

impl Score {
    /// A score of whole numbers from 0 to 100.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, range: (0.0, 100.0), sentinel: None, lane: AtomicU32::new(0), scaled: false }
    }

    /// A score from `low` to `high`, kept in 100 equal buckets.
    #[must_use]
    pub const fn scaled(name: &'static str, low: f64, high: f64) -> Self {
        Self { name, range: (low, high), sentinel: None, lane: AtomicU32::new(0), scaled: true }
    }

    /// Declares the valid values of a whole-number score, both ends included, within 0 to 100.
    #[must_use]
    pub const fn range(mut self, least: u8, greatest: u8) -> Self {
        self.range = (least as f64, greatest as f64);
        self
    }

    /// Declares the value that means "not computed".
    #[must_use]
    pub const fn sentinel(mut self, value: u8) -> Self {
        self.sentinel = Some(value as f64);
        self
    }
}
