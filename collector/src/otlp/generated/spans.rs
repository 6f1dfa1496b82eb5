//! Generated spans into the internal form: the oracle of the walker.

use super::{attributes, resource};
use crate::otlp::model::{ResourceSpans, STATUS_ERROR, ScopeSpans, Span, SpanEvent, SpanKind, Status, Traces};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as trace;
use std::borrow::Cow;

/// The internal form of a traces request.
#[must_use]
pub fn traces_from_generated(request: &ExportTraceServiceRequest) -> Traces<'_> {
    Traces { resource_spans: request.resource_spans.iter().map(resource_spans).collect() }
}

fn resource_spans(from: &trace::ResourceSpans) -> ResourceSpans<'_> {
    ResourceSpans {
        resource: resource(from.resource.as_ref()),
        scope_spans: from
            .scope_spans
            .iter()
            .map(|from| ScopeSpans { spans: from.spans.iter().map(span).collect() })
            .collect(),
    }
}

fn span(from: &trace::Span) -> Span<'_> {
    Span {
        span_id: Cow::Borrowed(&from.span_id),
        kind: SpanKind::from_wire(i64::from(from.kind)),
        start: from.start_time_unix_nano,
        end: from.end_time_unix_nano,
        attributes: attributes(&from.attributes),
        events: from.events.iter().map(event).collect(),
        status: Status { is_error: from.status.as_ref().is_some_and(|status| i64::from(status.code) == STATUS_ERROR) },
    }
}

fn event(from: &trace::span::Event) -> SpanEvent<'_> {
    SpanEvent { time: from.time_unix_nano, name: Cow::Borrowed(&from.name), attributes: attributes(&from.attributes) }
}
