//! Scalars as senders write them: 64-bit integers as text or number, reals as number or `"NaN"`, enums as number or name,
//! `null` for "default". Anything else is an error that names its place.

use super::super::model::{STATUS_ERROR, SpanKind, Temporality};
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A list; `null` is empty.
pub(crate) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Option::<Vec<T>>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A list whose key was there; `null` is empty.
pub(crate) fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error> {
    list(deserializer).map(Some)
}

/// A message; `null` is the default.
pub(crate) fn message<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Text, borrowed where it holds no escape; `null` is empty.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    // Not `deserialize_str`: that refuses `null`, which protobuf's JSON mapping has for "default" everywhere.
    deserializer.deserialize_any(Text)
}

struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(""))
    }
}

/// A number of any spelling. `null` is none.
#[derive(Clone, Copy)]
enum Spelled {
    None,
    Natural(u64),
    Integer(i64),
    Real(f64),
}

struct AnyNumber;

impl<'de> Visitor<'de> for AnyNumber {
    type Value = Spelled;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a number as text")
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Spelled, E> {
        Ok(Spelled::Natural(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Spelled, E> {
        Ok(Spelled::Integer(value))
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Spelled, E> {
        Ok(Spelled::Real(value))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Spelled, E> {
        if let Ok(value) = text.parse() {
            return Ok(Spelled::Natural(value));
        }
        if let Ok(value) = text.parse() {
            return Ok(Spelled::Integer(value));
        }
        match text {
            "NaN" => Ok(Spelled::Real(f64::NAN)),
            "Infinity" => Ok(Spelled::Real(f64::INFINITY)),
            "-Infinity" => Ok(Spelled::Real(f64::NEG_INFINITY)),
            _ => match text.parse() {
                Ok(value) => Ok(Spelled::Real(value)),
                Err(_) => Err(E::invalid_value(Unexpected::Str(text), &self)),
            },
        }
    }
    fn visit_unit<E: Error>(self) -> Result<Spelled, E> {
        Ok(Spelled::None)
    }
}

impl Spelled {
    fn natural<E: Error>(self) -> Result<u64, E> {
        match self {
            Self::None => Ok(0),
            Self::Natural(value) => Ok(value),
            Self::Integer(value) => u64::try_from(value).map_err(|_| whole(Unexpected::Signed(value))),
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked to be whole and within range"
            )]
            Self::Real(value) if is_whole(value) && (0.0..1.8e19).contains(&value) => Ok(value as u64),
            Self::Real(value) => Err(whole(Unexpected::Float(value))),
        }
    }

    fn integer<E: Error>(self) -> Result<i64, E> {
        match self {
            Self::None => Ok(0),
            Self::Natural(value) => i64::try_from(value).map_err(|_| whole(Unexpected::Unsigned(value))),
            Self::Integer(value) => Ok(value),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within range")]
            Self::Real(value) if is_whole(value) && value.abs() < 9.2e18 => Ok(value as i64),
            Self::Real(value) => Err(whole(Unexpected::Float(value))),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a real was asked for, and JSON has no other way to write it")]
    fn real(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::Natural(value) => value as f64,
            Self::Integer(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}

#[expect(clippy::float_cmp, reason = "a whole number is exactly its own truncation")]
fn is_whole(value: f64) -> bool {
    value.trunc() == value
}

fn whole<E: Error>(unexpected: Unexpected<'_>) -> E {
    E::invalid_value(unexpected, &"a whole number within 64 bits")
}

fn any<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Spelled, D::Error> {
    deserializer.deserialize_any(AnyNumber)
}

/// An unsigned 64-bit integer.
pub(crate) fn natural<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    any(deserializer)?.natural()
}

/// A signed 64-bit integer, if any.
pub(crate) fn maybe_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match any(deserializer)? {
        Spelled::None => Ok(None),
        spelled => spelled.integer().map(Some),
    }
}

/// A signed 32-bit integer.
pub(crate) fn integer32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    let value = any(deserializer)?.integer()?;
    i32::try_from(value).map_err(|_| whole(Unexpected::Signed(value)))
}

/// A bit field of 32 bits.
pub(crate) fn flags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let value = any(deserializer)?.natural()?;
    u32::try_from(value).map_err(|_| whole(Unexpected::Unsigned(value)))
}

/// A real number, if any.
pub(crate) fn maybe_real<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    match any(deserializer)? {
        Spelled::None => Ok(None),
        spelled => Ok(Some(spelled.real())),
    }
}

/// A list of unsigned 64-bit integers.
pub(crate) fn naturals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u64>, D::Error> {
    deserializer.deserialize_any(Numbers(PhantomData))
}

/// A list of real numbers.
pub(crate) fn reals<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
    deserializer.deserialize_any(Numbers(PhantomData))
}

struct Numbers<T>(PhantomData<T>);

/// A number as an element of a list.
struct Element<T>(T);

impl<'de> Deserialize<'de> for Element<u64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        natural(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Element<f64> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        any(deserializer).map(|spelled| Self(spelled.real()))
    }
}

