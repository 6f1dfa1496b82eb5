//! INI has no standard and no parser that all readers share: sections in brackets, `key = value` or `key: value`, comments that begin
//! with `#` or `;`. A line without either is a setting of its own.

use super::super::Kind;
use super::document::{Document, REPEATED_MAX, RepeatedKey, SETTINGS_MAX, Setting};
use std::collections::HashMap;

pub(super) fn document(text: &str) -> Document {
    let mut document = Document { repeats_are_usual: true, ..Document::default() };
    let mut section = String::new();
    let mut known: HashMap<String, u64> = HashMap::new();
    for (line, text) in (1_u64..).zip(text.lines().map(str::trim)) {
        if text.is_empty() || text.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = text.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = format!("{}.", name.trim());
            continue;
        }
        let (key, value) = text.split_once(['=', ':']).unwrap_or((text, ""));
        let path = format!("{section}{}", key.trim());
        if let Some(first) = known.insert(path.clone(), line) {
            document.repeated_keys_count += 1;
            if document.repeated_keys.len() < REPEATED_MAX {
                document.repeated_keys.push(RepeatedKey { path: path.clone(), lines: (first, line) });
            }
        }
        if document.settings.len() >= SETTINGS_MAX {
            document.truncated = true;
            break;
        }
        let value = value.trim().to_owned();
        document.settings.push(Setting { path, kind: Kind::of_field(value.as_bytes()), value, line });
    }
    document
}
