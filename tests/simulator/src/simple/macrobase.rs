//! MacroBase's risk ratio (Bailis et al., "MacroBase: Prioritizing Attention in Fast Data", SIGMOD 2017): the share of
//! failed requests with an element over that without it, for elements with enough support among the failed. Its code's
//! defaults (`BatchSummarizer`: `minOutlierSupport` 0.1, `minRatioMetric` 3); single elements only, no combinations.

use super::board::Cell;
use super::{Asked, Board, Element, best};

const LEAST_RATIO: f64 = 3.0;
const LEAST_SUPPORT: f64 = 0.1;

/// Over all that happened since the onset.
pub(super) fn batch(board: &Board, asked: Asked) -> Vec<Element> {
    name(board, &board.keys(asked.since()))
}

/// Over the last minute, as on a live board.
pub(super) fn last_minute(board: &Board, asked: Asked) -> Vec<Element> {
    name(board, &board.keys(asked.now - 1..asked.now + 1))
}

fn name(board: &Board, keys: &[i64]) -> Vec<Element> {
    let all = board.fleet_sum(keys);
    let supported = board.sums(keys).into_iter().filter(|(_, cell)| cell.0 >= LEAST_SUPPORT * all.0);
    best(supported.map(|(element, cell)| (ratio(cell, all), element)), LEAST_RATIO)
}

/// The risk ratio of (failed, all) requests with an element among all of them; 0 without anything to compare with.
fn ratio(with: Cell, all: Cell) -> f64 {
    let without = (all.0 - with.0, all.1 - with.1);
    if with.1 <= 0.0 || without.1 <= 0.0 {
        return 0.0;
    }
    if without.0 <= 0.0 { f64::INFINITY } else { (with.0 / with.1) / (without.0 / without.1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_of_a_small_table() {
        // 30 of 100 fail with it, 10 of 400 without: 0.3 / 0.025.
        assert!((ratio((30.0, 100.0), (40.0, 500.0)) - 12.0).abs() < 1e-9);
        assert!((ratio((10.0, 400.0), (40.0, 500.0)) - 1.0 / 12.0).abs() < 1e-9);
        assert!(ratio((40.0, 100.0), (40.0, 500.0)).is_infinite());
        assert!(ratio((40.0, 500.0), (40.0, 500.0)).abs() < 1e-12);
    }
}
