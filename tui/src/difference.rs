//! A row-level difference in words, for the screen, `diff` and the report. Rows are untrusted text; whoever prints them
//! makes them safe for the place.

use crate::screen::model::RowDifference;
use crate::screen::text;
use firstbad_protocol::content::parse::{Document, Setting, SettingsDifference, parse};
use firstbad_protocol::content::{Duplicate, Ends, Format, Inspection, RowCount, diff, inspect};
use firstbad_protocol::verdict::LimitFact;

/// The difference of two versions, both read as `format`, of which neither is taken to hide secrets. Where one does not parse, rows and bytes are compared alone.
pub(crate) fn of(old: &[u8], new: &[u8], format: Format) -> RowDifference {
    let (before, now) = match (parse(old, format), parse(new, format)) {
        (Ok(before), Ok(now)) => (before, now),
        _ => (Document::default(), Document::default()),
    };
    between(format, Version { bytes: old, document: &before }, Version { bytes: new, document: &now })
}

/// One version, and what its parser found.
#[derive(Clone, Copy)]
pub(crate) struct Version<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) document: &'a Document,
}

/// As [`of`], of versions that are parsed already.
pub(crate) fn between(format: Format, old: Version<'_>, new: Version<'_>) -> RowDifference {
    RowDifference {
        rows: diff(old.bytes, new.bytes, format),
        old: inspect(old.bytes, format),
        new: inspect(new.bytes, format),
        settings: SettingsDifference::of(old.document, new.document),
        ends: Ends::of(new.bytes).changes_from(&Ends::of(old.bytes)),
        masked: false,
    }
}

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
                "duplicated rows of the new version (examples; {} extra copies in all)",
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
    let mut lines = vec![(' ', format!("old: {}", facts(old))), (' ', format!("new: {}", facts(new)))];
    let [added, removed, changed, repeated] = difference.rows.counts;
    let comparable = old.rows.is_some() && new.rows.is_some();
    if comparable {
        let told = format!("{added} rows added, {removed} removed, {changed} changed, {repeated} whose count changed");
        lines.push((' ', told));
    }
    let [added, removed, changed] = difference.settings.counts;
    if old.settings.or(new.settings).is_some() || !difference.settings.is_empty() {
        lines.push((' ', format!("{added} settings added, {removed} removed, {changed} changed")));
    }
    if let Some((before, after)) = &difference.rows.header {
        lines.push(('!', format!("header changed: {before} -> {after}")));
    }
    if difference.rows.reordered {
        lines.push(('!', "the same rows in another order".to_owned()));
    }
    for side in [old, new] {
        let which = if std::ptr::eq(side, old) { "old" } else { "new" };
        lines.extend(side.unlike.map(|what| ('!', format!("the {which} version looks like {what}"))));
    }
    lines.extend(difference.ends.iter().map(|end| ('!', end.clone())));
    if (old.comments, old.blank_lines) != (new.comments, new.blank_lines) {
        let (before, now) = (aside(old), aside(new));
        lines.push((' ', format!("{now}; before: {before}")));
    }
    lines.extend(if difference.masked { hidden(difference) } else { same(difference, comparable) });
    if old.truncated || new.truncated {
        lines.push(('!', "so many rows that not all were compared".to_owned()));
    }
    lines
}

/// What may differ though it looks the same, because secrets are hidden.
fn hidden(difference: &RowDifference) -> Option<(char, String)> {
    let same = difference.rows.is_empty() && difference.settings.is_empty();
    Some(if same {
        ('!', "the versions look the same: they differ in what is hidden as ***".to_owned())
    } else {
        (' ', "secrets are hidden as ***: what looks the same may differ in them".to_owned())
    })
}

/// What is the same, and what could not be compared.
fn same(difference: &RowDifference, comparable: bool) -> Option<(char, String)> {
    let settings = difference.old.settings.is_some() && difference.new.settings.is_some();
    let told = match (comparable, settings) {
        (true, _) if difference.rows.is_empty() => Some("the rows are the same"),
        (false, true) if difference.settings.is_empty() => {
            Some("the settings are the same: only comments, spacing or order differ")
        }
        (false, false) if difference.settings.is_empty() => {
            Some("there are no rows to compare: only the bytes are known")
        }
        _ => None,
    };
    told.map(|told| (' ', told.to_owned()))
}

fn aside(side: &Inspection) -> String {
    format!("{} comments, {} blank lines", text::count(side.comments), text::count(side.blank_lines))
}

fn facts(side: &Inspection) -> String {
    if let Some(settings) = side.settings {
        return format!("settings in {} statements or lines, {} bytes", text::count(settings), text::count(side.size));
    }
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
        "rows whose count changed",
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
    settings(&mut lines, &difference.settings);
    lines
}

fn settings(lines: &mut Vec<(char, String)>, found: &SettingsDifference) {
    let [added, removed, changed] = found.counts;
    let told = |setting: &Setting| format!("{} = {}", setting.path, setting.value);
    section(lines, "settings added", added, found.added.iter().map(|setting| ('+', told(setting))));
    section(lines, "settings removed", removed, found.removed.iter().map(|setting| ('-', told(setting))));
    section(
        lines,
        "settings changed",
        changed,
        found.changed.iter().map(|change| {
            let (old, new) = (&change.old, &change.new);
            ('~', format!("line {}: {} = {} -> {}", new.line, new.path, old.value, new.value))
        }),
    );
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

    fn said(old: &str, new: &str, masked: bool) -> String {
        let found = RowDifference { masked, ..of(old.as_bytes(), new.as_bytes(), Format::Lines) };
        told(&found, &[]).into_iter().map(|(mark, line)| format!("{mark}{line}\n")).collect()
    }

    #[test]
    fn rows_that_look_the_same_are_not_called_the_same_where_secrets_are_hidden() {
        let rotated = said("password = ***\n", "password = ***\n", true);
        assert!(rotated.contains("differ in what is hidden as ***") && !rotated.contains("are the same"), "{rotated}");
        let changed = said("password = ***\nn = 1\n", "password = ***\nn = 2\n", true);
        assert!(changed.contains("what looks the same may differ"), "{changed}");
        assert!(said("n = 1\n", "n = 1\n", false).contains("the rows are the same"));
    }
}
