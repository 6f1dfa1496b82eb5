//! Where the value of a name that fits ends: quotes of one and of several lines, here-documents, bare values. What is within
//! brackets and within blocks of lines is found in `scopes`. Where the end is missing, everything to the end of the text is hidden.

use super::patterns::pem_at;
use super::rules::{Fit, may_stay};
use super::scan::{Kind, Scan, Scope, looks_secret};
use super::text::{blanks, find, is_blank, is_word, line_end, line_start, next_line, starts};
use std::ops::Range;

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its first byte that is no blank.
    pub(super) at: usize,
    /// Whether its name is in quotes.
    pub(super) quoted: bool,
    /// Whether a colon separates the two.
    pub(super) colon: bool,
    /// Whether blanks, or nothing more on the line, follow the separator.
    pub(super) spaced: bool,
    /// Column of the name, if it is the first of its line.
    pub(super) column: Option<usize>,
}

impl Scan<'_> {
    /// The value at `place`, or the scope that begins there.
    pub(super) fn value(&mut self, fit: Fit, mut place: Place) -> Option<Range<usize>> {
        self.at = place.at;
        let end = line_end(self.text, place.at);
        let line = self.text.get(place.at..end)?.trim_ascii();
        if self.kind == Kind::Content && (line.is_empty() || line.starts_with(b"#")) {
            match self.value_below(place) {
                Some(at) => place.at = at,
                None => return None,
            }
        }
        self.at = place.at;
        match self.byte(place.at)? {
            b'"' | b'\'' | b'`' => self.quoted(fit, place.at),
            b'\\' if starts(self.text, place.at, b"\\\"") => {
                let start = place.at + 2;
                let close = find(self.text, start, b"\\\"").unwrap_or(self.text.len());
                self.hide(start..close)
            }
            b'[' | b'{' => {
                self.scope = Scope::Brackets { depth: 0 };
                None
            }
            b'<' if starts(self.text, place.at, b"<<") => self.here_document(place),
            b'-' if starts(self.text, place.at, b"-----BEGIN ") => {
                let body = pem_at(self.text, place.at)?;
                self.hide(body)
            }
            _ if self.kind == Kind::Content && place.column.is_some() && !place.quoted => self.directive(fit, place),
            _ => self.bare(fit, place),
        }
    }

    /// Where the value is that does not stand on the line of its name. If it is a block of lines, the scan goes on in that.
    fn value_below(&mut self, place: Place) -> Option<usize> {
        let below = next_line(self.text, place.at);
        let gap = self.text.get(below..)?.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if place.quoted && matches!(self.byte(below + gap), Some(b'[' | b'{' | b'"')) {
            return Some(below + gap);
        }
        let start = line_start(self.text, place.at);
        let column = place.column.unwrap_or_else(|| blanks(self.text, start));
        self.at = below;
        self.scope = Scope::Lines { column, list: place.colon, keys: true };
        None
    }

    /// A value in quotes of one or three characters, which may have several lines.
    fn quoted(&mut self, fit: Fit, at: usize) -> Option<Range<usize>> {
        let string = self.string(at);
        self.at = string.after;
        let glued = |byte: u8| is_word(byte) || matches!(byte, b'"' | b'\'' | b'$');
        let inner = self.text.get(string.inner.clone())?;
        if !self.byte(string.after).is_some_and(glued) {
            return if may_stay(fit, inner) { None } else { Some(string.inner) };
        }
        // More of the value follows without a gap, as shells and YAML allow: 'it''s'.
        let rest = self.text.get(string.after..line_end(self.text, string.after))?;
        let ends = |byte: &u8| is_blank(*byte) || matches!(byte, b',' | b';' | b')' | b'}' | b']' | b'>');
        let end = string.after + rest.iter().position(ends).unwrap_or(rest.len());
        self.hide(string.inner.start..end)
    }

    /// The string that begins with the quote at `at`.
    pub(super) fn string(&self, at: usize) -> Quoted {
        let quote = self.byte(at).unwrap_or(b'"');
        let triple = self.byte(at + 1) == Some(quote) && self.byte(at + 2) == Some(quote) && quote != b'`';
        let width = if triple { 3 } else { 1 };
        let start = at + width;
        let mut close = start;
        while let Some(byte) = self.byte(close) {
            let ends = byte == quote
                && (!triple || self.byte(close + 1) == Some(quote) && self.byte(close + 2) == Some(quote));
            // In single quotes a backslash escapes in some languages only: it does if another quote follows on the line.
            let escapes =
                byte == b'\\' && (quote == b'"' || quote == b'\'' && !triple && self.another(close + 1, quote));
            if ends {
                return Quoted { inner: start..close, after: close + width };
            }
            close += if escapes { 2 } else { 1 };
        }
        Quoted { inner: start.min(self.text.len())..self.text.len(), after: self.text.len() }
    }

    fn another(&self, at: usize, quote: u8) -> bool {
        self.byte(at) == Some(quote)
            && self.text.get(at + 1..line_end(self.text, at)).is_some_and(|rest| rest.contains(&quote))
    }

    /// A here-document: `<<EOF`, and the lines up to that word.
    fn here_document(&mut self, place: Place) -> Option<Range<usize>> {
        let end = line_end(self.text, place.at);
        let mark = self.text.get(place.at + 2..end)?;
        let is_sign = |byte: &u8| matches!(byte, b'-' | b'~' | b'"' | b'\'' | b'<' | b' ');
        let start = mark.iter().position(|byte| !is_sign(byte)).unwrap_or(mark.len());
        let word = mark.get(start..)?;
        let word = word.get(..word.iter().take_while(|byte| is_word(**byte)).count())?;
        let body = next_line(self.text, end);
        let mut line = body;
        while line < self.text.len() && !word.is_empty() {
            let next = next_line(self.text, line);
            if self.text.get(line..next)?.trim_ascii() == word {
                break;
            }
            line = next;
        }
        self.hide(body..line)
    }

    /// A bare value that is the rest of its line, and of the lines that go on with it.
    pub(super) fn directive(&mut self, fit: Fit, place: Place) -> Option<Range<usize>> {
        let mut end = line_end(self.text, place.at);
        // A backslash at the end of a line: the value goes on.
        while end > place.at && self.byte(end - 1) == Some(b'\\') && end < self.text.len() {
            end = line_end(self.text, next_line(self.text, end));
        }
        let line = self.text.get(place.at..end)?.trim_ascii_end();
        if matches!(line.first(), Some(b'"' | b'\'' | b'`')) && place.column.is_none() {
            return self.quoted(fit, place.at);
        }
        let bare = line.strip_suffix(b";").or_else(|| line.strip_suffix(b",")).unwrap_or(line);
        let value = bare.split(|byte| *byte == b'#').next().unwrap_or_default();
        self.at = place.at;
        if let Some(column) = place.column.filter(|_| is_block(value)) {
            self.at = next_line(self.text, place.at);
            self.scope = Scope::Lines { column, list: false, keys: false };
            return None;
        }
        if may_stay(fit, value) {
            return None;
        }
        self.at = place.at + bare.len();
        if let Some(column) = place.column {
            // Deeper lines go on with the value, in YAML and in INI.
            self.at = next_line(self.text, end.saturating_sub(1).max(place.at));
            self.scope = Scope::Lines { column, list: false, keys: false };
        }
        Some(place.at..place.at + bare.len())
    }

    /// A bare value among others on its line.
    fn bare(&mut self, fit: Fit, place: Place) -> Option<Range<usize>> {
        let rest = self.text.get(place.at..line_end(self.text, place.at))?;
        // The value of a header may have several words; in a message, what follows may be prose.
        let certain = self.kind == Kind::Content || matches!(fit, Fit::Hard | Fit::Declared);
        let words = place.colon && place.spaced && !place.quoted && certain;
        let mut depth = 0_usize;
        let mut length = rest.len();
        for (at, byte) in rest.iter().enumerate() {
            let ends = match byte {
                b'(' | b'[' | b'{' => {
                    depth += 1;
                    false
                }
                b')' | b']' | b'}' if depth > 0 => {
                    depth -= 1;
                    false
                }
                _ if depth > 0 => false,
                b')' | b']' | b'}' | b'"' | b'\'' | b'`' | b'>' | b'<' => {
                    !rest.get(at + 1).is_some_and(|next| is_word(*next))
                }
                b',' | b';' | b'&' | b'|' => place.quoted || another_follows(rest, at + 1),
                b' ' | b'\t' => !words,
                _ => false,
            };
            if ends {
                length = at;
                break;
            }
        }
        let value = rest.get(..length)?.trim_ascii_end();
        let prose = self.kind == Kind::Message && place.spaced && fit == Fit::Soft && !looks_secret(value);
        if value.is_empty() || prose || may_stay(fit, value) {
            return None;
        }
        self.hide(place.at..place.at + value.len())
    }
}

