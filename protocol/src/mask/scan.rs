//! Finds what to hide in a text, span after span: values of names that fit, in whatever syntax, and secrets that are known by
//! their form. It does not ask which format a text has, since a format that is guessed wrongly must not leak: it reads what
//! TOML, YAML, JSON, INI, environment files, URLs, headers, XML and prose have in common. Where the syntax leaves a doubt, it
//! hides too much. It allocates nothing, so that the panic hook may use it. Where a value ends is decided in `value`.

use super::patterns::{after_scheme, crypt_at, pem_at, token_at, url_at};
use super::rules::{Fit, Rules};
use super::text::{blanks, find, is_blank, is_word, line_end, line_start, next_line, starts};
use super::value::Place;
use std::ops::Range;

/// What kind of text is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A version's content: lines mean something.
    Content,
    /// A message: prose that may quote a content.
    Message,
}

/// What the scan is within, after a name that fits.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scope {
    /// Nothing.
    Outside,
    /// Brackets so many levels deep: every value in them is hidden, keys stay.
    Brackets { depth: usize },
    /// Lines that are indented deeper than `column`, and, with `list`, items of a list at that very column.
    Lines { column: usize, list: bool, keys: bool },
}

/// Longest beginning of a line in which a name is looked for as the first of its line, bytes; a minified file is one line.
const HEAD_BYTES_MAX: usize = 256;

/// Words that may stand before the first name of a line.
const KEYWORDS: [&[u8]; 12] = [
    b"export",
    b"set",
    b"env",
    b"setenv",
    b"local",
    b"declare",
    b"readonly",
    b"const",
    b"let",
    b"var",
    b"define",
    b"arg",
];

/// The scan: an iterator over what to hide, in order, without overlaps.
pub(super) struct Scan<'a> {
    pub(super) text: &'a [u8],
    pub(super) rules: &'a Rules,
    pub(super) kind: Kind,
    pub(super) at: usize,
    pub(super) scope: Scope,
    /// Whether the section of a TOML or INI file has a name that fits.
    section: bool,
    /// Whether the last `name:` or `key:` had a value that fits: the `value:` beside it is hidden.
    named: bool,
}

