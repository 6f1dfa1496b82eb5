//! A traces request: its `exception` events are events like those of log records, and each served request is counted, where
//! nothing better counts the requests of its process. Spans may be sampled and metrics are not, so metrics win: what a
//! process sends as both counts once.

use super::gaps::{Fault, Gaps};
use super::keys::{self, Key};
use super::labels::{Labels, Outcome};
use super::number::{self, PointSpan, SentSpan};
use super::processes::Heard;
use super::rows::{Building, Rows, Target};
use super::senders::Sender;
use super::spellings::{ERROR_TYPE, HTTP_STATUS, HTTP_STATUS_BEFORE};
use super::table::Table;
use super::{Batch, Normaliser, events, identity, logs};
use crate::otlp::model::{
    Attribute, Attributes, LogRecord, ResourceLogs, ResourceSpans, ScopeLogs, Span, SpanEvent, SpanKind, Value,
};
use crate::otlp::{Form, Logs, Traces};
use firstbad_diagnosis::observation::Observation;
use firstbad_protocol::limits::INSTANCES_MAX;
use firstbad_protocol::names::{attribute, event};
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// Time, nanoseconds, for which a process sends spans before they count as its requests: in that time a metric of the same
/// requests would come. The contract's longest report interval is 60 s; the rest is for delivery.
const WAIT_NS: i64 = 90 * SECOND_NS;
/// Silence, nanoseconds, after which another source of the same fact counts again; as for metrics of requests.
const SILENT_NS: i64 = 300 * SECOND_NS;
/// Length, nanoseconds, of a row whose requests all ended at one time, and before which there is none.
const SHORT_NS: i64 = SECOND_NS;
/// Resources of requests that are remembered, so that a request which is sent again is recognised.
const REQUESTS_MAX: usize = 4096;

/// What is known of the senders of spans.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SpanSenders {
    instances: Table<Known>,
    requests: VecDeque<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    /// Since when its spans come and no metric counts its requests, nanoseconds since the Unix epoch; 0: not so now.
    alone_since: i64,
    /// Time of the last exception in a log event; 0: none.
    logged_exception: i64,
}

impl SpanSenders {
    fn of(&mut self, instance: Key) -> Option<&mut Known> {
        if self.instances.get(instance).is_none() {
            self.instances.insert(instance, Known::default(), INSTANCES_MAX);
        }
        self.instances.get_mut(instance)
    }

    /// Notes an exception of `instance` in a log event.
    pub(super) fn note_logged_exception(&mut self, instance: Key, at: Timestamp) {
        if let Some(known) = self.of(instance) {
            known.logged_exception = known.logged_exception.max(at.0);
        }
    }

    fn logs_exceptions(&self, instance: Key, at: i64) -> bool {
        let known = self.instances.get(instance).map_or(0, |known| known.logged_exception);
        known > 0 && at.saturating_sub(known) <= SILENT_NS
    }

    /// Whether spans that ended within `ended` count as requests, where `measured` says whether a metric counts them.
    fn count(&mut self, instance: Key, ended: PointSpan, measured: bool) -> bool {
        let Some(known) = self.of(instance) else { return false };
        if measured {
            known.alone_since = 0;
            return false;
        }
        if known.alone_since == 0 {
            known.alone_since = ended.start;
        }
        ended.end.saturating_sub(known.alone_since) >= WAIT_NS
    }

    fn is_new(&mut self, request: u64) -> bool {
        if self.requests.contains(&request) {
            return false;
        }
        if self.requests.len() >= REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
        true
    }
}

pub(super) fn take(normaliser: &mut Normaliser, request: &Traces<'_>) -> Batch {
    // What was rejected of exceptions is in gaps; the answer to the sender counts spans.
    let thrown = exceptions(normaliser, request);
    let exceptions = logs::take_of_spans(normaliser, &thrown);
    normaliser.spans.instances.tick();
    let batch = Batch { accepted: 0, rejected: 0, ..exceptions };
    let mut walk = Walk { normaliser, batch, gaps: Gaps::default() };
    request.resource_spans.iter().for_each(|resource| walk.resource(resource));
    let at = walk.batch.latest.unwrap_or_default();
    walk.batch.observations.extend(walk.gaps.observations(at));
    walk.batch
}

