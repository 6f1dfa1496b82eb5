//! YAML, by its indentation: the items of the outermost list are rows, or those of the only list that the outermost mapping holds
//! directly. What this walker does not read with certainty (several documents, aliases in place of lists, keys over several
//! lines) has unknown rows rather than a guess; `check` parses it.

use super::json;
use super::rows::{Holds, Open, Part, Row, Walked, lines};

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    if bytes.trim_ascii().is_empty() {
        return Walked::of(Holds::Rows);
    }
    if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        // JSON is YAML; the other flow style is not read here.
        let mut rows = Vec::new();
        let walked = json::walk(bytes, &mut |row| rows.push(row));
        let plain = walked.unclosed.is_some() || bytes.iter().any(|byte| matches!(byte, b'\'' | b'#' | b'&' | b'*'));
        if walked.holds == Holds::Unknown || plain {
            return Walked::of(Holds::Unknown);
        }
        rows.into_iter().for_each(visit);
        return walked;
    }
    let mut finder = Finder::default();
    lines(bytes, |line, text| finder.take(bytes, line, text));
    finder.finish(bytes, visit)
}

/// The list whose items are rows.
#[derive(Clone, Copy, Debug)]
enum List {
    /// A block list: where its first item begins, its line and its indentation.
    Block { start: usize, line: u64, indent: usize },
    /// A list in brackets, with its line.
    Flow { start: usize, line: u64 },
}

/// What the next lines belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inside {
    /// Nothing yet, or the value of a key that is complete: what is deeper belongs to it.
    #[default]
    Value,
    /// A key without a value: a list or mapping may follow.
    Key,
    /// A block list with this indentation.
    Items(usize),
    /// Brackets that are open; depth, and the quote that is open.
    Flow(usize, u8),
}

#[derive(Debug, Default)]
struct Finder {
    list: Option<List>,
    lists: u32,
    settings: bool,
    unsure: bool,
    /// Indentation of the outermost mapping or list.
    top: Option<usize>,
    top_is_list: bool,
    ended: bool,
    inside: Inside,
}

impl Finder {
    fn take(&mut self, all: &[u8], number: u64, line: &[u8]) {
        let start = (line.as_ptr() as usize).saturating_sub(all.as_ptr() as usize);
        if let Inside::Flow(depth, quote) = self.inside {
            self.inside = flow(line, depth, quote);
            return;
        }
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let within = |items: usize| indent > items && line.get(indent).is_some_and(u8::is_ascii_graphic);
        if matches!(self.inside, Inside::Items(items) if within(items)) {
            // Within an item, whatever it is.
            self.unsure |= self.ended;
            return;
        }
        let text = line.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") || (text.starts_with(b"%") && self.top.is_none()) {
            return;
        }
        if indent == 0 && (line.starts_with(b"---") || line.starts_with(b"...")) {
            let rest = line.get(3..).unwrap_or_default().trim_ascii();
            let empty = rest.is_empty() || rest.starts_with(b"#");
            self.unsure |= !empty || (self.top.is_some() && line.starts_with(b"---"));
            self.ended |= line.starts_with(b"...");
            return;
        }
        // A tab in the indentation is no YAML.
        self.unsure |= self.ended || line.get(indent) == Some(&b'\t');
        let is_item = text == b"-" || text.starts_with(b"- ");
        let Some(top) = self.top else {
            self.top = Some(indent);
            self.top_is_list = is_item;
            if is_item {
                self.found(List::Block { start, line: number, indent });
                self.inside = Inside::Items(indent);
            } else {
                self.key(start + indent, number, text);
            }
            return;
        };
        match self.inside {
            Inside::Items(items) if indent > items || (is_item && indent == items) => {}
            Inside::Items(items) if indent != top || (self.top_is_list && items == top) => self.unsure = true,
            Inside::Key if is_item && indent >= top => {
                self.found(List::Block { start, line: number, indent });
                self.inside = Inside::Items(indent);
            }
            Inside::Key if indent > top => {
                // A key's value on the next line: brackets there are a list too.
                if matches!(text.first(), Some(b'[' | b'*' | b'&' | b'!')) {
                    self.unsure = true;
                }
                self.settings = true;
                self.inside = Inside::Value;
            }
            _ if indent > top => {}
            _ if indent < top || is_item => self.unsure = true,
            _ => self.key(start + indent, number, text),
        }
    }

    fn found(&mut self, list: List) {
        self.lists += 1;
        self.list = Some(list);
    }

    /// A key of the outermost mapping.
    fn key(&mut self, start: usize, line: u64, text: &[u8]) {
        let Some(length) = key_length(text) else {
            self.unsure = true;
            return;
        };
        let rest = text.get(length..).unwrap_or_default();
        let value = rest.trim_ascii_start();
        let value_start = start + length + (rest.len() - value.len());
        self.inside = match value.first() {
            None | Some(b'#') => Inside::Key,
            Some(b'[') => {
                self.found(List::Flow { start: value_start, line });
                flow(value, 0, 0)
            }
            Some(b'{') => {
                self.settings = true;
                flow(value, 0, 0)
            }
            // An anchor or tag, and nothing after it: the value follows.
            Some(b'&' | b'!') => {
                let after = value.iter().position(u8::is_ascii_whitespace).and_then(|end| value.get(end..));
                let after = after.unwrap_or_default().trim_ascii();
                // Another value after it is not looked into, unless it cannot be a list.
                self.unsure |= matches!(after.first(), Some(b'[' | b'&' | b'!' | b'*' | b'"' | b'\'' | b'{'));
                if after.is_empty() || after.starts_with(b"#") { Inside::Key } else { Inside::Value }
            }
            Some(b'*') => {
                self.unsure = true;
                Inside::Value
            }
            Some(quote @ (b'"' | b'\'')) => {
                self.settings = true;
                flow(value.get(1..).unwrap_or_default(), 0, *quote)
            }
            Some(_) => {
                self.settings = true;
                Inside::Value
            }
        };
    }

    fn finish<'a>(self, bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
        let unclosed = matches!(self.inside, Inside::Flow(..));
        if self.unsure || unclosed {
            return Walked::of(Holds::Unknown);
        }
        match self.list.filter(|_| self.lists == 1) {
            Some(List::Block { start, line, indent }) => {
                items(bytes, Open { line, from: start, to: start }, indent, visit);
                Walked::of(Holds::Rows)
            }
            Some(List::Flow { start, line }) => {
                flow_items(bytes, start, line, visit);
                Walked::of(Holds::Rows)
            }
            None if self.top.is_none() => Walked::of(Holds::Rows),
            None => {
                lines(bytes, |line, text| {
                    let part = match text.trim_ascii().first() {
                        None => Part::Blank,
                        Some(b'#') => Part::Comment,
                        Some(_) => Part::Setting,
                    };
                    visit(Row { line, bytes: text, part });
                });
                Walked::of(Holds::Settings)
            }
        }
    }
}

