//! Columns of rows, and the kinds of their values. Bounded: values beyond the bound of columns are not looked at, and that is said.

use super::super::Kind;
use std::collections::{BTreeMap, HashMap};

/// Columns of one file: no table that people review has more.
const COLUMNS_MAX: usize = 4096;
/// Bytes of an example.
const EXAMPLE_BYTES_MAX: usize = 80;

/// Values of one kind in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How many.
    pub count: u64,
    /// Line of the first.
    pub line: u64,
    /// The first.
    pub example: String,
}

/// One column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Name of the column or key; empty for values without one.
    pub name: String,
    /// Values by kind.
    pub kinds: BTreeMap<Kind, Seen>,
}

/// One value of a column.
pub(super) struct Value<'a> {
    pub(super) kind: Kind,
    pub(super) line: u64,
    pub(super) text: &'a str,
}

/// The columns of rows while they are read.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    pub(super) list: Vec<Column>,
    places: HashMap<String, usize>,
    pub(super) rows: u64,
    pub(super) truncated: bool,
}

impl Columns {
    /// Place of the column called `name`.
    pub(super) fn place(&mut self, name: &str) -> Option<usize> {
        if let Some(place) = self.places.get(name) {
            return Some(*place);
        }
        if self.list.len() >= COLUMNS_MAX {
            self.truncated = true;
            return None;
        }
        self.places.insert(name.to_owned(), self.list.len());
        self.list.push(Column { name: name.to_owned(), kinds: BTreeMap::new() });
        Some(self.list.len() - 1)
    }

    /// Takes a value of the column at `place`.
    pub(super) fn take(&mut self, place: Option<usize>, value: &Value<'_>) {
        let Some(column) = place.and_then(|place| self.list.get_mut(place)) else { return };
        let first = || Seen { count: 0, line: value.line, example: shortened(value.text) };
        let seen = column.kinds.entry(value.kind).or_insert_with(first);
        seen.count += 1;
    }
}

/// The beginning of a value.
pub(super) fn shortened(value: &str) -> String {
    match value.char_indices().find(|(at, _)| *at >= EXAMPLE_BYTES_MAX) {
        Some((end, _)) => format!("{}..", value.get(..end).unwrap_or_default()),
        None => value.to_owned(),
    }
}
