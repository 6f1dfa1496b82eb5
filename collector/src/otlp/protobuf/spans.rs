//! Spans, by the same walk as points and records. Names, links and trace state are skipped.

use super::super::budget::Budget;
use super::super::error::DecodeError;
use super::super::model::{ResourceSpans, STATUS_ERROR, ScopeSpans, Span, SpanEvent, SpanKind, Status, Traces};
use super::super::wire::{Field, Reader};
use super::{points, resource, values};
use std::borrow::Cow;

pub(in crate::otlp) fn traces<'a>(bytes: &'a [u8], mut budget: Budget<'_>) -> Result<Traces<'a>, DecodeError> {
    let mut request = Traces::default();
    let mut reader = Reader::new(bytes, "ExportTraceServiceRequest");
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            let inner = field.reader(&reader, "ResourceSpans")?;
            request.resource_spans.push(resource_spans(inner, &mut budget)?);
        }
    }
    Ok(request)
}

fn resource_spans<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ResourceSpans<'a>, DecodeError> {
    budget.message()?;
    let mut read = ResourceSpans::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => resource(field.reader(&reader, "Resource")?, &mut read.resource, budget)?,
            2 => read.scope_spans.push(scope_spans(field.reader(&reader, "ScopeSpans")?, budget)?),
            _ => {}
        }
    }
    Ok(read)
}

fn scope_spans<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ScopeSpans<'a>, DecodeError> {
    budget.message()?;
    let mut read = ScopeSpans::default();
    while let Some((number, field)) = reader.next()? {
        if number == 2 {
            budget.item()?;
            let inner = field.reader(&reader, "Span")?;
            points::make_room(&mut read.spans, &inner, &reader);
            read.spans.push(span(inner, budget)?);
        }
    }
    Ok(read)
}

fn span<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<Span<'a>, DecodeError> {
    let mut read = Span::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            2 => read.span_id = Cow::Borrowed(field.reader(&reader, "Span.span_id")?.bytes()),
            6 => read.kind = SpanKind::from_wire(enumeration(field, &reader)?),
            7 => read.start = field.fixed64(&reader)?,
            8 => read.end = field.fixed64(&reader)?,
            9 => values::attribute(field.reader(&reader, "Span.attributes")?, &mut read.attributes, budget)?,
            11 => {
                // An event is as large as a log record.
                budget.item()?;
                read.events.push(event(field.reader(&reader, "Span.events")?, budget)?);
            }
            15 => status(field.reader(&reader, "Span.status")?, &mut read.status)?,
            _ => {}
        }
    }
    Ok(read)
}

fn event<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<SpanEvent<'a>, DecodeError> {
    budget.message()?;
    let mut read = SpanEvent::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.time = field.fixed64(&reader)?,
            2 => read.name = Cow::Borrowed(field.reader(&reader, "Span.Event.name")?.text()?),
            3 => values::attribute(field.reader(&reader, "Span.Event.attributes")?, &mut read.attributes, budget)?,
            _ => {}
        }
    }
    Ok(read)
}

/// A message field that comes twice is merged, as protobuf demands.
fn status(mut reader: Reader<'_>, into: &mut Status) -> Result<(), DecodeError> {
    while let Some((number, field)) = reader.next()? {
        if number == 3 {
            into.is_error = enumeration(field, &reader)? == STATUS_ERROR;
        }
    }
    Ok(())
}

/// An enum's number: 32 bits, as the generated types read it.
fn enumeration<'a>(field: Field<'a>, at: &Reader<'a>) -> Result<i64, DecodeError> {
    field.uint32(at).map(|number| i64::from(number.cast_signed()))
}