/// Bytes of a key with its colon; none if the line has no key of one line.
fn key_length(text: &[u8]) -> Option<usize> {
    let quote = text.first().copied().filter(|byte| matches!(byte, b'"' | b'\''));
    if matches!(text.first(), Some(b'?' | b'*' | b'&' | b'!' | b'|' | b'>' | b'@' | b'`' | b']' | b'}' | b',')) {
        return None;
    }
    let mut from = 0;
    if let Some(quote) = quote {
        let escapes = quote == b'"';
        let mut escaped = false;
        let inner = text.get(1..)?.iter().position(|byte| {
            let ends = *byte == quote && !escaped;
            escaped = escapes && *byte == b'\\' && !escaped;
            ends
        })?;
        from = inner + 2;
    }
    let colon =
        text.get(from..)?.iter().enumerate().position(|(index, byte)| {
            *byte == b':' && text.get(from + index + 1).is_none_or(u8::is_ascii_whitespace)
        })?;
    let comment = text.get(..from + colon)?.windows(2).skip(from.saturating_sub(1)).any(|pair| pair == b" #");
    (!comment).then_some(from + colon + 1)
}

/// What is open after `line`, begun at this depth and within this quote (0: none).
fn flow(line: &[u8], mut depth: usize, mut quote: u8) -> Inside {
    let (mut escaped, mut before) = (false, b' ');
    for byte in line {
        match (quote, byte) {
            (b'"', b'\\') if !escaped => {
                escaped = true;
                continue;
            }
            (0, b'#') if before.is_ascii_whitespace() => break,
            (0, b'"' | b'\'') if !before.is_ascii_alphanumeric() => quote = *byte,
            (0, b'[' | b'{') => depth += 1,
            (0, b']' | b'}') => depth = depth.saturating_sub(1),
            (open, byte) if open == *byte && !escaped && open != 0 => quote = 0,
            _ => {}
        }
        (escaped, before) = (false, *byte);
    }
    if depth > 0 || quote != 0 { Inside::Flow(depth, quote) } else { Inside::Value }
}

