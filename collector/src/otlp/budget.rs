//! How much one request may hold, counted while it is read, so that a few bytes can't become many (reliability.md D2:
//! 4 MiB of empty messages became 426 MiB of structures).

use super::digest::Memory;
use super::error::{DecodeError, TooMuch};
use super::model::{Data, Logs, Metrics, Traces};
use firstbad_protocol::limits;

/// Limits on one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Points or log records.
    pub items_max: usize,
    /// Attributes of one resource, point or record.
    pub attributes_max: usize,
    /// Buckets of one histogram.
    pub buckets_max: usize,
}

impl Limits {
    /// One request from the network.
    pub const REQUEST: Self = Self {
        items_max: limits::ITEMS_PER_REQUEST_MAX,
        attributes_max: limits::ATTRIBUTES_MAX,
        buckets_max: limits::BUCKETS_MAX,
    };
    /// One line of a capture, which may hold a whole fleet's report.
    pub const CAPTURE: Self = Self { items_max: limits::CAPTURE_LINE_ITEMS_MAX, ..Self::REQUEST };
}

/// What is left of the limits while one protobuf request is read.
pub(super) struct Budget<'m> {
    limits: Limits,
    memory: Option<&'m dyn Memory>,
    items: usize,
    /// Messages of any kind. A real attribute with its value takes at least 7 bytes as two messages; a request of empty
    /// messages takes 2 each.
    messages: usize,
}

impl<'m> Budget<'m> {
    pub(super) fn new(limits: Limits, bytes: usize) -> Self {
        Self { limits, memory: None, items: limits.items_max, messages: 64 + bytes / 3 }
    }

    /// The same limits. Attributes and events that `memory` knows are not read again.
    pub(super) fn beside(self, memory: &'m dyn Memory) -> Self {
        Self { memory: Some(memory), ..self }
    }

    /// Attributes and events that are not read again.
    pub(super) fn memory(&self) -> Option<&'m dyn Memory> {
        self.memory
    }

    pub(super) fn message(&mut self) -> Result<(), DecodeError> {
        take(&mut self.messages).ok_or(DecodeError::TooMuch(TooMuch::Messages))
    }

    pub(super) fn item(&mut self) -> Result<(), DecodeError> {
        take(&mut self.items).ok_or(DecodeError::TooMuch(TooMuch::Items(self.limits.items_max)))
    }

    pub(super) fn attributes(&self, so_far: usize) -> Result<(), DecodeError> {
        within(so_far, self.limits.attributes_max, TooMuch::Attributes)
    }

    pub(super) fn buckets(&self, so_far: usize) -> Result<(), DecodeError> {
        within(so_far, self.limits.buckets_max, TooMuch::Buckets)
    }
}

fn take(left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}

fn within(count: usize, most: usize, what: fn(usize) -> TooMuch) -> Result<(), DecodeError> {
    if count > most { Err(DecodeError::TooMuch(what(most))) } else { Ok(()) }
}

/// Refuses JSON that holds more objects than a real request of its size: a real attribute with its value takes at least
/// 20 bytes as two objects, `{},` takes 3.
pub(super) fn objects_within(bytes: &[u8]) -> Result<(), DecodeError> {
    let objects = memchr::memchr_iter(b'{', bytes).count();
    if objects > 64 + bytes.len() / 8 { Err(DecodeError::TooMuch(TooMuch::Messages)) } else { Ok(()) }
}

/// Checks what JSON reading could not count on the way.
pub(super) fn check_metrics(metrics: &Metrics<'_>, limits: Limits) -> Result<(), DecodeError> {
    let mut items = 0;
    for resource in &metrics.resource_metrics {
        within(resource.resource.attributes.len(), limits.attributes_max, TooMuch::Attributes)?;
        for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            items += metric.data.len();
            check_points(&metric.data, limits)?;
        }
    }
    within(items, limits.items_max, TooMuch::Items)
}

fn check_points(data: &Data<'_>, limits: Limits) -> Result<(), DecodeError> {
    let attributes = |count| within(count, limits.attributes_max, TooMuch::Attributes);
    let buckets = |count| within(count, limits.buckets_max, TooMuch::Buckets);
    match data {
        Data::None | Data::Summary(_) => Ok(()),
        Data::Gauge(points) | Data::Sum { points, .. } => {
            points.iter().try_for_each(|point| attributes(point.attributes.len()))
        }
        Data::Histogram { points, .. } => points.iter().try_for_each(|point| {
            attributes(point.attributes.len())?;
            buckets(point.bucket_counts.len())?;
            buckets(point.bounds.len())
        }),
        Data::Exponential { points, .. } => points.iter().try_for_each(|point| {
            attributes(point.attributes.len())?;
            buckets(point.positive.counts.len())?;
            buckets(point.negative.counts.len())
        }),
    }
}

/// Checks what JSON reading could not count on the way.
pub(super) fn check_logs(logs: &Logs<'_>, limits: Limits) -> Result<(), DecodeError> {
    let mut items = 0;
    for resource in &logs.resource_logs {
        within(resource.resource.attributes.len(), limits.attributes_max, TooMuch::Attributes)?;
        for record in resource.scope_logs.iter().flat_map(|scope| &scope.log_records) {
            items += 1;
            within(record.attributes.len(), limits.attributes_max, TooMuch::Attributes)?;
        }
    }
    within(items, limits.items_max, TooMuch::Items)
}

/// Checks what JSON reading could not count on the way. An event of a span counts as an item, as in protobuf.
pub(super) fn check_traces(traces: &Traces<'_>, limits: Limits) -> Result<(), DecodeError> {
    let mut items = 0;
    let attributes = |count| within(count, limits.attributes_max, TooMuch::Attributes);
    for resource in &traces.resource_spans {
        attributes(resource.resource.attributes.len())?;
        for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            items += 1 + span.events.len();
            attributes(span.attributes.len())?;
            span.events.iter().try_for_each(|event| attributes(event.attributes.len()))?;
        }
    }
    within(items, limits.items_max, TooMuch::Items)
}
