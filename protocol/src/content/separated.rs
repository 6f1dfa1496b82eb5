//! CSV and TSV: separator, header and comments of a file, and its rows. Quotes are read as `csv-core` reads them: one opens a
//! field at its start, two are one, and any other is a letter.

use super::Format;
use super::header::is_header;
use super::rows::{Holds, Part, Row, Walked, line_length, without_return};

/// Rows after the first that are looked at to find separator and header.
const SAMPLE_ROWS: usize = 32;
/// Bytes of the longest row that is read the quick way: a search for its end never goes further, so that rows without line feeds
/// cost no more than their bytes.
const PLAIN_BYTES_MAX: usize = 4096;
/// Separators of a `.csv` file, in the order in which they are tried.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How a separated file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Byte between fields.
    pub separator: u8,
    /// Whether quotes hold separators and line ends.
    pub quotes: bool,
    /// Whether the first row names the columns.
    pub header: bool,
    /// Whether lines that begin with `#` are comments: so if one stands before the first row.
    pub comments: bool,
}

impl Dialect {
    /// The dialect of `bytes`; none for a format that is not separated.
    #[must_use]
    pub fn of(bytes: &[u8], format: Format) -> Option<Self> {
        if !format.is_separated() {
            return None;
        }
        let bytes = super::rows::without_mark(bytes);
        let tabs = matches!(format, Format::Tsv | Format::TsvHeader | Format::TsvRows);
        let (comments, sample) = sample(bytes, !tabs);
        let separator = if tabs { b'\t' } else { separator_of(&sample) };
        let count = |row: &[u8]| split_fields(row, separator, !tabs).count();
        // `#name,type`: the only comment before the rows names the columns.
        let named = comments.first().filter(|only| {
            let fits = sample.first().is_some_and(|first| count(first) == count(only));
            let is_name = only.get(1).is_some_and(|byte| !byte.is_ascii_whitespace());
            let may = !matches!(format, Format::CsvRows | Format::TsvRows);
            may && comments.len() == 1 && is_name && count(only) > 1 && fits
        });
        let mut rows = named.iter().map(|row| **row).chain(sample.iter().copied());
        let fields = |row| split_fields(row, separator, !tabs).collect();
        let first: Option<Vec<&[u8]>> = rows.next().map(fields);
        let header = match (format, first) {
            (Format::CsvHeader | Format::TsvHeader, _) => true,
            (Format::CsvRows | Format::TsvRows, _) | (_, None) => false,
            (_, Some(first)) => named.is_some() || is_header(&first, &rows.map(fields).collect::<Vec<_>>()),
        };
        Some(Self { separator, quotes: !tabs, header, comments: !comments.is_empty() && named.is_none() })
    }
}

/// The comments before the first row, and the first rows.
fn sample(bytes: &[u8], quotes: bool) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let (mut comments, mut rows) = (Vec::new(), Vec::new());
    let mut records = Records::new(bytes, b',', quotes);
    records.comments = true;
    while let Some(record) = records.next() {
        let text = record.bytes.trim_ascii();
        if rows.is_empty() && record.bytes.starts_with(b"#") {
            comments.push(record.bytes);
        } else if !text.is_empty() {
            rows.push(record.bytes);
            // Which later lines are comments depends on whether there were any before.
            records.comments = !comments.is_empty();
        }
        if rows.len() > SAMPLE_ROWS || comments.len() > SAMPLE_ROWS * SAMPLE_ROWS {
            break;
        }
    }
    (comments, rows)
}

/// The separator that cuts every row of the sample into as many fields.
fn separator_of(sample: &[&[u8]]) -> u8 {
    let Some(first) = sample.first() else { return b',' };
    let fields = |row: &[u8], separator| split_fields(row, separator, true).count();
    let fits = |separator: &u8| {
        let count = fields(first, *separator);
        count > 1 && sample.iter().all(|row| fields(row, *separator) == count)
    };
    let regular = SEPARATORS.into_iter().find(fits);
    // Rows of different length: what the first row has.
    regular.or_else(|| SEPARATORS.into_iter().find(|separator| fields(first, *separator) > 1)).unwrap_or(b',')
}

pub(super) fn walk<'a>(bytes: &'a [u8], dialect: Dialect, visit: &mut impl FnMut(Row<'a>)) -> Walked {
    let mut header = dialect.header;
    let mut records = Records::new(bytes, dialect.separator, dialect.quotes);
    records.comments = dialect.comments;
    while let Some(record) = records.next() {
        let text = record.bytes.trim_ascii();
        let part = if text.is_empty() {
            Part::Blank
        } else if dialect.comments && record.bytes.starts_with(b"#") {
            Part::Comment
        } else if header {
            header = false;
            Part::Header
        } else {
            Part::Row
        };
        visit(Row { line: record.line, bytes: record.bytes, part });
    }
    Walked { holds: Holds::Rows, unclosed: records.unclosed }
}

/// Where a reader stands within a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    FieldStart,
    Field,
    Quoted,
    /// After a quote within quotes: it ends the field, or is the first of two.
    Quote,
}

impl At {
    fn after(self, byte: u8, separator: u8, quotes: bool) -> Self {
        match (self, byte) {
            (Self::FieldStart, b'"') if quotes => Self::Quoted,
            (Self::Quoted, b'"') => Self::Quote,
            (Self::Quoted, _) | (Self::Quote, b'"') => Self::Quoted,
            (_, byte) if byte == separator => Self::FieldStart,
            _ => Self::Field,
        }
    }
}

