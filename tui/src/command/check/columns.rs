//! Findings on columns: names and order of a header, the separator, keys that are missing, and values of a kind that the last good
//! version did not have.

use super::{Checked, Side};
use crate::screen::text::count;
use firstbad_protocol::content::parse::Column;
use firstbad_protocol::content::{Dialect, Format, Part, for_each_row};

impl Checked {
    pub(super) fn columns(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        self.header_by_itself(now, before);
        self.fields(now, before);
        if let Some(before) = before {
            self.header_against(now, before);
            self.kinds(now, before);
            self.setting_kinds(now, before);
        }
        self.ambiguous(now, before);
    }

    /// What is wrong with a header whatever it was before.
    fn header_by_itself(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let Some(names) = &now.whole.document.header else {
            // The words of the only line may be either.
            return;
        };
        let known = before.and_then(|before| before.whole.document.header.as_ref()) == Some(names);
        let mut twice =
            names.iter().enumerate().filter(|(place, name)| names.iter().take(*place).any(|other| other == *name));
        if let Some((_, name)) = twice.find(|(_, name)| !name.is_empty()).filter(|_| !known) {
            self.find("schema", format!("the header has the name {name} twice"));
        }
        if !known && let Some(place) = names.iter().skip(1).position(|name| name.trim().is_empty()) {
            self.find("schema", format!("column {} has no name in the header", place + 2));
        }
        let declared = matches!(now.whole.format, Format::CsvHeader | Format::TsvHeader);
        let by_content = if now.whole.format == Format::TsvHeader { Format::Tsv } else { Format::Csv };
        let is_header = Dialect::of(now.bytes, by_content).is_none_or(|dialect| dialect.header);
        if declared && !is_header && !known {
            self.find("schema", "the first row looks like the rows after it, and no header".to_owned());
        }
        self.header_again(now);
    }

    /// The header among the rows: two files were put together.
    fn header_again(&mut self, now: &Side<'_>) {
        let (mut header, mut again) = (None, Vec::new());
        for_each_row(now.bytes, now.whole.format, |row| match row.part {
            Part::Header => header = Some(row.bytes),
            Part::Row if header == Some(row.bytes) => again.push(row.line),
            _ => {}
        });
        if let Some(line) = again.first() {
            self.find("schema", format!("the header stands again as a row, first on line {line}"));
        }
    }

