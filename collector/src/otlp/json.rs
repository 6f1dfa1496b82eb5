//! OTLP/JSON into the internal form. It decides which shapes of JSON mean the same request; the structure itself is
//! declared on `model`. Nothing is parsed to a general JSON value: that would multiply its size (reliability.md D3).

pub(super) mod lenient;
mod shapes;
mod value;

use super::Request;
use super::budget::{Limits, check_logs, check_metrics, objects_within};
use super::error::DecodeError;
use super::model::{Logs, Metrics, ResourceLogs, ResourceMetrics};
use serde::Deserialize;
use serde::de::IgnoredAny;

pub(super) fn metrics(bytes: &[u8], limits: Limits) -> Result<Metrics<'_>, DecodeError> {
    objects_within(bytes)?;
    let metrics = serde_json::from_slice(bytes)?;
    check_metrics(&metrics, limits)?;
    Ok(metrics)
}

pub(super) fn logs(bytes: &[u8], limits: Limits) -> Result<Logs<'_>, DecodeError> {
    objects_within(bytes)?;
    let logs = serde_json::from_slice(bytes)?;
    check_logs(&logs, limits)?;
    Ok(logs)
}

/// A line of a capture: its first key tells what it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, alias = "resource_metrics")]
    resource_metrics: Option<Vec<ResourceMetrics<'a>>>,
    #[serde(alias = "resource_logs")]
    resource_logs: Option<Vec<ResourceLogs<'a>>>,
    #[serde(alias = "resource_spans", alias = "resourceProfiles")]
    resource_spans: Option<IgnoredAny>,
}

pub(super) fn line(bytes: &[u8], limits: Limits) -> Result<Request<'_>, DecodeError> {
    objects_within(bytes)?;
    match serde_json::from_slice(bytes)? {
        Line { resource_metrics: Some(resource_metrics), .. } => {
            let metrics = Metrics { resource_metrics };
            check_metrics(&metrics, limits)?;
            Ok(Request::Metrics(metrics))
        }
        Line { resource_logs: Some(resource_logs), .. } => {
            let logs = Logs { resource_logs };
            check_logs(&logs, limits)?;
            Ok(Request::Logs(logs))
        }
        Line { resource_spans: Some(_), .. } => Ok(Request::Other),
        Line { .. } => Err(DecodeError::Foreign),
    }
}
