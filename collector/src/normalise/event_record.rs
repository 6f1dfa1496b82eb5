//! A log event as its sender wrote it. An observation keeps what the engine reads; an export also shows the sender's other
//! attributes, so these are kept beside it.

use crate::otlp;
use crate::otlp::model::LogRecord;
use opentelemetry_proto::tonic::logs::v1::LogRecord as SentRecord;
use prost::Message as _;
use serde::{Deserialize, Serialize};

/// The record of one event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Index of the event's observation in its batch.
    pub place: usize,
    /// The OTLP `LogRecord` as protobuf: event name, attributes and body.
    pub record: Vec<u8>,
}

impl EventRecord {
    /// Keeps `record`, which made the observation at `place`.
    pub(super) fn of(record: &LogRecord<'_>, place: usize) -> Self {
        Self { place, record: otlp::encode::record(record).encode_to_vec() }
    }

    /// The record; none if its bytes are no record.
    #[must_use]
    pub fn decoded(&self) -> Option<SentRecord> {
        SentRecord::decode(self.record.as_slice()).ok()
    }
}
