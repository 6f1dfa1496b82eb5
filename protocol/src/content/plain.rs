//! Files of lines. Comments, blank lines, rulers and lone brackets are told apart from rows: a table of 200 holds 198 addresses
//! under a head of comments. Lines within blocks are counted, and one that stands twice is no duplicate there.

use super::rows::{Holds, Part, Row, Walked, lines};

/// Bytes of a ruler (`-----`, `=====`) at least.
const RULER_BYTES_MIN: usize = 3;

pub(super) fn walk<'a>(bytes: &'a [u8], visit: &mut impl FnMut(Row<'a>)) -> Walked {
    let marks = Marks::of(bytes);
    let (mut nested, mut under) = (false, false);
    lines(bytes, |line, bytes| {
        let part = marks.part(bytes);
        if part == Part::Row {
            let indented = matches!(bytes.first(), Some(b' ' | b'\t'));
            nested |= (indented && under) || bytes.trim_ascii_end().ends_with(b"{");
            under |= !indented;
        }
        visit(Row { line, bytes, part });
    });
    Walked::of(if nested { Holds::NestedLines } else { Holds::Rows })
}

/// What begins a comment in this file.
struct Marks {
    /// A filter list: `!` begins a comment, and `##` a rule.
    filters: bool,
}

impl Marks {
    fn of(bytes: &[u8]) -> Self {
        let first = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty());
        let filters = first.is_some_and(|first| {
            let title = first.strip_prefix(b"!").is_some_and(|rest| rest.contains(&b' '));
            title || first == b"!" || first.to_ascii_lowercase().starts_with(b"[adblock")
        });
        Self { filters }
    }

    fn part(&self, line: &[u8]) -> Part {
        let text = line.trim_ascii();
        let Some((first, rest)) = text.split_first() else { return Part::Blank };
        let is_comment = match first {
            b'#' => !(self.filters && is_rule_after_hash(rest)),
            b';' => true,
            b'!' => self.filters || matches!(rest.first(), None | Some(b' ' | b'\t' | b'!' | b'-' | b'=' | b'#')),
            b'/' => rest.first() == Some(&b'/') && (rest.len() == 1 || text.contains(&b' ')),
            b'%' => matches!(rest.first(), None | Some(b' ' | b'\t')),
            b'-' => rest.starts_with(b"- "),
            b'[' => self.filters && rest.to_ascii_lowercase().starts_with(b"adblock"),
            _ => false,
        };
        if is_comment {
            Part::Comment
        } else if is_frame(text) {
            Part::Frame
        } else {
            Part::Row
        }
    }
}

/// `##.banner`, `#@#.banner`, `#?#`: rules of a filter list for every site. `# text` and `####` are comments there too.
fn is_rule_after_hash(rest: &[u8]) -> bool {
    let Some(second) = rest.iter().take(3).position(|byte| *byte == b'#') else { return false };
    rest.get(second + 1..).and_then(<[u8]>::first).is_some_and(|next| !matches!(next, b' ' | b'\t')) && {
        // A ruler of hashes has nothing else.
        rest.iter().any(|byte| *byte != b'#')
    }
}

/// A lone bracket, with or without the mark after it, or a ruler.
fn is_frame(text: &[u8]) -> bool {
    let bare = text.strip_suffix(b";").or_else(|| text.strip_suffix(b",")).unwrap_or(text);
    let bracket = matches!(bare, [b'{' | b'}' | b'(' | b')' | b'[' | b']']);
    let ruler = text.len() >= RULER_BYTES_MIN && matches!(text.first(), Some(b'-' | b'='));
    bracket || (ruler && text.iter().all(|byte| Some(byte) == text.first()))
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::{pairs, parts, rows};
    use super::super::{Format, for_each_row};
    use super::*;

    fn kinds(text: &str) -> Vec<Part> {
        parts(text, Format::Lines).into_iter().map(|(_, part, _)| part).collect()
    }

    #[test]
    fn comments_blank_lines_and_frames_are_no_rows() {
        use Part::{Blank, Comment, Frame, Row};
        let text = "# head\n;ini\n! text\n// note\n% whois\n-- sql\n\n10.0.0.1\n{\n},\n=====\n";
        assert_eq!(
            kinds(text),
            [Comment, Comment, Comment, Comment, Comment, Comment, Blank, Row, Frame, Frame, Frame]
        );
        let kept = "//cdn.example/x\n!keep.txt\n|\n()\n*\n--flag\n/\n";
        assert_eq!(kinds(kept), [Row; 7], "what only resembles a comment is a row");
    }

    #[test]
    fn a_filter_list_has_rules_that_begin_with_a_hash() {
        use Part::{Comment, Row};
        let text = "[Adblock Plus 2.0]\n! Title: x\n!---\n##.banner\n#@#.ad\n###id\nsite.example##.x\n# old\n####\n";
        assert_eq!(kinds(text), [Comment, Comment, Comment, Row, Row, Row, Row, Comment, Comment]);
    }

    #[test]
    fn lines_within_blocks_are_counted_and_not_compared() {
        let holds = |text: &str| for_each_row(text.as_bytes(), Format::Lines, |_| {}).holds;
        assert_eq!(holds("map $a $b {\n  x 1;\n  y 1;\n}\n"), Holds::NestedLines);
        assert_eq!(holds("frontend a\n  mode http\nbackend b\n  mode http\n"), Holds::NestedLines);
        assert_eq!(holds("  a\n  b\n"), Holds::Rows, "an indented list has no blocks");
        assert_eq!(
            rows("geo $x {\n  10.0.0.0/8 1;\n}\n", Format::Lines),
            pairs(&[(1, "geo $x {"), (2, "  10.0.0.0/8 1;")])
        );
    }
}