/// The exceptions of spans as log events.
fn exceptions<'a>(normaliser: &mut Normaliser, request: &Traces<'a>) -> Logs<'a> {
    let mut resource_logs = Vec::new();
    for resource in &request.resource_spans {
        let spans = resource.scope_spans.iter().flat_map(|scope| &scope.spans);
        let thrown = spans.flat_map(|span| span.events.iter().map(move |event| (span, event)));
        let thrown = thrown.filter(|(_, thrown)| thrown.name == event::EXCEPTION);
        let mut log_records: Vec<LogRecord<'a>> = thrown.map(|(span, thrown)| exception(span, thrown)).collect();
        if log_records.is_empty() {
            continue;
        }
        let Normaliser { senders, dimensions, names, spans, .. } = &mut *normaliser;
        if let Some(sender) = senders.sender(&resource.resource.attributes, dimensions, names) {
            let time = |record: &LogRecord<'_>| i64::try_from(record.time).unwrap_or(0);
            log_records.retain(|record| !spans.logs_exceptions(sender.instance, time(record)));
        }
        let scope_logs = vec![ScopeLogs { log_records }];
        resource_logs.push(ResourceLogs { resource: resource.resource.clone(), scope_logs });
    }
    Logs { resource_logs }
}

/// The log event that says the same as an `exception` event of a span.
fn exception<'a>(span: &Span<'a>, thrown: &SpanEvent<'a>) -> LogRecord<'a> {
    let mut attributes = thrown.attributes.clone();
    let mut add = |key: &'static str, value| attributes.push(Attribute { key: Cow::Borrowed(key), value });
    // An event without a type is a panic where a log record says so; an SDK that records an exception means no panic.
    if find(&thrown.attributes, EXCEPTION_TYPE).is_none() {
        add(EXCEPTION_TYPE, Value::Text(event::EXCEPTION.into()));
    }
    if find(&thrown.attributes, attribute::CONFIG_ACTIVE).is_none() {
        let pair = text(&span.attributes, attribute::CONFIG_NAME).zip(text(&span.attributes, attribute::CONFIG_HASH));
        match (find(&span.attributes, attribute::CONFIG_ACTIVE), pair) {
            (Some(active), _) => add(attribute::CONFIG_ACTIVE, active.clone()),
            (None, Some((config, hash))) => {
                add(attribute::CONFIG_ACTIVE, Value::List(vec![Value::Text(format!("{config}={hash}").into())]));
            }
            (None, None) => {}
        }
    }
    let time = if thrown.time == 0 { span.end } else { thrown.time };
    LogRecord { time, event_name: Cow::Borrowed(event::EXCEPTION), attributes, ..LogRecord::default() }
}

const EXCEPTION_TYPE: &str = "exception.type";

fn find<'p, 'a>(attributes: &'p [Attribute<'a>], key: &str) -> Option<&'p Value<'a>> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

fn text<'p>(attributes: &'p [Attribute<'_>], key: &str) -> Option<&'p str> {
    find(attributes, key)?.as_text().filter(|text| !text.is_empty())
}

struct Walk<'n> {
    normaliser: &'n mut Normaliser,
    batch: Batch,
    gaps: Gaps,
}

