//! The times in a line without decoding it: a capture is sorted by reading every line once, and most of that reading is
//! skipped this way. A line whose times can't be told so is decoded. When a line is replayed, given its times, is decided
//! here as well.

use firstbad_protocol::time::SECOND_NS;
use memchr::memmem;

/// Key of a point's or a record's time, in both spellings. The quotation mark at the start excludes the keys of a start time
/// and of an observed time.
const KEYS: [&[u8]; 2] = [b"\"timeUnixNano\"", b"\"time_unix_nano\""];

/// Key of who sends.
const RESOURCE: &[u8] = b"\"resource\"";
/// Keys that only a line with metrics has.
const REPORTS: [&[u8]; 2] = [b"\"resourceMetrics\"", b"\"resource_metrics\""];
/// Keys that only a line with spans has, and the bytes of a line within which its first key ends.
const SPANS: [&[u8]; 2] = [b"\"resourceSpans\"", b"\"resource_spans\""];
const HEAD_BYTES: usize = 64;
/// Reports of several senders in one line lie closer together than this, or follow each other so; a sender beyond a wider
/// gap, seen from the middle of the line, has a clock that is off, and must not carry the line away. One sender's own times
/// may have gaps: it was silent. Events come when they come.
const GAP_MAX_NS: i64 = 900 * SECOND_NS;

/// 2000-01-01: a clock before that was never set.
pub(super) const SET_SINCE_NS: i64 = 946_684_800 * SECOND_NS;

/// The stretch of time that a line tells of, and how far its sender's clock is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stretch {
    /// Earliest time in it, on a right clock: lines are replayed in this order.
    pub first: i64,
    /// Latest time in it, on a right clock.
    pub last: i64,
    /// Nanoseconds that were added to the sender's times to place the line.
    pub shift: i64,
    /// Nanoseconds to add to the times within the line because its sender's clock is known to be off; 0 where the engine
    /// corrects the clock.
    pub clock: i64,
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
        Self { first: self.first.saturating_add(shift), last, shift: self.shift.saturating_add(shift), ..self }
    }

    /// The same stretch with `by` nanoseconds added to its times.
    pub(super) fn set_right(self, by: i64) -> Self {
        let moved = self.moved_to(self.last.saturating_add(by));
        Self { clock: by, ..moved }
    }
}

/// The times in one line that may be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times {
    within: Vec<i64>,
    /// Where the times of each resource begin; none if they are not told apart.
    resources: Vec<usize>,
    /// Whether reports are told of; else events.
    reports: bool,
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

    /// The times to come are another resource's.
    fn begin_resource(&mut self) {
        if self.resources.last() != Some(&self.within.len()) {
            self.resources.push(self.within.len());
        }
    }

    /// Whether all of the line lies beyond the horizon.
    pub(super) fn is_beyond(&self) -> bool {
        self.beyond && self.within.is_empty()
    }

    /// The stretch of the line: from its earliest to its latest time, without clocks that are off.
    pub(super) fn stretch(&mut self) -> Option<Stretch> {
        let mut times = self.within.clone();
        times.sort_unstable();
        let middle = times.get(times.len().saturating_sub(1) / 2).copied()?;
        let was_set = |time: &i64| *time >= SET_SINCE_NS.min(middle);
        let mut first = times.iter().copied().find(was_set).unwrap_or(middle);
        let mut last = times.last().copied().unwrap_or(middle);
        if self.reports && last.saturating_sub(first) > GAP_MAX_NS {
            (first, last) = around(middle, self.of_resources());
        }
        Some(Stretch { first, last, shift: 0, clock: 0 })
    }

    /// The least and greatest time of each resource, by the least.
    fn of_resources(&self) -> Vec<(i64, i64)> {
        let ends = self.resources.iter().skip(1).copied().chain([self.within.len()]);
        let parts = self.resources.iter().zip(ends).filter_map(|(start, end)| self.within.get(*start..end));
        let mut spans: Vec<(i64, i64)> =
            parts.filter_map(|part| Some((*part.iter().min()?, *part.iter().max()?))).collect();
        spans.sort_unstable();
        spans
    }
}

/// The stretch of those `spans`, sorted, that hang together with `middle`.
fn around(middle: i64, spans: Vec<(i64, i64)>) -> (i64, i64) {
    let mut stretch: Option<(i64, i64)> = None;
    for (first, last) in spans {
        match &mut stretch {
            Some(so_far) if first.saturating_sub(so_far.1) <= GAP_MAX_NS => so_far.1 = so_far.1.max(last),
            Some(so_far) if so_far.1 >= middle => break,
            _ => stretch = Some((first, last)),
        }
    }
    stretch.unwrap_or((middle, middle))
}

/// Who sends the line, as far as its bytes tell without decoding: its first resource.
pub(super) fn sender(line: &[u8]) -> u64 {
    let resource = memmem::find(line, RESOURCE).and_then(|start| line.get(start..)).unwrap_or_default();
    let end = memchr::memchr(b']', resource).unwrap_or(resource.len().min(512));
    xxhash_rust::xxh3::xxh3_64(resource.get(..end).unwrap_or_default())
}

