//! Attributes and resources in OTLP form.

use firstbad_protocol::Hash;
use firstbad_protocol::names::attribute;
use firstbad_protocol::recorder::{ConfigImage, RecorderImage, VersionImage, told};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// The attributes in OTLP form, in the same order.
pub(crate) fn attributes(of: told::Attributes) -> Vec<KeyValue> {
    of.into_iter().map(|(key, value)| attribute(&key, value)).collect()
}

fn attribute(key: &str, value: told::Value) -> KeyValue {
    match value {
        told::Value::Text(value) => text(key, value),
        told::Value::Int(value) => signed(key, value),
        told::Value::Double(value) => with(key, Value::DoubleValue(value)),
        told::Value::Flag(value) => flag(key, value),
        told::Value::Texts(values) => texts(key, values),
    }
}

pub(crate) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    with(key, Value::StringValue(value.into()))
}

pub(crate) fn int(key: &str, value: u64) -> KeyValue {
    with(key, Value::IntValue(i64::try_from(value).unwrap_or(i64::MAX)))
}

pub(crate) fn signed(key: &str, value: i64) -> KeyValue {
    with(key, Value::IntValue(value))
}

pub(crate) fn flag(key: &str, value: bool) -> KeyValue {
    with(key, Value::BoolValue(value))
}

pub(crate) fn texts(key: &str, values: impl IntoIterator<Item = String>) -> KeyValue {
    let values = values.into_iter().map(|value| AnyValue { value: Some(Value::StringValue(value)) }).collect();
    with(key, Value::ArrayValue(ArrayValue { values }))
}

fn with(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// Config name and hash.
pub(crate) fn version(config: &str, hash: Hash) -> Vec<KeyValue> {
    vec![text(attribute::CONFIG_NAME, config), text(attribute::CONFIG_HASH, hash.to_string())]
}

/// `name=sha256:..`, as events list active versions.
pub(crate) fn named(config: &ConfigImage, version: &VersionImage) -> Option<String> {
    Some(format!("{}={}", config.name, version.hash?))
}

/// What is active in the image, in the order of the configs.
pub(crate) fn active(image: &RecorderImage) -> Vec<String> {
    image.active().filter_map(|(config, version)| named(config, version)).collect()
}

/// Who reports.
pub(crate) fn resource(image: &RecorderImage) -> Resource {
    let mut attributes: Vec<KeyValue> = image.resource.iter().map(|(key, value)| text(key, value)).collect();
    if image.attribute(attribute::SERVICE_INSTANCE_ID).is_none() {
        attributes.push(text(attribute::SERVICE_INSTANCE_ID, boot(image)));
    }
    attributes.push(int(attribute::PROCESS_PID, u64::from(image.pid)));
    Resource { attributes, ..Resource::default() }
}

/// Identity of the process life.
pub(crate) fn boot(image: &RecorderImage) -> String {
    format!("{:032x}", image.boot)
}

/// Who made the points: the same for all.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "firstbad-instrument".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}
