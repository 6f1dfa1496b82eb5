//! Attributes and numbers as OTLP/JSON spells them, appended to a text.

use crate::composer::style::Style;
use std::fmt::Write as _;

/// An attribute that is text. Values hold nothing that JSON would escape, but for quotes and backslashes.
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

/// An attribute that is an integer.
pub(crate) fn whole(out: &mut String, style: &Style, key: &str, value: i64) {
    out.push_str("{\"key\":\"");
    out.push_str(key);
    out.push_str("\",\"value\":{\"intValue\":");
    number(out, style, value);
    out.push_str("}}");
}

/// An attribute that is true or false.
pub(crate) fn truth(out: &mut String, key: &str, value: bool) {
    put(out, format_args!("{{\"key\":\"{key}\",\"value\":{{\"boolValue\":{value}}}}}"));
}

/// A 64-bit integer: a JSON number, or text as protobuf's mapping has it.
pub(crate) fn number(out: &mut String, style: &Style, value: i64) {
    if style.numbers {
        put(out, format_args!("{value}"));
    } else {
        put(out, format_args!("\"{value}\""));
    }
}

/// Formatted text.
pub(crate) fn put(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(arguments);
}

/// Appends items with commas between them.
#[derive(Debug)]
pub(crate) struct Commas(bool);

impl Commas {
    /// Before the first item.
    pub(crate) const fn new() -> Self {
        Self(false)
    }

    /// A comma, but before the first item.
    pub(crate) fn next(&mut self, out: &mut String) {
        if std::mem::replace(&mut self.0, true) {
            out.push(',');
        }
    }
}
