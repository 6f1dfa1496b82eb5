//! Goes through the combinations of up to three dimensions, within a bound on the work, and keeps the best. How much one
//! leaf says is decided by `likelihood`.

use super::Leaf;
use super::constants::LN_ODDS;
use super::likelihood::Evidence;
use crate::math::float;
use crate::observation::Name;
use firstbad_protocol::limits::LOCALISE_VISITS_MAX;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Most keys in one combination. Labelled real incidents have one to three; a fourth multiplies the hypotheses.
const DEPTH: usize = 3;
/// How many are found beyond those wanted before the list is cut back.
const SLACK: usize = 4096;

/// One dimension: which value each leaf has. Values are numbered in their order from 1; 0 is a missing key.
struct Column {
    key: Name,
    values: Vec<Name>,
    ids: Vec<u32>,
}

/// Column and value number for each key, by column: its order is that of the names.
type Terms = [(u32, u32); DEPTH];
/// No term at this place; sorts after every term.
const ABSENT: (u32, u32) = (u32::MAX, u32::MAX);

/// One combination that was looked at.
struct Found {
    score: f64,
    evidence: Evidence,
    terms: Terms,
    leaves: LeafSet,
}

/// Identity of a set of leaves: how many, and the sum of their scattered numbers.
type LeafSet = (usize, u64);

/// What was found, best first, and how many keys were only looked at alone because of the bound.
pub(super) struct Outcome {
    pub(super) found: Vec<(BTreeMap<Name, Name>, Evidence)>,
    pub(super) keys_left_out: usize,
}

/// Looks at every key alone, then at pairs and triples of the keys that scored best alone, as many as the bound allows.
pub(super) fn search(leaves: &[Leaf], evidence: &[Evidence], most: usize) -> Outcome {
    let columns = columns(leaves);
    let mut finder = Finder { columns: &columns, evidence, most, looked_at: 0, found: Vec::new() };
    let mut alone: Vec<(f64, usize)> = (0..columns.len()).map(|column| (finder.look(&[column]), column)).collect();
    alone.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let together = affordable(leaves.len(), columns.len());
    let mut kept: Vec<usize> = alone.iter().take(together).map(|(_, column)| *column).collect();
    kept.sort_unstable();
    for (place, first) in kept.iter().enumerate() {
        for (next, second) in kept.iter().enumerate().skip(place + 1) {
            finder.look(&[*first, *second]);
            for third in kept.iter().skip(next + 1) {
                finder.look(&[*first, *second, *third]);
            }
        }
    }
    finder.cut_back();
    if !finder.believed() {
        finder.found.clear();
    }
    let found = finder.found.into_iter().map(|found| (named(&columns, &found.terms), found.evidence)).collect();
    Outcome { found, keys_left_out: columns.len() - together }
}

/// How many keys can be combined with one another, so that pairs and triples visit no more leaves than the bound.
fn affordable(leaves: usize, keys: usize) -> usize {
    let visits = |k: usize| {
        leaves.saturating_mul(k * k.saturating_sub(1) / 2 + k * k.saturating_sub(1) * k.saturating_sub(2) / 6)
    };
    (0..=keys).rev().find(|k| visits(*k) <= LOCALISE_VISITS_MAX).unwrap_or(0)
}

/// The dimensions that tell leaves apart, in the order of their keys.
fn columns(leaves: &[Leaf]) -> Vec<Column> {
    let mut keys: BTreeMap<&Name, BTreeMap<&Name, u32>> = BTreeMap::new();
    for (key, value) in leaves.iter().flat_map(|leaf| &leaf.dimensions) {
        keys.entry(key).or_default().insert(value, 0);
    }
    let mut columns = Vec::new();
    for (key, mut values) in keys {
        for (id, number) in values.values_mut().zip(1..) {
            *id = number;
        }
        let id = |leaf: &Leaf| leaf.dimensions.get(key).and_then(|value| values.get(value)).copied().unwrap_or(0);
        let ids: Vec<u32> = leaves.iter().map(id).collect();
        if ids.iter().any(|id| Some(id) != ids.first()) {
            columns.push(Column { key: key.clone(), values: values.into_keys().cloned().collect(), ids });
        }
    }
    columns
}

struct Finder<'a> {
    columns: &'a [Column],
    evidence: &'a [Evidence],
    most: usize,
    looked_at: usize,
    found: Vec<Found>,
}

impl Finder<'_> {
    /// Adds up the leaves of each combination of these columns' values; returns the best score.
    fn look(&mut self, chosen: &[usize]) -> f64 {
        let columns: Vec<(u32, &Column)> =
            (0..).zip(self.columns).filter(|(number, _)| chosen.contains(&(*number as usize))).collect();
        let mut rows: Vec<(Terms, usize)> =
            (0..self.evidence.len()).filter_map(|leaf| Some((terms(&columns, leaf)?, leaf))).collect();
        rows.sort_unstable();
        let mut best = f64::NEG_INFINITY;
        for run in rows.chunk_by(|a, b| a.0 == b.0) {
            let Some((terms, _)) = run.first() else { continue };
            let mut evidence = Evidence::EMPTY;
            let mut leaves: LeafSet = (run.len(), 0);
            for (_, leaf) in run {
                evidence.add(self.evidence.get(*leaf).unwrap_or(&Evidence::EMPTY));
                leaves.1 = leaves.1.wrapping_add(scattered(*leaf as u64));
            }
            let score = evidence.score();
            best = best.max(score);
            self.looked_at += 1;
            if score > 0.0 && run.len() < self.evidence.len() {
                self.found.push(Found { score, evidence, terms: *terms, leaves });
            }
        }
        if self.found.len() > self.most.saturating_add(SLACK) {
            self.cut_back();
        }
        best
    }

    /// Whether the best is more than what chance makes of so many.
    fn believed(&self) -> bool {
        let least = libm::log(float(self.looked_at)) + LN_ODDS;
        self.found.first().is_some_and(|best| best.score >= least)
    }

    /// Keeps the best. Of those that mean the same leaves only the first stays: fewest keys, then by name. Equal leaves
    /// have equal scores to the last bit, so a twin of one that was cut is cut as well.
    fn cut_back(&mut self) {
        self.found.sort_by(order);
        let mut seen = BTreeSet::new();
        self.found.retain(|found| seen.insert(found.leaves));
        self.found.truncate(self.most);
    }
}

fn terms(columns: &[(u32, &Column)], leaf: usize) -> Option<Terms> {
    let mut terms = [ABSENT; DEPTH];
    for (term, (number, column)) in terms.iter_mut().zip(columns) {
        let id = column.ids.get(leaf).copied().filter(|id| *id > 0)?;
        *term = (*number, id);
    }
    Some(terms)
}

/// Best first; ties by fewer keys, then by the order of keys and values.
fn order(a: &Found, b: &Found) -> Ordering {
    b.score.total_cmp(&a.score).then(keys(&a.terms).cmp(&keys(&b.terms))).then(a.terms.cmp(&b.terms))
}

fn keys(terms: &Terms) -> usize {
    terms.iter().filter(|term| **term != ABSENT).count()
}

fn named(columns: &[Column], terms: &Terms) -> BTreeMap<Name, Name> {
    let name = |(column, id): &(u32, u32)| {
        let column = columns.get(*column as usize)?;
        Some((column.key.clone(), column.values.get((*id as usize).checked_sub(1)?)?.clone()))
    };
    terms.iter().filter_map(name).collect()
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): sums of scattered numbers tell sets apart.
fn scattered(number: u64) -> u64 {
    let mut x = number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
