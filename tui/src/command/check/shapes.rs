//! Findings on new rows of a shape that the last good version did not have: a lone `|`, `/`, `*`, an empty alternative, a network
//! that is much wider than all others. One such row can match everything. It takes no knowledge of the format.

use super::{Checked, LISTED, Side};
use firstbad_protocol::content::{Dialect, Holds, Part, for_each_row, split_fields};
use std::collections::HashSet;

/// Rows that match everything in some format.
const MATCH_ALL: [&str; 39] = [
    "*",
    "**",
    "/",
    "//",
    "/*",
    "/**",
    "*/*",
    "*.*",
    "*:*",
    ".",
    ".*",
    ".+",
    "^",
    "$",
    "^$",
    "^.*",
    ".*$",
    "^.*$",
    "(.*)",
    "()",
    "|",
    "||",
    "||^",
    "||*^",
    "@@",
    "##",
    "%",
    "?",
    "0.0.0.0/0",
    "::/0",
    "0/0",
    "0.0.0.0",
    "::",
    "localhost",
    "127.0.0.1",
    "any",
    "all",
    "http://",
    "https://",
];
/// Bytes of the longest row that is too short among long ones.
const SHORT_BYTES_MAX: usize = 3;
/// Rows of the last good version that are no shorter than this many times [`SHORT_BYTES_MAX`].
const LONG_FACTOR: usize = 2;
/// Rows that the last good version has, at least, before a shape is unusual.
const ROWS_MIN: usize = 5;

/// What rows of a version look like.
#[derive(Default)]
struct Shapes {
    count: usize,
    shortest: Option<usize>,
    /// Whether a row has an alternative without content.
    empty_alternative: bool,
    /// The widest network, by the length of its prefix.
    widest: Option<u32>,
    /// Whether a row has a wildcard for one label, `*.com`.
    wildcard: bool,
}

impl Shapes {
    fn take(&mut self, row: &str) {
        self.count += 1;
        self.shortest = Some(self.shortest.unwrap_or(usize::MAX).min(row.len()));
        self.empty_alternative |= has_empty_alternative(row);
        self.wildcard |= is_wide_wildcard(row);
        self.widest = prefix_length(row).into_iter().chain(self.widest).min();
    }

    /// Why a row is unlike all of these, if it is.
    fn unusual(&self, row: &str) -> Option<&'static str> {
        if MATCH_ALL.iter().any(|all| row.eq_ignore_ascii_case(all)) {
            return Some("it may match everything");
        }
        if has_empty_alternative(row) && !self.empty_alternative {
            return Some("an alternative without content matches everything");
        }
        if is_wide_wildcard(row) && !self.wildcard {
            return Some("a wildcard for a whole domain");
        }
        match (prefix_length(row), self.widest) {
            (Some(length), Some(widest)) if length * 2 <= widest => {
                return Some("a network much wider than all others");
            }
            _ => {}
        }
        let long = self.shortest.is_some_and(|shortest| shortest >= SHORT_BYTES_MAX * LONG_FACTOR);
        (long && row.len() <= SHORT_BYTES_MAX).then_some("much shorter than all others")
    }
}

/// `(a||b)`, `a|`: a pattern with other bars or brackets in it, so that a bar is one of alternatives.
fn has_empty_alternative(row: &str) -> bool {
    let grouped = ["(|", "|)", "(?:|"].iter().any(|part| row.contains(part));
    let plain = row.len() > 1 && !row.starts_with('|') && row.contains('|');
    grouped || (plain && (row.ends_with('|') || row.contains("||")))
}

/// `*.com`.
fn is_wide_wildcard(row: &str) -> bool {
    row.strip_prefix("*.").is_some_and(|rest| !rest.is_empty() && !rest.contains(['.', '/', ' ']))
}

/// 8 in `10.0.0.0/8`.
fn prefix_length(row: &str) -> Option<u32> {
    let (address, length) = row.split_once('/')?;
    address.parse::<std::net::IpAddr>().ok()?;
    length.parse().ok().filter(|length| *length <= 128)
}

/// Calls `visit` with the line, the raw row and what of it is a pattern: the first field, or the row itself.
fn patterns<'a>(side: &Side<'a>, mut visit: impl FnMut(u64, &'a [u8], String)) -> Holds {
    let dialect = Dialect::of(side.bytes, side.whole.format);
    let walked = for_each_row(side.bytes, side.whole.format, |row| {
        if row.part != Part::Row {
            return;
        }
        let field = match dialect {
            Some(dialect) => split_fields(row.bytes, dialect.separator, dialect.quotes).next().unwrap_or_default(),
            None => row.bytes,
        };
        let text = String::from_utf8_lossy(field.trim_ascii());
        visit(row.line, row.bytes, text.trim_matches(['"', '\'']).to_owned());
    });
    walked.holds
}

impl Checked {
    pub(super) fn shapes(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let (mut shapes, mut known) = (Shapes::default(), HashSet::new());
        if let Some(before) = before {
            patterns(before, |_, row, pattern| {
                shapes.take(&pattern);
                known.insert(row);
            });
        }
        let (mut found, mut rows) = (Vec::new(), 0);
        let holds = patterns(now, |line, row, pattern| {
            rows += 1;
            if !known.contains(row)
                && let Some(why) = shapes.unusual(&pattern)
            {
                found.push((line, pattern, why));
            }
        });
        // An empty text among longer ones is in the kinds of values; settings have no rows.
        let comparable = matches!(holds, Holds::Rows | Holds::NestedLines);
        for (line, pattern, why) in found.iter().take(LISTED).filter(|_| comparable) {
            if before.is_some() && shapes.count >= ROWS_MIN {
                self.find("shape", format!("a row of a shape not seen before, line {line}: {pattern} ({why})"));
            } else if rows >= ROWS_MIN && *why == "it may match everything" {
                self.remarks.push(format!("line {line} may match everything: {pattern}"));
            }
        }
        if before.is_some() {
            self.more(found.len(), "rows of a shape not seen before");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_row_that_matches_everything_is_seen_among_many() {
        let of = |rows: &[&str], row: &str| {
            let mut shapes = Shapes::default();
            rows.iter().for_each(|row| shapes.take(row));
            shapes.unusual(row).is_some()
        };
        let sites = ["site0.example##.banner", "site1.example##.banner"];
        for row in ["|", "/", "*", "x", "||", "::/0", "LOCALHOST", "*.com"] {
            assert!(of(&sites, row), "{row}");
        }
        assert!(of(&["^/admin", "^/login(a|b)"], "^/(api||health)") && of(&["foo", "bar|baz"], "foo|"));
        assert!(of(&["10.1.0.0/16", "10.2.0.0/24"], "10.0.0.0/8") && of(&["10.1.0.0/16"], "0.0.0.0/1"));
        for row in ["site2.example##.banner", "a.io"] {
            assert!(!of(&sites, row), "{row}");
        }
        assert!(!of(&["||ads.example^"], "||more.example^") && !of(&["a", "b"], "c"));
        assert!(!of(&["10.1.0.0/16"], "10.1.0.0/17") && !of(&["a || b", "c || d"], "e || f"));
    }
}
