//! Counts what can be counted in one version: rows, duplicates, blanks, columns, and the row-set hash. Limits are compared
//! elsewhere. Beyond [`ROWS_INSPECTED_MAX`] rows, rows are counted and no longer compared, and the result says so.

use super::fields::fields;
use super::rows::has_rows;
use super::{Format, for_each_row};
use crate::Hash;
use sha2::{Digest, Sha256};

/// Rows that are compared with one another: 4 million rows cost about 300 MB for the moment of the load.
const ROWS_INSPECTED_MAX: u64 = 4_000_000;
/// Duplicates shown as examples.
const EXAMPLES_MAX: usize = 8;

/// A row that stands more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The row, untrusted bytes read as UTF-8 with replacement.
    pub text: String,
    /// How often it stands.
    pub times: u64,
    /// Lines of its first two places, from 1.
    pub lines: (u64, u64),
}

/// What was counted in one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// How it was cut into rows.
    pub format: Format,
    /// Bytes.
    pub size: u64,
    /// Rows, header and blank lines excluded; none for a binary format, and for JSON that is no list of rows.
    pub rows: Option<u64>,
    /// Rows that repeat an earlier row.
    pub duplicate_rows: Option<u64>,
    /// Rows whose first field repeats that of an earlier row, the row itself being another.
    pub duplicate_keys: Option<u64>,
    /// Blank fields, blank lines included.
    pub blank_fields: Option<u64>,
    /// Fields of the first row.
    pub columns: Option<u64>,
    /// Rows with another number of fields than the first.
    pub ragged_rows: u64,
    /// SHA-256 over the sorted distinct rows, a line end after each; none for a binary format.
    pub rowset: Option<Hash>,
    /// First examples of duplicates, in file order.
    pub duplicates: Vec<Duplicate>,
    /// Whether the file has more rows than were compared.
    pub truncated: bool,
}

/// Counts what can be counted in `bytes`.
#[must_use]
pub fn inspect(bytes: &[u8], format: Format) -> Inspection {
    if !has_rows(bytes, format) {
        // None is not zero: an object of settings is not an empty list.
        return Inspection { format, ..Tally::default().finish(bytes.len() as u64, Format::Binary) };
    }
    let mut tally = Tally::default();
    for_each_row(bytes, format, |row| {
        if row.bytes.trim_ascii().is_empty() {
            tally.blank += 1;
            return;
        }
        let found = fields(row.bytes, format);
        let columns = *tally.columns.get_or_insert(found.count);
        tally.ragged += u64::from(found.count != columns);
        if row.header {
            return;
        }
        tally.rows += 1;
        tally.blank += found.blank;
        tally.compare(row.bytes, (row.line, found.key));
    });
    tally.finish(bytes.len() as u64, format)
}

/// Cuts a format of the proxy's own (a binary one, say) into rows, so that duplicates, growth and limits are seen in it too.
pub trait RowReader: std::fmt::Debug + Sync {
    /// Calls `visit` for every row in order. Damaged content gives the rows that can be told apart.
    fn rows<'a>(&self, bytes: &'a [u8], visit: &mut dyn FnMut(&'a [u8]));

    /// The part of a row that should be unique, if not the whole of it.
    fn key<'a>(&self, row: &'a [u8]) -> &'a [u8] {
        row
    }

    /// Fields of a row, where the format knows them.
    fn columns(&self, _row: &[u8]) -> Option<u64> {
        None
    }
}

/// As [`inspect`], for a format that only `reader` knows. Lines in examples are numbers of rows.
#[must_use]
pub fn inspect_with(bytes: &[u8], reader: &dyn RowReader) -> Inspection {
    let mut tally = Tally::default();
    let mut number = 0;
    reader.rows(bytes, &mut |row| {
        number += 1;
        if row.is_empty() {
            tally.blank += 1;
            return;
        }
        if let Some(count) = reader.columns(row) {
            let columns = *tally.columns.get_or_insert(count);
            tally.ragged += u64::from(count != columns);
        }
        tally.rows += 1;
        tally.compare(row, (number, reader.key(row)));
    });
    let found = tally.finish(bytes.len() as u64, Format::Lines);
    Inspection { format: Format::Binary, ..found }
}

/// A row that is compared with the others.
struct Compared<'a> {
    row: &'a [u8],
    key: &'a [u8],
    line: u64,
}

#[derive(Default)]
struct Tally<'a> {
    rows: u64,
    blank: u64,
    ragged: u64,
    columns: Option<u64>,
    /// In file order: most files are sorted, which makes sorting them cheap, where a hash table costs a cache miss a row.
    compared: Vec<Compared<'a>>,
}

/// What comparing the rows gave.
#[derive(Default)]
struct Comparison {
    distinct: u64,
    duplicate_keys: u64,
    rowset: Option<Hash>,
    duplicates: Vec<Duplicate>,
}

