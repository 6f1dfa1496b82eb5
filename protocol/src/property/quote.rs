//! Quotes a name or a value of a sender, so that no part of it is taken for the grammar of properties: bare where that is
//! unambiguous, else in double quotes with every quote inside doubled.

use super::NotAProperty;
use std::borrow::Cow;

/// The text between two clauses.
pub(super) const AND: &str = " and ";

/// `text` as a part of a clause, in quotes where needed.
pub(super) fn quoted(text: &str, must: bool) -> Cow<'_, str> {
    if must || text.contains('"') || text.split(' ').any(|word| word == AND.trim()) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(text)
    }
}

/// The inverse of [`quoted`].
pub(super) fn unquoted(text: &str) -> Result<String, NotAProperty> {
    let Some(opened) = text.strip_prefix('"') else {
        return if text.contains('"') { Err(NotAProperty) } else { Ok(text.to_owned()) };
    };
    let inside = opened.strip_suffix('"').ok_or(NotAProperty)?;
    if inside.replace("\"\"", "").contains('"') { Err(NotAProperty) } else { Ok(inside.replace("\"\"", "\"")) }
}

/// The clauses of a property: split at each ` and ` that is not in quotes.
pub(super) fn split(text: &str) -> Vec<String> {
    let is_open = |part: &str| part.matches('"').count() % 2 == 1;
    let mut parts: Vec<String> = Vec::new();
    for piece in text.split(AND) {
        match parts.last_mut().filter(|last| is_open(last)) {
            Some(last) => {
                last.push_str(AND);
                last.push_str(piece);
            }
            None => parts.push(piece.to_owned()),
        }
    }
    parts
}
