//! JSON through `serde_json`: strict, with the keys that stand twice. A key without escapes is borrowed from the text, so that its
//! place, and with it the line, is known.

use super::super::Kind;
use super::document::Document;
use super::tree::Tree;
use super::{Fault, Lines};
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

pub(super) fn document(text: &str) -> Result<Document, Fault> {
    let mut reader = Reader { tree: Tree::default(), lines: &Lines::of(text), text, line: 1 };
    read(text, &mut reader).map_err(|error| fault(&error, error.line()))?;
    Ok(reader.tree.finish())
}

/// One value in each line: the rows are the lines.
pub(super) fn lines(text: &str) -> Result<Document, Fault> {
    let lines = Lines::of(text);
    let mut reader = Reader { tree: Tree::default(), lines: &lines, text, line: 1 };
    reader.tree.begin_list(1);
    for (number, line) in (1_usize..).zip(text.split('\n')).filter(|(_, line)| !line.trim().is_empty()) {
        reader.line = number as u64;
        read(line, &mut reader).map_err(|error| fault(&error, number))?;
    }
    reader.tree.end(1);
    Ok(reader.tree.finish())
}

fn read(text: &str, reader: &mut Reader<'_>) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Value(reader).deserialize(&mut deserializer)?;
    deserializer.end()
}

fn fault(error: &serde_json::Error, line: usize) -> Fault {
    // serde_json appends the place within what it was given.
    let told = error.to_string();
    let text = told.split(" at line ").next().unwrap_or(&told).to_owned();
    Fault { line, column: Some(error.column()), text }
}

struct Reader<'a> {
    tree: Tree,
    lines: &'a Lines,
    text: &'a str,
    /// Line of the last text whose place is known.
    line: u64,
}

impl Reader<'_> {
    fn at(&mut self, part: &str) {
        let (start, text) = (self.text.as_ptr() as usize, part.as_ptr() as usize);
        if let Some(offset) = text.checked_sub(start).filter(|offset| *offset < self.text.len()) {
            self.line = self.lines.at(offset);
        }
    }
}

struct Value<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.0.tree.scalar(Kind::Boolean, self.0.line, if value { "true" } else { "false" });
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.0.tree.scalar(Kind::Number, self.0.line, &value.to_string());
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.0.tree.scalar(Kind::Number, self.0.line, &value.to_string());
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.0.tree.scalar(Kind::Number, self.0.line, &value.to_string());
        Ok(())
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<(), E> {
        self.0.at(value);
        self.visit_str(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        let kind = if value.is_empty() { Kind::Empty } else { Kind::Text };
        self.0.tree.scalar(kind, self.0.line, &format!("{value:?}"));
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.tree.scalar(Kind::Null, self.0.line, "null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.tree.begin_list(self.0.line);
        while access.next_element_seed(Value(&mut *self.0))?.is_some() {}
        self.0.tree.end(self.0.line);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.0.tree.begin_mapping(self.0.line);
        while access.next_key_seed(Key(&mut *self.0))?.is_some() {
            access.next_value_seed(Value(&mut *self.0))?;
        }
        self.0.tree.end(self.0.line);
        Ok(())
    }
}

struct Key<'r, 'a>(&'r mut Reader<'a>);

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = ();
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'de str) -> Result<(), E> {
        self.0.at(key);
        self.visit_str(key)
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<(), E> {
        self.0.tree.key(key, self.0.line);
        Ok(())
    }
}
