//! The row-level difference of two versions, as multisets of rows: what was added, removed, changed under the same key, or
//! now stands more often. Order alone is no difference, and is told apart. Lists are bounded, counts are exact.

use super::fields::Cut;
use super::{Format, Holds, Part, for_each_row};
use std::collections::{BTreeMap, HashMap};

/// Rows listed in each part of a difference; counts go on.
const LISTED_MAX: usize = 1000;

/// A row, and how often it stands in either version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCount {
    /// The row, untrusted bytes read as UTF-8 with replacement.
    pub text: String,
    /// Line of its first place in the version that has it (the new one, if both), from 1.
    pub line: u64,
    /// Times in the old version.
    pub old: u64,
    /// Times in the new version.
    pub new: u64,
}

/// One key whose only row changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The old row.
    pub old: String,
    /// The new row.
    pub new: String,
    /// Line in the new version.
    pub line: u64,
}

/// What differs between two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Rows that only the new version has.
    pub added: Vec<RowCount>,
    /// Rows that only the old version has.
    pub removed: Vec<RowCount>,
    /// Rows of the same key with other fields.
    pub changed: Vec<Change>,
    /// Rows of both versions that stand more often, or less often, in the new one.
    pub repeated: Vec<RowCount>,
    /// Exact counts of the four lists, in that order.
    pub counts: [u64; 4],
    /// Whether the header row changed: old and new.
    pub header: Option<(String, String)>,
    /// The same rows, as often, in another order.
    pub reordered: bool,
}

impl Difference {
    /// Whether the two versions hold the same rows in the same order under the same header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts == [0; 4] && self.header.is_none() && !self.reordered
    }
}

/// The difference from `old` to `new`, both read as `format`.
#[must_use]
pub fn diff(old: &[u8], new: &[u8], format: Format) -> Difference {
    let (old, new) = (Side::of(old, format), Side::of(new, format));
    let mut difference = Difference::default();
    if old.header != new.header {
        difference.header = Some((text(old.header), text(new.header)));
    }
    let mut added: Vec<(u64, &[u8])> = Vec::new();
    for (row, (line, times)) in &new.rows {
        match old.rows.get(row) {
            None => added.push((*line, row)),
            Some((_, before)) if before != times => {
                difference.repeated.push(RowCount { text: text(row), line: *line, old: *before, new: *times });
            }
            Some(_) => {}
        }
    }
    let mut removed: BTreeMap<(u64, &[u8]), &[u8]> = BTreeMap::new();
    let mut removed_by_key: HashMap<&[u8], Vec<(u64, &[u8])>> = HashMap::new();
    for (row, (line, _)) in old.rows.iter().filter(|(row, _)| !new.rows.contains_key(*row)) {
        let key = old.cut.fields(row).key;
        removed.insert((*line, row), key);
        removed_by_key.entry(key).or_default().push((*line, row));
    }
    added.sort_unstable();
    for (line, row) in added {
        let key = new.cut.fields(row).key;
        let times = new.rows.get(row).map_or(1, |(_, times)| *times);
        // A key that is the whole row (plain lines) cannot pair two different rows.
        match removed_by_key.get_mut(key).filter(|rows| rows.len() == 1).and_then(Vec::pop) {
            Some(before) => {
                removed.remove(&before);
                difference.changed.push(Change { old: text(before.1), new: text(row), line });
            }
            None => difference.added.push(RowCount { text: text(row), line, old: 0, new: times }),
        }
    }
    for (line, row) in removed.keys() {
        let times = old.rows.get(row).map_or(1, |(_, times)| *times);
        difference.removed.push(RowCount { text: text(row), line: *line, old: times, new: 0 });
    }
    difference.finish(old.order == new.order)
}

impl Difference {
    fn finish(mut self, same_order: bool) -> Self {
        self.repeated.sort_unstable_by_key(|row| row.line);
        let count = |length: usize| length as u64;
        self.counts =
            [count(self.added.len()), count(self.removed.len()), count(self.changed.len()), count(self.repeated.len())];
        self.reordered = self.counts == [0; 4] && !same_order;
        self.added.truncate(LISTED_MAX);
        self.removed.truncate(LISTED_MAX);
        self.changed.truncate(LISTED_MAX);
        self.repeated.truncate(LISTED_MAX);
        self
    }
}

/// One version, ready to be compared.
struct Side<'a> {
    cut: Cut,
    header: &'a [u8],
    /// Row -> (first line, times).
    rows: HashMap<&'a [u8], (u64, u64)>,
    order: Vec<&'a [u8]>,
}

impl<'a> Side<'a> {
    fn of(bytes: &'a [u8], format: Format) -> Self {
        let cut = Cut::of(bytes, format);
        let mut side = Self { cut, header: b"", rows: HashMap::new(), order: Vec::new() };
        let walked = for_each_row(bytes, format, |row| match row.part {
            Part::Header => side.header = row.bytes,
            Part::Row => {
                side.rows.entry(row.bytes).or_insert((row.line, 0)).1 += 1;
                side.order.push(row.bytes);
            }
            _ => {}
        });
        if walked.holds == Holds::Unknown {
            side.rows.clear();
            side.order.clear();
        }
        side
    }
}

fn text(row: &[u8]) -> String {
    String::from_utf8_lossy(row).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn added_removed_changed_and_repeated_rows_are_told_apart() {
        let found = diff(b"n,t\na,1\nb,1\nc,1\n", b"n,t\na,1\na,1\nb,2\nd,1\n", Format::Csv);
        assert_eq!(found.counts, [1, 1, 1, 1]);
        assert_eq!(found.added[0].text, "d,1");
        assert_eq!(found.removed[0].text, "c,1");
        assert_eq!(
            (found.changed[0].old.as_str(), found.changed[0].new.as_str(), found.changed[0].line),
            ("b,1", "b,2", 4)
        );
        assert_eq!((found.repeated[0].text.as_str(), found.repeated[0].old, found.repeated[0].new), ("a,1", 1, 2));
    }

    #[test]
    fn order_and_header_alone_are_said_to_be_so() {
        let found = diff(b"a\nb\n", b"b\na\n", Format::Lines);
        assert!(found.reordered && !found.is_empty() && found.counts == [0; 4]);
        assert!(diff(b"a\nb\n", b"a\r\nb", Format::Lines).is_empty());
        assert!(diff(b"n\na\n", b"m\na\n", Format::Csv).header.is_some());
    }
}
