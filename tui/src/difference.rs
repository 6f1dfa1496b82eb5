//! A row-level difference in words, for the screen, `diff` and the report. Rows are untrusted text; whoever prints them
//! makes them safe for the place.

use crate::screen::model::RowDifference;
use crate::screen::text;
use firstbad_protocol::content::{Duplicate, Inspection, RowCount};
use firstbad_protocol::verdict::LimitFact;

/// Lines with a mark each: `=` heading, `!` finding, `+` added, `-` removed, `~` changed, `x` repeated, space for remarks.
pub(crate) fn told(difference: &RowDifference, limits: &[LimitFact]) -> Vec<(char, String)> {
    let mut lines = summary(difference);
    lines.extend(
        limits.iter().filter(|limit| limit.value > limit.limit).map(|limit| {
            ('!', format!("{} {} exceeds the declared limit of {}", limit.name, limit.value, limit.limit))
        }),
    );
    let duplicates: Vec<&Duplicate> = difference.new.duplicates.iter().collect();
    if !duplicates.is_empty() {
        lines.push((
            '=',
            format!(
                "rows that stand more than once in the new version (examples, {} rows too many in all)",
                known(difference.new.duplicate_rows)
            ),
        ));
        lines.extend(duplicates.iter().map(|row| {
            ('x', format!("{} times, first on lines {} and {}: {}", row.times, row.lines.0, row.lines.1, row.text))
        }));
    }
    lines.extend(listed(difference));
    lines
}

fn summary(difference: &RowDifference) -> Vec<(char, String)> {
    let (old, new) = (&difference.old, &difference.new);
    let [added, removed, changed, repeated] = difference.rows.counts;
    let mut lines = vec![
        (' ', format!("old: {}", facts(old))),
        (' ', format!("new: {}", facts(new))),
        (
            ' ',
            format!("{added} rows added, {removed} removed, {changed} changed, {repeated} standing more or less often"),
        ),
    ];
    if let Some((before, after)) = &difference.rows.header {
        lines.push(('!', format!("header changed: {before} -> {after}")));
    }
    if difference.rows.reordered {
        lines.push(('!', "the same rows in another order".to_owned()));
    }
    if old.rows.is_none() || new.rows.is_none() {
        lines.push((' ', "there are no rows to compare: only the bytes are known".to_owned()));
    } else if difference.rows.is_empty() && difference.masked {
        lines.push(('!', "the rows look the same: the versions differ in what is hidden as ***".to_owned()));
    } else if difference.rows.is_empty() {
        lines.push((' ', "the rows are the same".to_owned()));
    } else if difference.masked {
        lines.push((' ', "secrets are hidden as ***: rows that look the same may differ in them".to_owned()));
    }
    if old.truncated || new.truncated {
        lines.push(('!', "so many rows that not all were compared".to_owned()));
    }
    lines
}

fn facts(side: &Inspection) -> String {
    format!(
        "{} rows, {} duplicate, {} blank fields, {} columns, {} bytes",
        known(side.rows),
        known(side.duplicate_rows),
        known(side.blank_fields),
        known(side.columns),
        text::count(side.size)
    )
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), text::count)
}

fn listed(difference: &RowDifference) -> Vec<(char, String)> {
    let rows = &difference.rows;
    let [added, removed, changed, repeated] = rows.counts;
    let mut lines = Vec::new();
    let times =
        |row: &RowCount, count: u64| if count > 1 { format!("{} ({count} times)", row.text) } else { row.text.clone() };
    section(
        &mut lines,
        "rows that stand more or less often",
        repeated,
        rows.repeated.iter().map(|row| ('x', format!("{} -> {} times: {}", row.old, row.new, row.text))),
    );
    section(&mut lines, "rows added", added, rows.added.iter().map(|row| ('+', times(row, row.new))));
    section(&mut lines, "rows removed", removed, rows.removed.iter().map(|row| ('-', times(row, row.old))));
    section(
        &mut lines,
        "rows changed",
        changed,
        rows.changed.iter().map(|change| ('~', format!("line {}: {} -> {}", change.line, change.old, change.new))),
    );
    lines
}

fn section(lines: &mut Vec<(char, String)>, title: &str, count: u64, rows: impl Iterator<Item = (char, String)>) {
    if count == 0 {
        return;
    }
    lines.push(('=', format!("{title}: {}", text::count(count))));
    let before = lines.len();
    lines.extend(rows);
    let listed = (lines.len() - before) as u64;
    if listed < count {
        lines.push((' ', format!(".. and {} more", text::count(count - listed))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::content::{Format, diff, inspect};

    fn said(old: &str, new: &str, masked: bool) -> String {
        let (old, new, format) = (old.as_bytes(), new.as_bytes(), Format::Lines);
        let rows = diff(old, new, format);
        let found = RowDifference { rows, old: inspect(old, format), new: inspect(new, format), masked };
        told(&found, &[]).into_iter().map(|(mark, line)| format!("{mark}{line}\n")).collect()
    }

    #[test]
    fn rows_that_look_the_same_are_not_called_the_same_where_secrets_are_hidden() {
        let rotated = said("password = ***\n", "password = ***\n", true);
        assert!(rotated.contains("differ in what is hidden as ***") && !rotated.contains("are the same"), "{rotated}");
        let changed = said("password = ***\nn = 1\n", "password = ***\nn = 2\n", true);
        assert!(changed.contains("rows that look the same may differ"), "{changed}");
        assert!(said("n = 1\n", "n = 1\n", false).contains("the rows are the same"));
    }
}
