//! What is new in a later build. Lines move, so sites are matched within their function by kind and order; where a function
//! has more of a kind than before, columns, messages and the common shift of its lines tell which ones are new.

use crate::name::comparable;
use crate::site::{Kind, Site};
use std::collections::{BTreeMap, BTreeSet};

/// Greatest number of pairs that are weighed in one group; larger groups are matched by order alone. Chosen: two
/// functions of 2,000 sites of one kind each; weighing them takes some 40 ms.
const PAIRS_MAX: usize = 4_000_000;

/// What differs between two builds, each in the order of its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Sites that only the later build has.
    pub new: Vec<Site>,
    /// Sites that only the earlier build had.
    pub gone: Vec<Site>,
}

/// A function, by what does not depend on the build.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name<'a> {
    crate_name: &'a str,
    function: String,
}

/// The sites of one function as indices into a list.
type Group = Vec<usize>;

/// Compares the sites of an earlier build with those of a later one.
#[must_use]
pub fn difference(old: &[Site], new: &[Site]) -> Difference {
    let (before, mut after) = (by_function(old), by_function(new));
    let mut matched = Matched { old: vec![false; old.len()], new: vec![false; new.len()] };
    for (name, group) in renamed(old, &before, new, &after) {
        after.entry(name).or_insert(group);
    }
    for (name, group) in &before {
        if let Some(others) = after.get(name) {
            let sides = Sides { old, new };
            matched.function(&sides, group, others);
        }
    }
    Difference { new: unmatched(new, &matched.new), gone: unmatched(old, &matched.old) }
}

fn unmatched(sites: &[Site], matched: &[bool]) -> Vec<Site> {
    sites.iter().zip(matched).filter(|(_, matched)| !**matched).map(|(site, _)| site.clone()).collect()
}

fn by_function(sites: &[Site]) -> BTreeMap<Name<'_>, Group> {
    let mut groups: BTreeMap<Name<'_>, Group> = BTreeMap::new();
    for (index, site) in sites.iter().enumerate() {
        // A short name, as little debug information leaves it, may be that of several functions.
        let function = match site.function.contains("::") {
            true => comparable(&site.function),
            false => format!("{} in {}", comparable(&site.function), site.file),
        };
        groups.entry(Name { crate_name: &site.crate_name, function }).or_default().push(index);
    }
    groups
}

/// What a function looks like, whatever its name: kinds and columns in order, with its file.
fn shape<'a>(sites: &'a [Site], name: &Name<'a>, group: &Group) -> (&'a str, String, Vec<(Kind, Option<u32>)>) {
    let of_group = || group.iter().filter_map(|index| sites.get(*index));
    let file = of_group().next().map(|site| site.file.clone()).unwrap_or_default();
    (name.crate_name, file, of_group().map(|site| (site.kind.family(), site.column)).collect())
}

/// A function that is gone and one that is new, in one file and with the same kinds in the same columns, are one function
/// that was renamed, if no third one looks like them. Returns the group of the later build under the earlier name.
fn renamed<'a>(
    old: &'a [Site],
    before: &BTreeMap<Name<'a>, Group>,
    new: &'a [Site],
    after: &BTreeMap<Name<'a>, Group>,
) -> Vec<(Name<'a>, Group)> {
    let mut shapes: BTreeMap<_, (Vec<&Name<'a>>, Vec<&Group>)> = BTreeMap::new();
    for (name, group) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        shapes.entry(shape(old, name, group)).or_default().0.push(name);
    }
    for (name, group) in after.iter().filter(|(name, _)| !before.contains_key(*name)) {
        shapes.entry(shape(new, name, group)).or_default().1.push(group);
    }
    let pairs = shapes.into_values().filter_map(|(names, groups)| match (names.as_slice(), groups.as_slice()) {
        ([name], [group]) => Some(((*name).clone(), (*group).clone())),
        _ => None,
    });
    pairs.collect()
}

struct Sides<'a> {
    old: &'a [Site],
    new: &'a [Site],
}

struct Matched {
    old: Vec<bool>,
    new: Vec<bool>,
}

