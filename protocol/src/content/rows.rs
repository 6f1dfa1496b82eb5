//! Cuts bytes into rows, one after the other, without copying. Damaged content gives the rows that can be told apart; it
//! never fails, since a damaged file is what we are here to look at.

use super::Format;

/// One row: raw bytes without line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// Line on which it starts, from 1.
    pub line: u64,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// Whether it is the header.
    pub header: bool,
}

/// Calls `visit` for every row in order, header included, blank lines included as empty rows.
pub fn for_each_row<'a>(bytes: &'a [u8], format: Format, mut visit: impl FnMut(Row<'a>)) {
    match format {
        Format::Binary => {}
        Format::JsonArray => json_elements(bytes, &mut visit),
        Format::YamlList => yaml_items(bytes, &mut visit),
        Format::Csv => lines(bytes, true, |line, row| visit(Row { line, bytes: row, header: line == 1 })),
        Format::Tsv => lines(bytes, false, |line, row| visit(Row { line, bytes: row, header: line == 1 })),
        Format::Lines | Format::JsonLines => {
            lines(bytes, false, |line, row| visit(Row { line, bytes: row, header: false }));
        }
    }
}

/// Whether there is something that can be cut: JSON may be an object with no list in it, or with several.
pub(super) fn has_rows(bytes: &[u8], format: Format) -> bool {
    match format {
        Format::Binary => false,
        Format::JsonArray => bytes.trim_ascii().is_empty() || array_opening(bytes).is_some(),
        _ => true,
    }
}

/// Lines, with `quotes` those of a CSV file whose quoted fields may hold line ends.
fn lines<'a>(bytes: &'a [u8], quotes: bool, mut visit: impl FnMut(u64, &'a [u8])) {
    let (mut start, mut line, mut first_line, mut quoted) = (0, 1_u64, 1_u64, false);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' if quotes => quoted = !quoted,
            b'\n' => {
                line += 1;
                if !quoted {
                    visit(first_line, without_return(bytes.get(start..index).unwrap_or_default()));
                    (start, first_line) = (index + 1, line);
                }
            }
            _ => {}
        }
    }
    let last = bytes.get(start..).unwrap_or_default();
    if !last.is_empty() {
        visit(first_line, without_return(last));
    }
}

fn without_return(row: &[u8]) -> &[u8] {
    row.strip_suffix(b"\r").unwrap_or(row)
}

/// The items of a list at the outermost level: from one `- ` at the start of a line to the next.
fn yaml_items<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) {
    let mut item: Option<(u64, usize)> = None;
    let mut offset = 0;
    let mut emit = |item: Option<(u64, usize)>, end: usize| {
        if let Some((line, start)) = item {
            visit(Row { line, bytes: bytes.get(start..end).unwrap_or_default().trim_ascii(), header: false });
        }
    };
    for (index, text) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        if text.starts_with(b"- ") || text.trim_ascii_end() == b"-" {
            emit(item.take(), offset);
            item = Some((index as u64 + 1, offset + 1));
        }
        offset += text.len();
    }
    emit(item, offset);
}

/// The elements of the outermost array, or of the only array that an outermost object holds directly.
fn json_elements<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) {
    let Some(opening) = array_opening(bytes) else { return };
    let mut scanner = Scanner { depth: 0, in_string: false, escaped: false };
    let mut line = 1 + bytes.get(..opening).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut start: Option<(u64, usize)> = None;
    for (index, byte) in bytes.iter().enumerate().skip(opening) {
        let inside = scanner.depth == 1 && !scanner.in_string;
        let ends = inside && matches!(byte, b',' | b']' | b'}');
        if ends && let Some((line, start)) = start.take() {
            visit(Row { line, bytes: bytes.get(start..index).unwrap_or_default().trim_ascii(), header: false });
        }
        if !ends && inside && start.is_none() && !byte.is_ascii_whitespace() {
            start = Some((line, index));
        }
        scanner.step(*byte);
        line += u64::from(*byte == b'\n');
        if scanner.depth == 0 {
            return;
        }
    }
    if let Some((line, start)) = start {
        // The file was cut off within an element: the rest is shown as it is.
        visit(Row { line, bytes: bytes.get(start..).unwrap_or_default().trim_ascii(), header: false });
    }
}

/// Where the array of rows opens.
fn array_opening(bytes: &[u8]) -> Option<usize> {
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace())?;
    match bytes.get(first)? {
        b'[' => Some(first),
        b'{' => {
            let mut scanner = Scanner { depth: 0, in_string: false, escaped: false };
            let mut found = None;
            for (index, byte) in bytes.iter().enumerate().skip(first) {
                if scanner.depth == 1 && !scanner.in_string && *byte == b'[' && found.replace(index).is_some() {
                    return None;
                }
                scanner.step(*byte);
            }
            found
        }
        _ => None,
    }
}

/// Nesting and strings of JSON, one byte at a time.
struct Scanner {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl Scanner {
    fn step(&mut self, byte: u8) {
        if self.in_string {
            let ends = byte == b'"' && !self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            self.in_string = !ends;
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, format: Format) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        for_each_row(text.as_bytes(), format, |row| {
            found.push((row.line, String::from_utf8_lossy(row.bytes).into_owned()));
        });
        found
    }

    fn pairs(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, text)| (*line, (*text).to_owned())).collect()
    }

    #[test]
    fn quoted_line_ends_stay_within_their_row() {
        assert_eq!(
            rows("name,type\r\n\"a\nb\",1\nc,2", Format::Csv),
            pairs(&[(1, "name,type"), (2, "\"a\nb\",1"), (4, "c,2")])
        );
    }

    #[test]
    fn json_elements_are_rows_also_in_an_object_and_when_cut_off() {
        assert_eq!(
            rows("[{\"a\":[1,2]},\n \"x,]\", 3]", Format::JsonArray),
            pairs(&[(1, "{\"a\":[1,2]}"), (2, "\"x,]\""), (2, "3")])
        );
        assert_eq!(rows("{\"v\":1,\"rows\":[1,{\"b\":[]}]}", Format::JsonArray), pairs(&[(1, "1"), (1, "{\"b\":[]}")]));
        assert_eq!(rows("[1, {\"a\":", Format::JsonArray), pairs(&[(1, "1"), (1, "{\"a\":")]));
        assert_eq!(rows("[]", Format::JsonArray), pairs(&[]));
    }

    #[test]
    fn yaml_items_reach_to_the_next_item() {
        assert_eq!(
            rows("# head\n- name: a\n  type: x\n- b\n", Format::YamlList),
            pairs(&[(2, "name: a\n  type: x"), (4, "b")])
        );
    }
}
