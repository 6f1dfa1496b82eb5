//! Spans, as far as firstbad reads them: which kind, when, how it ended, its attributes, and its events. Names, links, trace
//! state and parents are not read.

use super::super::json::lenient;
use super::{Attribute, Resource};
use serde::Deserialize;
use std::borrow::Cow;

/// An `ExportTraceServiceRequest`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Traces<'a> {
    /// One entry per resource, or several.
    #[serde(borrow, alias = "resource_spans", deserialize_with = "lenient::list")]
    pub resource_spans: Vec<ResourceSpans<'a>>,
}

/// Spans of one resource.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceSpans<'a> {
    /// Who.
    #[serde(borrow, deserialize_with = "lenient::message")]
    pub resource: Resource<'a>,
    /// What, by instrumentation scope.
    #[serde(alias = "scope_spans", deserialize_with = "lenient::list")]
    pub scope_spans: Vec<ScopeSpans<'a>>,
}

/// Spans of one instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ScopeSpans<'a> {
    /// Spans.
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub spans: Vec<Span<'a>>,
}

/// One span.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Span<'a> {
    /// Its identity within the trace: 8 bytes, or none.
    #[serde(borrow, alias = "span_id", deserialize_with = "lenient::hex")]
    pub span_id: Cow<'a, [u8]>,
    /// Which side of a call it is.
    #[serde(deserialize_with = "lenient::span_kind")]
    pub kind: SpanKind,
    /// Nanoseconds since the Unix epoch; 0 if the sender gives none.
    #[serde(rename = "startTimeUnixNano", alias = "start_time_unix_nano", deserialize_with = "lenient::natural")]
    pub start: u64,
    /// Nanoseconds since the Unix epoch; 0 if the sender gives none.
    #[serde(rename = "endTimeUnixNano", alias = "end_time_unix_nano", deserialize_with = "lenient::natural")]
    pub end: u64,
    /// Attributes.
    #[serde(deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
    /// What happened within it.
    #[serde(deserialize_with = "lenient::list")]
    pub events: Vec<SpanEvent<'a>>,
    /// How it ended.
    #[serde(deserialize_with = "lenient::message")]
    pub status: Status,
}

/// An event within a span.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SpanEvent<'a> {
    /// Nanoseconds since the Unix epoch; 0 if the sender gives none.
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", deserialize_with = "lenient::natural")]
    pub time: u64,
    /// Name.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub name: Cow<'a, str>,
    /// Attributes.
    #[serde(deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Whether its code is `STATUS_CODE_ERROR`.
    #[serde(rename = "code", deserialize_with = "lenient::is_error")]
    pub is_error: bool,
}

/// Which side of a call a span is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanKind {
    /// A call within the process, the client's side of a call, or unspecified.
    #[default]
    Other,
    /// The serving side of a call.
    Server,
    /// The processing of a message.
    Consumer,
}

impl SpanKind {
    /// The kind that OTLP's enum number means.
    #[must_use]
    pub const fn from_wire(number: i64) -> Self {
        match number {
            2 => Self::Server,
            5 => Self::Consumer,
            _ => Self::Other,
        }
    }
}

/// OTLP's `STATUS_CODE_ERROR`.
pub(in crate::otlp) const STATUS_ERROR: i64 = 2;
