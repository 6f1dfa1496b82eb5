//! Histograms as sent into histograms with explicit bounds. Exponential ones are cut to one fixed grid, so that two reports
//! of different scale can be compared and taken from one another.

use crate::otlp::model::{ExponentialPoint, HistogramPoint};
use firstbad_diagnosis::observation::Histogram;
use std::sync::{Arc, LazyLock};

/// 0, and powers of the square root of 2 from 2^-10 to 2^10: scores of 0 to 1 and of 0 to 100 are both told apart well.
static GRID: LazyLock<Arc<[f64]>> = LazyLock::new(|| {
    let powers = (-20..=20).map(|half| f64::from(half) / 2.0).map(f64::exp2);
    std::iter::once(0.0).chain(powers).collect()
});

/// An explicit histogram, if its counts and bounds fit together.
pub(super) fn explicit(point: &HistogramPoint<'_>) -> Option<Histogram> {
    let ascending = point.bounds.iter().zip(point.bounds.iter().skip(1)).all(|(low, high)| low < high);
    if !ascending || point.bounds.iter().any(|bound| bound.is_nan()) {
        return None;
    }
    let sum = point.sum.filter(|sum| sum.is_finite());
    if point.bucket_counts.is_empty() {
        return Some(Histogram { bounds: Arc::from([]), counts: vec![point.count], sum });
    }
    let fits = point.bucket_counts.len() == point.bounds.len() + 1;
    fits.then(|| Histogram { bounds: point.bounds.as_slice().into(), counts: point.bucket_counts.clone(), sum })
}

/// An exponential histogram on the grid.
pub(super) fn exponential(point: &ExponentialPoint<'_>) -> Option<Histogram> {
    if !(-10..=20).contains(&point.scale) {
        return None;
    }
    let mut counts = vec![0_u64; GRID.len() + 1];
    let below: u64 = point.negative.counts.iter().fold(point.zero_count, |sum, count| sum.saturating_add(*count));
    if let Some(first) = counts.first_mut() {
        *first = below;
    }
    let width = f64::exp2(-f64::from(point.scale));
    for (index, count) in (0_i32..).zip(&point.positive.counts) {
        // The bucket's geometric middle: base^(offset + index + 1/2), with base = 2^(2^-scale) (OpenTelemetry data model).
        let middle = (f64::from(point.positive.offset.saturating_add(index)) + 0.5) * width;
        let value = f64::exp2(middle);
        let place = GRID.iter().position(|bound| value <= *bound).unwrap_or(GRID.len());
        if let Some(bucket) = counts.get_mut(place) {
            *bucket = bucket.saturating_add(*count);
        }
    }
    Some(Histogram { bounds: Arc::clone(&GRID), counts, sum: point.sum.filter(|sum| sum.is_finite()) })
}

/// Adds `more` to `sum` where both have the same bounds; false where they have not.
pub(super) fn add(sum: &mut Histogram, more: &Histogram) -> bool {
    if sum.bounds != more.bounds {
        return false;
    }
    sum.counts.iter_mut().zip(&more.counts).for_each(|(all, count)| *all = all.saturating_add(*count));
    sum.sum = sum.sum.zip(more.sum).map(|(all, part)| all + part);
    true
}