struct Record<'a> {
    line: u64,
    bytes: &'a [u8],
}

/// Reads records one after the other.
struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
    separator: u8,
    quotes: bool,
    /// Whether a line that begins with `#` is a comment, to its line feed.
    comments: bool,
    /// Line of a record whose quote is open at the end.
    unclosed: Option<u64>,
}

impl<'a> Records<'a> {
    const fn new(bytes: &'a [u8], separator: u8, quotes: bool) -> Self {
        Self { bytes, at: 0, line: 1, separator, quotes, comments: false, unclosed: None }
    }

    /// The record that is this line, its line feed included.
    fn line_of(&mut self, text: &'a [u8]) -> Record<'a> {
        let line = self.line;
        self.at += text.len();
        self.line += 1;
        Record { line, bytes: without_return(text.strip_suffix(b"\n").unwrap_or(text)) }
    }

    fn next(&mut self) -> Option<Record<'a>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let (line, mut at) = (self.line, At::FieldStart);
        if self.comments && rest.starts_with(b"#") {
            let bytes = rest.get(..line_length(rest)).unwrap_or_default();
            return Some(self.line_of(bytes));
        }
        let head = rest.get(..PLAIN_BYTES_MAX).unwrap_or(rest);
        let text = head.get(..line_length(head)).unwrap_or_default();
        if text.ends_with(b"\n") && !text.trim_ascii_end().iter().any(|byte| matches!(byte, b'"' | b'\r')) {
            // Most rows have neither quotes nor other line ends.
            return Some(self.line_of(text));
        }
        for (index, byte) in rest.iter().enumerate() {
            let end = *byte == b'\n' || (*byte == b'\r' && rest.get(index + 1) != Some(&b'\n'));
            self.line += u64::from(end);
            if end && at != At::Quoted {
                self.at += index + 1;
                let bytes = rest.get(..index).unwrap_or_default();
                return Some(Record { line, bytes: without_return(bytes) });
            }
            at = at.after(*byte, self.separator, self.quotes);
        }
        self.at = self.bytes.len();
        self.unclosed = (at == At::Quoted).then_some(line);
        Some(Record { line, bytes: without_return(rest) })
    }
}

/// The raw fields of a row, quotes included.
pub fn split_fields(row: &[u8], separator: u8, quotes: bool) -> impl Iterator<Item = &[u8]> {
    let mut at = At::FieldStart;
    let quoted = quotes && row.contains(&b'"');
    row.split(move |byte| {
        if !quoted {
            return *byte == separator;
        }
        let ends = *byte == separator && at != At::Quoted;
        at = at.after(*byte, separator, quotes);
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::{pairs, parts, rows};
    use super::*;

    #[test]
    fn quoted_line_ends_stay_within_their_row() {
        let text = "name,type\r\n\"a\nb\",1\nc,2";
        assert_eq!(rows(text, Format::Csv), pairs(&[(2, "\"a\nb\",1"), (4, "c,2")]));
        assert_eq!(rows(text, Format::CsvRows).len(), 3);
    }

    #[test]
    fn a_quote_within_a_field_is_a_letter_and_an_open_one_is_told() {
        assert_eq!(rows("id,disk\n1,5\" disk\n2,3\" disk\n", Format::Csv).len(), 2);
        let mut count = 0;
        let walked = super::super::for_each_row(b"id,name\n1,\"a\n2,b\n", Format::Csv, |_| count += 1);
        assert_eq!((count, walked.unclosed), (2, Some(2)));
    }

    #[test]
    fn every_line_is_a_row_where_the_first_looks_like_the_others() {
        let list: String = (1..=240).map(|i| format!("feature_{i}\n")).collect();
        assert_eq!(rows(&list, Format::Csv).len(), 240);
        assert_eq!(rows(&format!("name\n{list}"), Format::Csv).len(), 240);
        assert_eq!(rows(&list, Format::CsvHeader).len(), 239, "a declaration wins");
        assert_eq!(rows("10.0.0.1\tx\n10.0.0.2\ty\n", Format::Tsv).len(), 2);
    }

    #[test]
    fn comments_before_the_rows_are_no_rows_and_a_hash_may_name_columns() {
        let found = parts("# made today\n# by hand\nname,type\na1,x\n# off\nb1,y\n", Format::Csv);
        let kinds: Vec<Part> = found.iter().map(|(_, part, _)| *part).collect();
        use Part::{Comment, Header, Row};
        assert_eq!(kinds, [Comment, Comment, Header, Row, Comment, Row]);
        assert_eq!(parts("#name,type\na,1\nb,2\n", Format::Csv)[0].1, Header);
        assert_eq!(rows("# it,\"s\na,1\nb,2\n", Format::CsvRows).len(), 2, "quotes in a comment open nothing");
        assert_eq!(rows("a,1\n#b,2\n", Format::CsvRows).len(), 2, "no comment before the rows: the file has none");
    }

    #[test]
    fn semicolons_bars_and_tabs_separate_where_they_do_so_in_every_row() {
        let of = |text: &str| Dialect::of(text.as_bytes(), Format::Csv).unwrap().separator;
        assert_eq!(of("a;b\n1,5;2\n3,25;4\n"), b';');
        assert_eq!(of("a,b\n1;5,2\n3,4\n"), b',');
        assert_eq!(of("a|b\n1|2\n"), b'|');
        assert_eq!(of("a\n1\n"), b',');
    }
}
