//! A log event as its sender wrote it. An observation keeps what the engine reads; an export also shows the sender's other
//! attributes, so these are kept beside it.

use crate::otlp::model::{Attribute, LogRecord, Value};
use opentelemetry_proto::tonic::common::v1::any_value::Value as Sent;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
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
        let sent = SentRecord {
            time_unix_nano: record.time,
            observed_time_unix_nano: record.observed,
            event_name: record.event_name.to_string(),
            body: any_value(&record.body),
            attributes: record.attributes.iter().map(key_value).collect(),
            ..SentRecord::default()
        };
        Self { place, record: sent.encode_to_vec() }
    }

    /// The record; none if its bytes are no record.
    #[must_use]
    pub fn decoded(&self) -> Option<SentRecord> {
        SentRecord::decode(self.record.as_slice()).ok()
    }
}

fn key_value(attribute: &Attribute<'_>) -> KeyValue {
    KeyValue { key: attribute.key.to_string(), value: any_value(&attribute.value), ..KeyValue::default() }
}

/// The value in the protocol's own types; none if it is empty.
fn any_value(value: &Value<'_>) -> Option<AnyValue> {
    let sent = match value {
        Value::Empty => return None,
        Value::Text(text) => Sent::StringValue(text.to_string()),
        Value::Bool(truth) => Sent::BoolValue(*truth),
        Value::Int(integer) => Sent::IntValue(*integer),
        Value::Double(real) => Sent::DoubleValue(*real),
        Value::Bytes(bytes) => Sent::BytesValue(bytes.to_vec()),
        Value::List(values) => Sent::ArrayValue(ArrayValue {
            values: values.iter().map(|value| any_value(value).unwrap_or_default()).collect(),
        }),
        Value::Map(fields) => Sent::KvlistValue(KeyValueList { values: fields.iter().map(key_value).collect() }),
    };
    Some(AnyValue { value: Some(sent) })
}
