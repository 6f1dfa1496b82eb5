//! Parses the sentences of blind spots from JSON or from a sender's gap. A sentence that `Display` would not write exactly
//! so is of kind `Other`.

use super::{
    BOUNDS, BROKEN, BROKEN_LINES, BlindSpot, CLOCKS, ClockOffset, DROPPED, LATE_MANY, LATE_ONE, MORE, NOT_UNDERSTOOD,
    NOTHING_UNDERSTOOD, SHARED, SILENT_MANY, SILENT_ONE, SINCE, THEY_SEND, TIMES, TRUNCATED,
};

/// Parses the sentence of one kind.
type Reader = fn(&str) -> Option<BlindSpot>;

const READERS: [Reader; 11] = [
    silent,
    clocks,
    late,
    dropped,
    not_understood,
    nothing_understood,
    broken_line,
    broken_lines,
    shared_identity,
    truncated,
    bounds,
];

impl From<String> for BlindSpot {
    fn from(text: String) -> Self {
        let known = READERS.iter().find_map(|read| read(&text).filter(|spot| spot.to_string() == text));
        known.unwrap_or_else(|| other(&text))
    }
}

fn silent(text: &str) -> Option<BlindSpot> {
    let (hosts, rest) = match text.strip_prefix(SILENT_ONE) {
        Some(rest) => (1, rest),
        None => {
            let (hosts, rest) = text.split_once(SILENT_MANY)?;
            (hosts.parse().ok()?, rest)
        }
    };
    if rest.is_empty() {
        return Some(BlindSpot::Silent { hosts, since: None, names: Vec::new() });
    }
    let (since, names) = rest.strip_prefix(SINCE)?.strip_suffix(')')?.split_once(" (")?;
    let names = list(names).into_iter().filter(|name| name != MORE).collect();
    Some(BlindSpot::Silent { hosts, since: Some(since.parse().ok()?), names })
}

fn clocks(text: &str) -> Option<BlindSpot> {
    let clock = |text: &str| {
        let (host, offset) = text.strip_suffix(" s")?.rsplit_once(" by ")?;
        Some(ClockOffset { host: host.to_owned(), offset_s: offset.parse().ok()? })
    };
    let clocks = text.strip_prefix(CLOCKS)?.split(", ").map(clock).collect::<Option<_>>()?;
    Some(BlindSpot::Clocks { clocks })
}

fn late(text: &str) -> Option<BlindSpot> {
    if text == LATE_ONE {
        return Some(BlindSpot::Late { rows: 1 });
    }
    Some(BlindSpot::Late { rows: text.strip_suffix(LATE_MANY)?.parse().ok()? })
}

fn dropped(text: &str) -> Option<BlindSpot> {
    let events = text.strip_prefix(DROPPED.0)?.strip_suffix(DROPPED.1)?;
    Some(BlindSpot::Dropped { events: events.parse().ok()? })
}

fn not_understood(text: &str) -> Option<BlindSpot> {
    let Counted { sentence, count: resources } = counted(text);
    let rest = sentence.strip_prefix(NOT_UNDERSTOOD)?;
    let metrics = if rest.is_empty() { Vec::new() } else { list(rest.strip_prefix(THEY_SEND)?) };
    Some(BlindSpot::NotUnderstood { resources, metrics })
}

fn nothing_understood(text: &str) -> Option<BlindSpot> {
    (text == NOTHING_UNDERSTOOD).then_some(BlindSpot::NothingUnderstood)
}

fn broken_line(text: &str) -> Option<BlindSpot> {
    let (place, fault) = text.split_once(BROKEN)?;
    Some(BlindSpot::BrokenLine { place: place.to_owned(), fault: fault.to_owned() })
}

fn broken_lines(text: &str) -> Option<BlindSpot> {
    let Counted { sentence, count: lines } = counted(text);
    (sentence == BROKEN_LINES).then_some(BlindSpot::BrokenLines { lines })
}

fn shared_identity(text: &str) -> Option<BlindSpot> {
    let Counted { sentence, count: times } = counted(text);
    (sentence == SHARED).then_some(BlindSpot::SharedIdentity { times })
}

fn truncated(text: &str) -> Option<BlindSpot> {
    Some(BlindSpot::TruncatedHistory { hosts: text.strip_suffix(TRUNCATED)?.parse().ok()? })
}

fn bounds(text: &str) -> Option<BlindSpot> {
    Some(BlindSpot::Bounds { entries: text.strip_suffix(BOUNDS)?.parse().ok()? })
}

fn other(text: &str) -> BlindSpot {
    let Counted { sentence, count } = counted(text);
    BlindSpot::Other { sentence: sentence.to_owned(), count }
}

/// A sentence without its count.
struct Counted<'a> {
    sentence: &'a str,
    /// The number of times that the sentence holds.
    count: u64,
}

fn counted(text: &str) -> Counted<'_> {
    let parts = text.strip_suffix(TIMES).and_then(|text| text.rsplit_once(" ("));
    let counted = parts.and_then(|(sentence, count)| Some(Counted { sentence, count: count.parse().ok()? }));
    counted.filter(|counted| counted.count > 1).unwrap_or(Counted { sentence: text, count: 1 })
}

fn list(text: &str) -> Vec<String> {
    text.split(", ").map(ToOwned::to_owned).collect()
}
