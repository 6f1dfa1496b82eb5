//! Text on its way to a cell grid: made safe, measured by display width, cut, padded, wrapped; numbers and durations in
//! words. Which text stands where is decided by the view.

use firstbad_protocol::Untrusted;
use unicode_width::UnicodeWidthChar as _;

/// What marks a cut.
const MARK: &str = "..";

/// `text` without anything that acts on a terminal or hides in it; with `ascii`, without anything beyond ASCII either.
/// Characters of no width are escaped too: stacked on one cell they would be neither countable nor readable.
pub(crate) fn safe(text: &str, ascii: bool) -> String {
    let mut shown = String::new();
    for character in Untrusted(text).to_string().chars() {
        if (ascii && !character.is_ascii()) || character.width().unwrap_or(0) == 0 {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Columns that `text` takes; never less than a terminal gives it.
pub(crate) fn width(text: &str) -> usize {
    text.chars().map(|character| character.width().unwrap_or(0)).sum()
}

/// `text` in at most `columns` columns; a cut is marked with `..`.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = MARK.get(..columns.min(MARK.len())).unwrap_or(MARK);
    head(text, columns - mark.len()) + mark
}

/// `text` in exactly `columns` columns.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut text = cut(text, columns);
    let missing = columns.saturating_sub(width(&text));
    text.extend(std::iter::repeat_n(' ', missing));
    text
}

/// `text` in exactly `columns` columns, at the right.
pub(crate) fn pad_left(text: &str, columns: usize) -> String {
    let text = cut(text, columns);
    " ".repeat(columns.saturating_sub(width(&text))) + &text
}

/// `text` broken at spaces into lines of at most `columns`, at most `lines_max` of them; a cut is marked.
pub(crate) fn wrap(text: &str, columns: usize, lines_max: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && lines.len() < lines_max {
        if lines.len() + 1 == lines_max || width(rest) <= columns {
            lines.push(cut(rest, columns));
            break;
        }
        let fits = head(rest, columns).len().max(rest.chars().next().map_or(1, char::len_utf8));
        let fitting = rest.get(..fits).unwrap_or(rest);
        let next_is_space = rest.get(fits..).is_some_and(|tail| tail.starts_with(' '));
        // A word that is longer than half a line is broken rather than left to waste it.
        let at = if next_is_space { fits } else { fitting.rfind(' ').filter(|at| *at * 2 >= fits).unwrap_or(fits) };
        let (line, tail) = rest.split_at_checked(at).unwrap_or((rest, ""));
        lines.push(line.trim_end().to_owned());
        rest = tail.trim_start();
        // A full stop after a hash that fills the line would stand alone on the next one.
        if rest == "." {
            break;
        }
    }
    lines
}

/// `markdown` without the marks of code.
pub(crate) fn unmarked(markdown: &str) -> String {
    markdown.replace('`', "")
}

fn head(text: &str, columns: usize) -> String {
    let mut used = 0;
    text.chars()
        .take_while(|character| {
            used += character.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

/// `12345` as `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share in percent, with as many digits as tell it from nothing and from everything.
pub(crate) fn share(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.01 {
        "<0.01%".to_owned()
    } else if percent < 1.0 && percent > 0.0 {
        format!("{percent:.2}%")
    } else if percent > 99.9 && percent < 100.0 {
        ">99.9%".to_owned()
    } else if percent == 0.0 || percent >= 100.0 {
        format!("{percent:.0}%")
    } else {
        format!("{percent:.1}%")
    }
}

/// Seconds in the two greatest units: `3 d 4 h`, `5 min 10 s`.
pub(crate) fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        if rest >= size && parts.len() < 2 {
            parts.push(format!("{} {unit}", rest / size));
        } else if !parts.is_empty() {
            break;
        }
        rest %= size;
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

/// Seconds in the greatest unit alone, for a column: `3 d`, `59 s`.
pub(crate) fn duration_short(seconds: u64) -> String {
    let whole = duration(seconds);
    whole.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_the_columns_it_takes() {
        assert_eq!(cut("日本語テキスト", 7), "日本..");
        assert_eq!(width(&pad("日本語", 9)), 9);
        assert_eq!(cut("abcdef", 1), ".");
        assert_eq!(cut("abcdef", 0), "");
        assert_eq!(pad_left("7", 3), "  7");
    }

    #[test]
    fn marks_stacked_on_one_cell_are_escaped() {
        assert_eq!(safe("e\u{301}\u{202e}", false), "e\\u{301}\\u{202e}");
        assert_eq!(safe("é", true), "\\u{e9}");
    }

    #[test]
    fn lines_break_at_spaces_and_the_last_is_marked() {
        assert_eq!(wrap("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrap("one two three", 7, 1), ["one t.."]);
        assert_eq!(wrap("abcdefghij", 4, 9), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("日本語", 1, 2), ["日", "."]);
        assert!(wrap("", 5, 3).is_empty());
        assert_eq!(wrap("to abcdef.", 6, 9), ["to abc", "def."]);
        assert_eq!(wrap("abcdef.", 6, 9), ["abcdef"]);
    }

    #[test]
    fn numbers_are_said_as_people_say_them() {
        assert_eq!((count(1_234_567).as_str(), count(12).as_str()), ("1,234,567", "12"));
        let said = [0.0, 0.000_01, 0.000_2, 0.482, 0.9999, 1.0].map(share);
        assert_eq!(said, ["0%", "<0.01%", "0.02%", "48.2%", ">99.9%", "100%"]);
        assert_eq!([0, 59, 310, 3_600, 273_601].map(duration), ["0 s", "59 s", "5 min 10 s", "1 h", "3 d 4 h"]);
    }
}
