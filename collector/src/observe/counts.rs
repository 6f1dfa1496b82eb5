//! Numbers as sent into counts, and outcomes. A count that cannot be one is refused here.

use crate::otlp::model::Number;
use firstbad_diagnosis::observation::Outcomes;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    Error,
    Panic,
}

impl Outcome {
    pub(super) fn from_wire(word: &str) -> Option<Self> {
        match word {
            "ok" => Some(Self::Ok),
            "error" => Some(Self::Error),
            "panic" => Some(Self::Panic),
            _ => None,
        }
    }

    pub(super) fn add(self, outcomes: &mut Outcomes, count: u64) {
        let place = match self {
            Self::Ok => &mut outcomes.ok,
            Self::Error => &mut outcomes.error,
            Self::Panic => &mut outcomes.panic,
        };
        *place = place.saturating_add(count);
    }
}

/// A number that is finite.
pub(super) fn real(number: Number) -> Option<f64> {
    match number {
        #[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 do not occur in one series")]
        Number::Int(value) => Some(value as f64),
        Number::Double(value) if value.is_finite() => Some(value),
        Number::Double(_) | Number::None => None,
    }
}

/// A number that can be a running count: finite and not negative, at most 2^53.
pub(super) fn amount(number: Number) -> Option<f64> {
    real(number).filter(|value| (0.0..=9_007_199_254_740_992.0).contains(value))
}

/// A difference of amounts as a count.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "amounts are within 0 and 2^53")]
pub(super) fn count(value: f64) -> u64 {
    value.max(0.0).round() as u64
}

/// A gauge's whole number.
#[expect(clippy::cast_possible_truncation, reason = "checked to be within 2^53")]
pub(super) fn whole(number: Number) -> Option<i64> {
    real(number).filter(|value| value.abs() <= 9_007_199_254_740_992.0).map(|value| value.round() as i64)
}
