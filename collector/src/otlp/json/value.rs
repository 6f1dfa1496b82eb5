//! `AnyValue` in JSON: an object with one key that tells the type. As in protobuf, the last one of a `oneof` wins.

use super::super::model::{Attribute, Value};
use super::lenient;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::borrow::Cow;
use std::fmt;

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
enum Key {
    #[serde(alias = "string_value")]
    StringValue,
    #[serde(alias = "bool_value")]
    BoolValue,
    #[serde(alias = "int_value")]
    IntValue,
    #[serde(alias = "double_value")]
    DoubleValue,
    #[serde(alias = "array_value")]
    ArrayValue,
    #[serde(alias = "kvlist_value")]
    KvlistValue,
    #[serde(alias = "bytes_value")]
    BytesValue,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value such as {\"stringValue\":\"..\"}")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut value = Value::Empty;
        while let Some(key) = map.next_key()? {
            value = match key {
                Key::StringValue => Value::Text(map.next_value::<Text<'de>>()?.0),
                Key::BoolValue => Value::Bool(map.next_value::<Truth>()?.0),
                Key::IntValue => Value::Int(map.next_value::<Integer>()?.0),
                Key::DoubleValue => Value::Double(map.next_value::<Real>()?.0),
                Key::ArrayValue => Value::List(map.next_value::<Values<Value<'de>>>()?.values),
                Key::KvlistValue => Value::Map(map.next_value::<Values<Attribute<'de>>>()?.values),
                Key::BytesValue => Value::Bytes(Cow::Owned(bytes(&map.next_value::<Text<'de>>()?.0)?)),
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
        }
        Ok(value)
    }
}

struct Truth(bool);

impl<'de> Deserialize<'de> for Truth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::truth(deserializer).map(Self)
    }
}

/// Text, borrowed where possible.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::text(deserializer).map(Self)
    }
}

struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::maybe_integer(deserializer).map(|value| Self(value.unwrap_or_default()))
    }
}

struct Real(f64);

impl<'de> Deserialize<'de> for Real {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        lenient::maybe_real(deserializer).map(|value| Self(value.unwrap_or_default()))
    }
}

/// `ArrayValue` and `KeyValueList`.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Values<T> {
    #[serde(default = "Vec::new", deserialize_with = "lenient::list")]
    values: Vec<T>,
}

/// Base64 as protobuf's JSON mapping writes it, or as a URL-safe encoder does, with or without padding.
fn bytes<E: Error>(text: &str) -> Result<Vec<u8>, E> {
    const CONFIG: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, CONFIG);
    STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map_err(|_| E::custom("bytesValue is not base64"))
}
