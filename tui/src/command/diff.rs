//! The row-level difference of two versions, named by file or hash.

use super::source::{self, Source};
use super::whole::Whole;
use crate::cli::{Common, DiffArgs, TextOrJson};
use crate::difference::{self, Version};
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::screen::model::RowDifference;
use firstbad_protocol::content::parse::{Setting, SettingsDifference};
use firstbad_protocol::content::{Format, RowCount};
use firstbad_protocol::{Hash, Untrusted};
use serde_json::{Value, json};
use std::process::ExitCode;

/// `firstbad diff`.
///
/// # Errors
/// If one of the two cannot be had.
pub(super) fn diff(common: &Common, arguments: &DiffArgs) -> Result<ExitCode, Failure> {
    if arguments.old == "-" && arguments.new == "-" {
        return Err(
            Failure::new("both versions are `-`: standard input is one").hint("give the other as a file or a hash")
        );
    }
    let old = source::file_or_hash(common, &arguments.old)?;
    let new = source::file_or_hash(common, &arguments.new)?;
    let same = old.hash == new.hash;
    let found = if same {
        difference::of(&old.bytes, &new.bytes, arguments.rows_as.unwrap_or_else(|| new.format()))
    } else {
        compared(&old, &new, arguments)?
    };
    let found = RowDifference { masked: old.masked() || new.masked(), ..found };
    match arguments.format {
        TextOrJson::Json => print_json(&as_json(&found, old.hash, new.hash))?,
        TextOrJson::Text if same => eprintln!("the same bytes: {}", new.hash),
        TextOrJson::Text => {
            let mut text = format!("--- {} {}\n", old.hash, Untrusted(&old.name));
            text += &format!("+++ {} {}\n", new.hash, Untrusted(&new.name));
            for (mark, line) in difference::told(&found, &[]) {
                text += &format!("{mark} {}\n", Untrusted(&line));
            }
            print(&text)?;
        }
    }
    Ok(ExitCode::from(u8::from(!same)))
}

/// Both versions, each read as its name and content say.
fn compared(old: &Source, new: &Source, arguments: &DiffArgs) -> Result<RowDifference, Failure> {
    // A version whose name promises nothing is read as the other.
    let asked = |of: &Source, other: &Source| {
        arguments.rows_as.or_else(|| other.promised().filter(|_| of.promised().is_none()))
    };
    let (before, now) = (Whole::of(old, asked(old, new))?, Whole::of(new, asked(new, old))?);
    if before.format != now.format {
        let mut found = difference::of(&old.bytes, &new.bytes, Format::Binary);
        let (was, is) = (before.format.as_str(), now.format.as_str());
        found.ends.insert(
            0,
            format!("the format changed: {was} -> {is}; rows are not compared (--rows-as reads both alike)"),
        );
        return Ok(found);
    }
    let was = Version { bytes: &old.bytes, document: &before.document };
    let is = Version { bytes: &new.bytes, document: &now.document };
    let mut found = difference::between(now.format, was, is);
    (found.old, found.new) = (before.counted, now.counted);
    Ok(found)
}

fn as_json(found: &RowDifference, old: Hash, new: Hash) -> Value {
    let row = |row: &RowCount| json!({"text": row.text, "line": row.line, "old": row.old, "new": row.new});
    let rows = |rows: &[RowCount]| rows.iter().map(row).collect::<Vec<_>>();
    let [added, removed, changed, repeated] = found.rows.counts;
    let changes = found.rows.changed.iter().map(|row| json!({"old": row.old, "new": row.new, "line": row.line}));
    json!({
        "schema": firstbad_protocol::verdict::SCHEMA,
        "old": old, "new": new,
        "same": old == new, "masked": found.masked,
        "counts": {"added": added, "removed": removed, "changed": changed, "repeated": repeated},
        "header": found.rows.header, "reordered": found.rows.reordered,
        "added": rows(&found.rows.added), "removed": rows(&found.rows.removed),
        "changed": changes.collect::<Vec<_>>(), "repeated": rows(&found.rows.repeated),
        "settings": settings_as_json(&found.settings),
        "bytes": found.ends,
    })
}

fn settings_as_json(found: &SettingsDifference) -> Value {
    let setting = |setting: &Setting| json!({"path": setting.path, "value": setting.value, "line": setting.line});
    let settings = |settings: &[Setting]| settings.iter().map(setting).collect::<Vec<_>>();
    let changes = found.changed.iter().map(|change| {
        json!({"path": change.new.path, "old": change.old.value, "new": change.new.value, "line": change.new.line})
    });
    let [added, removed, changed] = found.counts;
    json!({
        "counts": {"added": added, "removed": removed, "changed": changed},
        "added": settings(&found.added), "removed": settings(&found.removed), "changed": changes.collect::<Vec<_>>(),
    })
}
