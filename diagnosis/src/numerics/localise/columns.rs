//! Combinations as numbers: each dimension is a column with the number of every leaf's value. Which of them are good is
//! decided by `search`.

use super::leaf::Leaf;
use crate::observation::Name;
use std::collections::BTreeMap;

/// Most keys in one combination. Labelled real incidents have one to three; a fourth multiplies the hypotheses.
pub(super) const DEPTH: usize = 3;

/// One dimension: which value each leaf has. Values are numbered in their order from 1; 0 is a missing key.
pub(super) struct Column {
    key: Name,
    values: Vec<Name>,
    ids: Vec<u32>,
}

/// One key of a combination: the number of its column, and that of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Term {
    column: u32,
    value: u32,
}

/// A term for each key, by column: its order is that of the names.
pub(super) type Terms = [Term; DEPTH];

/// No term at this place; sorts after every term.
const ABSENT: Term = Term { column: u32::MAX, value: u32::MAX };

/// A column and its number.
#[derive(Clone, Copy)]
pub(super) struct Numbered<'a> {
    pub(super) number: u32,
    pub(super) column: &'a Column,
}

/// The dimensions that tell leaves apart, in the order of their keys.
pub(super) fn columns(leaves: &[Leaf]) -> Vec<Column> {
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

/// The terms of one leaf in these columns; none where it lacks one of the keys.
pub(super) fn terms(columns: &[Numbered<'_>], leaf: usize) -> Option<Terms> {
    let mut terms = [ABSENT; DEPTH];
    for (term, Numbered { number, column }) in terms.iter_mut().zip(columns) {
        let value = column.ids.get(leaf).copied().filter(|id| *id > 0)?;
        *term = Term { column: *number, value };
    }
    Some(terms)
}

/// How many keys.
pub(super) fn keys(terms: &Terms) -> usize {
    terms.iter().filter(|term| **term != ABSENT).count()
}

/// Back to names.
pub(super) fn named(columns: &[Column], terms: &Terms) -> BTreeMap<Name, Name> {
    let name = |term: &Term| {
        let column = columns.get(term.column as usize)?;
        Some((column.key.clone(), column.values.get((term.value as usize).checked_sub(1)?)?.clone()))
    };
    terms.iter().filter_map(name).collect()
}