impl Matched {
    fn function(&mut self, sides: &Sides<'_>, old: &Group, new: &Group) {
        let shift = shift(sides, old, new);
        let of_kind = |sites: &[Site], group: &Group, kind: Kind| -> Group {
            let mut found: Group = group
                .iter()
                .copied()
                .filter(|index| sites.get(*index).is_some_and(|site| site.kind.family() == kind))
                .collect();
            found.sort_by_key(|index| sites.get(*index).map(|site| (site.line, site.column)));
            found
        };
        let kinds: BTreeSet<Kind> = old.iter().filter_map(|index| Some(sides.old.get(*index)?.kind.family())).collect();
        for kind in kinds {
            let (before, after) = (of_kind(sides.old, old, kind), of_kind(sides.new, new, kind));
            let likeness = |before: usize, after: usize| likeness(sides, before, after, shift);
            for (before, after) in align(&before, &after, &likeness) {
                if let (Some(before), Some(after)) = (self.old.get_mut(before), self.new.get_mut(after)) {
                    (*before, *after) = (true, true);
                }
            }
        }
    }
}

/// Returns how many lines the function moved: what most pairs of the same kind and column say.
fn shift(sides: &Sides<'_>, old: &Group, new: &Group) -> i64 {
    let mut votes: BTreeMap<i64, usize> = BTreeMap::new();
    if old.len().saturating_mul(new.len()) > PAIRS_MAX {
        return 0;
    }
    for before in old.iter().filter_map(|index| sides.old.get(*index)) {
        let alike = |after: &&Site| after.kind.family() == before.kind.family() && after.column == before.column;
        for after in new.iter().filter_map(|index| sides.new.get(*index)).filter(alike) {
            *votes.entry(i64::from(after.line) - i64::from(before.line)).or_default() += 1;
        }
    }
    // Of two shifts with as many votes the smaller one is the simpler explanation.
    let best = votes.into_iter().max_by_key(|(shift, count)| (*count, std::cmp::Reverse(shift.abs())));
    best.map_or(0, |(shift, _)| shift)
}

/// How much two sites of one function and kind look like the same one. A column says most: it moves only when the line
/// itself is edited. A message says more than a line, because the shift of lines is only a guess.
fn likeness(sides: &Sides<'_>, before: usize, after: usize, shift: i64) -> u64 {
    let (Some(before), Some(after)) = (sides.old.get(before), sides.new.get(after)) else { return 0 };
    let line = i64::from(after.line) - i64::from(before.line) == shift;
    let message = before.message.is_some() && before.message == after.message;
    4 * u64::from(before.column == after.column) + 3 * u64::from(message) + 2 * u64::from(line)
}

/// Pairs as many as both sides have, in order, so that the sum of `likeness` is greatest.
fn align(old: &[usize], new: &[usize], likeness: &dyn Fn(usize, usize) -> u64) -> Vec<(usize, usize)> {
    if old.len() > new.len() {
        let swapped = |new: usize, old: usize| likeness(old, new);
        return align(new, old, &swapped).into_iter().map(|(new, old)| (old, new)).collect();
    }
    if old.len() == new.len() || old.len().saturating_mul(new.len()) > PAIRS_MAX {
        return old.iter().copied().zip(new.iter().copied()).collect();
    }
    // `best[i][j]`: the greatest sum with the first i of old among the first i + j of new, for j up to the surplus.
    let surplus = new.len() - old.len();
    let mut best: Vec<Vec<u64>> = vec![vec![0; surplus + 1]];
    for (done, before) in old.iter().enumerate() {
        let mut row: Vec<u64> = Vec::with_capacity(surplus + 1);
        for skipped in 0..=surplus {
            let pair = new.get(done + skipped).map_or(0, |after| likeness(*before, *after));
            let with = best.last().and_then(|last| last.get(skipped)).copied().unwrap_or(0) + pair;
            row.push(row.last().map_or(with, |without| with.max(*without)));
        }
        best.push(row);
    }
    let (mut pairs, mut skipped) = (Vec::new(), surplus);
    for (done, before) in old.iter().enumerate().rev() {
        let row = best.get(done + 1).map(Vec::as_slice).unwrap_or_default();
        // Of equal sums the earlier partner stays matched, so what is new is what comes last.
        while skipped > 0 && row.get(skipped - 1) == row.get(skipped) {
            skipped -= 1;
        }
        pairs.extend(new.get(done + skipped).map(|after| (*before, *after)));
    }
    pairs
}
