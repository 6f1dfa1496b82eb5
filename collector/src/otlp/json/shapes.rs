//! The two messages whose JSON is shaped unlike the internal form: a `oneof` is several optional keys.

use super::super::model;
use super::lenient;
use model::{Attribute, Data, Number, Temporality};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metric<'a> {
    #[serde(borrow, deserialize_with = "lenient::text")]
    name: Cow<'a, str>,
    gauge: Option<Points<model::NumberPoint<'a>>>,
    sum: Option<Points<model::NumberPoint<'a>>>,
    histogram: Option<Points<model::HistogramPoint<'a>>>,
    #[serde(alias = "exponential_histogram")]
    exponential_histogram: Option<Points<model::ExponentialPoint<'a>>>,
    summary: Option<Points<serde::de::IgnoredAny>>,
}

/// What every kind of metric holds; a gauge has only points.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
struct Points<T> {
    #[serde(default = "Vec::new", alias = "data_points", deserialize_with = "lenient::list")]
    data_points: Vec<T>,
    #[serde(default, alias = "aggregation_temporality", deserialize_with = "lenient::temporality")]
    aggregation_temporality: Temporality,
    #[serde(default, alias = "is_monotonic", deserialize_with = "lenient::truth")]
    is_monotonic: bool,
}

impl<'a> From<Metric<'a>> for model::Metric<'a> {
    fn from(shape: Metric<'a>) -> Self {
        let data = match shape {
            Metric { sum: Some(sum), .. } => Data::Sum {
                temporality: sum.aggregation_temporality,
                monotonic: sum.is_monotonic,
                points: sum.data_points,
            },
            Metric { gauge: Some(gauge), .. } => Data::Gauge(gauge.data_points),
            Metric { histogram: Some(histogram), .. } => {
                Data::Histogram { temporality: histogram.aggregation_temporality, points: histogram.data_points }
            }
            Metric { exponential_histogram: Some(histogram), .. } => {
                Data::Exponential { temporality: histogram.aggregation_temporality, points: histogram.data_points }
            }
            Metric { summary: Some(summary), .. } => Data::Summary(summary.data_points.len()),
            Metric { .. } => Data::None,
        };
        Self { name: shape.name, data }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct NumberPoint<'a> {
    #[serde(borrow, deserialize_with = "lenient::list")]
    attributes: Vec<Attribute<'a>>,
    #[serde(alias = "start_time_unix_nano", deserialize_with = "lenient::natural")]
    start_time_unix_nano: u64,
    #[serde(alias = "time_unix_nano", deserialize_with = "lenient::natural")]
    time_unix_nano: u64,
    #[serde(alias = "as_int", deserialize_with = "lenient::maybe_integer")]
    as_int: Option<i64>,
    #[serde(alias = "as_double", deserialize_with = "lenient::maybe_real")]
    as_double: Option<f64>,
    #[serde(deserialize_with = "lenient::flags")]
    flags: u32,
}

impl<'a> From<NumberPoint<'a>> for model::NumberPoint<'a> {
    fn from(shape: NumberPoint<'a>) -> Self {
        let value = match (shape.as_int, shape.as_double) {
            (Some(value), _) => Number::Int(value),
            (None, Some(value)) => Number::Double(value),
            (None, None) => Number::None,
        };
        Self {
            attributes: shape.attributes,
            start: shape.start_time_unix_nano,
            time: shape.time_unix_nano,
            value,
            flags: shape.flags,
            form: crate::otlp::Form::Read,
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for model::Metric<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Metric::deserialize(deserializer).map(Self::from)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for model::NumberPoint<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NumberPoint::deserialize(deserializer).map(Self::from)
    }
}
