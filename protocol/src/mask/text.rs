//! Small questions about bytes of a text.

/// Whether a byte is a blank within a line.
#[inline]
pub(super) const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Whether a byte belongs to a word that may be a name.
#[inline]
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'\\') || byte >= 0x80
}

/// How many blanks stand from `at` on.
#[inline]
pub(super) fn blanks(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| is_blank(**byte)).count()
}

/// Whether `part` stands at `at`.
#[inline]
pub(super) fn starts(text: &[u8], at: usize, part: &[u8]) -> bool {
    // Most texts differ in the first byte: that costs no call.
    text.get(at) == part.first() && text.get(at..).is_some_and(|rest| rest.starts_with(part))
}

/// First place of `part` from `from` on.
#[inline]
pub(super) fn find(text: &[u8], from: usize, part: &[u8]) -> Option<usize> {
    let first = *part.first()?;
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|byte| *byte == first)?;
        if starts(text, at, part) {
            return Some(at);
        }
        at += 1;
    }
}

/// End of the line that holds `at`, without its line end.
#[inline]
pub(super) fn line_end(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let end = at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    if end > at && text.get(end - 1) == Some(&b'\r') { end - 1 } else { end }
}

/// Start of the line after the one that holds `at`; the text's length if there is none.
#[inline]
pub(super) fn next_line(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| at + end + 1)
}

/// Start of the line that holds `at`.
pub(super) fn line_start(text: &[u8], at: usize) -> usize {
    text.get(..at).unwrap_or_default().iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}
