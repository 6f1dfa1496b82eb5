//! The one internal form of an OTLP request: borrowed from the request's bytes where they allow it. It follows OTLP's own
//! structure, without what firstbad never reads (exemplars, trace context of records, units, descriptions). Its JSON form is
//! declared here, field by field; how text, numbers and lists are read leniently is in `json`.

mod traces;

pub(super) use traces::STATUS_ERROR;
pub use traces::{ResourceSpans, ScopeSpans, Span, SpanEvent, SpanKind, Status, Traces};

use super::digest::Form;
use super::json::lenient;
use serde::Deserialize;
use std::borrow::Cow;

/// An `ExportMetricsServiceRequest`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metrics<'a> {
    /// One entry per resource, or several.
    #[serde(borrow, alias = "resource_metrics", deserialize_with = "lenient::list")]
    pub resource_metrics: Vec<ResourceMetrics<'a>>,
}

/// An `ExportLogsServiceRequest`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Logs<'a> {
    /// One entry per resource, or several.
    #[serde(borrow, alias = "resource_logs", deserialize_with = "lenient::list")]
    pub resource_logs: Vec<ResourceLogs<'a>>,
}

/// Metrics of one resource.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceMetrics<'a> {
    /// Who.
    #[serde(borrow, deserialize_with = "lenient::message")]
    pub resource: Resource<'a>,
    /// What, by instrumentation scope.
    #[serde(alias = "scope_metrics", deserialize_with = "lenient::list")]
    pub scope_metrics: Vec<ScopeMetrics<'a>>,
}

/// Log records of one resource.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ResourceLogs<'a> {
    /// Who.
    #[serde(borrow, deserialize_with = "lenient::message")]
    pub resource: Resource<'a>,
    /// What, by instrumentation scope.
    #[serde(alias = "scope_logs", deserialize_with = "lenient::list")]
    pub scope_logs: Vec<ScopeLogs<'a>>,
}

/// Who sends.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Resource<'a> {
    /// Identity and dimensions.
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
}

/// Metrics of one instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ScopeMetrics<'a> {
    /// Name of the scope: equal metrics of two scopes are two series.
    #[serde(borrow, deserialize_with = "lenient::message")]
    pub scope: Scope<'a>,
    /// Metrics.
    #[serde(deserialize_with = "lenient::list")]
    pub metrics: Vec<Metric<'a>>,
}

/// Log records of one instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ScopeLogs<'a> {
    /// Records.
    #[serde(borrow, alias = "log_records", deserialize_with = "lenient::list")]
    pub log_records: Vec<LogRecord<'a>>,
}

/// An instrumentation scope.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Scope<'a> {
    /// Name.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub name: Cow<'a, str>,
}

/// One metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric<'a> {
    /// Name.
    pub name: Cow<'a, str>,
    /// Points.
    pub data: Data<'a>,
}

/// The points of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Data<'a> {
    /// No data, or a kind this reader doesn't know.
    #[default]
    None,
    /// Last values.
    Gauge(Vec<NumberPoint<'a>>),
    /// Sums, monotonic or not.
    Sum {
        /// Since when the points count.
        temporality: Temporality,
        /// Whether the sum never falls.
        monotonic: bool,
        /// Points.
        points: Vec<NumberPoint<'a>>,
    },
    /// Histograms with explicit bounds.
    Histogram {
        /// Since when the points count.
        temporality: Temporality,
        /// Points.
        points: Vec<HistogramPoint<'a>>,
    },
    /// Histograms with exponential bounds.
    Exponential {
        /// Since when the points count.
        temporality: Temporality,
        /// Points.
        points: Vec<ExponentialPoint<'a>>,
    },
    /// Summaries: how many points; nothing reads them.
    Summary(usize),
}

impl Data<'_> {
    /// How many points there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Gauge(points) | Self::Sum { points, .. } => points.len(),
            Self::Histogram { points, .. } => points.len(),
            Self::Exponential { points, .. } => points.len(),
            Self::Summary(points) => *points,
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Since when a point counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// Not said: such a point can't be used.
    #[default]
    Unspecified,
    /// Since the previous point.
    Delta,
    /// Since the start time.
    Cumulative,
}

impl Temporality {
    /// The temporality that OTLP's enum number means.
    #[must_use]
    pub const fn from_wire(number: i64) -> Self {
        match number {
            1 => Self::Delta,
            2 => Self::Cumulative,
            _ => Self::Unspecified,
        }
    }
}

/// A number as sent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Number {
    /// No value.
    #[default]
    None,
    /// `asInt`.
    Int(i64),
    /// `asDouble`; may be NaN or infinite.
    Double(f64),
}

/// A point of a gauge or sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NumberPoint<'a> {
    /// The series within its metric.
    pub attributes: Vec<Attribute<'a>>,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    pub start: u64,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    pub time: u64,
    /// Value.
    pub value: Number,
    /// Bit 0: there is no recorded value (the series ended).
    pub flags: u32,
    /// How the attributes were read.
    pub form: Form,
}

