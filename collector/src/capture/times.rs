//! The times in a line without decoding it: a capture is sorted by reading every line once, and most of that reading is
//! skipped this way. A line whose times can't be told so is decoded.

use firstbad_protocol::time::SECOND_NS;
use memchr::memmem;

/// Key of a point's or record's time. A start time and an observed time spell it with a capital letter.
const KEY: &[u8] = b"\"timeUnixNano\"";

/// Key of who sends.
const RESOURCE: &[u8] = b"\"resource\"";
/// A report and what it brings along lie closer together than this; what lies further ahead of the middle of its line is
/// a clock that is off, and must not carry the whole line away.
const AHEAD_MAX_NS: i64 = 300 * SECOND_NS;

/// The times in one line that may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    within: Vec<i64>,
    beyond: bool,
}

impl Times {
    /// Adds `time`, if it is told at all.
    pub(super) fn add(&mut self, time: i64, horizon: i64) {
        if time > horizon {
            self.beyond = true;
        } else if time > 0 && self.within.last() != Some(&time) {
            self.within.push(time);
        }
    }

    /// Whether all of the line lies beyond the horizon.
    pub(super) fn is_beyond(&self) -> bool {
        self.beyond && self.within.is_empty()
    }

    /// The time of the line: its latest, unless that is far ahead of the others.
    pub(super) fn of_line(&mut self) -> Option<i64> {
        self.within.sort_unstable();
        let latest = self.within.last().copied()?;
        let middle = self.within.get((self.within.len() - 1) / 2).copied().unwrap_or(latest);
        if latest.saturating_sub(middle) <= AHEAD_MAX_NS {
            return Some(latest);
        }
        let near = self.within.partition_point(|time| time.saturating_sub(middle) <= AHEAD_MAX_NS);
        self.within.get(near.saturating_sub(1)).copied()
    }
}

/// Who sends the line, as far as its bytes tell without decoding: its first resource.
pub(super) fn sender(line: &[u8]) -> u64 {
    let resource = memmem::find(line, RESOURCE).and_then(|start| line.get(start..)).unwrap_or_default();
    let end = memchr::memchr(b']', resource).unwrap_or(resource.len().min(512));
    xxhash_rust::xxh3::xxh3_64(resource.get(..end).unwrap_or_default())
}

/// The times in `line`; none if there is none, or one that is written in an unusual way.
pub(super) fn scan(line: &[u8], horizon: i64) -> Option<Times> {
    let mut times = Times::default();
    for place in memmem::find_iter(line, KEY) {
        let value = line.get(place + KEY.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, end) = match value.strip_prefix(b"\"") {
            Some(value) => (value, &b"\""[..]),
            None => (value, &b",} \t\r\n"[..]),
        };
        times.add(digits(value, end)?, horizon);
    }
    (times != Times::default()).then_some(times)
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

    fn of_line(line: &[u8], horizon: i64) -> Option<i64> {
        scan(line, horizon)?.of_line()
    }

    #[test]
    fn times_are_found_as_text_and_as_numbers() {
        let line =
            br#"{"startTimeUnixNano":"1","timeUnixNano":"50","x":{"timeUnixNano" : 70},"observedTimeUnixNano":"99"}"#;
        assert_eq!(of_line(line, i64::MAX), Some(70));
        assert_eq!(of_line(line, 60), Some(50));
        assert!(scan(line, 10).unwrap().is_beyond());
        assert_eq!(scan(br#"{"timeUnixNano":1.5e18}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"timeUnixNano":"0"}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"body":"\"timeUnixNano\":\"5\""}"#, i64::MAX), None, "a text that quotes a line");
        assert_eq!(scan(br#"{"timeUnixNano":"99999999999999999999"}"#, i64::MAX), None);
    }

    #[test]
    fn one_clock_that_is_ahead_does_not_carry_its_line_away() {
        let at = |second: i64| format!(r#"{{"timeUnixNano":"{}"}}"#, (1_772_445_600 + second) * SECOND_NS);
        let line = [at(0), at(3), at(4), at(3604)].concat();
        assert_eq!(of_line(line.as_bytes(), i64::MAX), Some((1_772_445_600 + 4) * SECOND_NS));
    }

    #[test]
    fn senders_are_told_apart_by_their_resource() {
        let of = |host: &str| {
            sender(format!(r#"{{"resource":{{"attributes":["{host}"]}},"timeUnixNano":"{host}"}}"#).as_bytes())
        };
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }
}
