//! An observation as one JSON object: where it stands in commit order, what was read of it, and of an event the record that
//! its sender wrote.

use super::Item;
use crate::normalise::time_of;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firstbad_diagnosis::observation::Observation;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Sent;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use serde_json::{Map, Value, json};

/// The object of one observation.
pub(super) fn object(item: &Item<'_>) -> Value {
    let kind = match item.observation {
        Observation::Row(_) => "row",
        Observation::Load(_) => "load",
        Observation::Panic(_) => "panic",
        Observation::Start(_) => "start",
        Observation::Exit(_) => "exit",
        Observation::Change(_) => "change",
        Observation::Gap(_) => "gap",
        Observation::MorePanics(_) => "more_panics",
    };
    let mut object = json!({
        "batch": item.batch,
        "index": item.place,
        "committed_at": item.tick,
        "at": time_of(item.observation),
        "kind": kind,
        "observation": inner(item.observation),
    });
    if let (Some(object), Some(record)) = (object.as_object_mut(), &item.record) {
        object.insert("event_name".to_owned(), Value::from(record.event_name.as_str()));
        object.insert("attributes".to_owned(), fields(&record.attributes));
        object.insert("body".to_owned(), plain(record.body.as_ref()));
    }
    object
}

/// The fields of an observation, without the name of its kind.
fn inner(observation: &Observation) -> Value {
    match observation {
        Observation::Row(row) => json!(row),
        Observation::Load(load) => json!(load),
        Observation::Panic(panic) => json!(panic),
        Observation::Start(start) => json!(start),
        Observation::Exit(exit) => json!(exit),
        Observation::Change(change) => json!(change),
        Observation::Gap(gap) => json!(gap),
        Observation::MorePanics(more) => json!(more),
    }
}

fn fields(attributes: &[KeyValue]) -> Value {
    let field = |attribute: &KeyValue| (attribute.key.clone(), plain(attribute.value.as_ref()));
    Value::Object(attributes.iter().map(field).collect::<Map<_, _>>())
}

/// A value as JSON has it; bytes are base64.
fn plain(value: Option<&AnyValue>) -> Value {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Sent::StringValue(text)) => Value::from(text.as_str()),
        Some(Sent::BoolValue(truth)) => Value::from(*truth),
        Some(Sent::IntValue(integer)) => Value::from(*integer),
        Some(Sent::DoubleValue(real)) => Value::from(*real),
        Some(Sent::BytesValue(bytes)) => Value::from(STANDARD.encode(bytes)),
        Some(Sent::ArrayValue(list)) => list.values.iter().map(|value| plain(Some(value))).collect(),
        Some(Sent::KvlistValue(list)) => fields(&list.values),
        _ => Value::Null,
    }
}
