//! Fault rankers of microservices: each element's failed requests per cell since the onset, scaled by what was normal for
//! it; the greatest scaled value ranks. N-Sigma scales by mean and standard deviation, BARO's scorer by median and
//! interquartile range (Pham et al., "BARO: Robust Root Cause Analysis for Microservices via Multivariate Bayesian Online
//! Change Point Detection", FSE 2024; both as in RCAEval, `e2e/nsigma.py` and `e2e/baro.py`, where a spread of 0 counts as
//! 1). BARO's detector is not here: the true onset is given. Rankers never abstain; below three sigmas they do here.

use super::{Asked, Board, Element, best};

const LEAST: f64 = 3.0;

/// What is normal for a series.
#[derive(Clone, Copy)]
struct Scale {
    /// Its usual value.
    centre: f64,
    /// How far values usually are from it.
    spread: f64,
}

pub(super) fn standard(board: &Board, asked: Asked) -> Vec<Element> {
    rank(board, asked, mean_and_deviation)
}

pub(super) fn robust(board: &Board, asked: Asked) -> Vec<Element> {
    rank(board, asked, median_and_range)
}

/// Whether an alert fires on the fleet's failed share: one cell since the onset above three standard deviations.
pub(super) fn alerts(board: &Board, asked: Asked) -> bool {
    let share = |key: &i64| {
        let (failed, all) = board.fleet_at(*key);
        failed / all.max(1.0)
    };
    let series = |keys: Vec<i64>| keys.iter().map(share).collect::<Vec<f64>>();
    let normal = mean_and_deviation(&series(board.keys(asked.normal())));
    series(board.keys(asked.since())).iter().any(|share| *share > normal.centre + LEAST * normal.spread)
}

fn rank(board: &Board, asked: Asked, scale: fn(&[f64]) -> Scale) -> Vec<Element> {
    let (normal, since) = (board.keys(asked.normal()), board.keys(asked.since()));
    let series =
        |element: &Element, keys: &[i64]| -> Vec<f64> { keys.iter().map(|key| board.at(element, *key).0).collect() };
    let scores = board
        .elements(&since)
        .into_iter()
        .map(|element| (greatest(&series(element, &since), scale(&series(element, &normal))), element));
    best(scores, LEAST)
}

/// The greatest of `values`, scaled.
fn greatest(values: &[f64], scale: Scale) -> f64 {
    let unit = if scale.spread > 0.0 { scale.spread } else { 1.0 };
    values.iter().map(|value| (value - scale.centre) / unit).fold(f64::NEG_INFINITY, f64::max)
}

/// Mean and standard deviation (of the population, as scikit-learn's `StandardScaler`).
fn mean_and_deviation(values: &[f64]) -> Scale {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    Scale { centre: mean, spread }
}

/// Median and distance of the quartiles (as scikit-learn's `RobustScaler`).
fn median_and_range(values: &[f64]) -> Scale {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Scale { centre: quantile(&sorted, 0.5), spread: quantile(&sorted, 0.75) - quantile(&sorted, 0.25) }
}

/// Linear between the neighbours, as numpy has it.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let at = |index: f64| sorted.get(index as usize).copied().unwrap_or(0.0);
    at(place.floor()) + (at(place.ceil()) - at(place.floor())) * (place - place.floor())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(centre: f64, spread: f64) -> Scale {
        Scale { centre, spread }
    }

    fn close(a: Scale, b: Scale) -> bool {
        (a.centre - b.centre).abs() < 1e-9 && (a.spread - b.spread).abs() < 1e-9
    }

    #[test]
    fn scales_of_a_small_table() {
        // 2, 4, 4, 6: mean 4, squares 4 + 0 + 0 + 4 over 4; quartiles 3.5 and 4.5.
        assert!(close(mean_and_deviation(&[2.0, 4.0, 4.0, 6.0]), scale(4.0, 2_f64.sqrt())));
        assert!(close(median_and_range(&[6.0, 2.0, 4.0, 4.0]), scale(4.0, 1.0)));
        // One wild value moves the mean and the deviation, hardly the median and the quartiles.
        assert!(close(mean_and_deviation(&[0.0, 0.0, 0.0, 100.0]), scale(25.0, 1875_f64.sqrt())));
        assert!(close(median_and_range(&[1.0, 2.0, 3.0, 4.0, 100.0]), scale(3.0, 2.0)));
    }

    #[test]
    fn the_greatest_value_counts_and_no_spread_counts_as_one() {
        assert!((greatest(&[4.0, 10.0, 7.0], scale(4.0, 2.0)) - 3.0).abs() < 1e-12);
        assert!((greatest(&[5.0], scale(0.0, 0.0)) - 5.0).abs() < 1e-12);
    }
}