impl<'a> Tally<'a> {
    /// Keeps a row that was counted for the comparison.
    fn compare(&mut self, row: &'a [u8], (line, key): (u64, &'a [u8])) {
        if self.rows <= ROWS_INSPECTED_MAX {
            self.compared.push(Compared { row, key, line });
        }
    }

    fn finish(self, size: u64, format: Format) -> Inspection {
        let is_text = format != Format::Binary;
        let compared = self.compared.len() as u64;
        let found = if is_text { comparison(self.compared) } else { Comparison::default() };
        Inspection {
            format,
            size,
            rows: is_text.then_some(self.rows),
            duplicate_rows: is_text.then_some(compared.saturating_sub(found.distinct)),
            duplicate_keys: is_text.then_some(found.duplicate_keys),
            blank_fields: is_text.then_some(self.blank),
            columns: self.columns,
            ragged_rows: self.ragged,
            rowset: found.rowset,
            duplicates: found.duplicates,
            truncated: self.rows > ROWS_INSPECTED_MAX,
        }
    }
}

fn comparison(mut rows: Vec<Compared<'_>>) -> Comparison {
    // Stable: equal rows stay in file order.
    rows.sort_by(|left, right| left.row.cmp(right.row));
    let mut found = Comparison::default();
    let (mut hasher, mut keys, mut groups) = (Sha256::new(), Vec::with_capacity(rows.len()), Vec::new());
    for group in rows.chunk_by(|left, right| left.row == right.row) {
        let Some(first) = group.first() else { continue };
        found.distinct += 1;
        keys.push(first.key);
        hasher.update(first.row);
        hasher.update(b"\n");
        if let Some(second) = group.get(1) {
            groups.push((first.line, second.line, group.len() as u64, first.row));
        }
    }
    drop(rows);
    found.rowset = Some(Hash(hasher.finalize().into()));
    keys.sort();
    keys.dedup();
    found.duplicate_keys = found.distinct.saturating_sub(keys.len() as u64);
    groups.sort_unstable();
    groups.truncate(EXAMPLES_MAX);
    let example = |(first, second, times, row): (u64, u64, u64, &[u8])| Duplicate {
        text: String::from_utf8_lossy(row).into_owned(),
        times,
        lines: (first, second),
    };
    found.duplicates = groups.into_iter().map(example).collect();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_november_file_shows_its_rows_duplicates_and_examples() {
        let good: String = "name,type\n".to_owned() + &(0..60).map(|i| format!("f{i},Float32\n")).collect::<String>();
        let bad = good.clone() + &good.replace("name,type\n", "").repeat(3);
        let (good, bad) = (inspect(good.as_bytes(), Format::Csv), inspect(bad.as_bytes(), Format::Csv));
        assert_eq!((good.rows, good.duplicate_rows, good.columns), (Some(60), Some(0), Some(2)));
        assert_eq!((bad.rows, bad.duplicate_rows), (Some(240), Some(180)));
        assert_eq!(bad.rowset, good.rowset);
        assert_eq!(
            bad.duplicates.first().map(|d| (d.text.as_str(), d.times, d.lines)),
            Some(("f0,Float32", 4, (2, 62)))
        );
    }

    #[test]
    fn empty_blank_and_ragged_content_is_told() {
        let empty = inspect(b"", Format::Lines);
        assert_eq!((empty.rows, empty.blank_fields), (Some(0), Some(0)));
        let odd = inspect(b"a,b\n1,\n\n2,3,4\n1,9\n", Format::Csv);
        assert_eq!((odd.rows, odd.blank_fields, odd.ragged_rows, odd.duplicate_keys), (Some(3), Some(2), 1, Some(1)));
        let binary = inspect(b"\x00\xff", Format::Binary);
        assert_eq!((binary.size, binary.rows, binary.rowset), (2, None, None));
    }

    #[test]
    fn json_that_is_no_list_has_unknown_rows_and_not_zero() {
        let rows = |text: &str| inspect(text.as_bytes(), Format::JsonArray).rows;
        assert_eq!([r#"{"mode":"on"}"#, r#"{"a":[1],"b":[2]}"#, "7"].map(rows), [None; 3]);
        assert_eq!(["[]", r#"{"rows":[]}"#, "", "\n"].map(rows), [Some(0); 4], "empty is something else");
        assert_eq!(rows(r#"{"rows":[1,2]}"#), Some(2));
        let settings = inspect(br#"{"mode":"on"}"#, Format::JsonArray);
        assert_eq!((settings.format, settings.size, settings.blank_fields), (Format::JsonArray, 13, None));
    }

    #[derive(Debug)]
    struct Records;

    impl RowReader for Records {
        fn rows<'a>(&self, bytes: &'a [u8], visit: &mut dyn FnMut(&'a [u8])) {
            bytes.chunks(4).for_each(visit);
        }
        fn key<'a>(&self, row: &'a [u8]) -> &'a [u8] {
            row.get(..2).unwrap_or(row)
        }
    }

    #[test]
    fn a_binary_format_of_the_proxys_own_has_rows_and_duplicates() {
        let found = inspect_with(b"\0\x01ab\0\x02ab\0\x01ab\0\x01xx", &Records);
        assert_eq!((found.format, found.rows, found.duplicate_rows), (Format::Binary, Some(4), Some(1)));
        assert_eq!((found.duplicate_keys, found.duplicates.first().map(|d| d.lines)), (Some(1), Some((1, 3))));
    }

    #[test]
    fn the_row_set_hash_ignores_order_and_repetition_only() {
        let of = |text: &str| inspect(text.as_bytes(), Format::Lines).rowset;
        assert_eq!(of("a\nb\n"), of("b\na\nb"));
        assert_ne!(of("a\nb\n"), of("ab\n"));
        assert_eq!(of("a\nb"), Some(Hash::of(b"a\nb\n")));
    }
}
