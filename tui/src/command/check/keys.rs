//! Findings on keys: a key that stands twice in one mapping, where the later one decides; a first field that was unique in the last
//! good version and is no longer.

use super::{Checked, LISTED, Side};
use crate::screen::text::count;
use firstbad_protocol::content::parse::{Setting, SettingsDifference};
use firstbad_protocol::content::{Dialect, Format, Holds, Part, for_each_row, split_fields};
use std::collections::HashMap;

impl Checked {
    pub(super) fn keys(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        self.repeated_keys(now, before);
        self.first_fields(now, before);
        if let Some(before) = before {
            self.settings(now, before);
        }
    }

    fn repeated_keys(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let document = &now.whole.document;
        let known = |path: &str| {
            before.is_some_and(|before| before.whole.document.repeated_keys.iter().any(|known| known.path == path))
        };
        let repeated: Vec<_> = document.repeated_keys.iter().filter(|found| !known(&found.path)).collect();
        for found in repeated.iter().take(LISTED) {
            let (first, second) = found.lines;
            let values = now.whole.document.settings.iter().filter(|setting| setting.path == found.path);
            let values: Vec<&str> = values.map(|setting| setting.value.as_str()).collect();
            let values = if values.len() > 1 { format!(": {}", values.join(", then ")) } else { String::new() };
            let told = format!("key {} stands twice, on lines {first} and {second}{values}", found.path);
            if document.repeats_are_usual && before.is_none() {
                self.remarks.push(told);
            } else {
                self.find("duplicates", format!("{told}; most readers take the later one"));
            }
        }
        self.more(
            usize::try_from(document.repeated_keys_count).unwrap_or(usize::MAX).min(repeated.len()),
            "repeated keys",
        );
    }

    fn first_fields(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let repeats = Repeats::of(now);
        let Some(example) = &repeats.example else { return };
        let told =
            format!("{} rows have the first field of an earlier, different row: {example}", count(repeats.count));
        // A field that repeats in the last good version is no key.
        match before.map(Repeats::of) {
            Some(before) if before.count == 0 && before.rows > 1 => {
                self.find("duplicates", format!("{told}; before, none had"))
            }
            // A field that most rows share is no key, and not worth a word.
            _ if repeats.count * 2 < repeats.rows => self.remarks.push(told),
            _ => {}
        }
    }

    fn settings(&mut self, now: &Side<'_>, before: &Side<'_>) {
        let found = SettingsDifference::of(&before.whole.document, &now.whole.document);
        if found.is_empty() {
            return;
        }
        let [added, removed, changed] = found.counts;
        let first = |settings: &[Setting]| {
            settings
                .first()
                .map_or_else(String::new, |setting| format!(" (first {} = {})", setting.path, setting.value))
        };
        self.remarks.push(format!(
            "settings: {} added{}, {} gone{}, {} changed{}",
            count(added),
            first(&found.added),
            count(removed),
            first(&found.removed),
            count(changed),
            found.changed.first().map_or_else(String::new, |change| {
                format!(" (first {} = {} -> {})", change.new.path, change.old.value, change.new.value)
            })
        ));
    }
}

/// Rows whose first field stands in an earlier row that is another.
#[derive(Default)]
struct Repeats {
    rows: u64,
    count: u64,
    example: Option<String>,
}

impl Repeats {
    fn of(side: &Side<'_>) -> Self {
        let dialect = Dialect::of(side.bytes, side.whole.format);
        let mut found = Self::default();
        if dialect.is_none() && side.whole.format != Format::Lines {
            return found;
        }
        let mut known: HashMap<&[u8], (u64, &[u8])> = HashMap::new();
        let walked = for_each_row(side.bytes, side.whole.format, |row| {
            let key = match dialect {
                Some(dialect) => split_fields(row.bytes, dialect.separator, dialect.quotes).next(),
                None => first_word(row.bytes),
            };
            let Some(key) = key.map(<[u8]>::trim_ascii).filter(|key| row.part == Part::Row && !key.is_empty()) else {
                return;
            };
            found.rows += 1;
            let (line, earlier) = *known.entry(key).or_insert((row.line, row.bytes));
            if earlier != row.bytes {
                found.count += 1;
                found.example.get_or_insert_with(|| {
                    let text = String::from_utf8_lossy;
                    format!("line {line}: {}, line {}: {}", text(earlier), row.line, text(row.bytes))
                });
            }
        });
        if walked.holds == Holds::Rows { found } else { Self::default() }
    }
}

/// What stands before the first white space or equals sign of a line, if there is more after it.
fn first_word(line: &[u8]) -> Option<&[u8]> {
    let line = line.trim_ascii();
    let end = line.iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'=')?;
    line.get(..end)
}