/// The items of a block list whose first item begins at `start`, each without the blank lines and comments after it.
fn items<'a>(bytes: &'a [u8], start: Open, indent: usize, visit: &mut impl FnMut(Row<'a>)) {
    let list = bytes.get(start.from..).unwrap_or_default();
    let (mut open, mut over) = (None::<Open>, false);
    lines(list, |line, text| {
        let offset = (text.as_ptr() as usize).saturating_sub(list.as_ptr() as usize);
        let own = text.iter().take_while(|byte| **byte == b' ').count();
        if over {
            return;
        }
        if own > indent && text.get(own).is_some_and(u8::is_ascii_graphic) {
            open.iter_mut().for_each(|open| open.to = offset + text.len());
            return;
        }
        let content = text.trim_ascii();
        let is_item = own == indent && (content == b"-" || content.starts_with(b"- "));
        if content.is_empty() || (content.starts_with(b"#") && own <= indent) {
            return;
        }
        if is_item {
            open.take().into_iter().for_each(|open| visit(open.row(list)));
            open = Some(Open { line: start.line + line - 1, from: offset + indent + 1, to: offset + text.len() });
        } else if own > indent {
            open.iter_mut().for_each(|open| open.to = offset + text.len());
        } else {
            over = true;
        }
    });
    open.into_iter().for_each(|open| visit(open.row(list)));
}

/// The items of a list in brackets.
fn flow_items<'a>(bytes: &'a [u8], start: usize, first: u64, visit: &mut impl FnMut(Row<'a>)) {
    let (mut depth, mut quote, mut escaped, mut comment, mut before) = (0_usize, 0_u8, false, false, b' ');
    let mut line = first;
    let mut open: Option<Open> = None;
    for (index, byte) in bytes.iter().enumerate().skip(start) {
        line += u64::from(*byte == b'\n');
        comment = (comment || (quote == 0 && *byte == b'#' && before.is_ascii_whitespace())) && *byte != b'\n';
        let inside = depth == 1 && quote == 0 && !comment;
        if inside && matches!(byte, b',' | b']') {
            open.take().into_iter().for_each(|open| visit(open.row(bytes)));
        } else if depth > 0 && !comment && !byte.is_ascii_whitespace() {
            open.get_or_insert(Open { line, from: index, to: index }).to = index + 1;
        }
        if !comment {
            match (quote, byte) {
                (b'"', b'\\') if !escaped => {
                    (escaped, before) = (true, *byte);
                    continue;
                }
                (0, b'"' | b'\'') if !before.is_ascii_alphanumeric() => quote = *byte,
                (0, b'[' | b'{') => depth += 1,
                (0, b']' | b'}') => depth = depth.saturating_sub(1),
                (open, byte) if open == *byte && !escaped && open != 0 => quote = 0,
                _ => {}
            }
            (escaped, before) = (false, *byte);
            if depth == 0 {
                return;
            }
        } else {
            before = *byte;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::{pairs, rows};
    use super::super::{Format, for_each_row};
    use super::*;

    fn holds(text: &str) -> Holds {
        for_each_row(text.as_bytes(), Format::YamlList, |_| {}).holds
    }

    #[test]
    fn items_reach_to_the_next_item_without_the_comments_between() {
        assert_eq!(
            rows("# head\n- name: a\n  type: x\n# note\n\n- b\n", Format::YamlList),
            pairs(&[(2, "name: a\n  type: x"), (6, "b")])
        );
        assert_eq!(rows("---\n  - a\n  -\n    b: 1\n", Format::YamlList), pairs(&[(2, "a"), (3, "b: 1")]));
    }

    #[test]
    fn the_only_list_under_a_key_has_the_rows_however_it_is_written() {
        for text in [
            "countries:\n  - DE\n  - 'NO'\n",
            "countries:\n- DE\n- 'NO'\n",
            "version: 3\ncountries: &all\n  - DE # Germany\n  # and\n  - NO\nnote: |\n  - x\n  - y\n",
            "countries: [DE, \"N,O\"]\n",
            "v: \"a\n  b: c\"\ncountries: [\n  DE, # x\n  'NO',\n]\n",
            "\"my countries\":\n  - a: 1\n    list:\n      - x\n      - y\n  - b\nother:\n  deep:\n    - 1\n",
        ] {
            assert_eq!(rows(text, Format::YamlList).len(), 2, "{text}");
        }
    }

    #[test]
    fn settings_and_what_is_not_certain_have_no_rows_rather_than_none() {
        assert_eq!(holds("a: 1\nb:\n  c:\n    - 1\n"), Holds::Settings);
        assert_eq!(holds("a: [1]\nb: [2]\n"), Holds::Settings);
        assert_eq!(holds("a: &x [1]\nb: *x\n"), Holds::Unknown);
        assert_eq!(holds("- a\n---\n- b\n"), Holds::Unknown);
        assert_eq!(holds("just a text\n"), Holds::Unknown);
        assert_eq!(holds("{\"rows\": [1, 2]}"), Holds::Rows, "JSON is YAML");
        assert_eq!(holds("a:\n\t- b\n"), Holds::Unknown);
    }
}
