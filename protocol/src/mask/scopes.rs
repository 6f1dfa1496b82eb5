//! What to hide after a name that fits and opens a scope: every value within its brackets, every line of its block.

use super::scan::{Scan, Scope};
use super::text::{blanks, is_blank, is_word, line_end, next_line, starts};
use super::value::is_block;
use std::ops::Range;

impl Scan<'_> {
    /// The next value within brackets. Keys, separators and brackets stay.
    pub(super) fn in_brackets(&mut self, mut depth: usize) -> Option<Range<usize>> {
        while let Some(byte) = self.byte(self.at) {
            let at = self.at;
            let fresh = at == 0 || self.byte(at - 1).is_some_and(|byte| byte.is_ascii_whitespace());
            match byte {
                b'[' | b'{' | b'(' => depth += 1,
                b']' | b'}' | b')' if depth <= 1 => {
                    self.at += 1;
                    self.scope = Scope::Outside;
                    return None;
                }
                b']' | b'}' | b')' => depth -= 1,
                b'"' | b'\'' | b'`' => {
                    let string = self.string(at);
                    self.at = string.after;
                    self.scope = Scope::Brackets { depth };
                    if !string.inner.is_empty() && !self.is_key(string.after, true) {
                        return Some(string.inner);
                    }
                    continue;
                }
                b'#' if fresh => return self.bracket_span(depth, line_end(self.text, at)),
                b'/' if starts(self.text, at, b"//") => return self.bracket_span(depth, line_end(self.text, at)),
                _ if byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'=' | b';' | b'|' | b'&') => {}
                _ => {
                    let end = self.bare_end(at);
                    if !self.is_key(end, false) {
                        return self.bracket_span(depth, end);
                    }
                    self.at = end;
                    continue;
                }
            }
            self.at += 1;
        }
        self.scope = Scope::Outside;
        None
    }

    fn bracket_span(&mut self, depth: usize, end: usize) -> Option<Range<usize>> {
        let start = self.at;
        self.at = end.max(start + 1);
        self.scope = Scope::Brackets { depth };
        Some(start..end.max(start + 1))
    }

    /// End of the bare word within brackets that begins at `start`.
    fn bare_end(&self, start: usize) -> usize {
        let mut end = start + 1;
        while let Some(byte) = self.byte(end) {
            let ends = byte.is_ascii_whitespace()
                || matches!(byte, b',' | b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'"' | b'\'' | b'`');
            if ends || matches!(byte, b':' | b'=') && self.is_key(end, false) {
                break;
            }
            end += 1;
        }
        end
    }

    /// Whether what ends at `end` is a key, not a value: a separator follows, and then something that is a value.
    fn is_key(&self, end: usize, quoted: bool) -> bool {
        let at = end + blanks(self.text, end);
        let next = self.byte(at + 1);
        let opens = next.is_none_or(|byte| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b'[' | b'{'));
        match self.byte(at) {
            Some(b':') => quoted || opens,
            // `=` also fills up the end of base 64.
            Some(b'=') => quoted || opens && (at > end || next.is_some_and(|byte| !byte.is_ascii_whitespace())),
            _ => false,
        }
    }

    /// The next line of a block that is hidden.
    pub(super) fn in_lines(&mut self, column: usize, list: bool, mut keys: bool) -> Option<Range<usize>> {
        while self.at < self.text.len() {
            let (start, end, next) = (self.at, line_end(self.text, self.at), next_line(self.text, self.at));
            let indent = blanks(self.text, start);
            let first = start + indent;
            if self.text.get(first..end)?.trim_ascii().is_empty() {
                self.at = next;
                continue;
            }
            let is_item = |at: usize| {
                self.byte(at) == Some(b'-') && self.byte(at + 1).is_none_or(|byte| byte.is_ascii_whitespace())
            };
            if indent <= column && !(list && indent == column && is_item(first)) {
                break;
            }
            let mut from = first;
            let mut block = false;
            if keys {
                while is_item(from) {
                    from += 1 + blanks(self.text, from + 1);
                }
                from = self.after_key(from.min(end), end);
                // What only says that a block follows stays; the block is hidden whole.
                block = self.text.get(from..end).is_some_and(is_block);
                keys = !block;
            }
            self.at = next;
            self.scope = Scope::Lines { column, list, keys };
            let value = self.text.get(from..end)?.trim_ascii_end().len();
            if value > 0 && !block {
                return Some(from..from + value);
            }
        }
        self.scope = Scope::Outside;
        None
    }

    /// Where the value begins on a line `key: value`; its first byte if it has no key.
    fn after_key(&self, from: usize, end: usize) -> usize {
        let line = self.text.get(from..end).unwrap_or_default();
        let is_end = |at: usize| line.get(at + 1).is_none_or(|byte| is_blank(*byte));
        let colon = line.iter().enumerate().find(|(at, byte)| **byte == b':' && is_end(*at));
        let Some((at, _)) = colon else { return from };
        let key = line.get(..at).unwrap_or_default();
        let plain = |byte: &u8| is_word(*byte) || matches!(byte, b'"' | b'\'' | b'/');
        if key.iter().all(plain) { from + at + 1 + blanks(self.text, from + at + 1) } else { from }
    }
}
