//! Numbers as sent into numbers that can be counted with. A value that is no count is a fault, never a panic and never a
//! silent zero.

use super::gaps::Fault;
use crate::otlp::model::Number;

/// Beyond this, whole numbers are no longer exact as doubles, and no real counter is there.
const COUNT_MAX: u64 = 1 << 53;

/// A time that can be believed: one that was sent, and whose nanoseconds fit 63 bits.
pub(super) fn time(nanoseconds: u64) -> Result<i64, Fault> {
    match i64::try_from(nanoseconds) {
        Ok(time) if time > 0 => Ok(time),
        _ => Err(Fault::NoTime),
    }
}

/// Times of a point as they were sent, nanoseconds since the Unix epoch; 0 where the sender gave none.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentSpan {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// Times of a point, nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PointSpan {
    /// Start time; 0 if the sender gave none.
    pub(super) start: i64,
    /// Time of the point.
    pub(super) end: i64,
}

/// The times of a point that can be believed.
pub(super) fn span(sent: SentSpan) -> Result<PointSpan, Fault> {
    let end = time(sent.end)?;
    let start = if sent.start == 0 { 0 } else { time(sent.start)? };
    if start > end { Err(Fault::StartAfterTime) } else { Ok(PointSpan { start, end }) }
}

/// A count.
pub(super) fn count(number: Number) -> Result<u64, Fault> {
    match number {
        Number::None => Err(Fault::NoValue),
        Number::Int(value) => bounded(u64::try_from(value).map_err(|_| Fault::Negative)?),
        Number::Double(value) if !value.is_finite() => Err(Fault::NotANumber),
        Number::Double(value) if value < 0.0 => Err(Fault::Negative),
        Number::Double(value) if value > COUNT_MAX as f64 => Err(Fault::Absurd),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be within range")]
        Number::Double(value) => Ok(value.round() as u64),
    }
}

/// A count that is believed.
pub(super) fn bounded(value: u64) -> Result<u64, Fault> {
    if value > COUNT_MAX { Err(Fault::Absurd) } else { Ok(value) }
}

/// A finite value.
pub(super) fn real(number: Number) -> Result<f64, Fault> {
    match number {
        Number::None => Err(Fault::NoValue),
        #[expect(clippy::cast_precision_loss, reason = "a level, not a count")]
        Number::Int(value) => Ok(value as f64),
        Number::Double(value) if value.is_finite() => Ok(value),
        Number::Double(_) => Err(Fault::NotANumber),
    }
}
