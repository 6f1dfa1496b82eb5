//! Histograms with explicit bounds: what is well-formed, and how two are added. Bounds stay as sent.

use super::gaps::Fault;
use super::names::Names;
use super::number;
use crate::otlp::model::HistogramPoint;
use firstbad_diagnosis::observation::Histogram;
use std::sync::Arc;

/// A point with explicit bounds. Without buckets it is one bucket: only how many values there were is known.
pub(super) fn explicit(point: &HistogramPoint<'_>, names: &mut Names) -> Result<Histogram, Fault> {
    let ascending = point.bounds.iter().zip(point.bounds.iter().skip(1)).all(|(low, high)| low < high);
    let finite = point.bounds.iter().all(|bound| bound.is_finite());
    let counts = if point.bucket_counts.is_empty() && point.bounds.is_empty() {
        vec![point.count]
    } else {
        point.bucket_counts.clone()
    };
    if !ascending || !finite || counts.len() != point.bounds.len() + 1 {
        return Err(Fault::BadBuckets);
    }
    counts.iter().try_for_each(|count| number::bounded(*count).map(|_| ()))?;
    Ok(Histogram { bounds: names.bounds(&point.bounds), counts, sum: point.sum.filter(|sum| sum.is_finite()) })
}

/// Milliseconds as seconds.
pub(super) fn in_seconds(mut histogram: Histogram, names: &mut Names) -> Histogram {
    const MS_PER_S: f64 = 1000.0;
    let bounds: Vec<f64> = histogram.bounds.iter().map(|bound| bound / MS_PER_S).collect();
    histogram.bounds = names.bounds(&bounds);
    histogram.sum = histogram.sum.map(|sum| sum / MS_PER_S);
    histogram
}

/// How many values there are.
pub(super) fn total(histogram: &Histogram) -> u64 {
    histogram.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
}

/// Adds `from` to `into`. With other bounds, each bucket goes where its middle lies.
pub(super) fn add(into: &mut Histogram, from: &Histogram) {
    into.sum = into.sum.zip(from.sum).map(|(a, b)| a + b);
    if Arc::ptr_eq(&into.bounds, &from.bounds) || into.bounds == from.bounds {
        for (sum, count) in into.counts.iter_mut().zip(&from.counts) {
            *sum = sum.saturating_add(*count);
        }
        return;
    }
    let bounds = Arc::clone(&into.bounds);
    for (index, count) in from.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        put(&bounds, &mut into.counts, middle(&from.bounds, index), *count);
    }
}

/// Counts `count` values near `value`.
pub(super) fn put(bounds: &[f64], counts: &mut [u64], value: f64, count: u64) {
    let index = bounds.partition_point(|bound| *bound < value);
    if let Some(sum) = counts.get_mut(index) {
        *sum = sum.saturating_add(count);
    }
}

/// A value within a bucket: the middle, and for the open ones just beyond their bound.
fn middle(bounds: &[f64], index: usize) -> f64 {
    let low = index.checked_sub(1).and_then(|below| bounds.get(below));
    match (low, bounds.get(index)) {
        (Some(low), Some(high)) => low.midpoint(*high),
        (None, Some(high)) => *high,
        (Some(low), None) => low.next_up(),
        (None, None) => 0.0,
    }
}
