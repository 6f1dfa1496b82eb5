//! Two kinds of requests, the usual and what came, mixed in parts that change with time: the course of the part that explains
//! counts over stretches best (expectation maximisation for the weights of a mixture of two known distributions; Dempster,
//! Laird and Rubin 1977). Of which stretches, and what follows, is decided in `sides`.

use crate::numerics::time::{Instant, Span, Window};

/// Steps of the iteration: the gain of more is below what one host may say.
pub(crate) const STEPS: usize = 30;
/// Power to which a step is taken: they are short where a part goes to nothing, and below two they do not overshoot.
const HASTE: f64 = 1.8;
/// Least and most part of what came.
const PART: (f64, f64) = (1e-4, 0.9999);

/// Shares of a stretch by cell.
pub(crate) type Shares = Vec<(usize, f64)>;

/// Counts by kind over a stretch of time, with the probability of each kind as usual and as it came to be.
#[derive(Clone, Debug)]
pub(crate) struct Stretch<'a> {
    pub counts: Vec<f64>,
    pub from: Instant,
    pub to: Instant,
    pub kinds: &'a (Vec<f64>, Vec<f64>),
}

impl Stretch<'_> {
    /// Log likelihood if a part of it is of what came.
    pub(crate) fn ln(&self, part: f64) -> f64 {
        let part = part.clamp(0.0, PART.1);
        let kinds = self.counts.iter().zip(self.kinds.0.iter().zip(&self.kinds.1));
        kinds.filter(|(count, _)| **count > 0.0).map(|(count, of)| count * libm::log(mixed(*of.0, *of.1, part))).sum()
    }

    /// Weights that its counts give to what came and to the usual, at a part.
    fn weights(&self, part: f64) -> (f64, f64) {
        let kinds = self.counts.iter().zip(self.kinds.0.iter().zip(&self.kinds.1));
        kinds.filter(|(count, _)| **count > 0.0).fold((0.0, 0.0), |(came, usual), (count, of)| {
            let each = count / mixed(*of.0, *of.1, part);
            (came + each * of.1, usual + each * of.0)
        })
    }
}

fn mixed(usual: f64, came: f64, part: f64) -> f64 {
    (usual + part * (came - usual)).max(1e-9)
}

/// Log likelihood of each stretch, with the part of what came at its best in each of the cells between `edges`, of which
/// each gives counts at a rate of its own.
pub(crate) fn best(stretches: &[Stretch<'_>], edges: &[Instant], rates: Option<&[f64]>) -> Vec<f64> {
    let weighted = |stretch: &Stretch<'_>| {
        let mut shares = shares(Window { start: stretch.from, end: stretch.to }, edges);
        let rate = |cell: usize| rates.map_or(1.0, |rates| rates.get(cell).copied().unwrap_or(1.0));
        shares.iter_mut().for_each(|(cell, share)| *share *= rate(*cell));
        let all: f64 = shares.iter().map(|(_, share)| share).sum();
        shares.iter_mut().for_each(|(_, share)| *share /= all.max(1e-9));
        shares
    };
    let shares: Vec<Shares> = stretches.iter().map(weighted).collect();
    let mut parts = vec![0.5; edges.len().saturating_sub(1)];
    for _ in 0..STEPS {
        let mut sums = vec![(0.0, 0.0); parts.len()];
        for (stretch, shares) in stretches.iter().zip(&shares) {
            let (came, usual) = stretch.weights(over(&parts, shares));
            for (cell, share) in shares {
                if let (Some(sum), Some(part)) = (sums.get_mut(*cell), parts.get(*cell)) {
                    sum.0 += share * part * came;
                    sum.1 += share * (part * came + (1.0 - part) * usual);
                }
            }
        }
        for (part, (came, all)) in parts.iter_mut().zip(sums) {
            let step = |part: f64| part * libm::pow(came / all / part, HASTE);
            *part = if all > 0.0 { step(*part).clamp(PART.0, PART.1) } else { *part };
        }
    }
    stretches.iter().zip(&shares).map(|(stretch, shares)| stretch.ln(over(&parts, shares))).collect()
}

