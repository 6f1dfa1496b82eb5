//! Counts what can be counted in one version: rows, duplicates, blanks, columns, and the row-set hash. Limits are compared
//! elsewhere. Beyond [`ROWS_INSPECTED_MAX`] rows, rows are counted and no longer compared, and the result says so.

use super::fields::Cut;
use super::rows::for_each_row_in;
use super::{Format, Holds, Part, Row, unlike};
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
    /// Rows, without header, comments, frames and blank lines; none where there are no rows to be counted: a binary format,
    /// settings, and text beyond what the walker reads with certainty.
    pub rows: Option<u64>,
    /// Rows that repeat an earlier row; none also for lines within blocks.
    pub duplicate_rows: Option<u64>,
    /// Rows whose first field repeats that of an earlier row, the row itself being another.
    pub duplicate_keys: Option<u64>,
    /// Blank fields of rows.
    pub blank_fields: Option<u64>,
    /// Fields of the header, or of the first row.
    pub columns: Option<u64>,
    /// Rows with another number of fields than the first.
    pub ragged_rows: u64,
    /// Whether the first row was taken for a header.
    pub header: bool,
    /// Comments, where the format has them.
    pub comments: u64,
    /// Lines without content.
    pub blank_lines: u64,
    /// Line of the first of them.
    pub first_blank_line: Option<u64>,
    /// Lines that only frame others.
    pub frames: u64,
    /// Statements or lines of a file that holds settings.
    pub settings: Option<u64>,
    /// Line of a quote, bracket or block that is open at the end.
    pub unclosed: Option<u64>,
    /// What the content looks like, if it is plainly no input of this format; then nothing else was counted.
    pub unlike: Option<&'static str>,
    /// SHA-256 over the sorted distinct rows, a line end after each. Of settings and of lines within blocks, whose order matters:
    /// over the lines in file order. None where nothing can be cut.
    pub rowset: Option<Hash>,
    /// First examples of duplicates, in file order.
    pub duplicates: Vec<Duplicate>,
    /// Whether the file has more rows than were compared.
    pub truncated: bool,
}

/// Counts what can be counted in `bytes`.
#[must_use]
pub fn inspect(bytes: &[u8], format: Format) -> Inspection {
    inspect_ignoring(bytes, format, &[])
}

/// As [`inspect`]; rows and settings that begin with one of `ignored`, after white space, are left out of the row-set hash. A
/// template that every host renders for itself then has one row-set hash.
#[must_use]
pub fn inspect_ignoring(bytes: &[u8], format: Format, ignored: &[&str]) -> Inspection {
    let mut tally = Tally { ignored, ..Tally::default() };
    if let Some(what) = unlike(bytes, format) {
        return Inspection { unlike: Some(what), ..tally.finish(bytes.len() as u64, format, Holds::Unknown) };
    }
    let cut = Cut::of(bytes, format);
    let walked = for_each_row_in(bytes, format, cut.dialect(), |row| tally.take(&row, cut));
    let found = tally.finish(bytes.len() as u64, format, walked.holds);
    Inspection { unclosed: walked.unclosed, ..found }
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
        tally.compare(Compared { row, key: reader.key(row), line: number });
    });
    tally.finish(bytes.len() as u64, Format::Binary, Holds::Rows)
}

/// A row that is compared with the others.
struct Compared<'a> {
    row: &'a [u8],
    key: &'a [u8],
    line: u64,
}

#[derive(Default)]
struct Tally<'a> {
    /// Beginnings of rows that the row-set hash leaves out.
    ignored: &'a [&'a str],
    rows: u64,
    blank: u64,
    ragged: u64,
    columns: Option<u64>,
    header: bool,
    comments: u64,
    blank_lines: u64,
    first_blank_line: Option<u64>,
    frames: u64,
    settings: u64,
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
    fn take(&mut self, row: &Row<'a>, cut: Cut) {
        match row.part {
            Part::Blank => {
                self.blank_lines += 1;
                self.first_blank_line.get_or_insert(row.line);
            }
            Part::Comment => self.comments += 1,
            Part::Frame => self.frames += 1,
            Part::Setting => {
                self.settings += 1;
                self.compare(Compared { row: row.bytes.trim_ascii_end(), key: row.bytes, line: row.line });
            }
            Part::Header | Part::Row => {
                let found = cut.fields(row.bytes);
                let columns = *self.columns.get_or_insert(found.count);
                self.ragged += u64::from(found.count != columns);
                if row.part == Part::Header {
                    self.header = true;
                    return;
                }
                self.rows += 1;
                self.blank += found.blank;
                self.compare(Compared { row: row.bytes, key: found.key, line: row.line });
            }
        }
    }

    /// Keeps a row that was counted for the comparison.
    fn compare(&mut self, row: Compared<'a>) {
        if self.rows.max(self.settings) <= ROWS_INSPECTED_MAX {
            self.compared.push(row);
        }
    }

    fn finish(self, size: u64, format: Format, holds: Holds) -> Inspection {
        let counted = matches!(holds, Holds::Rows | Holds::NestedLines);
        let compared = self.compared.len() as u64;
        let truncated = self.rows.max(self.settings) > ROWS_INSPECTED_MAX;
        let found = match holds {
            Holds::Rows => comparison(self.compared, self.ignored),
            Holds::NestedLines | Holds::Settings => {
                Comparison { rowset: Some(in_order(&self.compared, self.ignored)), ..Comparison::default() }
            }
            Holds::Unknown => Comparison::default(),
        };
        let is_list = holds == Holds::Rows;
        Inspection {
            format,
            size,
            rows: counted.then_some(self.rows),
            duplicate_rows: is_list.then_some(compared.saturating_sub(found.distinct)),
            duplicate_keys: is_list.then_some(found.duplicate_keys),
            blank_fields: counted.then_some(self.blank),
            columns: self.columns.filter(|_| counted),
            ragged_rows: self.ragged,
            header: self.header,
            comments: self.comments,
            blank_lines: self.blank_lines,
            first_blank_line: self.first_blank_line,
            frames: self.frames,
            settings: (holds == Holds::Settings).then_some(self.settings),
            unclosed: None,
            unlike: None,
            rowset: found.rowset,
            duplicates: found.duplicates,
            truncated,
        }
    }
}

