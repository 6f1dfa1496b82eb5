//! A number in a scenario: fixed, or drawn by seed from a range or a list. Nothing here knows what it is for.

use crate::random::Random;
use serde::Deserialize;

/// `5`, `[3, 8]` (uniform), `{ log = [1, 100] }` (uniform in the logarithm) or `{ choice = [1, 10, 60] }`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// Always this.
    Fixed(f64),
    /// Uniform between the two.
    Range([f64; 2]),
    /// Uniform in the logarithm between the two.
    Log {
        /// Bounds, both above 0.
        log: [f64; 2],
    },
    /// One of these.
    Choice {
        /// Equally likely values.
        choice: Vec<f64>,
    },
}

impl Number {
    /// The number for this run.
    pub fn draw(&self, random: &mut Random) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Range([low, high]) => random.between(*low, *high),
            Self::Log { log: [low, high] } => random.between(low.ln(), high.ln()).exp(),
            Self::Choice { choice } => choice.get(random.below(choice.len())).copied().unwrap_or(0.0),
        }
    }

    /// Every value it can take, changed by `change`.
    #[must_use]
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        match self {
            Self::Fixed(value) => Self::Fixed(change(*value)),
            Self::Range(ends) => Self::Range(ends.map(change)),
            Self::Log { log } => Self::Log { log: log.map(change) },
            Self::Choice { choice } => Self::Choice { choice: choice.iter().copied().map(change).collect() },
        }
    }

    /// The greatest it can be.
    #[must_use]
    pub fn greatest(&self) -> f64 {
        match self {
            Self::Fixed(value) => *value,
            Self::Range([_, high]) | Self::Log { log: [_, high] } => *high,
            Self::Choice { choice } => choice.iter().copied().fold(0.0, f64::max),
        }
    }

    /// The number for this run, rounded to a count.
    pub fn count(&self, random: &mut Random) -> usize {
        self.draw(random).round().max(0.0) as usize
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Fixed(value)
    }
}
