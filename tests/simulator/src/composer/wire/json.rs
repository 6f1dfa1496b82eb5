//! Writes attributes and numbers as OTLP/JSON spells them.

use crate::composer::style::Style;
use std::fmt::Write as _;

/// Appends a text attribute. Of the characters that JSON escapes, values hold only quotes and backslashes.
pub(crate) fn text(out: &mut String, key: &str, value: &str) {
    out.push_str("{\"key\":\"");
    out.push_str(key);
    out.push_str("\",\"value\":{\"stringValue\":\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push_str("\"}}");
}

/// Appends an integer attribute.
pub(crate) fn whole(out: &mut String, style: &Style, key: &str, value: i64) {
    out.push_str("{\"key\":\"");
    out.push_str(key);
    out.push_str("\",\"value\":{\"intValue\":");
    number(out, style, value);
    out.push_str("}}");
}

/// Appends a boolean attribute.
pub(crate) fn truth(out: &mut String, key: &str, value: bool) {
    put(out, format_args!("{{\"key\":\"{key}\",\"value\":{{\"boolValue\":{value}}}}}"));
}

/// Appends a 64-bit integer: as a JSON number, or as text, as the protobuf mapping demands.
pub(crate) fn number(out: &mut String, style: &Style, value: i64) {
    if style.numbers {
        put(out, format_args!("{value}"));
    } else {
        put(out, format_args!("\"{value}\""));
    }
}

/// Appends formatted text.
pub(crate) fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(arguments);
}

/// Writes the commas between the items of a list.
#[derive(Debug)]
pub(crate) struct Commas(bool);

impl Commas {
    /// Returns the state before the first item.
    pub(crate) const fn new() -> Self {
        Self(false)
    }

    /// Appends a comma, except before the first item.
    pub(crate) fn next(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.0, true) {
            out.push(',');
        }
    }
}