/// A string in quotes.
pub(super) struct Quoted {
    /// What is between the quotes.
    pub(super) inner: Range<usize>,
    /// The byte after the last quote.
    pub(super) after: usize,
}

/// Whether a value of YAML says that its lines follow: `|`, `>-`, `!tag |2`.
pub(super) fn is_block(value: &[u8]) -> bool {
    let last = value.trim_ascii().rsplit(|byte| is_blank(*byte)).next().unwrap_or_default();
    let signs = last.get(1..).unwrap_or_default();
    matches!(last.first(), Some(b'|' | b'>'))
        && signs.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'+' | b'-'))
}

/// Whether another `name=` or the end of the line follows, so that the separator before `at` ends a value.
fn another_follows(line: &[u8], at: usize) -> bool {
    let rest = line.get(at..).unwrap_or_default();
    let rest = rest.get(rest.iter().take_while(|byte| is_blank(**byte)).count()..).unwrap_or_default();
    let rest = rest.strip_prefix(b"\"").unwrap_or(rest);
    let word = rest.iter().take_while(|byte| is_word(**byte)).count();
    let tail = rest.get(word..).unwrap_or_default();
    let closes = |byte: &u8| matches!(byte, b'}' | b']' | b')' | b'"' | b'\'');
    rest.is_empty()
        || rest.first().is_some_and(closes)
        || word > 0 && matches!(tail.trim_ascii_start().first(), Some(b'=' | b':' | b'"'))
}
