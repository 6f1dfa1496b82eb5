//! Columns of comma-separated and like files whose header names a secret: their fields are hidden in every row.

use super::rules::{Fit, Rules};
use super::text::{is_word, line_end, next_line};
use std::ops::Range;

/// Separators of fields, and of the first that divides the header into names.
const SEPARATORS: [u8; 4] = [b',', b'\t', b';', b'|'];

/// What UTF-8 files of some editors begin with.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A table that has columns of secrets.
#[derive(Default)]
pub(super) struct Table {
    /// The header, in which nothing is hidden.
    pub(super) header: Range<usize>,
    /// The fields to hide, in order.
    pub(super) fields: Vec<Range<usize>>,
}

/// The table that `text` is; an empty one if its first line after comments is no header, or a header that names no secret.
pub(super) fn table(text: &[u8], rules: &Rules) -> Table {
    let begin = after_comments(text);
    let header = text.get(begin..line_end(text, begin)).unwrap_or_default();
    let Some((separator, hidden)) =
        SEPARATORS.iter().find_map(|separator| Some((*separator, columns(header, *separator, rules)?)))
    else {
        return Table::default();
    };
    let mut spans = Vec::new();
    let mut start = next_line(text, begin);
    let mut at = start;
    let mut column = 0;
    let mut quoted = false;
    loop {
        let byte = text.get(at).copied();
        quoted ^= byte == Some(b'"');
        // A quoted field may hold separators and line ends (RFC 4180).
        let ends = byte.is_none_or(|byte| !quoted && (byte == separator || byte == b'\n'));
        if ends {
            let end =
                if at > start && byte != Some(separator) && text.get(at - 1) == Some(&b'\r') { at - 1 } else { at };
            if hidden.get(column) == Some(&true) {
                // Quotes stay, so that a field of several lines stays one field.
                let is_quoted = end > start + 1 && text.get(start) == Some(&b'"') && text.get(end - 1) == Some(&b'"');
                let span = if is_quoted { start + 1..end - 1 } else { start..end };
                spans.extend(Some(span).filter(|span| !span.is_empty()));
            }
            column = if byte == Some(separator) { column + 1 } else { 0 };
            start = at + 1;
        }
        if byte.is_none() {
            return Table { header: begin..begin + header.len(), fields: spans };
        }
        at += 1;
    }
}

/// Where the first line begins that is neither blank nor a comment; a byte order mark belongs to none.
fn after_comments(text: &[u8]) -> usize {
    let mut at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    while let Some(line) = text.get(at..line_end(text, at)).filter(|_| at < text.len()) {
        if !line.starts_with(b"#") && !line.trim_ascii().is_empty() {
            break;
        }
        at = next_line(text, at);
    }
    at
}

/// Which columns are hidden, if `header` is one and names any.
fn columns(header: &[u8], separator: u8, rules: &Rules) -> Option<Vec<bool>> {
    let names: Vec<&[u8]> = header.split(|byte| *byte == separator).collect();
    if names.len() < 2 || !names.iter().all(|name| is_column_name(name)) {
        return None;
    }
    let hidden: Vec<bool> = names.iter().map(|name| rules.fit(name) != Fit::No).collect();
    hidden.contains(&true).then_some(hidden)
}

/// Whether a field may be the name of a column. Blanks stand only within quotes: `password hunter2` is none.
fn is_column_name(field: &[u8]) -> bool {
    let quoted = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\""));
    let name = quoted.unwrap_or_else(|| field.trim_ascii());
    !name.is_empty() && name.iter().all(|byte| is_word(*byte) || quoted.is_some() && *byte == b' ')
}
