//! OTLP/protobuf into the internal form, by walking the bytes once: 2,155 instructions per log record against 15,913
//! through generated types (measurements.md B2), and limits hold before anything is allocated. The generated types are
//! the test oracle (`oracle`): both must read every request alike. Unknown fields are skipped; the last one of a field
//! or `oneof` wins; packed and unpacked lists are the same.

mod points;
mod spans;
mod values;

pub(super) use spans::traces;

use super::budget::Budget;
use super::digest::{Apart, Form};
use super::error::DecodeError;
use super::model::{
    LogRecord, Logs, Metric, Metrics, Resource, ResourceLogs, ResourceMetrics, Scope, ScopeLogs, ScopeMetrics,
};
use super::wire::Reader;
use std::borrow::Cow;

/// Attributes of an ordinary event. Room for them is made at once.
const ATTRIBUTES_EXPECTED: usize = 8;

pub(super) fn metrics<'a>(bytes: &'a [u8], mut budget: Budget<'_>) -> Result<Metrics<'a>, DecodeError> {
    let mut request = Metrics::default();
    let mut reader = Reader::new(bytes, "ExportMetricsServiceRequest");
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            let inner = field.reader(&reader, "ResourceMetrics")?;
            request.resource_metrics.push(resource_metrics(inner, &mut budget)?);
        }
    }
    Ok(request)
}

/// Reads one `LogRecord`.
pub(super) fn record<'a>(bytes: &'a [u8], mut budget: Budget<'_>) -> Result<LogRecord<'a>, DecodeError> {
    whole_record(Reader::new(bytes, "LogRecord"), &mut budget)
}

pub(super) fn logs<'a>(bytes: &'a [u8], mut budget: Budget<'_>) -> Result<Logs<'a>, DecodeError> {
    let mut request = Logs::default();
    let mut reader = Reader::new(bytes, "ExportLogsServiceRequest");
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            let inner = field.reader(&reader, "ResourceLogs")?;
            request.resource_logs.push(resource_logs(inner, &mut budget)?);
        }
    }
    Ok(request)
}

fn resource_metrics<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ResourceMetrics<'a>, DecodeError> {
    budget.message()?;
    let mut read = ResourceMetrics::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => resource(field.reader(&reader, "Resource")?, &mut read.resource, budget)?,
            2 => read.scope_metrics.push(scope_metrics(field.reader(&reader, "ScopeMetrics")?, budget)?),
            _ => {}
        }
    }
    Ok(read)
}

fn resource_logs<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ResourceLogs<'a>, DecodeError> {
    budget.message()?;
    let mut read = ResourceLogs::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => resource(field.reader(&reader, "Resource")?, &mut read.resource, budget)?,
            2 => read.scope_logs.push(scope_logs(field.reader(&reader, "ScopeLogs")?, budget)?),
            _ => {}
        }
    }
    Ok(read)
}

/// A message field that comes twice is merged, as protobuf demands.
fn resource<'a>(mut reader: Reader<'a>, into: &mut Resource<'a>, budget: &mut Budget) -> Result<(), DecodeError> {
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            values::attribute(field.reader(&reader, "Resource.attributes")?, &mut into.attributes, budget)?;
        }
    }
    Ok(())
}

fn scope_metrics<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ScopeMetrics<'a>, DecodeError> {
    budget.message()?;
    let mut read = ScopeMetrics::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => scope(field.reader(&reader, "InstrumentationScope")?, &mut read.scope)?,
            2 => read.metrics.push(metric(field.reader(&reader, "Metric")?, budget)?),
            _ => {}
        }
    }
    Ok(read)
}

fn scope<'a>(mut reader: Reader<'a>, into: &mut Scope<'a>) -> Result<(), DecodeError> {
    while let Some((number, field)) = reader.next()? {
        if number == 1 {
            into.name = Cow::Borrowed(field.reader(&reader, "InstrumentationScope.name")?.text()?);
        }
    }
    Ok(())
}

fn scope_logs<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<ScopeLogs<'a>, DecodeError> {
    budget.message()?;
    let mut read = ScopeLogs::default();
    while let Some((number, field)) = reader.next()? {
        if number == 2 {
            budget.item()?;
            let record = field.reader(&reader, "LogRecord")?;
            points::make_room(&mut read.log_records, &record, &reader);
            read.log_records.push(log_record(record, budget)?);
        }
    }
    Ok(read)
}

fn metric<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<Metric<'a>, DecodeError> {
    budget.message()?;
    let mut read = Metric::default();
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.name = Cow::Borrowed(field.reader(&reader, "Metric.name")?.text()?),
            5 => points::gauge(field.reader(&reader, "Gauge")?, &mut read.data, budget)?,
            7 => points::sum(field.reader(&reader, "Sum")?, &mut read.data, budget)?,
            9 => points::histogram(field.reader(&reader, "Histogram")?, &mut read.data, budget)?,
            10 => points::exponential(field.reader(&reader, "ExponentialHistogram")?, &mut read.data, budget)?,
            11 => points::summary(field.reader(&reader, "Summary")?, &mut read.data, budget)?,
            _ => {}
        }
    }
    Ok(read)
}

fn log_record<'a>(reader: Reader<'a>, budget: &mut Budget) -> Result<LogRecord<'a>, DecodeError> {
    let Some(memory) = budget.memory() else { return whole_record(reader, budget) };
    let Apart { time, observed, digest } = Apart::read(reader)?;
    if memory.knows_event(digest) {
        let undecoded = Some(reader.bytes());
        return Ok(LogRecord { time, observed, form: Form::Known(digest), undecoded, ..LogRecord::default() });
    }
    Ok(LogRecord { form: Form::New(digest), ..whole_record(reader, budget)? })
}

fn whole_record<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Result<LogRecord<'a>, DecodeError> {
    let mut read = LogRecord { attributes: Vec::with_capacity(ATTRIBUTES_EXPECTED), ..LogRecord::default() };
    while let Some((number, field)) = reader.next()? {
        match number {
            1 => read.time = field.fixed64(&reader)?,
            5 => values::value(field.reader(&reader, "LogRecord.body")?, &mut read.body, budget)?,
            6 => {
                values::attribute(field.reader(&reader, "LogRecord.attributes")?, &mut read.attributes, budget)?;
            }
            11 => read.observed = field.fixed64(&reader)?,
            12 => read.event_name = Cow::Borrowed(field.reader(&reader, "LogRecord.event_name")?.text()?),
            _ => {}
        }
    }
    Ok(read)
}
