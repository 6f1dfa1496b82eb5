//! Numbers as a reader needs them, and what differs between two texts.

/// Three significant digits, or one place after the point.
pub(super) fn round(value: f64) -> String {
    if !value.is_finite() {
        return value.to_string();
    }
    let unit = 10_f64.powf((value.abs().max(1e-9).log10().floor() - 2.0).max(-1.0));
    let rounded = (value / unit).round() * unit;
    if unit < 1.0 { format!("{rounded:.1}") } else { format!("{rounded:.0}") }
}

/// What differs between two texts: the lines that were there, and those that are, without the common head and tail.
#[must_use]
pub fn difference(before: &str, now: &str) -> String {
    let (mut old, mut new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), now.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old, new) = (old.split_off(head), new.split_off(head));
    let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let shown = |mark: &str, lines: &[&str]| {
        let kept = lines.iter().take(lines.len() - tail).map(|line| format!("  {mark} {line}\n"));
        kept.collect::<String>()
    };
    format!("  line {}\n{}{}", head + 1, shown("-", &old), shown("+", &new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_leaves_out_what_is_the_same() {
        assert_eq!(difference("a\nb\nc\nd", "a\nx\nd"), "  line 2\n  - b\n  - c\n  + x\n");
        assert_eq!(difference("", "a"), "  line 1\n  + a\n");
    }

    #[test]
    fn numbers_are_rounded_to_what_a_reader_needs() {
        let cases =
            [(0.0, "0.0"), (1.26, "1.3"), (12.34, "12.3"), (123.4, "123"), (12_345.0, "12300"), (f64::INFINITY, "inf")];
        for (value, text) in cases {
            assert_eq!(round(value), text);
        }
    }
}
