//! The sentences of blind spots, read back from JSON or from a sender's gap. A sentence that is not exactly what `Display`
//! writes is of kind `Other`.

use super::{
    BOUNDS, BROKEN, BROKEN_LINES, BlindSpot, CLOCKS, ClockOffset, DROPPED, LATE, MORE, NOT_UNDERSTOOD,
    NOT_UNDERSTOOD_NOTHING, SHARED, SILENT_MANY, SILENT_ONE, SINCE, TIMES, TRUNCATED,
};

/// Reads one kind.
type Reader = fn(&str) -> Option<BlindSpot>;

const READERS: [Reader; 10] =
    [silent, clocks, late, dropped, not_understood, broken_line, broken_lines, shared_identity, truncated, bounds];

impl From<String> for BlindSpot {
    fn from(text: String) -> Self {
        let known = READERS.iter().find_map(|read| read(&text).filter(|spot| spot.to_string() == text));
        known.unwrap_or_else(|| other(text))
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
    Some(BlindSpot::Late { rows: text.strip_suffix(LATE)?.parse().ok()? })
}

fn dropped(text: &str) -> Option<BlindSpot> {
    let events = text.strip_prefix(DROPPED.0)?.strip_suffix(DROPPED.1)?;
    Some(BlindSpot::Dropped { events: events.parse().ok()? })
}

fn not_understood(text: &str) -> Option<BlindSpot> {
    let (senders, metrics) = text.strip_prefix(NOT_UNDERSTOOD.0)?.split_once(NOT_UNDERSTOOD.1)?;
    let metrics = if metrics == NOT_UNDERSTOOD_NOTHING { Vec::new() } else { list(metrics) };
    Some(BlindSpot::NotUnderstood { senders: senders.parse().ok()?, metrics })
}

fn broken_line(text: &str) -> Option<BlindSpot> {
    let (place, fault) = text.split_once(BROKEN)?;
    Some(BlindSpot::BrokenLine { place: place.to_owned(), fault: fault.to_owned() })
}

fn broken_lines(text: &str) -> Option<BlindSpot> {
    let rest = text.strip_prefix(BROKEN_LINES)?;
    if rest.is_empty() {
        return Some(BlindSpot::BrokenLines { lines: 1 });
    }
    Some(BlindSpot::BrokenLines { lines: rest.strip_prefix(" (")?.strip_suffix(TIMES)?.parse().ok()? })
}

fn shared_identity(text: &str) -> Option<BlindSpot> {
    let (processes, rest) = text.split_once(SHARED.0)?;
    let (identity, attribute) = rest.rsplit_once(SHARED.1)?;
    Some(BlindSpot::SharedIdentity {
        processes: processes.parse().ok()?,
        identity: identity.to_owned(),
        attribute: attribute.to_owned(),
    })
}

fn truncated(text: &str) -> Option<BlindSpot> {
    Some(BlindSpot::TruncatedHistory { hosts: text.strip_suffix(TRUNCATED)?.parse().ok()? })
}

fn bounds(text: &str) -> Option<BlindSpot> {
    Some(BlindSpot::Bounds { entries: text.strip_suffix(BOUNDS)?.parse().ok()? })
}

fn other(text: String) -> BlindSpot {
    let counted = text.strip_suffix(TIMES).and_then(|text| text.rsplit_once(" ("));
    match counted.and_then(|(sentence, count)| Some((sentence.to_owned(), count.parse().ok()?))) {
        Some((sentence, count)) if count > 1 => BlindSpot::Other { sentence, count },
        _ => BlindSpot::Other { sentence: text, count: 1 },
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(", ").map(ToOwned::to_owned).collect()
}
