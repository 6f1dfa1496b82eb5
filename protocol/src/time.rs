//! Points and spans of event time, as nanoseconds since the Unix epoch, and their RFC 3339 form. It reads no clock.

use jiff::fmt::temporal::DateTimePrinter;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

/// Nanoseconds in a second.
pub const SECOND_NS: i64 = 1_000_000_000;

/// A point in time: nanoseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// `seconds` after the epoch.
    #[must_use]
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(SECOND_NS))
    }

    /// Nanoseconds from `earlier` to `self`; negative if `self` is the earlier one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<i64> for Timestamp {
    type Output = Self;
    fn add(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }
}

impl Sub<i64> for Timestamp {
    type Output = Self;
    fn sub(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_sub(nanoseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(instant) => f.write_str(&DateTimePrinter::new().timestamp_to_string(&instant)),
            Err(_) => write!(f, "@{}ns", self.0),
        }
    }
}

/// A text that is no RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time in RFC 3339 form, such as 2025-11-18T11:28:04Z")]
pub struct NotATime(pub String);

impl FromStr for Timestamp {
    type Err = NotATime;
    fn from_str(text: &str) -> Result<Self, NotATime> {
        let refuse = || NotATime(text.chars().take(64).collect());
        let instant: jiff::Timestamp = text.parse().map_err(|_| refuse())?;
        i64::try_from(instant.as_nanosecond()).map(Self).map_err(|_| refuse())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
        } else {
            i64::deserialize(deserializer).map(Self)
        }
    }
}

/// A time of day in UTC, whole seconds since midnight, for sentences whose reader knows the date. Shown as `11:28:04`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClockTime(u32);

const DAY_S: i64 = 86_400;

impl From<Timestamp> for ClockTime {
    fn from(at: Timestamp) -> Self {
        Self(u32::try_from(at.0.div_euclid(SECOND_NS).rem_euclid(DAY_S)).unwrap_or(0))
    }
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}:{:02}", self.0 / 3600, self.0 / 60 % 60, self.0 % 60)
    }
}

/// A text that is not a time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is HH:MM:SS, such as 11:28:04")]
pub struct NotAClockTime;

impl FromStr for ClockTime {
    type Err = NotAClockTime;

    fn from_str(text: &str) -> Result<Self, NotAClockTime> {
        let parts =
            text.split(':').map(|part| part.parse().map_err(|_| NotAClockTime)).collect::<Result<Vec<u32>, _>>()?;
        let [hours @ 0..24, minutes @ 0..60, seconds @ 0..60] = *parts else { return Err(NotAClockTime) };
        Ok(Self(hours * 3600 + minutes * 60 + seconds))
    }
}

/// The half-open span of event time [start, end) that a point covers. An instant has start == end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// First nanosecond covered.
    pub start: Timestamp,
    /// First nanosecond no longer covered.
    pub end: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc() {
        let onset = Timestamp::from_seconds(1_763_465_284);
        assert_eq!(onset.to_string(), "2025-11-18T11:28:04Z");
        assert_eq!("2025-11-18T12:28:04+01:00".parse(), Ok(onset));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}
