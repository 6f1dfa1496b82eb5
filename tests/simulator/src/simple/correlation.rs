//! Eyeballing two curves: the element whose share of traffic goes with the fleet's failed share (Pearson above 0.8).

use super::{Asked, Board, Element, best};

/// Cells looked at: a quarter of an hour at the usual width.
const WINDOW: i64 = 30;
const LEAST: f64 = 0.8;

pub(super) fn name(board: &Board, asked: Asked) -> Vec<Element> {
    let keys = board.keys(asked.now - WINDOW..asked.now + 1);
    let failed: Vec<f64> = keys.iter().map(|key| board.fleet_at(*key)).map(|(bad, all)| bad / all.max(1.0)).collect();
    let score = |element: &Element| {
        let share = keys.iter().map(|key| board.at(element, *key).1 / board.fleet_at(*key).1.max(1.0));
        pearson(&share.collect::<Vec<f64>>(), &failed)
    };
    best(board.elements(&keys).into_iter().map(|element| (score(element), element)), LEAST)
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let products =
        a.iter().zip(b).map(|(x, y)| ((x - mean_a) * (y - mean_b), (x - mean_a).powi(2), (y - mean_b).powi(2)));
    let (ab, aa, bb) = products.fold((0.0, 0.0, 0.0), |s, p| (s.0 + p.0, s.1 + p.1, s.2 + p.2));
    if aa <= 0.0 || bb <= 0.0 { 0.0 } else { ab / (aa * bb).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pearson_of_a_small_table() {
        // Deviations -1, 0, 1 and -2, 1, 1: 3 / sqrt(2 * 6).
        assert!((pearson(&[1.0, 2.0, 3.0], &[0.0, 3.0, 3.0]) - 3.0 / 12_f64.sqrt()).abs() < 1e-12);
        assert!((pearson(&[1.0, 2.0], &[5.0, 3.0]) + 1.0).abs() < 1e-12);
        assert!(pearson(&[1.0, 1.0], &[5.0, 3.0]).abs() < 1e-12);
    }
}
