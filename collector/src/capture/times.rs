//! The times in a line without decoding it: a capture is sorted by reading every line once, and most of that reading is
//! skipped this way. A line whose times can't be told so is decoded.

use memchr::memmem;

/// Key of a point's or record's time. A start time and an observed time spell it with a capital letter.
const KEY: &[u8] = b"\"timeUnixNano\"";

/// Times of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) earliest: i64,
    /// The latest that lies within the horizon; `earliest` if none does.
    pub(super) latest: i64,
}

impl Times {
    /// Adds `time`, if it is told at all.
    pub(super) fn add(times: &mut Option<Self>, time: i64, horizon: i64) {
        if time <= 0 {
            return;
        }
        let times = times.get_or_insert(Self { earliest: time, latest: time });
        times.earliest = times.earliest.min(time);
        times.latest = if times.latest > horizon { times.earliest } else { times.latest };
        if time <= horizon {
            times.latest = times.latest.max(time);
        }
    }
}

/// The times in `line`; none if there is none, or one that is written in an unusual way.
pub(super) fn scan(line: &[u8], horizon: i64) -> Option<Times> {
    let mut times = None;
    for place in memmem::find_iter(line, KEY) {
        let value = line.get(place + KEY.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, end) = match value.strip_prefix(b"\"") {
            Some(value) => (value, &b"\""[..]),
            None => (value, &b",} \t\r\n"[..]),
        };
        Times::add(&mut times, digits(value, end)?, horizon);
    }
    times
}

/// The number at the start of `text`, up to one of `end`.
fn digits(text: &[u8], end: &[u8]) -> Option<i64> {
    let mut number = 0_i64;
    for (index, byte) in text.iter().enumerate() {
        if byte.is_ascii_digit() {
            number = number.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
        } else {
            return (index > 0 && end.contains(byte)).then_some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_as_text_and_as_numbers() {
        let line =
            br#"{"startTimeUnixNano":"1","timeUnixNano":"50","x":{"timeUnixNano" : 70},"observedTimeUnixNano":"99"}"#;
        assert_eq!(scan(line, i64::MAX), Some(Times { earliest: 50, latest: 70 }));
        assert_eq!(scan(line, 60), Some(Times { earliest: 50, latest: 50 }));
        assert_eq!(scan(line, 10), Some(Times { earliest: 50, latest: 50 }));
        assert_eq!(scan(br#"{"timeUnixNano":1.5e18}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"timeUnixNano":"0"}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"body":"\"timeUnixNano\":\"5\""}"#, i64::MAX), None, "a text that quotes a line");
        assert_eq!(scan(br#"{"timeUnixNano":"99999999999999999999"}"#, i64::MAX), None);
    }
}
