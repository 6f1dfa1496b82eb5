//! The kind of a value: what a reader would take it for. Columns are compared by the kinds of their values, and a header is
//! known by having another kind than the rows below it.

/// What a reader would take a value for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Nothing, or white space.
    Empty,
    /// `null` and its spellings.
    Null,
    /// A number.
    Number,
    /// NaN or infinite.
    NotANumber,
    /// `true` or `false`.
    Boolean,
    /// Anything else.
    Text,
    /// A list (JSON, YAML, TOML).
    List,
    /// A mapping (JSON, YAML, TOML).
    Mapping,
}

impl Kind {
    /// The word in a sentence: "a number".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Null => "null",
            Self::Number => "a number",
            Self::NotANumber => "not a number",
            Self::Boolean => "true or false",
            Self::Text => "text (a string)",
            Self::List => "a list",
            Self::Mapping => "a mapping",
        }
    }

    /// The kind of a field of a separated file, whose quotes say nothing about it.
    #[must_use]
    pub fn of_field(field: &[u8]) -> Self {
        let field = unquoted(field.trim_ascii()).trim_ascii();
        if field.is_empty() {
            return Self::Empty;
        }
        // Longer than any number or word below.
        if field.len() > 40 {
            return Self::Text;
        }
        let is = |words: &[&str]| words.iter().any(|word| field.eq_ignore_ascii_case(word.as_bytes()));
        match field.first() {
            Some(b'0'..=b'9' | b'.' | b'+' | b'-') if is_number(field) => Self::Number,
            Some(b't' | b'T' | b'f' | b'F') if is(&["true", "false"]) => Self::Boolean,
            Some(b'n' | b'N' | b'\\') if is(&["null", "\\n"]) => Self::Null,
            Some(_) if is(&["nan", "inf", "-inf", "+inf", "infinity", "-infinity"]) => Self::NotANumber,
            _ => Self::Text,
        }
    }
}

/// A field without its quotes.
pub(super) fn unquoted(field: &[u8]) -> &[u8] {
    field.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(field)
}

/// Decimal notation, with or without sign, fraction and exponent.
pub(super) fn is_number(text: &[u8]) -> bool {
    let starts = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    starts.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
        && starts.iter().all(|byte| byte.is_ascii_digit() || b".e+-".contains(&byte.to_ascii_lowercase()))
        && std::str::from_utf8(text).is_ok_and(|text| text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_that_a_reader_would_see() {
        let kinds = ["", " ", "NULL", "1", "-1.5e3", "1.2.3", "NaN", "TRUE", "\"7\"", "v1", "1,5", "2024-01-01"];
        let found = kinds.map(|text| Kind::of_field(text.as_bytes()));
        use Kind::{Boolean, Empty, NotANumber, Null, Number, Text};
        assert_eq!(found, [Empty, Empty, Null, Number, Number, Text, NotANumber, Boolean, Number, Text, Text, Text]);
    }
}