/// A point of a histogram with explicit bounds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct HistogramPoint<'a> {
    /// The series within its metric.
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    #[serde(rename = "startTimeUnixNano", alias = "start_time_unix_nano", deserialize_with = "lenient::natural")]
    pub start: u64,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", deserialize_with = "lenient::natural")]
    pub time: u64,
    /// Values counted.
    #[serde(deserialize_with = "lenient::natural")]
    pub count: u64,
    /// Sum of the values.
    #[serde(deserialize_with = "lenient::maybe_real")]
    pub sum: Option<f64>,
    /// One more than bounds, or empty.
    #[serde(alias = "bucket_counts", deserialize_with = "lenient::naturals")]
    pub bucket_counts: Vec<u64>,
    /// Upper bounds, inclusive, ascending.
    #[serde(rename = "explicitBounds", alias = "explicit_bounds", deserialize_with = "lenient::reals")]
    pub bounds: Vec<f64>,
    /// Bit 0: there is no recorded value.
    #[serde(deserialize_with = "lenient::flags")]
    pub flags: u32,
    /// How the attributes were read.
    #[serde(skip)]
    pub form: Form,
}

/// A point of a histogram with exponential bounds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ExponentialPoint<'a> {
    /// The series within its metric.
    #[serde(borrow, deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    #[serde(rename = "startTimeUnixNano", alias = "start_time_unix_nano", deserialize_with = "lenient::natural")]
    pub start: u64,
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", deserialize_with = "lenient::natural")]
    pub time: u64,
    /// Values counted.
    #[serde(deserialize_with = "lenient::natural")]
    pub count: u64,
    /// Sum of the values.
    #[serde(deserialize_with = "lenient::maybe_real")]
    pub sum: Option<f64>,
    /// Bounds are powers of 2^(2^-scale).
    #[serde(deserialize_with = "lenient::integer32")]
    pub scale: i32,
    /// Values within the zero threshold.
    #[serde(alias = "zero_count", deserialize_with = "lenient::natural")]
    pub zero_count: u64,
    /// Values above zero.
    #[serde(deserialize_with = "lenient::message")]
    pub positive: Buckets,
    /// Values below zero, by their absolute value.
    #[serde(deserialize_with = "lenient::message")]
    pub negative: Buckets,
    /// Bit 0: there is no recorded value.
    #[serde(deserialize_with = "lenient::flags")]
    pub flags: u32,
    /// How the attributes were read.
    #[serde(skip)]
    pub form: Form,
}

/// Counts of an exponential histogram on one side of zero: `counts[i]` is bucket `offset + i`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Buckets {
    /// Index of the first bucket.
    #[serde(deserialize_with = "lenient::integer32")]
    pub offset: i32,
    /// Counts.
    #[serde(rename = "bucketCounts", alias = "bucket_counts", deserialize_with = "lenient::naturals")]
    pub counts: Vec<u64>,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LogRecord<'a> {
    /// Nanoseconds since the Unix epoch; 0 is "not told".
    #[serde(rename = "timeUnixNano", alias = "time_unix_nano", deserialize_with = "lenient::natural")]
    pub time: u64,
    /// When it was collected; 0 is "not told".
    #[serde(rename = "observedTimeUnixNano", alias = "observed_time_unix_nano", deserialize_with = "lenient::natural")]
    pub observed: u64,
    /// Which event it is; empty for a plain log record.
    #[serde(borrow, alias = "event_name", deserialize_with = "lenient::text")]
    pub event_name: Cow<'a, str>,
    /// Body.
    #[serde(deserialize_with = "lenient::message")]
    pub body: Value<'a>,
    /// Attributes.
    #[serde(deserialize_with = "lenient::list")]
    pub attributes: Vec<Attribute<'a>>,
    /// How it was read.
    #[serde(skip)]
    pub form: Form,
    /// The bytes of a record of which only the times were read.
    #[serde(skip)]
    pub undecoded: Option<&'a [u8]>,
}

/// The attributes of a point.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'p, 'a> {
    /// As read; empty if they are known.
    pub read: &'p [Attribute<'a>],
    /// How they were read.
    pub form: Form,
}

macro_rules! attributes_of {
    ($($point:ident)*) => {
        $(impl<'a> $point<'a> {
            /// The attributes, and how they were read.
            #[must_use]
            pub fn attributes(&self) -> Attributes<'_, 'a> {
                Attributes { read: &self.attributes, form: self.form }
            }
        })*
    };
}

attributes_of!(NumberPoint HistogramPoint ExponentialPoint);

/// One attribute.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Attribute<'a> {
    /// Key.
    #[serde(borrow, deserialize_with = "lenient::text")]
    pub key: Cow<'a, str>,
    /// Value.
    #[serde(deserialize_with = "lenient::message")]
    pub value: Value<'a>,
}

/// OTLP's `AnyValue`.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value<'a> {
    /// No value.
    #[default]
    Empty,
    /// Text.
    Text(Cow<'a, str>),
    /// Truth.
    Bool(bool),
    /// Integer.
    Int(i64),
    /// Real number.
    Double(f64),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// Values.
    List(Vec<Value<'a>>),
    /// Keys and values.
    Map(Vec<Attribute<'a>>),
}

impl Value<'_> {
    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The integer, if it is one in any form that senders use: integer, whole real number, or digits.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and within 2^53")]
            #[expect(clippy::float_cmp, reason = "a whole number is exactly its own truncation")]
            Self::Double(value) if value.abs() < 9.0e15 && value.trunc() == *value => Some(*value as i64),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The truth value, if it is one in any form that senders use.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => text.trim().to_ascii_lowercase().parse().ok(),
            _ => None,
        }
    }
}
