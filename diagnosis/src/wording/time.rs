//! Times of day and lengths of time as people read them.

use crate::numerics::time::{Instant, Span};
use firstbad_protocol::time::Timestamp;
use std::fmt;

/// Seconds of a day, an hour and a minute.
const DAY_S: f64 = 86_400.0;
const HOUR_S: f64 = 3600.0;
const MINUTE_S: f64 = 60.0;

/// Time of day, UTC: hours, minutes and seconds.
pub(crate) fn clock(at: Instant) -> String {
    let text = Timestamp::from(at).to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

/// A length of time in the greatest unit that it holds at least twice.
pub(crate) struct Length(pub Span);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.seconds();
        match seconds {
            _ if seconds >= 2.0 * DAY_S => write!(f, "{:.0} d", seconds / DAY_S),
            _ if seconds >= 2.0 * HOUR_S => write!(f, "{:.0} h", seconds / HOUR_S),
            _ if seconds >= 2.0 * MINUTE_S => write!(f, "{:.0} min", seconds / MINUTE_S),
            _ => write!(f, "{seconds:.0} s"),
        }
    }
}