impl Walk<'_> {
    fn resource(&mut self, resource: &ResourceSpans<'_>) {
        let spans = || resource.scope_spans.iter().flat_map(|scope| &scope.spans);
        let Normaliser { senders, dimensions, names, .. } = &mut *self.normaliser;
        let Some(mut sender) = senders.sender(&resource.resource.attributes, dimensions, names) else {
            spans().for_each(|_| self.reject(Fault::TooManySenders));
            return;
        };
        let mut served = Served::default();
        for span in spans() {
            match number::span(SentSpan { start: span.start, end: span.end }) {
                Ok(time) => {
                    self.batch.accepted += 1;
                    if matches!(span.kind, SpanKind::Server | SpanKind::Consumer)
                        && self.normaliser.is_within_horizon(time.end)
                    {
                        served.add(span, time.end);
                    }
                }
                Err(fault) => self.reject(fault),
            }
        }
        let Some(ended) = served.ended else { return };
        if !self.normaliser.spans.is_new(served.fingerprint(&sender)) {
            return;
        }
        let Normaliser { senders, names, observed, .. } = &mut *self.normaliser;
        senders.tell_process(&mut sender, || Some(Heard::of_report(ended)), names);
        observed.note(sender.resource, ended.end);
        self.batch.latest = self.batch.latest.max(Some(Timestamp(ended.end)));
        let measured = senders.instance(sender.instance).is_some_and(|known| known.measures_requests(ended.end));
        if self.normaliser.spans.count(sender.instance, ended, measured) {
            self.count(&served.spans, ended, &sender);
        }
    }

    /// Counts the requests that `spans` are, as one row.
    fn count(&mut self, spans: &[&Span<'_>], ended: PointSpan, sender: &Sender) {
        let Normaliser { senders, .. } = &mut *self.normaliser;
        let since = senders.instance(sender.instance).and_then(|known| known.since(ended.start));
        let start = since.unwrap_or(ended.start).min(ended.end.saturating_sub(SHORT_NS));
        let mut rows = Rows::default();
        let row = rows.covering(&Target::of(sender), PointSpan { start, end: ended.end });
        for span in spans {
            if let Err(fault) = self.request(span, row) {
                self.gaps.add(fault);
            }
        }
        let Normaliser { senders, .. } = &mut *self.normaliser;
        if let Some(instance) = senders.instance(sender.instance) {
            instance.understood = true;
            instance.note_end(ended.end);
        }
        senders.understood_of(sender.resource).into_iter().for_each(|understood| understood.outcomes = true);
        let rows = rows.rows.into_iter().filter(|row| !row.row.totals.is_empty());
        self.batch.observations.extend(rows.map(|row| Observation::Row(row.row)));
    }

    /// Counts one request: in the total, and once for each version that it used.
    fn request(&mut self, span: &Span<'_>, row: &mut Building) -> Result<(), Fault> {
        let own: Vec<Attribute<'_>> = span.attributes.iter().filter_map(|read| self.read(read)).collect();
        let labels = self.labels(&own);
        let outcome = match labels.outcome {
            Some(told) => told?,
            None if span.status.is_error => Outcome::Error,
            None => labels.http_outcome(),
        };
        row.requests(&labels, outcome, 1);
        let mut counted = Vec::new();
        let mut not_a_version = None;
        let named = text(&span.attributes, attribute::CONFIG_NAME);
        let hash = text(&span.attributes, attribute::CONFIG_HASH);
        if named.is_some() || hash.is_some() {
            let labels = self.labels(&tagged(&own, named, hash));
            not_a_version = labels.not_a_version;
            if let Some(version) = &labels.version {
                row.requests(&labels, outcome, 1);
                counted.push(version.clone());
            }
        }
        for version in events::active_in(&span.attributes, &mut self.normaliser.names) {
            if !counted.contains(&version) {
                let (config, hash) = &version;
                let labels = self.labels(&tagged(&own, Some(config), Some(&hash.to_string())));
                row.requests(&labels, outcome, 1);
                counted.push(version);
            }
        }
        not_a_version.map_or(Ok(()), Err)
    }

    /// An attribute that says how a request ended, or is a dimension. Most others (a path, an address) differ from request
    /// to request.
    fn read<'a>(&self, read: &Attribute<'a>) -> Option<Attribute<'a>> {
        match read.key.as_ref() {
            attribute::OUTCOME | HTTP_STATUS | ERROR_TYPE => Some(read.clone()),
            HTTP_STATUS_BEFORE => Some(Attribute { key: HTTP_STATUS.into(), value: read.value.clone() }),
            key => identity::is_dimension(key, &self.normaliser.dimensions).then(|| read.clone()),
        }
    }

    fn labels(&mut self, attributes: &[Attribute<'_>]) -> Arc<Labels> {
        let Normaliser { labels, dimensions, names, .. } = &mut *self.normaliser;
        labels.get(Attributes { read: attributes, form: Form::Read }, dimensions, names)
    }

    fn reject(&mut self, fault: Fault) {
        self.batch.rejected += 1;
        self.gaps.add(fault);
    }
}

/// `own`, and the version that `config` and `hash` name.
fn tagged<'a>(own: &[Attribute<'a>], config: Option<&'a str>, hash: Option<&'a str>) -> Vec<Attribute<'a>> {
    let named = [(attribute::CONFIG_NAME, config), (attribute::CONFIG_HASH, hash)];
    let named = named.into_iter().filter_map(|(key, text)| {
        Some(Attribute { key: Cow::Borrowed(key), value: Value::Text(Cow::Borrowed(text?)) })
    });
    own.iter().cloned().chain(named).collect()
}

/// The served requests of one resource.
#[derive(Default)]
struct Served<'p, 'a> {
    spans: Vec<&'p Span<'a>>,
    /// When the first and the last of them ended.
    ended: Option<PointSpan>,
}

impl<'p, 'a> Served<'p, 'a> {
    fn add(&mut self, span: &'p Span<'a>, end: i64) {
        let so_far = self.ended.unwrap_or(PointSpan { start: end, end });
        self.ended = Some(PointSpan { start: so_far.start.min(end), end: so_far.end.max(end) });
        self.spans.push(span);
    }

    /// Identity of these spans, for a request that comes again.
    #[expect(clippy::cast_possible_truncation, reason = "a fingerprint")]
    fn fingerprint(&self, sender: &Sender) -> u64 {
        self.spans.iter().fold(sender.resource, |key, span| {
            let times = keys::of_bytes(&span.start.to_le_bytes(), span.end);
            keys::combine(key, keys::combine(times, keys::of_bytes(&span.span_id, 0)))
        }) as u64
    }
}
