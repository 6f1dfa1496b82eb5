//! OTLP/JSON into the internal form. It decides which shapes of JSON mean the same request; the structure itself is
//! declared on `model`. Nothing is parsed to a general JSON value: that would multiply its size (reliability.md D3).

mod fast;
pub(super) mod lenient;
mod shapes;
mod value;

use super::Request;
use super::budget::{Limits, check_logs, check_metrics, check_traces, objects_within};
use super::error::DecodeError;
use super::model::{Logs, Metrics, ResourceLogs, ResourceMetrics, ResourceSpans, Traces};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub(super) fn metrics(bytes: &[u8], limits: Limits) -> Result<Metrics<'_>, DecodeError> {
    is_object(bytes)?;
    objects_within(bytes)?;
    let metrics = serde_json::from_slice(bytes)?;
    check_metrics(&metrics, limits)?;
    Ok(metrics)
}

pub(super) fn logs(bytes: &[u8], limits: Limits) -> Result<Logs<'_>, DecodeError> {
    is_object(bytes)?;
    objects_within(bytes)?;
    let logs = serde_json::from_slice(bytes)?;
    check_logs(&logs, limits)?;
    Ok(logs)
}

pub(super) fn traces(bytes: &[u8], limits: Limits) -> Result<Traces<'_>, DecodeError> {
    is_object(bytes)?;
    objects_within(bytes)?;
    let traces = serde_json::from_slice(bytes)?;
    check_traces(&traces, limits)?;
    Ok(traces)
}

/// Refuses a list: a message may also be written as the list of its fields, as far as serde knows, and an empty one is then a
/// request without anything in it.
fn is_object(bytes: &[u8]) -> Result<(), DecodeError> {
    if bytes.trim_ascii_start().starts_with(b"[") { Err(DecodeError::Foreign) } else { Ok(()) }
}

/// A line of a capture: its first key tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an OTLP request")]
struct Line<'a> {
    #[serde(borrow, default, alias = "resource_metrics", deserialize_with = "lenient::told")]
    resource_metrics: Option<Vec<ResourceMetrics<'a>>>,
    #[serde(default, alias = "resource_logs", deserialize_with = "lenient::told")]
    resource_logs: Option<Vec<ResourceLogs<'a>>>,
    #[serde(default, alias = "resource_spans", deserialize_with = "lenient::told")]
    resource_spans: Option<Vec<ResourceSpans<'a>>>,
    resource_profiles: Option<IgnoredAny>,
}

pub(super) fn line(bytes: &[u8], limits: Limits) -> Result<Request<'_>, DecodeError> {
    is_object(bytes)?;
    objects_within(bytes)?;
    let request = fast::line(bytes).map_or_else(|| general(bytes), Ok)?;
    match &request {
        Request::Metrics(metrics) => check_metrics(metrics, limits)?,
        Request::Logs(logs) => check_logs(logs, limits)?,
        Request::Traces(traces) => check_traces(traces, limits)?,
        Request::Other => {}
    }
    Ok(request)
}

/// A line in any shape that means a request.
fn general(bytes: &[u8]) -> Result<Request<'_>, DecodeError> {
    match serde_json::from_slice(bytes)? {
        Line { resource_metrics: Some(resource_metrics), .. } => Ok(Request::Metrics(Metrics { resource_metrics })),
        Line { resource_logs: Some(resource_logs), .. } => Ok(Request::Logs(Logs { resource_logs })),
        Line { resource_spans: Some(resource_spans), .. } => Ok(Request::Traces(Traces { resource_spans })),
        Line { resource_profiles: Some(_), .. } => Ok(Request::Other),
        // A request without anything in it is written without a key.
        Line { .. } if bytes.trim_ascii().strip_prefix(b"{").is_some_and(|rest| rest.trim_ascii() == b"}") => {
            Ok(Request::Other)
        }
        Line { .. } => Err(DecodeError::Foreign),
    }
}

#[cfg(test)]
mod tests;
