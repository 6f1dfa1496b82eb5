//! TOML: statements, with strings and brackets over several lines. The tables of the only `[[list]]` are rows, or the elements of
//! the only array at the outermost level; with none or several, the statements are settings.

use super::rows::{Holds, Open, Part, Row, Walked};

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    let mut lists = Lists::default();
    let unclosed = statements(bytes, |found| lists.take(bytes, &found));
    match (lists.several, lists.first) {
        (false, Some(List::Array(start, end))) => elements(bytes, start, end, visit),
        (false, Some(List::Tables(name))) => tables(bytes, name, visit),
        _ => {
            statements(bytes, visit);
            return Walked { holds: Holds::Settings, unclosed };
        }
    }
    Walked { holds: Holds::Rows, unclosed }
}

/// The lists directly below the root.
#[derive(Default)]
struct Lists<'a> {
    first: Option<List<'a>>,
    several: bool,
    in_table: bool,
}

enum List<'a> {
    /// `[[name]]`.
    Tables(&'a [u8]),
    /// `name = [..]`: places of its brackets.
    Array(usize, usize),
}

impl<'a> Lists<'a> {
    fn take(&mut self, all: &'a [u8], found: &Row<'a>) {
        if found.part != Part::Setting {
            return;
        }
        let name = table_of(found.bytes);
        self.in_table |= found.bytes.starts_with(b"[");
        let list = match name {
            Some(Table { name, list: true }) if !is_dotted(name) => List::Tables(name),
            None if !self.in_table => match array_of(found.bytes) {
                Some(place) => {
                    let start = offset(all, found.bytes);
                    List::Array(start + place, start + found.bytes.len())
                }
                None => return,
            },
            _ => return,
        };
        match (&self.first, &list) {
            (Some(List::Tables(known)), List::Tables(name)) if known == name => {}
            (None, _) => self.first = Some(list),
            _ => self.several = true,
        }
    }
}

fn offset(all: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(all.as_ptr() as usize)
}

/// The header of a table.
struct Table<'a> {
    name: &'a [u8],
    list: bool,
}

fn table_of(statement: &[u8]) -> Option<Table<'_>> {
    let inner = statement.strip_prefix(b"[")?;
    let list = inner.starts_with(b"[");
    let inner = inner.strip_prefix(b"[").unwrap_or(inner);
    let end = inner.iter().position(|byte| *byte == b']').unwrap_or(inner.len());
    Some(Table { name: inner.get(..end).unwrap_or_default().trim_ascii(), list })
}

fn is_dotted(name: &[u8]) -> bool {
    let quoted = matches!(name.first(), Some(b'"' | b'\''));
    !quoted && name.contains(&b'.')
}

/// Place of the bracket of `name = [`; none for a dotted name or another value.
fn array_of(statement: &[u8]) -> Option<usize> {
    let equals = statement.iter().position(|byte| *byte == b'=')?;
    let name = statement.get(..equals)?.trim_ascii();
    let value = statement.get(equals + 1..)?;
    let blanks = value.len() - value.trim_ascii_start().len();
    (value.get(blanks) == Some(&b'[') && !is_dotted(name)).then_some(equals + 1 + blanks)
}

/// Tables of the list `name`, each with the tables below it.
fn tables<'a>(bytes: &'a [u8], list: &[u8], visit: &mut impl FnMut(Row<'a>)) {
    let mut open: Option<Open> = None;
    statements(bytes, |found| {
        let (start, end) = (offset(bytes, found.bytes), offset(bytes, found.bytes) + found.bytes.len());
        let header = (found.part == Part::Setting).then(|| table_of(found.bytes)).flatten();
        let begins = header.as_ref().is_some_and(|table| table.list && table.name == list);
        let below = header.as_ref().is_some_and(|table| {
            table.name.strip_prefix(list).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"."))
        });
        if let Some(open) = open.take_if(|_| header.is_some() && !below) {
            visit(open.row(bytes));
        }
        match (&mut open, found.part) {
            (None, _) if begins => open = Some(Open { line: found.line, from: start, to: end }),
            (Some(open), Part::Setting) => open.to = end,
            (_, Part::Comment | Part::Blank) => visit(found),
            _ => {}
        }
    });
    if let Some(open) = open {
        visit(open.row(bytes));
    }
}

/// Elements of the array between the two places.
fn elements<'a>(bytes: &'a [u8], opening: usize, end: usize, visit: &mut impl FnMut(Row<'a>)) {
    let mut line = 1 + bytes.get(..opening).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut scanner = Scanner::default();
    let mut open: Option<Open> = None;
    let mut index = opening;
    while index < end {
        let (byte, step) = scanner.step(bytes.get(index..end).unwrap_or_default());
        let inside = scanner.depth_before == 1 && !scanner.was_in_string;
        let closes = inside && matches!(byte, b',' | b']') && !scanner.in_comment;
        if let Some(open) = open.take_if(|_| closes) {
            visit(open.row(bytes));
        }
        let content = !scanner.in_comment && !byte.is_ascii_whitespace() && scanner.depth_before > 0;
        if content && !closes {
            open.get_or_insert(Open { line, from: index, to: index }).to = index + step;
        } else if let Some(open) = open.as_mut().filter(|_| scanner.was_in_string) {
            open.to = index + step;
        }
        line += bytes.get(index..index + step).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64;
        index += step;
    }
}

