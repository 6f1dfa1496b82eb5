//! Small draws that several files need: one of several, and numbers of any magnitude.

use crate::random::Random;

/// `first` or one of `others`, each as likely.
pub(crate) fn pick<T: Copy>(r: &mut Random, first: T, others: &[T]) -> T {
    match r.below(others.len() + 1) {
        0 => first,
        index => others.get(index - 1).copied().unwrap_or(first),
    }
}

/// Uniform in the logarithm.
pub(crate) fn log_uniform(r: &mut Random, low: f64, high: f64) -> f64 {
    r.between(low.ln(), high.ln()).exp()
}
