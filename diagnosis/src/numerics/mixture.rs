//! Two kinds of requests, the usual and what came, mixed in parts that change with time: the course of the part that explains
//! counts over stretches best (expectation maximisation for the weights of a mixture of two known distributions; Dempster,
//! Laird and Rubin 1977). Of which stretches, and what follows, is decided in `sides`.

use crate::numerics::time::{Instant, Span, Window};

/// Steps of the iteration: the gain of more is below what one host may say.
pub(crate) const STEPS: usize = 30;
/// Power to which a step is taken: they are short where a part goes to nothing, and below two they do not overshoot.
const HASTE: f64 = 1.8;
/// Least and most part of what came.
const PART_MIN: f64 = 1e-4;
const PART_MAX: f64 = 0.9999;

/// The part of a stretch that lies in a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub cell: usize,
    pub part: f64,
}

/// Probabilities of the kinds of requests before and after the change.
#[derive(Clone, Debug)]
pub(crate) struct Kinds {
    pub usual: Vec<f64>,
    pub came: Vec<f64>,
}

/// Weights of the new mix and of the usual one.
#[derive(Clone, Copy)]
struct Weights {
    came: f64,
    usual: f64,
}

/// Counts of two neighbouring stretches, and their beginning, division and end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Split {
    pub counts: [f64; 2],
    pub times: [Instant; 3],
}

/// Counts by kind over a stretch of time, with the probability of each kind as usual and as it came to be.
#[derive(Clone, Debug)]
pub(crate) struct Stretch<'a> {
    pub counts: Vec<f64>,
    pub from: Instant,
    pub to: Instant,
    pub kinds: &'a Kinds,
}

impl Stretch<'_> {
    /// Log likelihood if a part of it is of what came.
    pub(crate) fn ln(&self, part: f64) -> f64 {
        let part = part.clamp(0.0, PART_MAX);
        let of_kind = |(count, (usual, came)): (&f64, (&f64, &f64))| count * libm::log(mixed(*usual, *came, part));
        let kinds = self.counts.iter().zip(self.kinds.usual.iter().zip(&self.kinds.came));
        kinds.filter(|(count, _)| **count > 0.0).map(of_kind).sum()
    }

    /// Weights that its counts give to what came and to the usual, at a part.
    fn weights(&self, part: f64) -> Weights {
        let mut sum = Weights { came: 0.0, usual: 0.0 };
        let kinds = self.counts.iter().zip(self.kinds.usual.iter().zip(&self.kinds.came));
        for (count, (usual, came)) in kinds.filter(|(count, _)| **count > 0.0) {
            let each = count / mixed(*usual, *came, part);
            sum.came += each * came;
            sum.usual += each * usual;
        }
        sum
    }
}

fn mixed(usual: f64, came: f64, part: f64) -> f64 {
    (usual + part * (came - usual)).max(1e-9)
}

/// Sums of a cell: the weight of the new mix, and the whole weight.
#[derive(Clone, Copy, Default)]
struct Summed {
    came: f64,
    all: f64,
}

/// Log likelihood of each stretch. In each cell between `edges` the share of the new mix is the most likely one, and counts
/// have a rate of their own.
pub(crate) fn best(stretches: &[Stretch<'_>], edges: &[Instant], rates: Option<&[f64]>) -> Vec<f64> {
    let weighted = |stretch: &Stretch<'_>| {
        let mut shares = shares(Window { start: stretch.from, end: stretch.to }, edges);
        let rate = |cell: usize| rates.map_or(1.0, |rates| rates.get(cell).copied().unwrap_or(1.0));
        shares.iter_mut().for_each(|share| share.part *= rate(share.cell));
        let all: f64 = shares.iter().map(|share| share.part).sum();
        shares.iter_mut().for_each(|share| share.part /= all.max(1e-9));
        shares
    };
    let shares: Vec<Vec<Share>> = stretches.iter().map(weighted).collect();
    let mut parts = vec![0.5; edges.len().saturating_sub(1)];
    for _ in 0..STEPS {
        let mut sums = vec![Summed::default(); parts.len()];
        for (stretch, shares) in stretches.iter().zip(&shares) {
            let Weights { came, usual } = stretch.weights(over(&parts, shares));
            for share in shares {
                if let (Some(sum), Some(part)) = (sums.get_mut(share.cell), parts.get(share.cell)) {
                    sum.came += share.part * part * came;
                    sum.all += share.part * (part * came + (1.0 - part) * usual);
                }
            }
        }
        for (part, Summed { came, all }) in parts.iter_mut().zip(sums) {
            let step = |part: f64| part * libm::pow(came / all / part, HASTE);
            *part = if all > 0.0 { step(*part).clamp(PART_MIN, PART_MAX) } else { *part };
        }
    }
    stretches.iter().zip(&shares).map(|(stretch, shares)| stretch.ln(over(&parts, shares))).collect()
}

