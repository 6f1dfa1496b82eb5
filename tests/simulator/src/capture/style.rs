//! How a sender writes what all senders say: one style per capture, drawn by seed, within what OTLP/JSON allows.

use crate::random::Random;
use firstbad_diagnosis::observation::{Dimensions, Source};
use firstbad_protocol::names::attribute;
use serde_json::{Value, json};

/// One sender's habits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Cumulative points; else delta.
    pub(super) cumulative: bool,
    /// 64-bit integers as JSON numbers; else as text, as protobuf's JSON mapping has it.
    numbers: bool,
    /// Enums by name; else by number.
    enum_names: bool,
    /// Events named by the attribute that older SDKs write; else by their field.
    pub(super) older_events: bool,
}

impl Style {
    pub(super) fn draw(random: &mut Random) -> Self {
        let cumulative = random.chance(0.5);
        let (numbers, enum_names, older_events) = (random.chance(0.3), random.chance(0.3), random.chance(0.3));
        Self { cumulative, numbers, enum_names, older_events }
    }

    /// An integer.
    pub(super) fn whole(self, value: i64) -> Value {
        if self.numbers { json!(value) } else { json!(value.to_string()) }
    }

    /// A count.
    pub(super) fn count(self, value: u64) -> Value {
        if self.numbers { json!(value) } else { json!(value.to_string()) }
    }

    /// The aggregation temporality.
    pub(super) fn temporality(self) -> Value {
        match (self.enum_names, self.cumulative) {
            (false, cumulative) => json!(if cumulative { 2 } else { 1 }),
            (true, true) => json!("AGGREGATION_TEMPORALITY_CUMULATIVE"),
            (true, false) => json!("AGGREGATION_TEMPORALITY_DELTA"),
        }
    }

    /// An attribute that is an integer.
    pub(super) fn integer(self, key: &str, value: i64) -> Value {
        json!({ "key": key, "value": { "intValue": self.whole(value) } })
    }
}

/// A real number; what JSON has no number for as protobuf's JSON mapping spells it.
pub(super) fn real(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

pub(super) fn text(key: &str, value: impl Into<String>) -> Value {
    json!({ "key": key, "value": { "stringValue": value.into() } })
}

pub(super) fn texts(dimensions: &Dimensions) -> Vec<Value> {
    dimensions.iter().map(|(key, value)| text(key, &**value)).collect()
}

pub(super) fn resource(source: Option<&Source>, dimensions: &Dimensions) -> Value {
    let mut attributes = texts(dimensions);
    if let Some(Source::Instance { instance, host }) = source {
        attributes.push(text(attribute::SERVICE_INSTANCE_ID, &**instance));
        attributes.push(text(attribute::HOST_NAME, &**host));
    }
    if attributes.is_empty() {
        attributes.push(text(attribute::SERVICE_NAME, "pipeline"));
    }
    json!({ "attributes": attributes })
}

/// The attributes that name a version.
pub(super) fn version(config: &str, hash: impl ToString) -> Vec<Value> {
    vec![text(attribute::CONFIG_NAME, config), text(attribute::CONFIG_HASH, hash.to_string())]
}