fn is_ignored(row: &[u8], ignored: &[&str]) -> bool {
    !ignored.is_empty() && {
        let row = row.trim_ascii_start();
        ignored.iter().any(|begin| !begin.is_empty() && row.starts_with(begin.as_bytes()))
    }
}

/// Hash over the lines in file order.
fn in_order(rows: &[Compared<'_>], ignored: &[&str]) -> Hash {
    let mut hasher = Sha256::new();
    for line in rows.iter().filter(|line| !is_ignored(line.row, ignored)) {
        hasher.update(line.row);
        hasher.update(b"\n");
    }
    Hash(hasher.finalize().into())
}

fn comparison(mut rows: Vec<Compared<'_>>, ignored: &[&str]) -> Comparison {
    // Stable: equal rows stay in file order.
    rows.sort_by(|left, right| left.row.cmp(right.row));
    let mut found = Comparison::default();
    let (mut hasher, mut keys, mut groups) = (Sha256::new(), Vec::with_capacity(rows.len()), Vec::new());
    for group in rows.chunk_by(|left, right| left.row == right.row) {
        let Some(first) = group.first() else { continue };
        found.distinct += 1;
        keys.push(first.key);
        if !is_ignored(first.row, ignored) {
            hasher.update(first.row);
            hasher.update(b"\n");
        }
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
        assert_eq!((odd.rows, odd.blank_fields, odd.ragged_rows, odd.duplicate_keys), (Some(3), Some(1), 1, Some(1)));
        assert_eq!((odd.blank_lines, odd.first_blank_line, odd.header), (1, Some(3), true));
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

    #[test]
    fn settings_are_no_rows_and_their_repeated_lines_no_duplicates() {
        let toml = inspect(b"[a]\nport = 80\n[b]\nport = 80\n", Format::Toml);
        assert_eq!((toml.rows, toml.duplicate_rows, toml.settings), (None, None, Some(4)));
        let nested = inspect(b"a {\n  x;\n}\nb {\n  x;\n}\n", Format::Lines);
        assert_eq!((nested.rows, nested.duplicate_rows, nested.frames), (Some(4), None, 2));
        let swapped = inspect(b"[b]\nport = 80\n[a]\nport = 80\n", Format::Toml);
        assert_ne!(swapped.rowset, toml.rowset, "the order of settings matters");
    }

    #[test]
    fn the_row_set_hash_of_settings_is_over_their_lines_in_file_order() {
        for (format, text, hashed) in [
            (Format::Toml, "# why\n[a]\nport = 80 \n\n[b]\nport = 80\n", "[a]\nport = 80\n[b]\nport = 80\n"),
            (Format::Ini, "; why\n[a]\nport = 80\n[b]\nport = 80", "[a]\nport = 80\n[b]\nport = 80\n"),
            (Format::YamlList, "# why\na:\n  port: 80\nb:\n  port: 80\n", "a:\n  port: 80\nb:\n  port: 80\n"),
            (Format::JsonArray, "{\n  \"b\": 80,\n\n  \"a\": 80\n}\n", "{\n  \"b\": 80,\n  \"a\": 80\n}\n"),
        ] {
            let found = inspect(text.as_bytes(), format);
            assert_eq!((found.rowset, found.rows), (Some(Hash::of(hashed.as_bytes())), None), "{text}");
        }
    }

    #[test]
    fn declared_lines_are_left_out_of_the_row_set_hash_alone() {
        let of = |text: &str, format| inspect_ignoring(text.as_bytes(), format, &["listen", "host ="]);
        let (one, two) = (
            "# a\n[server]\n  listen = 80\nhost = \"a\"\nlimit = 200\n",
            "[server]\nlisten = 81\nhost = \"b\"\nlimit = 200\n",
        );
        assert_eq!(of(one, Format::Toml).rowset, of(two, Format::Toml).rowset);
        assert_ne!(of(one, Format::Toml).rowset, of(&one.replace("200", "201"), Format::Toml).rowset);
        let rows = of("listen 80\na\n", Format::Lines);
        assert_eq!((rows.rowset, rows.rows), (of("a\nlisten 81\n", Format::Lines).rowset, Some(2)));
    }

    #[test]
    fn what_is_plainly_no_input_is_not_counted() {
        let page = inspect(b"<!DOCTYPE html>\n<html>\n</html>\n", Format::Csv);
        assert_eq!((page.rows, page.duplicate_rows, page.unlike.is_some()), (None, None, true));
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