impl Iterator for Scan<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            let found = match self.scope {
                Scope::Brackets { depth } => self.in_brackets(depth),
                Scope::Lines { column, list, keys } => self.in_lines(column, list, keys),
                Scope::Outside if self.at >= self.text.len() => return None,
                Scope::Outside => self.step(),
            };
            if let Some(found) = found.filter(|span| !span.is_empty()) {
                return Some(found);
            }
        }
    }
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a [u8], rules: &'a Rules, kind: Kind) -> Self {
        Self { text, rules, kind, at: 0, scope: Scope::Outside, section: false, named: false }
    }

    #[inline]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.text.get(at).copied()
    }

    #[inline]
    fn before(&self, at: usize) -> Option<u8> {
        at.checked_sub(1).and_then(|at| self.byte(at))
    }

    /// Goes on to `end`, and hides up to there.
    pub(super) fn hide(&mut self, span: Range<usize>) -> Option<Range<usize>> {
        self.at = self.at.max(span.end);
        Some(span)
    }

    /// One step outside all scopes. None: nothing to hide here, and `at` has moved.
    #[inline]
    fn step(&mut self) -> Option<Range<usize>> {
        let at = self.at;
        let byte = self.byte(at)?;
        if self.kind == Kind::Content && self.before(at).is_none_or(|byte| byte == b'\n') && self.section_at(at) {
            return None;
        }
        let form = match byte {
            b'-' if self.rules.builtin => pem_at(self.text, at),
            b'$' | b'{' if self.rules.builtin => crypt_at(self.text, at),
            _ => None,
        };
        if let Some(span) = form {
            self.at = span.end.max(at + 1);
            return Some(span);
        }
        if is_word(byte) {
            return self.word(at);
        }
        let rest = self.text.get(at..)?;
        let plain = |byte: &u8| is_word(*byte) || matches!(byte, b'\n' | b'$' | b'{');
        self.at = at + rest.iter().skip(1).position(plain).map_or(rest.len(), |skipped| skipped + 1);
        // After a line end, a section may begin.
        self.at = if byte == b'\n' { at + 1 } else { self.at };
        None
    }

    /// Whether the line from `at` on is a section's header; the scan then goes on after it.
    fn section_at(&mut self, at: usize) -> bool {
        let end = line_end(self.text, at);
        let line = self.text.get(at..end).unwrap_or_default().trim_ascii();
        let Some(inner) = line.strip_prefix(b"[").and_then(|line| line.strip_suffix(b"]")) else { return false };
        let plain =
            |byte: &u8| is_word(*byte) || matches!(byte, b' ' | b':' | b'/' | b'"' | b'\'' | b'[' | b']' | b'@');
        if inner.is_empty() || inner.starts_with(b"\"") || inner.starts_with(b"'") || !inner.iter().all(plain) {
            return false;
        }
        self.section = self.rules.fit(inner) != Fit::No;
        self.at = end.max(at + 1);
        true
    }

    /// The word that begins at `start`: a token, a URL's scheme, or a name.
    #[inline]
    fn word(&mut self, start: usize) -> Option<Range<usize>> {
        let rest = self.text.get(start..)?;
        let mut end = start + rest.iter().take_while(|byte| is_word(**byte)).count();
        self.at = end;
        if let Some(span) = token_at(self.text, start, self.rules) {
            return self.hide(span);
        }
        if self.rules.builtin {
            if starts(self.text, end, b"://") {
                self.at = end + 3;
                let credentials = url_at(self.text, start, end)?;
                return self.hide(credentials);
            }
            if let Some(span) = self.text.get(start..end).and_then(|word| after_scheme(self.text, word, end)) {
                return self.hide(span);
            }
        }
        // In a string within a string, quotes are escaped: `{\"password\": \"..\"}`.
        while end > start && self.before(end) == Some(b'\\') && matches!(self.byte(end), Some(b'"' | b'\'')) {
            end -= 1;
        }
        let name = self.text.get(start..end)?;
        match self.separator(start, end) {
            Some(place) => self.pair(name, start, place),
            None if self.before(start) == Some(b'<') => self.element(name, end),
            None if self.byte(end).is_some_and(is_blank) => self.loose(name, start, end),
            None => None,
        }
    }

    /// Where the value of the name from `start` to `end` stands, if `:` or `=` follows it.
    #[inline]
    fn separator(&self, start: usize, end: usize) -> Option<Place> {
        let mut at = end;
        while self.byte(at) == Some(b'\\') {
            at += 1;
        }
        let quoted = matches!(self.byte(at), Some(b'"' | b'\'' | b'`')) && self.byte(at) == self.before(start);
        at += usize::from(quoted);
        at += usize::from(quoted && self.byte(at) == Some(b']'));
        at += blanks(self.text, at);
        let colon = match (self.byte(at), self.byte(at + 1)) {
            (Some(b':'), Some(b':')) => return None,
            // A path in a message: `/run/secrets/token: No such file`.
            (Some(b':'), Some(b' ')) if self.kind == Kind::Message && self.before(start) == Some(b'/') => return None,
            (Some(b':'), Some(b'=')) | (Some(b'='), Some(b'>')) => {
                at += 1;
                false
            }
            (Some(b':'), _) => true,
            (Some(b'='), _) => false,
            _ => return None,
        };
        at += 1;
        let gap = blanks(self.text, at);
        Some(Place {
            at: at + gap,
            quoted,
            colon,
            spaced: gap > 0 || self.byte(at).is_none_or(|byte| matches!(byte, b'\n' | b'\r')),
            column: None,
        })
    }

    /// Start of the line of which the name at `start` is the first; none if something else comes before it.
    fn head(&self, start: usize) -> Option<usize> {
        let from = start.saturating_sub(HEAD_BYTES_MAX);
        let line = from + line_start(self.text.get(from..start)?, start - from);
        if line == from && from > 0 && self.before(from) != Some(b'\n') {
            return None;
        }
        let is_mark =
            |byte: &u8| is_blank(*byte) || matches!(byte, b'-' | b'#' | b'/' | b';' | b'*' | b'"' | b'\'' | b'$');
        let head = self.text.get(line..start)?;
        let word = head.iter().position(|byte| !is_mark(byte)).map_or(&[][..], |at| head.get(at..).unwrap_or_default());
        let word = word.trim_ascii_end().strip_suffix(b"$").unwrap_or(word).trim_ascii_end();
        (word.is_empty() || KEYWORDS.iter().any(|known| word.eq_ignore_ascii_case(known))).then_some(line)
    }

    /// A name and its value.
    fn pair(&mut self, name: &[u8], start: usize, mut place: Place) -> Option<Range<usize>> {
        let mut fit = self.rules.fit(name);
        if fit == Fit::No && self.section && !place.colon && self.head(start).is_some() {
            fit = Fit::Hard;
        }
        let is = |known: &[&[u8]]| known.iter().any(|known| name.eq_ignore_ascii_case(known));
        if fit == Fit::No && is(&[b"name", b"key", b"id", b"field", b"header", b"variable", b"parameter"]) {
            self.named = self.rules.fit(self.plain_value(place.at)) != Fit::No;
        } else if fit == Fit::No
            && self.named
            && is(&[b"value", b"val", b"default", b"content", b"data", b"stringvalue"])
        {
            self.named = false;
            fit = Fit::Hard;
        }
        if fit == Fit::No {
            return None;
        }
        place.column = self.head(start).map(|line| start - line);
        self.value(fit, place)
    }

    /// The word that is the value at `at`, without quotes.
    fn plain_value(&self, at: usize) -> &'a [u8] {
        let quotes = usize::from(matches!(self.byte(at), Some(b'"' | b'\'')));
        let rest = self.text.get(at + quotes..).unwrap_or_default();
        let length = rest.iter().take_while(|byte| is_word(**byte)).count();
        rest.get(..length).unwrap_or_default()
    }

    /// The text of an XML element whose name ends at `end`.
    fn element(&mut self, name: &[u8], end: usize) -> Option<Range<usize>> {
        if self.rules.fit(name) == Fit::No {
            return None;
        }
        let open = end + self.text.get(end..line_end(self.text, end))?.iter().position(|byte| *byte == b'>')?;
        if self.before(open) == Some(b'/') {
            return None;
        }
        let mut close = open + 1;
        loop {
            close = find(self.text, close, b"</")?;
            if starts(self.text, close + 2, name) {
                return self.hide(open + 1..close);
            }
            close += 2;
        }
    }

    /// The value that stands after a name and a blank: `password hunter2`.
    fn loose(&mut self, name: &[u8], start: usize, end: usize) -> Option<Range<usize>> {
        let fit = self.rules.fit(name);
        if fit == Fit::No {
            return None;
        }
        let value = end + blanks(self.text, end);
        let line = self.text.get(value..line_end(self.text, value))?.trim_ascii_end();
        if self.kind == Kind::Content && self.head(start).is_some() {
            let comment = self.before(start).is_some_and(|byte| byte == b' ') && line.contains(&b' ');
            let directive =
                !comment || self.text.get(line_start(self.text, start)..start)?.iter().all(|byte| is_blank(*byte));
            if directive && !line.starts_with(b"{") && !matches!(line.first(), Some(b',' | b'|')) {
                let place = Place { at: value, quoted: false, colon: false, spaced: true, column: None };
                return self.directive(fit, place);
            }
        }
        self.loose_word(fit, name, value)
    }

    /// The next word after a name in prose, if it looks like a value.
    fn loose_word(&mut self, fit: Fit, name: &[u8], mut value: usize) -> Option<Range<usize>> {
        for connector in [&b"is "[..], b"was ", b"to ", b"-> ", b"of "] {
            if starts(self.text, value, connector) {
                value += connector.len();
                break;
            }
        }
        let rest = self.text.get(value..next_line(self.text, value))?;
        let quote = rest.first().copied().filter(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        let from = usize::from(quote.is_some());
        let ends = |byte: &u8| match quote {
            Some(quote) => *byte == quote,
            None => byte.is_ascii_whitespace() || matches!(byte, b',' | b';' | b')' | b'"' | b'\''),
        };
        let word = rest.get(from..)?;
        let word = word.get(..word.iter().position(ends).unwrap_or(word.len()))?;
        let certain = name.starts_with(b"--") && !word.starts_with(b"-") && fit != Fit::No
            || self.kind == Kind::Content
                && (name.eq_ignore_ascii_case(b"password") || name.eq_ignore_ascii_case(b"passwd"))
            || quote.is_some() && (self.kind == Kind::Content || word.len() >= 4);
        let start = value + from;
        if word.is_empty() || !(certain || looks_secret(word)) || super::rules::may_stay(fit, word) {
            return None;
        }
        self.hide(start..start + word.len())
    }
}

/// Whether a word of prose looks like a secret rather than like a word of a language.
pub(super) fn looks_secret(word: &[u8]) -> bool {
    let word = word.strip_suffix(b".").unwrap_or(word);
    let digits = word.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = word.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let inner = word.get(1..word.len().saturating_sub(1)).unwrap_or_default();
    let mixed = inner.iter().any(u8::is_ascii_uppercase) && inner.iter().any(u8::is_ascii_lowercase);
    let odd = inner
        .iter()
        .any(|byte| matches!(byte, b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'/' | b'='));
    word.len() >= 4 && (digits > 0 && letters > 0 || digits >= 6 || mixed || odd && letters > 0 || word.len() >= 24)
}
