//! Decoded OTLP into observations: identity, dimensions, temporality, resets, repeats, and the choice of one source per
//! instance (contract.md sections 1 and 2). It decides what the wire means; what the numbers mean is the engine's
//! business. Its state is bounded and travels in the collector's checkpoint.

mod event_record;
mod events;
mod exponential;
mod gaps;
mod gauges;
mod histogram;
mod hosts;
mod identity;
mod join;
mod keys;
mod known;
mod labels;
mod life;
mod logs;
mod metrics;
mod names;
mod number;
mod observed;
mod panics;
mod processes;
mod recognise;
mod repeats;
mod reporters;
mod reports;
mod restarts;
mod rows;
mod senders;
mod series;
mod sources;
mod spans;
mod spellings;
mod table;
mod understood;

use crate::otlp::{Digest, Logs, Memory, Metrics, Traces};
pub use event_record::EventRecord;
use firstbad_diagnosis::observation::{Gap, Name, Observation};
use firstbad_protocol::Hash;
use firstbad_protocol::time::Timestamp;
pub(crate) use hosts::{of_logs as hosts_of_logs, of_metrics as hosts_of_metrics, of_traces as hosts_of_traces};
pub use join::join_seconds;
pub(crate) use join::{join, retimed, source_of, time_of};
pub use known::understands;
pub(crate) use known::{SeriesKind, series_kind};
use labels::LabelSets;
use names::Names;
use senders::Senders;
use serde::{Deserialize, Serialize};
use series::SeriesTable;
pub(crate) use spans::SpanSenders;
pub use understood::Understanding;

/// One captured content of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The version, as its sender named it.
    pub hash: Hash,
    /// Config name.
    pub config: Name,
    /// `firstbad.content.format`; empty if not told.
    pub format: Name,
    /// The file, or its row digest.
    pub body: Vec<u8>,
}

/// What one request came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In a fixed order: by resource as sent, rows by time, gaps last.
    pub observations: Vec<Observation>,
    /// The log records of those observations that are events, in the same order.
    pub records: Vec<EventRecord>,
    /// Captured contents.
    pub contents: Vec<Content>,
    /// Points or records that were understood, or are none of firstbad's. Repeats are among them.
    pub accepted: u64,
    /// Points or records that could not be used; each is counted in a gap as well.
    pub rejected: u64,
    /// Latest event time in it.
    pub latest: Option<Timestamp>,
}

/// The state between requests.
#[derive(Debug, Serialize, Deserialize)]
pub struct Normaliser {
    dimensions: Vec<String>,
    horizon: Option<Timestamp>,
    observed: observed::Observed,
    senders: Senders,
    series: SeriesTable,
    logs: logs::Seen,
    sentences: understood::Sentences,
    /// Saved behind the rest ([`Normaliser::span_senders`]), so that what earlier versions saved can be read.
    #[serde(skip)]
    spans: SpanSenders,
    #[serde(skip)]
    labels: LabelSets,
    #[serde(skip)]
    names: Names,
}

impl Normaliser {
    /// A normaliser that has seen nothing. `dimensions` are keys that count as dimensions beside the default ones.
    #[must_use]
    pub fn new(dimensions: &[String]) -> Self {
        Self {
            dimensions: dimensions.to_vec(),
            horizon: None,
            observed: observed::Observed::default(),
            senders: Senders::default(),
            series: SeriesTable::default(),
            logs: logs::Seen::default(),
            sentences: understood::Sentences::default(),
            spans: SpanSenders::default(),
            labels: LabelSets::default(),
            names: Names::default(),
        }
    }

    /// From now on nothing with a time later than `at` is read (`--at`).
    pub fn read_until(&mut self, at: Timestamp) {
        self.horizon = Some(at);
    }

    /// Makes room for what the next request brings. It comes before a request is read beside this normaliser ([`Memory`]).
    pub(crate) fn prepare(&mut self) {
        self.labels.make_room();
        self.logs.remembered.make_room();
    }

    /// Takes a metrics request.
    pub fn metrics(&mut self, request: &Metrics<'_>) -> Batch {
        metrics::take(self, request)
    }

    /// Takes a logs request.
    pub fn logs(&mut self, request: &Logs<'_>) -> Batch {
        logs::take(self, request)
    }

    /// Takes a traces request.
    pub fn traces(&mut self, request: &Traces<'_>) -> Batch {
        spans::take(self, request)
    }

    /// What is known of the senders of spans, to be saved.
    pub(crate) const fn span_senders(&self) -> &SpanSenders {
        &self.spans
    }

    /// Goes on with what was known of the senders of spans.
    pub(crate) fn knowing_spans(self, spans: SpanSenders) -> Self {
        Self { spans, ..self }
    }

    /// The number of resources that were understood.
    #[must_use]
    pub fn understanding(&self) -> Understanding {
        let mut sum = Understanding::default();
        for understood in self.senders.understood() {
            sum.resources += 1;
            let outcomes = understood.outcomes && !understood.crowded;
            sum.outcomes += u64::from(outcomes);
            sum.anything += u64::from(outcomes || understood.events);
        }
        sum
    }

    /// The gaps for all resources that report, are not understood, and have no gap yet. For the end of a capture: a live
    /// collector waits for a few reports of a resource, and a capture may hold fewer.
    pub fn report_not_understood(&mut self, at: Timestamp) -> Vec<Gap> {
        let unreported = self.senders.understood_mut().filter(|understood| understood.is_unreported());
        unreported.map(|understood| self.sentences.tell(understood, at)).collect()
    }

    /// Whether `time` may be read.
    fn is_within_horizon(&self, time: i64) -> bool {
        self.horizon.is_none_or(|horizon| time <= horizon.0)
    }
}

/// Whether a log record is the content of a version.
pub(crate) fn is_content(record: &crate::otlp::model::LogRecord<'_>) -> bool {
    recognise::event(record) == Ok(Some(firstbad_protocol::names::event::CONFIG_CONTENT))
}

impl Memory for Normaliser {
    fn knows_attributes(&self, digest: Digest) -> bool {
        self.labels.knows(digest)
    }

    fn knows_event(&self, digest: Digest) -> bool {
        self.logs.remembered.knows(digest)
    }
}

#[cfg(test)]
mod tests;
