//! Draws that several files need: one of several values, and numbers of any magnitude.

use crate::random::Random;

/// Draws `first` or one of `others`, each equally likely.
pub(crate) fn pick<T: Copy>(r: &mut Random, first: T, others: &[T]) -> T {
    match r.below(others.len() + 1) {
        0 => first,
        index => others.get(index - 1).copied().unwrap_or(first),
    }
}

/// Draws a number whose logarithm is uniformly distributed.
pub(crate) fn log_uniform(r: &mut Random, low: f64, high: f64) -> f64 {
    r.between(low.ln(), high.ln()).exp()
}
