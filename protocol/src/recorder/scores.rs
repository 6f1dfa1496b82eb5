//! Exact score buckets into the contract's histogram and counts of defaulted scores.

use super::image::{Counts, ScoreDeclaration};
use crate::names::SCORE_BOUNDS;

/// A histogram in the contract's bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreHistogram {
    /// Upper bounds, ascending, in the score's own unit.
    pub bounds: Vec<f64>,
    /// Scores by bucket, not added up; one more than bounds.
    pub counts: Vec<u64>,
    /// All scores.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
}

/// The value that bucket `bucket` stands for.
fn value(declared: &ScoreDeclaration, bucket: usize) -> f64 {
    let hundredths = f64::from(u32::try_from(bucket).unwrap_or(u32::MAX));
    if declared.scaled {
        declared.least + (declared.greatest - declared.least) * hundredths / 100.0
    } else {
        hundredths
    }
}

/// Scores that are numbers. Those below all buckets fall into the first, those above into the last.
#[must_use]
pub fn score_histogram(declared: &ScoreDeclaration, counts: &Counts) -> ScoreHistogram {
    let bounds: Vec<f64> = SCORE_BOUNDS
        .iter()
        .map(|bound| {
            let (least, width) = (declared.least, declared.greatest - declared.least);
            if declared.scaled { least + width * bound / 100.0 } else { *bound }
        })
        .collect();
    let mut sums = vec![0_u64; bounds.len() + 1];
    let mut sum = 0.0;
    let mut add = |place: usize, count: u64| {
        if let Some(target) = sums.get_mut(place) {
            *target = target.saturating_add(count);
        }
    };
    for (bucket, count) in counts.buckets.iter().enumerate() {
        // Bounds are compared in bucket numbers, where they are exact.
        let number = f64::from(u32::try_from(bucket).unwrap_or(u32::MAX));
        add(SCORE_BOUNDS.partition_point(|bound| *bound < number), *count);
        #[expect(clippy::cast_precision_loss, reason = "a sum of scores is a rounded figure")]
        let times = *count as f64;
        sum += value(declared, bucket) * times;
    }
    add(0, counts.below);
    add(bounds.len(), counts.above);
    let count = sums.iter().fold(0_u64, |total, count| total.saturating_add(*count));
    ScoreHistogram { bounds, counts: sums, count, sum }
}

/// Scores that were not computed or are out of range, by the contract's reason.
#[must_use]
pub fn defaulted_scores(declared: &ScoreDeclaration, counts: &Counts) -> [(&'static str, u64); 4] {
    let (mut sentinel, mut below, mut above) = (0_u64, counts.below, counts.above);
    for (bucket, count) in counts.buckets.iter().enumerate() {
        let value = value(declared, bucket);
        if declared.sentinel.is_some_and(|sentinel| (sentinel - value).abs() < f64::EPSILON) {
            sentinel = sentinel.saturating_add(*count);
        } else if value < declared.least {
            below = below.saturating_add(*count);
        } else if value > declared.greatest {
            above = above.saturating_add(*count);
        }
    }
    [("sentinel", sentinel), ("nan", counts.nan), ("below", below), ("above", above)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(usize, u64)]) -> Counts {
        let mut buckets = vec![0; 101];
        for (bucket, count) in of {
            buckets[*bucket] = *count;
        }
        Counts { buckets, above: 0, below: 0, nan: 0 }
    }

    #[test]
    fn a_zero_is_in_the_first_bucket_and_also_a_sentinel() {
        let declared =
            ScoreDeclaration { name: "bot".into(), least: 1.0, greatest: 99.0, sentinel: Some(0.0), scaled: false };
        let counts = Counts { nan: 7, above: 2, ..counts(&[(0, 5), (1, 3), (42, 1), (99, 1), (100, 4)]) };
        let found = score_histogram(&declared, &counts);
        assert_eq!(found.counts, [5, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 6]);
        assert_eq!((found.count, found.sum), (16, 3.0 + 42.0 + 99.0 + 400.0));
        assert_eq!(defaulted_scores(&declared, &counts), [("sentinel", 5), ("nan", 7), ("below", 0), ("above", 6)]);
    }

    #[test]
    fn a_scaled_score_keeps_its_own_unit() {
        let declared =
            ScoreDeclaration { name: "risk".into(), least: 0.0, greatest: 1.0, sentinel: None, scaled: true };
        let found = score_histogram(&declared, &Counts { below: 1, ..counts(&[(50, 2)]) });
        assert_eq!((found.count, found.sum, found.bounds[8]), (3, 1.0, 0.6));
        assert_eq!((found.counts[0], found.counts[7]), (1, 2));
    }
}
