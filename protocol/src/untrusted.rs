//! Text that came from telemetry or a damaged file, on its way to a person. Control characters, bidirectional overrides
//! and zero-width characters are shown escaped and never reach a terminal, log, Markdown page or label raw
//! (invariant 11; reliability.md G1, G2). Where the text goes, and how it is quoted there, is the caller's decision.

use std::fmt;

/// Borrowed text whose `Display` is safe for a terminal: one line, no control or invisible formatting characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Untrusted<'a>(pub &'a str);

impl Untrusted<'_> {
    /// The escaped text, cut to `columns_max` characters; a cut is marked with `...`.
    #[must_use]
    pub fn cut(&self, columns_max: usize) -> String {
        let text = self.to_string();
        if text.chars().count() <= columns_max {
            return text;
        }
        let kept: String = text.chars().take(columns_max.saturating_sub(3)).collect();
        format!("{kept}...")
    }
}

/// Whether `character` would act on a terminal, or hide, rather than show.
fn must_escape(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
            | '\u{E0000}'..='\u{E0FFF}')
}

impl fmt::Display for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        for character in self.0.chars() {
            if must_escape(character) {
                write!(f, "{}", character.escape_unicode())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Untrusted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_passes() {
        let hostile = "a\u{1b}]52;c;x\u{7}\u{9b}2J\r\n\u{202e}b\u{200b}\u{e0041}";
        let shown = Untrusted(hostile).to_string();
        assert!(shown.chars().all(|c| c == ' ' || (!c.is_control() && !must_escape(c))), "{shown}");
        assert!(shown.starts_with("a\\u{1b}]52"), "{shown}");
    }

    #[test]
    fn a_cut_is_marked() {
        assert_eq!(Untrusted("abcdefgh").cut(6), "abc...");
        assert_eq!(Untrusted("abc").cut(6), "abc");
    }
}