/// At what rate counts come in each of the cells, as far as it is the same for all: given how many came in the two
/// neighbouring stretches of each, in which of them they did. Each has counts, and its beginning, division and end.
pub(crate) fn rates(split: &[([f64; 2], [Instant; 3])], edges: &[Instant]) -> Vec<f64> {
    let mut rates = vec![1.0; edges.len().saturating_sub(1)];
    let sides = |[start, at, end]: [Instant; 3]| {
        [Window { start, end: at }, Window { start: at, end }].map(|span| (shares(span, edges), span.length()))
    };
    let all: Vec<_> = split.iter().map(|(counts, times)| (*counts, sides(*times))).collect();
    for _ in 0..STEPS {
        let mut sums = vec![(0.0, 0.0); rates.len()];
        for (counts, sides) in &all {
            let count: f64 = counts.iter().sum();
            let of = |(shares, length): &(Shares, Span)| (*length).seconds() * over(&rates, shares);
            let usual = count / sides.iter().map(of).sum::<f64>().max(1e-9);
            for (count, side) in counts.iter().zip(sides) {
                let each = count / of(side).max(1e-9);
                for (cell, share) in &side.0 {
                    if let (Some(sum), Some(rate)) = (sums.get_mut(*cell), rates.get(*cell)) {
                        sum.0 += each * rate * share * side.1.seconds();
                        sum.1 += usual * share * side.1.seconds();
                    }
                }
            }
        }
        for (rate, (came, usual)) in rates.iter_mut().zip(sums) {
            *rate = if usual > 0.0 { (came / usual).clamp(0.01, 100.0) } else { *rate };
        }
    }
    rates
}

/// Part of what came over a stretch.
pub(crate) fn over(parts: &[f64], shares: &[(usize, f64)]) -> f64 {
    shares.iter().map(|(cell, share)| parts.get(*cell).unwrap_or(&0.0) * share).sum()
}

/// Shares of a stretch that lie in each of the cells; what lies beyond an end belongs to the cell there.
pub(crate) fn shares(span: Window, edges: &[Instant]) -> Shares {
    let Window { start: from, end: to } = span;
    let last = edges.len().saturating_sub(2);
    let to = to.max(from + Span::NS);
    let cell = |(index, pair): (usize, &[Instant])| {
        let [begin, end] = pair else { return None };
        let begin = if index == 0 { Instant::LONG_AGO } else { *begin };
        let end = if index == last { Instant::ENDLESS } else { *end };
        let common = end.min(to) - begin.max(from);
        (common > Span::ZERO).then(|| (index, common.seconds() / (to - from).seconds()))
    };
    edges.windows(2).enumerate().filter_map(cell).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many seconds after zero.
    fn at_s(seconds: i64) -> Instant {
        Instant(seconds * 1_000_000_000)
    }

    #[test]
    fn a_surge_is_seen_in_where_counts_fall() {
        let edges = [0, 10, 20].map(at_s);
        let split: Vec<([f64; 2], [Instant; 3])> = (2..18)
            .map(|at: i32| {
                let (before, rate) = (f64::from(at.min(10)) + 5.0 * f64::from((at - 10).max(0)), 60.0);
                ([before, rate - before], [0, i64::from(at), 20].map(at_s))
            })
            .collect();
        let rates = rates(&split, &edges);
        let ratio = rates.get(1).unwrap_or(&0.0) / rates.first().unwrap_or(&1.0);
        assert!((4.9..5.1).contains(&ratio), "{rates:?}");
    }

    fn stretch(kinds: &(Vec<f64>, Vec<f64>), (failed, all): (f64, f64), (from, to): (i64, i64)) -> Stretch<'_> {
        Stretch { counts: vec![failed, all - failed], from: at_s(from), to: at_s(to), kinds }
    }

    #[test]
    fn a_course_that_explains_all_stretches_is_found_and_a_contradiction_costs() {
        let kinds = (vec![0.001, 0.999], vec![1.0, 0.0]);
        let edges: Vec<Instant> = (0..=4).map(|at| at_s(at * 5)).collect();
        let ln = |all: &[Stretch<'_>]| best(all, &edges, None).iter().sum::<f64>();
        // From 10 s on everything fails, for all.
        let step = [((0.0, 100.0), (0, 10)), ((50.0, 100.0), (5, 15)), ((100.0, 100.0), (10, 20))];
        let agreed: Vec<_> = step.iter().map(|(counts, span)| stretch(&kinds, *counts, *span)).collect();
        assert!(ln(&agreed) > -80.0, "{}", ln(&agreed));
        // One says nothing failed where another says everything did.
        let torn = [((0.0, 100.0), (0, 20)), ((100.0, 100.0), (0, 20))];
        let torn: Vec<_> = torn.iter().map(|(counts, span)| stretch(&kinds, *counts, *span)).collect();
        assert!(ln(&torn) < -130.0, "{}", ln(&torn));
    }
}
