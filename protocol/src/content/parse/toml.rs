//! TOML through `toml`, with the places of its values.

use super::super::Kind;
use super::document::Document;
use super::tree::Tree;
use super::{Fault, Lines};
use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

pub(super) fn document(text: &str) -> Result<Document, Fault> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let before = text.get(..offset).unwrap_or_default();
        let column = before.chars().rev().take_while(|letter| *letter != '\n').count() + 1;
        Fault { line: before.matches('\n').count() + 1, column: Some(column), text: error.message().to_owned() }
    })?;
    let mut reader = Reader { tree: Tree::default(), lines: &lines, text };
    reader.table(table.get_ref(), 1);
    Ok(reader.tree.finish())
}

struct Reader<'a> {
    tree: Tree,
    lines: &'a Lines,
    text: &'a str,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, line: u64) {
        // In the order of the file, which the map has not.
        let mut members: Vec<_> = table.iter().collect();
        members.sort_by_key(|(key, _)| key.span().start);
        self.tree.begin_mapping(line);
        for (key, value) in members {
            let line = self.lines.at(key.span().start);
            self.tree.key(key.get_ref(), line);
            self.value(value, line);
        }
        self.tree.end(line);
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, line: u64) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, line),
            DeValue::Array(values) => {
                self.tree.begin_list(line);
                for value in values.iter() {
                    self.value(value, self.lines.at(value.span().start));
                }
                self.tree.end(line);
            }
            scalar => {
                let kind = match scalar {
                    DeValue::String(text) if text.is_empty() => Kind::Empty,
                    DeValue::Boolean(_) => Kind::Boolean,
                    DeValue::Integer(_) => Kind::Number,
                    DeValue::Float(number) if number.as_str().contains("nan") || number.as_str().contains("inf") => {
                        Kind::NotANumber
                    }
                    DeValue::Float(_) => Kind::Number,
                    _ => Kind::Text,
                };
                let shown = self.text.get(value.span()).unwrap_or_default();
                self.tree.scalar(kind, line, shown);
            }
        }
    }
}