/// Calls `visit` for every statement (header of a table, or `key = value`), comment and blank line. Returns the line of a string
/// or bracket that is open at the end.
fn statements<'a>(bytes: &'a [u8], mut visit: impl FnMut(Row<'a>)) -> Option<u64> {
    let (mut at, mut line) = (0, 1_u64);
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let end_of_line = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let text = rest.get(..end_of_line).unwrap_or_default().trim_ascii();
        let simple = match text.first() {
            None => Some(Part::Blank),
            Some(b'#') => Some(Part::Comment),
            Some(_) => None,
        };
        if let Some(part) = simple {
            visit(Row { line, bytes: text, part });
            (at, line) = (at + end_of_line + 1, line + 1);
            continue;
        }
        let (mut scanner, mut length, mut content) = (Scanner::default(), 0, 0);
        // The brackets of a header are closed on its line.
        let header = text.starts_with(b"[");
        while length < rest.len() {
            let (byte, step) = scanner.step(rest.get(length..).unwrap_or_default());
            let ends = byte == b'\n' && (header || (scanner.depth == 0 && !scanner.was_in_string));
            if ends {
                break;
            }
            length += step;
            if !scanner.in_comment && (!byte.is_ascii_whitespace() || scanner.was_in_string) {
                content = length;
            }
        }
        let statement = rest.get(..content).unwrap_or_default().trim_ascii();
        visit(Row { line, bytes: statement, part: Part::Setting });
        if length >= rest.len() && (scanner.depth > 0 || scanner.is_open_string()) && !header {
            return Some(line);
        }
        line += rest.get(..length).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        at += length + 1;
    }
    None
}

/// Quotes at the end of a string of several lines: two that belong to it, and the three that close it (TOML 1.0, Strings).
const QUOTES_MAX: usize = 5;

/// Strings, comments and brackets of TOML.
#[derive(Default)]
struct Scanner {
    /// What closes the string that is open; empty: none is.
    closing: &'static [u8],
    in_comment: bool,
    depth: usize,
    /// Depth before the last step.
    depth_before: usize,
    /// Whether the last step began within a string.
    was_in_string: bool,
}

impl Scanner {
    /// Reads the beginning of `rest`: its first byte, and how many bytes were read.
    fn step(&mut self, rest: &[u8]) -> (u8, usize) {
        let byte = rest.first().copied().unwrap_or(b'\n');
        self.was_in_string = !self.closing.is_empty();
        self.depth_before = self.depth;
        if self.was_in_string {
            return (byte, self.step_in_string(rest, byte));
        }
        if self.in_comment {
            self.in_comment = byte != b'\n';
            return (byte, 1);
        }
        for quote in [b"\"\"\"".as_slice(), b"'''", b"\"", b"'"] {
            if rest.starts_with(quote) {
                self.closing = match quote {
                    b"\"\"\"" => b"\"\"\"",
                    b"'''" => b"'''",
                    b"\"" => b"\"",
                    _ => b"'",
                };
                return (byte, quote.len());
            }
        }
        match byte {
            b'#' => self.in_comment = true,
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        (byte, 1)
    }

    fn step_in_string(&mut self, rest: &[u8], byte: u8) -> usize {
        if byte == b'\\' && self.closing.first() == Some(&b'"') {
            return rest.len().min(2);
        }
        if rest.starts_with(self.closing) {
            // Quotes before the closing three belong to the string.
            let quotes = rest.iter().take(QUOTES_MAX).take_while(|next| Some(*next) == self.closing.first()).count();
            let length = if self.closing.len() == 3 { quotes } else { 1 };
            self.closing = b"";
            return length;
        }
        if byte == b'\n' && self.closing.len() == 1 {
            // A string of one line that was not closed: the file is damaged here, and goes on.
            self.closing = b"";
            self.was_in_string = false;
        }
        1
    }

    const fn is_open_string(&self) -> bool {
        !self.closing.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::{pairs, parts, rows};
    use super::super::{Format, for_each_row};
    use super::*;

    #[test]
    fn tables_of_the_only_list_are_rows_with_what_stands_below_them() {
        let text = "title = \"x\" # [[no]]\n\n[[rule]]\nname = \"a\"\n[rule.limits]\nrows = 1\n\n# next\n[[rule]]\nname = \"b\"\n[other]\nx = 1\n";
        assert_eq!(
            rows(text, Format::Toml),
            pairs(&[(3, "[[rule]]\nname = \"a\"\n[rule.limits]\nrows = 1"), (9, "[[rule]]\nname = \"b\"")])
        );
    }

    #[test]
    fn elements_of_the_only_array_are_rows() {
        let text = "# list\ndeny = [\n  \"a]\", # one\n  'b,',\n  \"\"\"c\n\"d\"\"\"\",\n  [1, 2],\n]\n";
        assert_eq!(
            rows(text, Format::Toml),
            pairs(&[(3, "\"a]\""), (4, "'b,'"), (5, "\"\"\"c\n\"d\"\"\"\""), (7, "[1, 2]")])
        );
    }

    #[test]
    fn settings_are_statements_over_any_number_of_lines() {
        let text = "[server]\nport = 80\nkey = \"\"\"\n[[rule]]\n# text\n\"\"\"\nlist = [\n 1,\n]\n";
        let found: Vec<_> = parts(text, Format::Toml).into_iter().map(|(line, _, text)| (line, text)).collect();
        assert_eq!(
            found,
            pairs(&[
                (1, "[server]"),
                (2, "port = 80"),
                (3, "key = \"\"\"\n[[rule]]\n# text\n\"\"\""),
                (7, "list = [\n 1,\n]")
            ])
        );
        let walked = |text: &str| for_each_row(text.as_bytes(), Format::Toml, |_| {});
        assert_eq!(walked(text), Walked::of(Holds::Settings));
        assert_eq!(walked("a = [1]\nb = [2]\n").holds, Holds::Settings, "two lists: the rows of which?");
        assert_eq!(walked("a = 1\nkey = \"\"\"\nx\n").unclosed, Some(2));
    }
}
