//! `KeyValue` and `AnyValue`, with a bound on nesting: firstbad reads text, numbers and lists of text; deeper values are
//! somebody else's and must only not exhaust the stack.

use super::super::budget::Budget;
use super::super::error::{DecodeError, TooMuch};
use super::super::model::{Attribute, Value};
use super::super::wire::Reader;
use std::borrow::Cow;

/// The generated types stop at 100 nested messages, two for each level of values.
const NESTING_MAX: usize = 48;

/// Reads one `KeyValue` to the end of `into`.
pub(super) fn attribute<'a>(
    reader: Reader<'a>,
    into: &mut Vec<Attribute<'a>>,
    budget: &mut Budget,
) -> Result<(), DecodeError> {
    into.push(key_value(reader, budget, 0)?);
    budget.attributes(into.len())
}

/// Reads an `AnyValue`.
pub(super) fn value<'a>(reader: Reader<'a>, into: &mut Value<'a>, budget: &mut Budget) -> Result<(), DecodeError> {
    any_value(reader, into, budget, 0)
}

fn key_value<'a>(mut reader: Reader<'a>, budget: &mut Budget, depth: usize) -> Result<Attribute<'a>, DecodeError> {
    budget.message()?;
    let mut read = Attribute::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.key = Cow::Borrowed(field.reader(&reader, "KeyValue.key")?.text()?),
            2 => any_value(field.reader(&reader, "KeyValue.value")?, &mut read.value, budget, depth)?,
            _ => {}
        }
    }
    Ok(read)
}

fn any_value<'a>(
    mut reader: Reader<'a>,
    into: &mut Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<(), DecodeError> {
    if depth >= NESTING_MAX {
        return Err(DecodeError::TooMuch(TooMuch::Nesting(NESTING_MAX)));
    }
    budget.message()?;
    while let Some((number, field)) = reader.next()? {
        *into = match number {
            1 => Value::Text(Cow::Borrowed(field.reader(&reader, "AnyValue.string_value")?.text()?)),
            2 => Value::Bool(field.varint(&reader)? != 0),
            3 => Value::Int(field.int64(&reader)?),
            4 => Value::Double(field.double(&reader)?),
            5 => Value::List(list(field.reader(&reader, "ArrayValue")?, into, budget, depth)?),
            6 => Value::Map(map(field.reader(&reader, "KeyValueList")?, into, budget, depth)?),
            7 => Value::Bytes(Cow::Borrowed(field.reader(&reader, "AnyValue.bytes_value")?.bytes())),
            // A reference into the string table of profiles; there is none in metrics and logs.
            8 => {
                field.varint(&reader)?;
                Value::Empty
            }
            _ => continue,
        };
    }
    Ok(())
}

/// An array that comes twice is merged, as protobuf demands.
fn list<'a>(
    mut reader: Reader<'a>,
    before: &mut Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Vec<Value<'a>>, DecodeError> {
    let mut read = if let Value::List(values) = before { std::mem::take(values) } else { Vec::new() };
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            let mut value = Value::Empty;
            any_value(field.reader(&reader, "ArrayValue.values")?, &mut value, budget, depth + 1)?;
            read.push(value);
        }
    }
    Ok(read)
}

fn map<'a>(
    mut reader: Reader<'a>,
    before: &mut Value<'a>,
    budget: &mut Budget,
    depth: usize,
) -> Result<Vec<Attribute<'a>>, DecodeError> {
    let mut read = if let Value::Map(values) = before { std::mem::take(values) } else { Vec::new() };
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            read.push(key_value(field.reader(&reader, "KeyValueList.values")?, budget, depth + 1)?);
        }
    }
    Ok(read)
}
