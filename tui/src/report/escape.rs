//! Foreign text in Markdown: no control or hidden character, and no character that would make a link, an image, a table
//! cell, a heading or HTML (reliability.md G3).

use firstbad_protocol::Untrusted;

/// `text` as plain words in Markdown.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in Untrusted(text).to_string().chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            // At the start of a line it would quote; elsewhere people read the source too.
            '>' if escaped.trim().is_empty() => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            // An address would become a link of its own accord, and an at sign would notify somebody.
            ':' if escaped.ends_with("http") || escaped.ends_with("https") => escaped.push_str("&#58;"),
            '(' if escaped.ends_with(']') => escaped.push_str("\\("),
            '@' => escaped.push_str("&#64;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `text` as an inline code span, which keeps it verbatim; the fence is longer than any run of backticks inside.
pub(super) fn code(text: &str) -> String {
    let safe = Untrusted(text).to_string().replace('|', "\u{2502}");
    let run = safe.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(run + 1);
    let space = if safe.starts_with('`') || safe.ends_with('`') || safe.is_empty() { " " } else { "" };
    format!("{fence}{space}{safe}{space}{fence}")
}

/// `text` as words in Markdown in which pairs of backticks make code, as in a playbook. Facts that are filled into a playbook hold
/// no backtick. A backtick without a partner is one of plain words.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let part =
        |(index, part): (usize, &&str)| if index % 2 == 0 || part.is_empty() { escape(part) } else { code(part) };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_makes_no_markup() {
        let hostile = "![x](http://evil) <img src=x> | # @all\n\u{1b}[2J `a` [x]: https://evil";
        let escaped = escape(hostile);
        for markup in ["![", "](", "<img", " | ", "\n", "@all", "http://", "https://", "\u{1b}"] {
            assert!(!escaped.contains(markup), "{markup} in {escaped}");
        }
        assert_eq!(escape("rows > 200"), "rows > 200");
        assert_eq!(escape(" > quoted"), " &gt; quoted");
    }

    #[test]
    fn code_of_a_playbook_stays_code_and_the_rest_makes_no_markup() {
        assert_eq!(prose("run `firstbad hosts` and *look*"), "run `firstbad hosts` and \\*look\\*");
        assert_eq!(prose("a ` b"), "a \\` b");
        assert_eq!(prose("`a|b` ``"), "`a\u{2502}b` ");
    }

    #[test]
    fn code_cannot_be_left_from_inside() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("``"), "``` `` ```");
    }
}
