//! Cuts bytes into rows, one after the other, without copying. Damaged content gives the rows that can be told apart; it
//! never fails, since a damaged file is what we are here to look at.

use super::{Dialect, Format, json, pem, plain, separated, settings, toml, yaml};
use std::io::BufRead as _;

/// The byte order mark that some editors write before UTF-8.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What a piece of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The header, which names the columns.
    Header,
    /// A row.
    Row,
    /// A statement or line of a file that holds settings and no rows.
    Setting,
    /// A comment.
    Comment,
    /// A line that only frames others: a lone bracket, a ruler.
    Frame,
    /// A line without content.
    Blank,
}

/// One piece of a file: raw bytes without line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Line on which it starts, from 1.
    pub line: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What it is.
    pub part: Part,
}

/// A row whose end is still looked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) line: u64,
    pub(super) from: usize,
    pub(super) to: usize,
}

impl Open {
    /// The row, in the bytes that the places count from.
    pub(super) fn row(self, bytes: &[u8]) -> Row<'_> {
        Row { line: self.line, bytes: bytes.get(self.from..self.to).unwrap_or_default().trim_ascii(), part: Part::Row }
    }
}

/// What a file holds, as far as a walker can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Rows, which are compared with one another.
    Rows,
    /// Lines within blocks or below one another: they are counted, and a line that stands twice is no duplicate.
    NestedLines,
    /// Settings: there are no rows to be counted.
    Settings,
    /// Nothing that can be cut: binary content, or text beyond what the walker reads with certainty.
    Unknown,
}

/// How a walk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// What the file holds.
    pub holds: Holds,
    /// Line of a quote, bracket or block that is open at the end of the file.
    pub unclosed: Option<u64>,
}

impl Walked {
    pub(super) const fn of(holds: Holds) -> Self {
        Self { holds, unclosed: None }
    }
}

/// Calls `visit` for every piece in order: rows, header, comments, frames, blank lines, settings. What was visited counts for
/// nothing if the walk ends in [`Holds::Unknown`].
pub fn for_each_row<'a>(bytes: &'a [u8], format: Format, visit: impl FnMut(Row<'a>)) -> Walked {
    for_each_row_in(bytes, format, Dialect::of(bytes, format), visit)
}

/// As [`for_each_row`], for a separated file in a dialect that is known already.
pub(super) fn for_each_row_in<'a>(
    bytes: &'a [u8],
    format: Format,
    dialect: Option<Dialect>,
    mut visit: impl FnMut(Row<'a>),
) -> Walked {
    let bytes = without_mark(bytes);
    if let Some(dialect) = dialect {
        return separated::walk(bytes, dialect, &mut visit);
    }
    match format {
        Format::Binary => Walked::of(Holds::Unknown),
        Format::JsonArray => json::walk(bytes, &mut visit),
        Format::YamlList => yaml::walk(bytes, &mut visit),
        Format::Toml => toml::walk(bytes, &mut visit),
        Format::Ini => settings::walk(bytes, &mut visit),
        Format::Pem => pem::walk(bytes, &mut visit),
        Format::Lines => plain::walk(bytes, &mut visit),
        Format::JsonLines => {
            lines(bytes, |line, bytes| {
                let part = if bytes.trim_ascii().is_empty() { Part::Blank } else { Part::Row };
                visit(Row { line, bytes, part });
            });
            Walked::of(Holds::Rows)
        }
        _ => Walked::of(Holds::Unknown),
    }
}

/// The bytes after a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BOM).unwrap_or(bytes)
}

/// Calls `visit` with the number and the bytes of every line.
pub(super) fn lines<'a>(bytes: &'a [u8], mut visit: impl FnMut(u64, &'a [u8])) {
    let (mut rest, mut line) = (bytes, 1_u64);
    while !rest.is_empty() {
        let (text, after) = rest.split_at_checked(line_length(rest)).unwrap_or((rest, &[]));
        visit(line, without_return(text.strip_suffix(b"\n").unwrap_or(text)));
        (rest, line) = (after, line + 1);
    }
}

/// Bytes of the first line, its line feed included. `BufRead` of a slice reads nothing from outside; it is the standard library's
/// way to the C library's `memchr`, which is ten times as fast as a loop.
pub(super) fn line_length(mut bytes: &[u8]) -> usize {
    let all = bytes.len();
    bytes.skip_until(b'\n').unwrap_or(all)
}

pub(super) fn without_return(row: &[u8]) -> &[u8] {
    row.strip_suffix(b"\r").unwrap_or(row)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The rows of a text with their lines, other parts left out.
    pub(in crate::content) fn rows(text: &str, format: Format) -> Vec<(u64, String)> {
        parts(text, format).into_iter().filter(|found| found.1 == Part::Row).map(|found| (found.0, found.2)).collect()
    }

    pub(in crate::content) fn parts(text: &str, format: Format) -> Vec<(u64, Part, String)> {
        let mut found = Vec::new();
        for_each_row(text.as_bytes(), format, |row| {
            found.push((row.line, row.part, String::from_utf8_lossy(row.bytes).into_owned()));
        });
        found
    }

    pub(in crate::content) fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }
}