/// Whether a line holds metrics; otherwise it holds log events.
pub(super) fn tells_reports(line: &[u8]) -> bool {
    REPORTS.iter().any(|key| memmem::find(line, key).is_some())
}

/// The times in `line`; none if there is none, or one that is written in an unusual way.
pub(super) fn scan(line: &[u8], horizon: i64) -> Option<Times> {
    // A span has a time of its own, beside those of its events.
    let head = line.get(..HEAD_BYTES).unwrap_or(line);
    if SPANS.iter().any(|key| memmem::find(head, key).is_some()) {
        return None;
    }
    let is_there = |key: &&[u8]| memmem::find(line, key).is_some();
    let key = KEYS.into_iter().find(is_there)?;
    let reports = tells_reports(line);
    let mut times = Times { reports, resources: vec![0], ..Times::default() };
    let mut resources = memmem::find_iter(line, RESOURCE).peekable();
    for place in memmem::find_iter(line, key) {
        while resources.next_if(|resource| *resource < place).is_some() {
            times.begin_resource();
        }
        let value = line.get(place + key.len()..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        let (value, end) = match value.strip_prefix(b"\"") {
            Some(value) => (value, &b"\""[..]),
            None => (value, &b",} \t\r\n"[..]),
        };
        times.add(digits(value, end)?, horizon);
    }
    (!times.within.is_empty() || times.beyond).then_some(times)
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
        assert_eq!(of_line(br#"{"timeUnixNano":"3"},{"timeUnixNano":"1"}"#, i64::MAX), Some((1, 3)), "a clock from 0");
        let underscores = br#"{"start_time_unix_nano":"1","time_unix_nano":"50"},{"time_unix_nano":70}"#;
        assert_eq!(of_line(underscores, i64::MAX), Some((50, 70)));
        assert_eq!(scan(br#"{"timeUnixNano":1.5e18}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"timeUnixNano":"0"}"#, i64::MAX), None);
        assert_eq!(scan(br#"{"body":"\"timeUnixNano\":\"5\""}"#, i64::MAX), None, "a text that quotes a line");
        assert_eq!(scan(br#"{"timeUnixNano":"99999999999999999999"}"#, i64::MAX), None);
    }

    const T0: i64 = 1_772_445_600;

    /// The stretch of a line with these resources' times, seconds from `T0`.
    fn stretch(key: &str, resources: &[&[i64]]) -> Option<(i64, i64)> {
        let time = |second: &i64| format!(r#"{{"timeUnixNano":"{}"}}"#, (T0 + second) * SECOND_NS);
        let resource =
            |seconds: &&[i64]| r#"{"resource":{}}"#.to_owned() + &seconds.iter().map(time).collect::<String>();
        let line = format!("{key}{}", resources.iter().map(resource).collect::<String>());
        of_line(line.as_bytes(), i64::MAX).map(|(first, last)| (first / SECOND_NS - T0, last / SECOND_NS - T0))
    }

    #[test]
    fn one_clock_that_is_off_does_not_carry_its_line_away() {
        let reports = |resources: &[&[i64]]| stretch(r#""resourceMetrics""#, resources);
        assert_eq!(reports(&[&[0], &[3, 4], &[3604]]), Some((0, 4)));
        let nameless =
            format!(r#""resourceMetrics"{{"timeUnixNano":{}}},{{"timeUnixNano":{}}}"#, 5 * SECOND_NS, 5000 * SECOND_NS);
        assert_eq!(of_line(nameless.as_bytes(), i64::MAX), Some((5 * SECOND_NS, 5000 * SECOND_NS)), "one sender");
        assert_eq!(reports(&[&[12], &[-T0 + 5], &[10, 11]]), Some((10, 12)));
        assert_eq!(reports(&[&[10], &[3610]]), Some((10, 10)), "of two the earlier: nobody reports before it happened");
        assert_eq!(reports(&[&[-3600, -3599], &[10], &[11], &[12]]), Some((10, 12)));
        let hour: Vec<i64> = (0..360).map(|report| report * 10).collect();
        assert_eq!(reports(&[&hour]), Some((0, 3590)), "an hour in one line");
        let apart: Vec<&[i64]> = hour.chunks(1).collect();
        assert_eq!(reports(&apart), Some((0, 3590)), "an hour of reports in one line");
        assert_eq!(reports(&[&[0, 10, 5000, 5010]]), Some((0, 5010)), "a sender that was silent");
    }

    #[test]
    fn events_may_be_far_apart() {
        let events = |resources: &[&[i64]]| stretch(r#""resourceLogs""#, resources);
        assert_eq!(events(&[&[0], &[4000], &[5000, 9000]]), Some((0, 9000)));
        assert_eq!(events(&[&[-T0 + 5], &[4000], &[5000]]), Some((4000, 5000)), "but not from before clocks were set");
    }

    #[test]
    fn what_happens_in_a_line_stays_within_its_stretch() {
        let stretch = Stretch { first: 100, last: 140, ..Stretch::default() };
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
