//! JSON: the elements of the outermost array, or of the only array that the outermost object holds directly, are rows. An object
//! with none or with several has settings; its lines stand for them.

use super::rows::{Holds, Part, Row, Walked, lines};

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    if bytes.trim_ascii().is_empty() {
        return Walked::of(Holds::Rows);
    }
    match place_of_rows(bytes) {
        Place::Array(opening) => elements(bytes, opening, visit),
        Place::Settings => {
            lines(bytes, |line, text| {
                let part = if text.trim_ascii().is_empty() { Part::Blank } else { Part::Setting };
                visit(Row { line, bytes: text, part });
            });
            Walked::of(Holds::Settings)
        }
        Place::Unknown => Walked::of(Holds::Unknown),
    }
}

/// Where rows are.
enum Place {
    /// In the array that opens here.
    Array(usize),
    /// Nowhere: an object without a list, or with several.
    Settings,
    /// It is no single array or object.
    Unknown,
}

fn place_of_rows(bytes: &[u8]) -> Place {
    let Some(first) = bytes.iter().position(|byte| !byte.is_ascii_whitespace()) else { return Place::Unknown };
    match bytes.get(first) {
        // Whether a second value follows is seen at its end.
        Some(b'[') => return Place::Array(first),
        Some(b'{') => {}
        _ => return Place::Unknown,
    }
    let mut scanner = Scanner::default();
    let (mut lists, mut opening) = (0_u32, first);
    for (index, byte) in bytes.iter().enumerate().skip(first) {
        if scanner.depth == 1 && !scanner.in_string && *byte == b'[' {
            (lists, opening) = (lists + 1, index);
        }
        scanner.step(*byte);
        if scanner.depth == 0 {
            // A second value after the first: the rows of which?
            if !is_blank_after(bytes, index) {
                return Place::Unknown;
            }
            break;
        }
    }
    if lists == 1 { Place::Array(opening) } else { Place::Settings }
}

fn is_blank_after(bytes: &[u8], index: usize) -> bool {
    bytes.get(index + 1..).unwrap_or_default().trim_ascii().is_empty()
}

fn elements<'a>(bytes: &'a [u8], opening: usize, visit: &mut impl FnMut(Row<'a>)) -> Walked {
    let mut scanner = Scanner::default();
    let first_line = 1 + bytes.get(..opening).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut line = first_line;
    // An object around the array was looked at to its end.
    let is_outermost = bytes.get(..opening).unwrap_or_default().trim_ascii().is_empty();
    let mut start: Option<(u64, usize)> = None;
    for (index, byte) in bytes.iter().enumerate().skip(opening) {
        let inside = scanner.depth == 1 && !scanner.in_string;
        let ends = inside && matches!(byte, b',' | b']' | b'}');
        if let Some((line, start)) = start.take_if(|_| ends) {
            visit(Row { line, bytes: bytes.get(start..index).unwrap_or_default().trim_ascii(), part: Part::Row });
        }
        if !ends && inside && start.is_none() && !byte.is_ascii_whitespace() {
            start = Some((line, index));
        }
        scanner.step(*byte);
        line += u64::from(*byte == b'\n');
        if scanner.depth == 0 {
            let whole = !is_outermost || is_blank_after(bytes, index);
            return Walked::of(if whole { Holds::Rows } else { Holds::Unknown });
        }
    }
    if let Some((line, start)) = start {
        // The file was cut off within an element: the rest is shown as it is.
        visit(Row { line, bytes: bytes.get(start..).unwrap_or_default().trim_ascii(), part: Part::Row });
    }
    Walked { holds: Holds::Rows, unclosed: Some(first_line) }
}

/// Nesting and strings of JSON, one byte at a time.
#[derive(Default)]
pub(super) struct Scanner {
    pub(super) depth: usize,
    pub(super) in_string: bool,
    escaped: bool,
}

impl Scanner {
    pub(super) fn step(&mut self, byte: u8) {
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
    use super::super::rows::tests::{pairs, rows};
    use super::super::{Format, for_each_row};
    use super::*;

    #[test]
    fn elements_are_rows_also_in_an_object_and_when_cut_off() {
        assert_eq!(
            rows("[{\"a\":[1,2]},\n \"x,]\", 3]", Format::JsonArray),
            pairs(&[(1, "{\"a\":[1,2]}"), (2, "\"x,]\""), (2, "3")])
        );
        assert_eq!(rows("{\"v\":1,\"rows\":[1,{\"b\":[]}]}", Format::JsonArray), pairs(&[(1, "1"), (1, "{\"b\":[]}")]));
        assert_eq!(rows("[1, {\"a\":", Format::JsonArray), pairs(&[(1, "1"), (1, "{\"a\":")]));
        assert_eq!(rows("[]", Format::JsonArray), pairs(&[]));
    }

    #[test]
    fn an_object_without_one_list_has_settings_and_a_second_value_is_unknown() {
        let holds = |text: &str| for_each_row(text.as_bytes(), Format::JsonArray, |_| {}).holds;
        assert_eq!([r#"{"a":1}"#, r#"{"a":[1],"b":[2]}"#].map(holds), [Holds::Settings; 2]);
        assert_eq!(["7", "[1] [2]", "{\"a\":[1]}\n{\"a\":[2]}"].map(holds), [Holds::Unknown; 3]);
    }
}
