//! CSV and TSV through `csv-core`, in the dialect that the walker found.

use super::super::{Dialect, Format, Kind};
use super::columns::{Columns, Value};
use super::document::Document;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Bytes and fields that the buffers begin with; they grow with the longest row.
const BUFFER_BYTES: usize = 1 << 12;
const BUFFER_FIELDS: usize = 64;

pub(super) fn document(bytes: &[u8], format: Format) -> Document {
    let Some(dialect) = Dialect::of(bytes, format) else { return Document::default() };
    let mut records = Records::new(bytes, dialect);
    let mut columns = Columns::default();
    let mut header: Option<Vec<String>> = None;
    let mut places: Vec<Option<usize>> = Vec::new();
    while let Some((line, fields)) = records.next() {
        if dialect.header && header.is_none() {
            // As they stand there: a reader does not find ` id` under `id`.
            let names: Vec<String> = fields.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
            places = names.iter().map(|name| columns.place(name.trim())).collect();
            header = Some(names);
            continue;
        }
        columns.rows += 1;
        for (index, field) in fields.iter().enumerate() {
            if places.len() <= index {
                let place = columns.place(&format!("column {}", index + 1));
                places.push(place);
            }
            let place = places.get(index).copied().flatten();
            columns.take(place, &Value { kind: Kind::of_field(field), line, text: &String::from_utf8_lossy(field) });
        }
    }
    Document {
        rows: Some(columns.rows),
        columns: columns.list,
        header,
        truncated: columns.truncated,
        ..Document::default()
    }
}

/// Records that are more than white space.
struct Records<'a> {
    reader: Reader,
    rest: &'a [u8],
    out: Vec<u8>,
    ends: Vec<usize>,
    ended: bool,
    comments: bool,
}

impl<'a> Records<'a> {
    fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(dialect.separator).quoting(dialect.quotes);
        if dialect.comments {
            builder.comment(Some(b'#'));
        }
        let (out, ends) = (vec![0; BUFFER_BYTES], vec![0; BUFFER_FIELDS]);
        Self { reader: builder.build(), rest: bytes, out, ends, ended: false, comments: dialect.comments }
    }

    /// Whether a record and the comments that were skipped before it have no content.
    fn is_blank(&self, mut raw: &[u8]) -> bool {
        let at_line = |raw: &[u8]| raw.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(raw.len());
        while self.comments && raw.get(at_line(raw)) == Some(&b'#') {
            let comment = raw.get(at_line(raw)..).unwrap_or_default();
            let end = comment.iter().position(|byte| *byte == b'\n').unwrap_or(comment.len());
            raw = comment.get(end..).unwrap_or_default();
        }
        raw.trim_ascii().is_empty()
    }

    /// Line and fields of the next record.
    fn next(&mut self) -> Option<(u64, Vec<&[u8]>)> {
        let (mut written, mut fields, mut line);
        loop {
            (written, fields) = (0, 0);
            line = self.reader.line();
            let before = self.rest;
            loop {
                let (out, ends) = (self.out.get_mut(written..)?, self.ends.get_mut(fields..)?);
                let (result, read, wrote, ended) = self.reader.read_record(self.rest, out, ends);
                self.rest = self.rest.get(read..).unwrap_or_default();
                (written, fields) = (written + wrote, fields + ended);
                match result {
                    ReadRecordResult::InputEmpty if self.rest.is_empty() && !self.ended => self.ended = true,
                    ReadRecordResult::InputEmpty => {}
                    ReadRecordResult::OutputFull => self.out.resize(self.out.len() * 2, 0),
                    ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                    ReadRecordResult::Record => break,
                    ReadRecordResult::End => return None,
                }
            }
            let read = before.len() - self.rest.len();
            if before.get(..read).is_some_and(|raw| !self.is_blank(raw)) {
                break;
            }
        }
        let mut from = 0;
        let found = self.ends.get(..fields)?.iter().map(|end| {
            let field = self.out.get(from..*end).unwrap_or_default();
            from = *end;
            field
        });
        Some((line, found.collect()))
    }
}