impl<'de, T> Visitor<'de> for Numbers<T>
where
    Element<T>: Deserialize<'de>,
{
    type Value = Vec<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of numbers")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some(Element(number)) = numbers.next_element()? {
            read.push(number);
        }
        Ok(read)
    }
    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }
}

/// Truth, as itself or as text.
pub(crate) fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    deserializer.deserialize_any(Truth)
}

struct Truth;

impl Visitor<'_> for Truth {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        text.parse().map_err(|_| E::invalid_value(Unexpected::Str(text), &self))
    }
    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

/// `AggregationTemporality`, as number or name.
pub(crate) fn temporality<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Temporality, D::Error> {
    deserializer.deserialize_any(TemporalityWord)
}

struct TemporalityWord;

impl Visitor<'_> for TemporalityWord {
    type Value = Temporality;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("1, 2, AGGREGATION_TEMPORALITY_DELTA or AGGREGATION_TEMPORALITY_CUMULATIVE")
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Temporality, E> {
        Ok(Temporality::from_wire(i64::try_from(number).unwrap_or(0)))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Temporality, E> {
        Ok(Temporality::from_wire(number))
    }
    fn visit_str<E: Error>(self, word: &str) -> Result<Temporality, E> {
        match word {
            "AGGREGATION_TEMPORALITY_DELTA" | "1" => Ok(Temporality::Delta),
            "AGGREGATION_TEMPORALITY_CUMULATIVE" | "2" => Ok(Temporality::Cumulative),
            "AGGREGATION_TEMPORALITY_UNSPECIFIED" | "0" => Ok(Temporality::Unspecified),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }
    fn visit_unit<E: Error>(self) -> Result<Temporality, E> {
        Ok(Temporality::Unspecified)
    }
}

/// Bytes as hexadecimal digits, as OTLP/JSON writes identities of traces and spans.
pub(crate) fn hex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, [u8]>, D::Error> {
    let digits = text(deserializer)?;
    let refuse = || D::Error::invalid_value(Unexpected::Str(&digits), &"hexadecimal digits");
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = digits.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect::<Option<Vec<u8>>>().map(Cow::Owned).ok_or_else(refuse)
}

/// An enum as its number or one of its names. An unknown name is an error, an unknown number is itself.
struct Enumeration(&'static [(&'static str, i64)]);

impl Visitor<'_> for Enumeration {
    type Value = i64;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number or a name of the enum")
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        Ok(i64::try_from(number).unwrap_or(0))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }
    fn visit_str<E: Error>(self, word: &str) -> Result<i64, E> {
        let named = self.0.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
        named.or_else(|| word.parse().ok()).ok_or_else(|| E::invalid_value(Unexpected::Str(word), &self))
    }
    fn visit_unit<E: Error>(self) -> Result<i64, E> {
        Ok(0)
    }
}

/// `SpanKind`, as number or name.
pub(crate) fn span_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SpanKind, D::Error> {
    const KINDS: [(&str, i64); 6] = [
        ("SPAN_KIND_UNSPECIFIED", 0),
        ("SPAN_KIND_INTERNAL", 1),
        ("SPAN_KIND_SERVER", 2),
        ("SPAN_KIND_CLIENT", 3),
        ("SPAN_KIND_PRODUCER", 4),
        ("SPAN_KIND_CONSUMER", 5),
    ];
    deserializer.deserialize_any(Enumeration(&KINDS)).map(SpanKind::from_wire)
}

/// Whether a status code, as number or name, is an error.
pub(crate) fn is_error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    const CODES: [(&str, i64); 3] =
        [("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", STATUS_ERROR)];
    deserializer.deserialize_any(Enumeration(&CODES)).map(|code| code == STATUS_ERROR)
}
