//! Goes through the combinations of up to three dimensions, within a bound on the work, and keeps the best. How much one
//! leaf says is decided by `likelihood`.

use super::columns::{Column, DEPTH, Numbered, Terms, columns, keys, named, terms};
use super::constants::LN_ODDS;
use super::leaf::Leaf;
use super::likelihood::Evidence;
use crate::numerics::math::float;
use crate::observation::Name;
use firstbad_protocol::limits::LOCALISE_VISITS_MAX;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// How many are found beyond those wanted before the list is cut back.
const SLACK: usize = 4096;

/// One combination that was looked at.
struct Found {
    /// Logarithm of likelihood ratio times prior.
    score: f64,
    evidence: Evidence,
    terms: Terms,
    leaves: LeafSet,
}

/// Identity of a set of leaves: how many, and the sum of their scattered numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct LeafSet {
    count: usize,
    sum: u64,
}

/// A leaf that has all keys of a combination.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    terms: Terms,
    leaf: usize,
}

/// A key alone, and the best score of its values.
struct Alone {
    score: f64,
    column: usize,
}

/// A combination with its names.
pub(super) struct Named {
    pub(super) dimensions: BTreeMap<Name, Name>,
    pub(super) evidence: Evidence,
}

/// What was found, best first, and how many keys were only looked at alone because of the bound.
pub(super) struct Outcome {
    pub(super) found: Vec<Named>,
    pub(super) keys_left_out: usize,
}

/// Looks at every key alone, then at pairs and triples of the keys that scored best alone, as many as the bound allows.
pub(super) fn search(leaves: &[Leaf], evidence: &[Evidence], most: usize) -> Outcome {
    let columns = columns(leaves);
    let mut finder = Finder { columns: &columns, evidence, most, found: Vec::new() };
    let look = |column: usize| Alone { score: finder.look(&[column], columns.len()), column };
    let mut alone: Vec<Alone> = (0..columns.len()).map(look).collect();
    alone.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.column.cmp(&b.column)));
    let together = affordable(leaves.len(), columns.len());
    let mut kept: Vec<usize> = alone.iter().take(together).map(|one| one.column).collect();
    kept.sort_unstable();
    for (place, first) in kept.iter().enumerate() {
        for (next, second) in kept.iter().enumerate().skip(place + 1) {
            finder.look(&[*first, *second], together);
            for third in kept.iter().skip(next + 1) {
                finder.look(&[*first, *second, *third], together);
            }
        }
    }
    finder.cut_back();
    if finder.found.first().is_none_or(|best| best.score < LN_ODDS) {
        finder.found.clear();
    }
    let found = finder.found.into_iter();
    let found =
        found.map(|found| Named { dimensions: named(&columns, &found.terms), evidence: found.evidence }).collect();
    Outcome { found, keys_left_out: columns.len() - together }
}

/// How many keys can be combined with one another, so that pairs and triples visit no more leaves than the bound.
fn affordable(leaves: usize, keys: usize) -> usize {
    let visits = |k: usize| {
        leaves.saturating_mul(k * k.saturating_sub(1) / 2 + k * k.saturating_sub(1) * k.saturating_sub(2) / 6)
    };
    (0..=keys).rev().find(|k| visits(*k) <= LOCALISE_VISITS_MAX).unwrap_or(0)
}

/// ln of what one combination may claim before anything is seen: the number of its keys is one of three, they are one of
/// the sets of so many out of `keys`, and its values one of the `values` that occur. Without it all combinations would be
/// as likely, and the deeper ones, of which there are many, would win by their number where there are few failures (Scott
/// and Berger, Annals of Statistics 2010).
fn ln_prior(keys: usize, chosen: usize, values: usize) -> f64 {
    let sets: f64 = (0..chosen).map(|n| float(keys.saturating_sub(n).max(1)) / float(n + 1)).product();
    -libm::log(float(DEPTH) * sets * float(values.max(1)))
}

struct Finder<'a> {
    columns: &'a [Column],
    evidence: &'a [Evidence],
    most: usize,
    found: Vec<Found>,
}

impl Finder<'_> {
    /// Adds up the leaves of each combination of the values of the `chosen` out of so many `keys`; returns the best score.
    fn look(&mut self, chosen: &[usize], keys: usize) -> f64 {
        let columns = (0..).zip(self.columns).map(|(number, column)| Numbered { number, column });
        let columns: Vec<Numbered<'_>> = columns.filter(|of| chosen.contains(&(of.number as usize))).collect();
        let row = |leaf: usize| Some(Row { terms: terms(&columns, leaf)?, leaf });
        let mut rows: Vec<Row> = (0..self.evidence.len()).filter_map(row).collect();
        rows.sort_unstable();
        let ln_prior = ln_prior(keys, chosen.len(), rows.chunk_by(|a, b| a.terms == b.terms).count());
        let mut best = f64::NEG_INFINITY;
        for run in rows.chunk_by(|a, b| a.terms == b.terms) {
            let Some(Row { terms, .. }) = run.first() else { continue };
            let mut evidence = Evidence::EMPTY;
            let mut leaves = LeafSet { count: run.len(), sum: 0 };
            for Row { leaf, .. } in run {
                evidence.add(self.evidence.get(*leaf).unwrap_or(&Evidence::EMPTY));
                leaves.sum = leaves.sum.wrapping_add(scattered(*leaf as u64));
            }
            let score = evidence.score() + ln_prior;
            best = best.max(score);
            if score > 0.0 && run.len() < self.evidence.len() {
                self.found.push(Found { score, evidence, terms: *terms, leaves });
            }
        }
        if self.found.len() > self.most.saturating_add(SLACK) {
            self.cut_back();
        }
        best
    }

    /// Keeps the best. Of those that mean the same leaves, whose evidence is equal to the last bit, only one stays: fewest
    /// keys, then by name.
    fn cut_back(&mut self) {
        let identity = |found: &Found| (found.leaves, keys(&found.terms), found.terms);
        self.found.sort_by_key(identity);
        self.found.dedup_by_key(|found| found.leaves);
        self.found.sort_by(order);
        self.found.truncate(self.most);
    }
}

/// Best first; ties by fewer keys, then by the order of keys and values.
fn order(a: &Found, b: &Found) -> Ordering {
    b.score.total_cmp(&a.score).then(keys(&a.terms).cmp(&keys(&b.terms))).then(a.terms.cmp(&b.terms))
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): sums of scattered numbers tell sets apart.
fn scattered(number: u64) -> u64 {
    let mut x = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