/// One of two neighbouring stretches: how it lies over the cells, and its length.
struct Side {
    shares: Vec<Share>,
    length_s: f64,
}

/// At what rate counts come in each of the cells, as far as it is the same for all: given how many came in the two
/// neighbouring stretches of each, in which of them they did.
pub(crate) fn rates(split: &[Split], edges: &[Instant]) -> Vec<f64> {
    let mut rates = vec![1.0; edges.len().saturating_sub(1)];
    let sides = |[start, at, end]: [Instant; 3]| {
        [Window { start, end: at }, Window { start: at, end }]
            .map(|span| Side { shares: shares(span, edges), length_s: span.length().seconds() })
    };
    let all: Vec<_> = split.iter().map(|of| (of.counts, sides(of.times))).collect();
    for _ in 0..STEPS {
        let mut sums = vec![Summed::default(); rates.len()];
        for (counts, sides) in &all {
            let count: f64 = counts.iter().sum();
            let of = |side: &Side| side.length_s * over(&rates, &side.shares);
            let usual = count / sides.iter().map(of).sum::<f64>().max(1e-9);
            for (count, side) in counts.iter().zip(sides) {
                let each = count / of(side).max(1e-9);
                for share in &side.shares {
                    if let (Some(sum), Some(rate)) = (sums.get_mut(share.cell), rates.get(share.cell)) {
                        sum.came += each * rate * share.part * side.length_s;
                        sum.all += usual * share.part * side.length_s;
                    }
                }
            }
        }
        for (rate, Summed { came, all }) in rates.iter_mut().zip(sums) {
            *rate = if all > 0.0 { (came / all).clamp(0.01, 100.0) } else { *rate };
        }
    }
    rates
}

/// Part of what came over a stretch.
pub(crate) fn over(parts: &[f64], shares: &[Share]) -> f64 {
    shares.iter().map(|share| parts.get(share.cell).unwrap_or(&0.0) * share.part).sum()
}

/// Shares of a stretch that lie in each of the cells; what lies beyond an end belongs to the cell there.
pub(crate) fn shares(span: Window, edges: &[Instant]) -> Vec<Share> {
    let Window { start: from, end: to } = span;
    let last = edges.len().saturating_sub(2);
    let to = to.max(from + Span::NS);
    let cell = |(index, pair): (usize, &[Instant])| {
        let [begin, end] = pair else { return None };
        let begin = if index == 0 { Instant::LONG_AGO } else { *begin };
        let end = if index == last { Instant::ENDLESS } else { *end };
        let common = end.min(to) - begin.max(from);
        (common > Span::ZERO).then(|| Share { cell: index, part: common.seconds() / (to - from).seconds() })
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
        let split: Vec<Split> = (2..18)
            .map(|at: i32| {
                let (before, rate) = (f64::from(at.min(10)) + 5.0 * f64::from((at - 10).max(0)), 60.0);
                Split { counts: [before, rate - before], times: [0, i64::from(at), 20].map(at_s) }
            })
            .collect();
        let rates = rates(&split, &edges);
        let ratio = rates.get(1).unwrap_or(&0.0) / rates.first().unwrap_or(&1.0);
        assert!((4.9..5.1).contains(&ratio), "{rates:?}");
    }

    /// A hundred requests between two seconds, of which some failed.
    fn stretch(kinds: &Kinds, failed: f64, seconds: [i64; 2]) -> Stretch<'_> {
        let [from, to] = seconds.map(at_s);
        Stretch { counts: vec![failed, 100.0 - failed], from, to, kinds }
    }

    #[test]
    fn a_course_that_explains_all_stretches_is_found_and_a_contradiction_costs() {
        let kinds = Kinds { usual: vec![0.001, 0.999], came: vec![1.0, 0.0] };
        let edges: Vec<Instant> = (0..=4).map(|at| at_s(at * 5)).collect();
        let ln = |all: &[Stretch<'_>]| best(all, &edges, None).iter().sum::<f64>();
        // From 10 s on everything fails, for all.
        let agreed = [stretch(&kinds, 0.0, [0, 10]), stretch(&kinds, 50.0, [5, 15]), stretch(&kinds, 100.0, [10, 20])];
        assert!(ln(&agreed) > -80.0, "{}", ln(&agreed));
        // One says nothing failed where another says everything did.
        let torn = [stretch(&kinds, 0.0, [0, 20]), stretch(&kinds, 100.0, [0, 20])];
        assert!(ln(&torn) < -130.0, "{}", ln(&torn));
    }
}
