//! Exponential histograms onto fixed bounds, so that points of any scale and offset can be compared and subtracted. For a
//! score whose range is declared these are bounds of that range; otherwise zero and below, then quarter powers of two,
//! which take any scale from 2 upwards without error, because its buckets nest.

use super::gaps::Fault;
use super::histogram::put;
use super::names::Names;
use super::number;
use crate::otlp::model::{Buckets, ExponentialPoint};
use firstbad_diagnosis::observation::Histogram;
use firstbad_protocol::names::SCORE_BOUNDS;

/// Least and greatest exponent of the fixed bounds: 0.001 (a millisecond) to a million.
const OCTAVES: std::ops::RangeInclusive<i32> = -10..=20;
/// 2^(0/4), 2^(1/4), 2^(2/4), 2^(3/4), correctly rounded: the same bytes on every platform.
const QUARTERS: [f64; 4] = [1.0, 1.189_207_115_002_721, std::f64::consts::SQRT_2, 1.681_792_830_507_429];
/// Scales beyond OTLP's own 20 and -10 are nonsense.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;
/// Parts of a declared range that has no standard bounds.
const PARTS: u32 = 20;

/// The bounds for values of a declared range, if any.
fn bounds_for(range: (Option<f64>, Option<f64>)) -> Vec<f64> {
    match range {
        (Some(low), Some(high)) if low >= 0.0 && (20.0..=100.0).contains(&high) => SCORE_BOUNDS.to_vec(),
        (Some(low), Some(high)) if low < high => {
            let part = (high - low) / f64::from(PARTS);
            (0..PARTS).map(|index| part.mul_add(f64::from(index), low)).collect()
        }
        _ => {
            let powers = OCTAVES.flat_map(|octave| QUARTERS.map(|quarter| libm::scalbn(quarter, octave)));
            std::iter::once(0.0).chain(powers).collect()
        }
    }
}

/// The point on fixed bounds.
pub(super) fn explicit(
    point: &ExponentialPoint<'_>,
    range: (Option<f64>, Option<f64>),
    names: &mut Names,
) -> Result<Histogram, Fault> {
    if !SCALES.contains(&point.scale) {
        return Err(Fault::BadBuckets);
    }
    let bounds = names.bounds(&bounds_for(range));
    let mut counts = vec![0; bounds.len() + 1];
    put(&bounds, &mut counts, 0.0, number::bounded(point.zero_count)?);
    for (value, count) in values(&point.positive, point.scale) {
        put(&bounds, &mut counts, value, number::bounded(count)?);
    }
    for (value, count) in values(&point.negative, point.scale) {
        put(&bounds, &mut counts, -value, number::bounded(count)?);
    }
    Ok(Histogram { bounds, counts, sum: point.sum.filter(|sum| sum.is_finite()) })
}

/// The geometric middle and count of each bucket that holds something.
fn values(buckets: &Buckets, scale: i32) -> impl Iterator<Item = (f64, u64)> {
    let offset = f64::from(buckets.offset);
    let octaves_per_bucket = libm::exp2(-f64::from(scale));
    buckets
        .counts
        .iter()
        .zip(0_u32..)
        .filter(|(count, _)| **count > 0)
        .map(move |(count, index)| (libm::exp2((offset + f64::from(index) + 0.5) * octaves_per_bucket), *count))
}
