//! Lines and PEM have no parser but the walker; the kinds of the rows are taken from it.

use super::super::{Format, Holds, Kind, Part, for_each_row};
use super::columns::{Columns, Value};
use super::document::Document;

pub(super) fn document(bytes: &[u8], format: Format) -> Document {
    let mut columns = Columns::default();
    let place = columns.place("");
    let walked = for_each_row(bytes, format, |row| {
        if row.part == Part::Row {
            columns.rows += 1;
            let text = String::from_utf8_lossy(row.bytes);
            columns.take(place, &Value { kind: Kind::of_field(row.bytes), line: row.line, text: &text });
        }
    });
    let counted = matches!(walked.holds, Holds::Rows | Holds::NestedLines);
    let compared = walked.holds == Holds::Rows && format == Format::Lines;
    Document {
        rows: counted.then_some(columns.rows),
        columns: if compared { columns.list } else { Vec::new() },
        ..Document::default()
    }
}
