//! Event time in nanoseconds: instants, and spans between them, which are no instants. Nothing is decided here. Arithmetic is
//! plain, and saturates only where its name says so.

use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, Neg, Rem, Sub};

/// A time, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Instant(pub i64);

/// A length of time, in nanoseconds; negative where the end lies before the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Span(pub i64);

impl Instant {
    /// The zero of every clock that counts from an event of its own.
    pub(crate) const ZERO: Self = Self(0);
    pub(crate) const MIN: Self = Self(i64::MIN);
    pub(crate) const MAX: Self = Self(i64::MAX);
    /// Before all events, and far enough from the least instant to count with.
    pub(crate) const LONG_AGO: Self = Self(i64::MIN / 4);
    /// After all events, and far enough from the greatest instant to count with.
    pub(crate) const ENDLESS: Self = Self(i64::MAX / 4);

    #[inline]
    pub(crate) const fn saturating_add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }

    #[inline]
    pub(crate) const fn saturating_sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }

    /// How many whole spans have passed since 1970.
    #[inline]
    pub(crate) const fn periods(self, span: Span) -> i64 {
        self.0 / span.0
    }

    /// Time since the last whole number of spans since 1970.
    #[inline]
    pub(crate) const fn past(self, span: Span) -> Span {
        Span(self.0.rem_euclid(span.0))
    }
}

impl From<Timestamp> for Instant {
    #[inline]
    fn from(at: Timestamp) -> Self {
        Self(at.0)
    }
}

impl From<Instant> for Timestamp {
    #[inline]
    fn from(at: Instant) -> Self {
        Self(at.0)
    }
}

impl Span {
    pub(crate) const ZERO: Self = Self(0);
    /// One nanosecond.
    pub(crate) const NS: Self = Self(1);
    pub(crate) const MAX: Self = Self(i64::MAX);

    #[inline]
    pub(crate) const fn abs(self) -> Self {
        Self(self.0.abs())
    }

    #[inline]
    #[expect(clippy::cast_precision_loss, reason = "seconds need no nanosecond precision")]
    pub(crate) fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "seconds of one incident")]
    pub(crate) fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e9) as i64)
    }

    /// So many times as long.
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "a few reports' length")]
    pub(crate) fn times(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor) as i64)
    }

    /// A share of it, between nothing and all.
    #[inline]
    pub(crate) fn part(self, share: f64) -> Self {
        self.times(share.clamp(0.0, 1.0))
    }
}

impl Sub for Instant {
    type Output = Span;

    #[inline]
    fn sub(self, earlier: Self) -> Span {
        Span(self.0 - earlier.0)
    }
}

impl Add<Span> for Instant {
    type Output = Self;

    #[inline]
    fn add(self, span: Span) -> Self {
        Self(self.0 + span.0)
    }
}

impl AddAssign<Span> for Instant {
    #[inline]
    fn add_assign(&mut self, span: Span) {
        self.0 += span.0;
    }
}

impl Sub<Span> for Instant {
    type Output = Self;

    #[inline]
    fn sub(self, span: Span) -> Self {
        Self(self.0 - span.0)
    }
}

impl Add for Span {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Span {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Span {
    type Output = Self;

    #[inline]
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Mul<i64> for Span {
    type Output = Self;

    #[inline]
    fn mul(self, factor: i64) -> Self {
        Self(self.0 * factor)
    }
}

impl Mul<Span> for i64 {
    type Output = Span;

    #[inline]
    fn mul(self, span: Span) -> Span {
        Span(self * span.0)
    }
}

impl Div<i64> for Span {
    type Output = Self;

    #[inline]
    fn div(self, parts: i64) -> Self {
        Self(self.0 / parts)
    }
}

impl DivAssign<i64> for Span {
    #[inline]
    fn div_assign(&mut self, parts: i64) {
        self.0 /= parts;
    }
}

impl Div for Span {
    type Output = i64;

    #[inline]
    fn div(self, other: Self) -> i64 {
        self.0 / other.0
    }
}

impl Rem for Span {
    type Output = Self;

    #[inline]
    fn rem(self, other: Self) -> Self {
        Self(self.0 % other.0)
    }
}

/// A stretch of event time, such as that of a report, by the corrected clock of its unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Window {
    pub start: Instant,
    pub end: Instant,
}

impl Window {
    #[inline]
    pub(crate) fn length(self) -> Span {
        self.end - self.start
    }

    /// Whether a time lies in it; the end does not.
    #[inline]
    pub(crate) fn contains(self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }
}

/// Most likely time of an event, and its standard deviation, which is zero if the time is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Placed {
    pub at: Instant,
    pub deviation: Span,
}

impl Placed {
    /// Whether the time is known.
    #[inline]
    pub(crate) fn is_known(self) -> bool {
        self.deviation > Span::ZERO
    }
}
