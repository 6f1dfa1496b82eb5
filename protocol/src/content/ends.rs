//! What the rows do not show: line ends, the end of the last line, the byte order mark.

use super::rows::BOM;

/// How the lines of a file end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Lines that end with a line feed alone.
    pub line_feeds: u64,
    /// Lines that end with carriage return and line feed.
    pub with_returns: u64,
    /// Carriage returns that no line feed follows.
    pub returns_alone: u64,
    /// Whether the last line has no line end.
    pub last_open: bool,
    /// Whether a byte order mark stands before the content.
    pub mark: bool,
    /// Bytes of zero.
    pub zeros: u64,
    /// Line of the first byte of zero.
    pub first_zero: Option<u64>,
}

impl Ends {
    /// The line ends of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut found = Self { mark: bytes.starts_with(BOM), ..Self::default() };
        let mut before = 0;
        for byte in bytes {
            match (before, byte) {
                (b'\r', b'\n') => found.with_returns += 1,
                (_, b'\n') => found.line_feeds += 1,
                (b'\r', _) => found.returns_alone += 1,
                _ => {}
            }
            if *byte == 0 {
                let line = found.line_feeds + found.with_returns + 1;
                found.zeros += 1;
                found.first_zero.get_or_insert(line);
            }
            before = *byte;
        }
        found.returns_alone += u64::from(before == b'\r');
        found.last_open = !bytes.is_empty() && !matches!(before, b'\n' | b'\r');
        found
    }

    /// How most lines end.
    #[must_use]
    pub const fn usual(&self) -> &'static str {
        if self.with_returns > self.line_feeds {
            "CRLF"
        } else if self.returns_alone > self.line_feeds {
            "CR"
        } else {
            "LF"
        }
    }

    /// Lines that do not end as most do.
    #[must_use]
    pub fn unusual(&self) -> u64 {
        let all = self.line_feeds + self.with_returns;
        all - self.line_feeds.max(self.with_returns)
    }

    /// What differs from `old`, each as a sentence.
    #[must_use]
    pub fn changes_from(&self, old: &Self) -> Vec<String> {
        let mut found = Vec::new();
        let lines = |ends: &Self| ends.line_feeds + ends.with_returns + ends.returns_alone;
        if self.usual() != old.usual() && lines(self) > 0 && lines(old) > 0 {
            let (now, before) = (self.usual(), old.usual());
            found.push(format!("line ends changed: {before} -> {now} in {} lines", lines(self) - self.unusual()));
        } else if self.unusual() > old.unusual() {
            let now = self.unusual();
            found.push(format!(
                "line ends are mixed: {now} lines do not end with {}, {} before",
                self.usual(),
                old.unusual()
            ));
        }
        match (old.last_open, self.last_open) {
            (false, true) if lines(old) == 0 => {}
            (false, true) => {
                found.push("the last line has no line end, it had one: the file may be cut off".to_owned())
            }
            (true, false) => found.push("the last line has a line end, it had none".to_owned()),
            _ => {}
        }
        match (old.mark, self.mark) {
            (false, true) => found.push("a byte order mark (BOM) stands before the content, none before".to_owned()),
            (true, false) => found.push("the byte order mark (BOM) before the content is gone".to_owned()),
            _ => {}
        }
        if self.zeros > old.zeros {
            let line = self.first_zero.unwrap_or(0);
            found.push(format!("{} NUL bytes, {} before, the first on line {line}", self.zeros, old.zeros));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_told_by_what_it_changes() {
        let of = |text: &str| Ends::of(text.as_bytes());
        let changes = |old: &str, new: &str| of(new).changes_from(&of(old)).join("; ");
        assert_eq!(changes("a\nb\n", "a\nb\n"), "");
        assert!(changes("a\nb\n", "a\nb").contains("may be cut off"));
        assert!(changes("a\nb", "a\nb\n").contains("it had none"));
        assert!(changes("a\nb\n", "a\r\nb\r\n").contains("LF -> CRLF in 2 lines"));
        assert!(changes("a\nb\nc\n", "a\nb\r\nc\n").contains("mixed: 1"));
        assert!(changes("a\nb\n", "a\rb\r").contains("LF -> CR in 2 lines"));
        assert!(changes("a\n", "\u{feff}a\n").contains("BOM"));
        assert!(changes("a\nb\n", "a\n\0\0b\n").contains("2 NUL bytes, 0 before, the first on line 2"));
        assert_eq!(changes("", "a"), "", "an empty file had no line end to lose");
    }
}