    fn header_against(&mut self, now: &Side<'_>, before: &Side<'_>) {
        let dialects = Dialect::of(now.bytes, now.whole.format).zip(Dialect::of(before.bytes, before.whole.format));
        if let Some((new, old)) = dialects.filter(|(new, old)| new.separator != old.separator) {
            let byte = |byte: u8| char::from(byte).escape_default().to_string();
            self.find("schema", format!("the separator changed: {} -> {}", byte(old.separator), byte(new.separator)));
        }
        let first = |side: &Side<'_>| {
            side.whole
                .document
                .columns
                .first()
                .and_then(|column| column.kinds.values().map(|seen| (seen.line, seen.example.clone())).min())
        };
        match (&before.whole.document.header, &now.whole.document.header) {
            (Some(old), Some(new)) if old != new => self.find("schema", header_change(old, new)),
            (Some(old), None) if dialects.is_some() => {
                let example =
                    first(now).map_or_else(String::new, |(_, example)| format!(", the first row is {example} .."));
                self.find("schema", format!("the header {} is gone{example}", old.join(",")));
            }
            (None, Some(new)) if dialects.is_some() => {
                self.find("schema", format!("there is a header now, none before: {}", new.join(",")));
            }
            _ => {}
        }
    }

    fn fields(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let (counted, earlier) = (&now.whole.counted, before.map(|before| &before.whole.counted));
        if counted.ragged_rows > earlier.map_or(0, |earlier| earlier.ragged_rows) {
            let told = format!("{} rows have another number of fields than the first", count(counted.ragged_rows));
            // Keys that a row need not have are usual where every value has a key.
            if now.whole.format.is_separated() || before.is_some() {
                self.find("schema", told);
            } else {
                self.remarks.push(told);
            }
        }
        if let (Some(columns), Some(Some(earlier))) = (counted.columns, earlier.map(|earlier| earlier.columns))
            && columns != earlier
        {
            self.find("schema", format!("{columns} columns, {earlier} before"));
        }
    }

    /// Keys that rows no longer have, and values of kinds that the column did not have.
    fn kinds(&mut self, now: &Side<'_>, before: &Side<'_>) {
        let (new, old) = (&now.whole.document, &before.whole.document);
        let (Some(rows), Some(rows_before)) = (new.rows, old.rows) else { return };
        if rows == 0 || rows_before == 0 {
            return;
        }
        let separated = now.whole.format.is_separated();
        for earlier in &old.columns {
            let name = if earlier.name.is_empty() { "the value" } else { &earlier.name };
            let Some(column) = new.columns.iter().find(|column| column.name == earlier.name) else {
                if !separated && !earlier.kinds.is_empty() {
                    let values = count(values(earlier));
                    self.find(
                        "schema",
                        format!("{name} is in no row, before in {values} of {} rows", count(rows_before)),
                    );
                }
                continue;
            };
            let missing = rows.saturating_sub(values(column));
            if missing > 0 && values(earlier) >= rows_before && !separated {
                self.find(
                    "schema",
                    format!("{name} is missing in {} of {} rows, in none before", count(missing), count(rows)),
                );
            }
            for (kind, seen) in column.kinds.iter().filter(|(kind, _)| !earlier.kinds.contains_key(kind)) {
                if earlier.kinds.is_empty() {
                    continue;
                }
                let were: Vec<&str> = earlier.kinds.keys().map(|kind| kind.as_str()).collect();
                self.find(
                    "schema",
                    format!(
                        "{name} is {} in {} of {} rows, before {} in all: first on line {}: {}",
                        kind.as_str(),
                        count(seen.count),
                        count(rows),
                        were.join(" or "),
                        seen.line,
                        seen.example
                    ),
                );
            }
        }
        let known = |column: &&Column| old.columns.iter().any(|earlier| earlier.name == column.name);
        for column in new.columns.iter().filter(|column| !known(column) && !separated && !column.name.is_empty()) {
            let told = format!("{} is new, in {} of {} rows", column.name, count(values(column)), count(rows));
            self.remarks.push(told);
        }
    }

    fn setting_kinds(&mut self, now: &Side<'_>, before: &Side<'_>) {
        let old: std::collections::HashMap<&str, _> =
            before.whole.document.settings.iter().map(|setting| (setting.path.as_str(), setting)).collect();
        let changed = now.whole.document.settings.iter().filter_map(|setting| {
            let earlier = old.get(setting.path.as_str())?;
            (earlier.kind != setting.kind).then_some((*earlier, setting))
        });
        let changed: Vec<_> = changed.collect();
        for (earlier, setting) in changed.iter().take(super::LISTED) {
            self.find(
                "schema",
                format!(
                    "{} is {} on line {}, before {}: {} -> {}",
                    setting.path,
                    setting.kind.as_str(),
                    setting.line,
                    earlier.kind.as_str(),
                    earlier.value,
                    setting.value
                ),
            );
        }
        self.more(changed.len(), "settings of another kind");
    }

    /// Values that YAML 1.1 reads as another type than YAML 1.2.
    fn ambiguous(&mut self, now: &Side<'_>, before: Option<&Side<'_>>) {
        let found = &now.whole.document.ambiguous;
        let Some((line, value)) = found.first() else { return };
        let told = format!(
            "{} plain values are of another type in YAML 1.1 than in 1.2, first on line {line}: {value}; quotes make them text",
            count(found.len() as u64)
        );
        match before {
            Some(before) if before.whole.document.ambiguous.len() < found.len() => self.find("schema", told),
            _ => self.remarks.push(told),
        }
    }
}

fn values(column: &Column) -> u64 {
    column.kinds.values().map(|seen| seen.count).sum()
}

fn header_change(old: &[String], new: &[String]) -> String {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names
    };
    if sorted(old) == sorted(new) {
        return format!("the order of the header changed: {} -> {}", old.join(","), new.join(","));
    }
    if old.len() == new.len() {
        let renamed = old.iter().zip(new).filter(|(old, new)| old != new).map(|(old, new)| format!("{old} -> {new}"));
        return format!("header changed: {}", renamed.collect::<Vec<_>>().join(", "));
    }
    let without = |names: &[String], others: &[String]| {
        format!("{:?}", names.iter().filter(|name| !others.contains(name)).collect::<Vec<_>>())
    };
    format!("header changed: gone {}, new {}", without(old, new), without(new, old))
}
