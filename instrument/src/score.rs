//! A named score that is given under a config, with its declared range. Which values are suspicious is decided elsewhere.

use firstbad_protocol::recorder::layout::{CONFIGS_MAX, cell};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// A named score, declared once: `static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);` Several configs may declare
/// the same one; each version of each of them has its own counts of it.
///
/// ```
/// use firstbad_instrument::{Config, Origin, Score, record_load};
///
/// static BOT: Score = Score::new("bot").range(1, 99).sentinel(0);
/// static RISK: Score = Score::scaled("risk", 0.0, 1.0);
/// static MODEL: Config = Config::new("model").score(&BOT).score(&RISK);
///
/// let tag = record_load(&MODEL, b"weights", &Origin::new(), Ok(()));
/// tag.score(&BOT, 42);
/// tag.score_f64(&RISK, 0.93);
/// ```
#[derive(Debug)]
pub struct Score {
    pub(crate) name: &'static str,
    /// Least and greatest valid value.
    pub(crate) range: (f64, f64),
    /// Value that means "not computed".
    pub(crate) sentinel: Option<f64>,
    /// Lane in the recorder, from 1, for the config that declared it first; 0 while no such config has been loaded.
    pub(crate) lane: AtomicU32,
    /// Its lanes for the configs that declared it later, ascending; 0 after the last of them.
    lanes_of_others: [AtomicU32; CONFIGS_MAX - 1],
    /// Whether bucket i stands for the i-th hundredth of the range, and not for the value i.
    pub(crate) scaled: bool,
}

impl Score {
    /// A score of whole numbers from 0 to 100.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self::with_range(name, (0.0, 100.0), false)
    }

    /// A score from `low` to `high`, kept in 100 equal buckets.
    #[must_use]
    pub const fn scaled(name: &'static str, low: f64, high: f64) -> Self {
        Self::with_range(name, (low, high), true)
    }

    const fn with_range(name: &'static str, range: (f64, f64), scaled: bool) -> Self {
        let lanes_of_others = [const { AtomicU32::new(0) }; CONFIGS_MAX - 1];
        Self { name, range, sentinel: None, lane: AtomicU32::new(0), lanes_of_others, scaled }
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

    #[inline]
    pub(crate) fn lane(&self) -> usize {
        self.lane.load(Relaxed) as usize
    }

    /// Adds the lane of a config that declares the score, in ascending order. The caller holds the lock. A reader that comes in
    /// between sees each earlier lane at least once.
    pub(crate) fn add_lane(&self, lane: u32) {
        let known: Vec<u32> = self.lanes().map(|place| place.load(Relaxed)).take_while(|known| *known != 0).collect();
        if known.contains(&lane) {
            return;
        }
        let before = known.partition_point(|known| *known < lane);
        let moved = known.iter().rev().copied().take(known.len() - before);
        let places: Vec<&AtomicU32> = self.lanes().skip(before).take(known.len() - before + 1).collect();
        for (place, value) in places.into_iter().rev().zip(moved.chain([lane])) {
            place.store(value, Release);
        }
    }

    fn lanes(&self) -> impl Iterator<Item = &AtomicU32> {
        std::iter::once(&self.lane).chain(&self.lanes_of_others)
    }

    /// The lowest lane from `first` on, which is the first lane of a config. `hot` refuses it if it is of another config.
    pub(crate) fn lane_from(&self, first: usize) -> Option<usize> {
        let lanes = self.lanes_of_others.iter().map(|lane| lane.load(Relaxed) as usize);
        lanes.take_while(|lane| *lane != 0).find(|lane| *lane >= first)
    }

    /// Cell of a whole-number score: its own bucket, or "above". Whether it is the sentinel, or outside the declared range,
    /// can be read off the buckets later.
    #[inline]
    #[expect(clippy::unused_self, reason = "beside `cell_f64`, which needs it")]
    pub(crate) const fn cell(&self, value: u8) -> usize {
        let value = value as usize;
        if value < cell::BUCKET_COUNT { cell::BUCKETS + value } else { cell::ABOVE }
    }

    /// Cell of a score as a floating-point number.
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within 0 to 100")]
    pub(crate) fn cell_f64(&self, value: f64) -> usize {
        let (low, high) = if self.scaled { self.range } else { (0.0, 100.0) };
        if value.is_nan() {
            cell::NAN
        } else if value < low {
            cell::BELOW
        } else if value > high {
            cell::ABOVE
        } else {
            let bucket = if high > low { (value - low) / (high - low) * 100.0 } else { 0.0 };
            cell::BUCKETS + (bucket.round() as usize).min(cell::BUCKET_COUNT - 1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lanes_of_a_score_ascend_and_each_is_kept_once() {
        let score = Score::new("bot");
        assert_eq!((score.lane(), score.lane_from(1)), (0, None));
        for lane in [5, 9, 1, 5, 7] {
            score.add_lane(lane);
        }
        assert_eq!(score.lane(), 1);
        assert_eq!([2, 5, 6, 8, 10].map(|first| score.lane_from(first)), [Some(5), Some(5), Some(7), Some(9), None]);
        for lane in 10..40 {
            score.add_lane(lane);
        }
        assert_eq!(score.lanes().count(), CONFIGS_MAX, "what is beyond the number of configs is left out");
    }

    #[test]
    fn a_score_falls_into_its_bucket_or_is_told_apart() {
        let whole = Score::new("bot").range(1, 99).sentinel(0);
        let bucket = |number: usize| cell::BUCKETS + number;
        assert_eq!((whole.cell(0), whole.cell(100), whole.cell(101)), (bucket(0), bucket(100), cell::ABOVE));
        assert_eq!((whole.cell_f64(41.6), whole.cell_f64(-0.1)), (bucket(42), cell::BELOW));
        let scaled = Score::scaled("risk", -1.0, 1.0);
        assert_eq!([-1.0, 0.0, 1.0].map(|value| scaled.cell_f64(value)), [0, 50, 100].map(bucket));
        assert_eq!(
            [f64::NAN, f64::INFINITY, -1.1].map(|value| scaled.cell_f64(value)),
            [cell::NAN, cell::ABOVE, cell::BELOW]
        );
    }
}
