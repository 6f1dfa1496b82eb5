//! The times in a line without decoding it: a capture is sorted by reading every line once, and most of that reading is
//! skipped this way. A line whose times can't be told so is decoded. When a line is replayed, given its times, is decided
//! here as well.

use firstbad_protocol::time::SECOND_NS;
use memchr::memmem;

/// Key of a point's or record's time. A start time and an observed time spell it with a capital letter.
const KEY: &[u8] = b"\"timeUnixNano\"";

/// Key of who sends.
const RESOURCE: &[u8] = b"\"resource\"";
/// Reports come every minute or more often, so the times in a line follow each other closer than this (two reports may be
/// lost), however long a stretch it covers; what lies beyond a wider gap, seen from the middle of the line, is a clock that
/// is off, and must not carry the line away.
const GAP_MAX_NS: i64 = 180 * SECOND_NS;

/// The stretch of time that a line tells of, and how far its sender's clock is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Earliest time in it, on a right clock: lines are replayed in this order.
    pub first: i64,
    /// Latest time in it, on a right clock.
    pub last: i64,
    /// What was added to the sender's times to set its clock right.
    pub shift: i64,
}

impl Stretch {
    /// When in a replay something of this line happens that its sender timed `at`.
    #[must_use]
    pub fn place(&self, at: i64) -> i64 {
        at.saturating_add(self.shift).clamp(self.first, self.last.max(self.first))
    }

    /// The same stretch, its latest time moved to `last`.
    pub(super) fn moved_to(self, last: i64) -> Self {
        let shift = last.saturating_sub(self.last);
        Self { first: self.first.saturating_add(shift), last, shift: self.shift.saturating_add(shift) }
    }
}

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

    /// The stretch of the line: the times around its middle one, as far as they follow each other.
    pub(super) fn stretch(&mut self) -> Option<Stretch> {
        self.within.sort_unstable();
        let (before, after) = self.within.split_at(self.within.len().saturating_sub(1) / 2);
        let middle = after.first().copied()?;
        let near = |end: i64, next: &i64| (next.abs_diff(end) <= GAP_MAX_NS.unsigned_abs()).then_some(*next);
        let first = before.iter().rev().try_fold(middle, |end, next| near(end, next).ok_or(end));
        let last = after.iter().try_fold(middle, |end, next| near(end, next).ok_or(end));
        let (Ok(first) | Err(first), Ok(last) | Err(last)) = (first, last);
        Some(Stretch { first, last, shift: 0 })
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

    fn of_line(line: &[u8], horizon: i64) -> Option<(i64, i64)> {
        scan(line, horizon)?.stretch().map(|stretch| (stretch.first, stretch.last))
    }

    #[test]
    fn times_are_found_as_text_and_as_numbers() {
        let line =
            br#"{"startTimeUnixNano":"1","timeUnixNano":"50","x":{"timeUnixNano" : 70},"observedTimeUnixNano":"99"}"#;
        assert_eq!(of_line(line, i64::MAX), Some((50, 70)));
        assert_eq!(of_line(line, 60), Some((50, 50)));
        assert!(scan(line, 10).unwrap().is_beyond());
        assert_eq!(scan(br#"{"timeUnixNano":1.5e18}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"timeUnixNano":"0"}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"body":"\"timeUnixNano\":\"5\""}"#, i64::MAX), None, "a text that quotes a line");
        assert_eq!(scan(br#"{"timeUnixNano":"99999999999999999999"}"#, i64::MAX), None);
    }

    #[test]
    fn one_clock_that_is_off_does_not_carry_its_line_away() {
        const T0: i64 = 1_772_445_600;
        let stretch = |seconds: &[i64]| {
            let line: String =
                seconds.iter().map(|s| format!(r#"{{"timeUnixNano":"{}"}}"#, (T0 + s) * SECOND_NS)).collect();
            of_line(line.as_bytes(), i64::MAX).map(|(first, last)| (first / SECOND_NS - T0, last / SECOND_NS - T0))
        };
        assert_eq!(stretch(&[0, 3, 4, 3604]), Some((0, 4)));
        assert_eq!(stretch(&[12, 10, -T0 + 5, 11]), Some((10, 12)));
        assert_eq!(stretch(&[10, 3610]), Some((10, 10)), "of two the earlier: nobody reports before it happened");
        let hour: Vec<i64> = (0..360).map(|report| report * 10).collect();
        assert_eq!(stretch(&hour), Some((0, 3590)), "an hour in one line");
    }

    #[test]
    fn what_happens_in_a_line_stays_within_its_stretch() {
        let stretch = Stretch { first: 100, last: 140, shift: 0 };
        assert_eq!([90, 120, 3740].map(|at| stretch.place(at)), [100, 120, 140]);
        let moved = stretch.moved_to(1140);
        assert_eq!([100, 120, 140].map(|at| moved.place(at)), [1100, 1120, 1140]);
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
