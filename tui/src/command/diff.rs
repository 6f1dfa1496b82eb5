//! The row-level difference of two versions, named by file or hash.

use super::source;
use super::whole;
use crate::cli::{Common, DiffArgs, TextOrJson};
use crate::difference;
use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::screen::model::RowDifference;
use firstbad_protocol::content::{RowCount, inspect};
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
    let format = if same {
        arguments.rows_as.unwrap_or_else(|| new.format())
    } else {
        let format = whole::format_of(&new, arguments.rows_as)?;
        whole::format_of(&old, arguments.rows_as)?;
        format
    };
    let found = RowDifference {
        rows: firstbad_protocol::content::diff(&old.bytes, &new.bytes, format),
        old: inspect(&old.bytes, format),
        new: inspect(&new.bytes, format),
        masked: old.masked() || new.masked(),
    };
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
    })
}
