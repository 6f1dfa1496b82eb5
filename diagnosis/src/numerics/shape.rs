//! Shapes of score distributions: whether one differs from the baseline by more than its sampling noise
//! (Jensen-Shannon, the pick of diagnosis.md 1e), and the buckets that people are shown.

use crate::observation::Histogram;
use serde::{Deserialize, Serialize};

/// Scores that must come together before a shape is judged.
pub(crate) const LEAST_SCORES: u32 = 100;
/// Jensen-Shannon divergence, bits, that natural wobble of a score mix reaches at any number of scores (diagnosis.md 1e:
/// .017 at 50,000 scores, once in a thousand).
const WOBBLE: f64 = 0.018;
/// Weight that a baseline shape is cut to, so that it follows slow change.
const MEMORY: f64 = 200_000.0;

/// Whether a shape rests on enough scores to be compared with.
pub(crate) fn is_known(shape: &[f64]) -> bool {
    shape.iter().sum::<f64>() >= 1000.0
}

/// Whether `bins` left the shape.
pub(crate) fn is_far(shape: &[f64], bins: &[u32]) -> bool {
    beyond(shape, bins, WOBBLE, 6.0)
}

/// Whether `bins` may have left the shape: more of them would tell.
pub(crate) fn is_off(shape: &[f64], bins: &[u32]) -> bool {
    beyond(shape, bins, 0.5 * WOBBLE, 2.0)
}

/// Under the null 8 n JS ln 2 is about chi-square with one degree less than there are bins in use: whether the divergence
/// is more than what wobbles and its mean and some standard deviations.
fn beyond(shape: &[f64], bins: &[u32], wobble: f64, deviations: f64) -> bool {
    let sample: Vec<f64> = bins.iter().map(|count| f64::from(*count)).collect();
    let all: f64 = sample.iter().sum();
    let used = shape.iter().zip(&sample).filter(|(a, b)| **a > 0.0 || **b > 0.0).count();
    let degrees = f64::from(u32::try_from(used).unwrap_or(32)).max(2.0) - 1.0;
    let noise = (degrees + deviations * libm::sqrt(2.0 * degrees)) / (8.0 * core::f64::consts::LN_2 * all);
    jensen_shannon(shape, &sample) > wobble + noise
}

/// Adds counts to a shape.
pub(crate) fn learn(shape: &mut Vec<f64>, bins: &[u32]) {
    add(shape, &bins.iter().map(|count| f64::from(*count)).collect::<Vec<f64>>());
}

fn add(to: &mut Vec<f64>, sample: &[f64]) {
    if to.len() < sample.len() {
        to.resize(sample.len(), 0.0);
    }
    for (slot, count) in to.iter_mut().zip(sample) {
        *slot += count;
    }
}

/// Which buckets a histogram has. Counts of other buckets cannot be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Form(u64);

impl Form {
    /// The form of histograms that are counted together.
    pub(crate) fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Self {
        // FNV-1a over the bits of the bounds.
        let step = |key: u64, bits: u64| (key ^ bits).wrapping_mul(0x0100_0000_01b3);
        let one = |histogram: &Histogram| {
            let bounds = histogram.bounds.iter().map(|bound| bound.to_bits());
            bounds.fold(0xcbf2_9ce4_8422_2325, step)
        };
        // A report that holds a load has a histogram for each version, in the sender's order: neither order nor repetition
        // changes a bitwise or.
        Self(histograms.filter(|of| !of.counts.is_empty()).map(one).fold(0, |all, form| all | form))
    }
}

/// A shape of scores by bin: counts in use, and those that wait.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Shapes {
    pub used: Vec<f64>,
    pub waiting: Vec<f64>,
}

/// What waited comes into use.
pub(crate) fn rotate(shapes: &mut Shapes) {
    let waiting = std::mem::take(&mut shapes.waiting);
    add(&mut shapes.used, &waiting);
    let sum: f64 = shapes.used.iter().sum();
    if sum > MEMORY {
        for slot in &mut shapes.used {
            *slot *= MEMORY / sum;
        }
    }
}

/// Jensen-Shannon divergence in bits, 0 to 1.
pub(crate) fn jensen_shannon(a: &[f64], b: &[f64]) -> f64 {
    let (sum_a, sum_b) = (a.iter().sum::<f64>().max(1e-12), b.iter().sum::<f64>().max(1e-12));
    let mut divergence = 0.0;
    for index in 0..a.len().max(b.len()) {
        let p = a.get(index).copied().unwrap_or(0.0) / sum_a;
        let q = b.get(index).copied().unwrap_or(0.0) / sum_b;
        let mean = f64::midpoint(p, q);
        if p > 0.0 {
            divergence += 0.5 * p * libm::log2(p / mean);
        }
        if q > 0.0 {
            divergence += 0.5 * q * libm::log2(q / mean);
        }
    }
    divergence.clamp(0.0, 1.0)
}

/// Adds a histogram to the buckets 0, 1..=9, 10..=19, .., 90..=100 where its bounds allow.
pub(crate) fn add_deciles(deciles: &mut Vec<u64>, histogram: &Histogram) {
    const EDGES: [f64; 10] = [0.5, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0];
    if !histogram.bounds.contains(&0.5) {
        return;
    }
    if deciles.is_empty() {
        deciles.resize(11, 0);
    }
    for (index, count) in histogram.counts.iter().enumerate() {
        let upper = histogram.bounds.get(index).copied().unwrap_or(f64::INFINITY);
        let bucket = EDGES.iter().position(|edge| upper <= *edge).unwrap_or(10);
        if let Some(slot) = deciles.get_mut(bucket) {
            *slot += count;
        }
    }
}
