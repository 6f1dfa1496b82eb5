//! Clocks that are off. A capture is replayed in the order of its timestamps, but a host that is an hour ahead or stands in
//! 1972 would then be replayed alone, and all others would seem silent. A file in the order of arrival tells such a sender
//! from one that is merely late: beside its neighbours' times its own are wrong by the same amount all along. Its lines are
//! then placed as if its clock were right (the points keep the times that it sent; the engine says that it corrected them).
//! In a file in any other order nothing is near its neighbours, nothing is corrected, and timestamps alone decide.

use super::times::SET_SINCE_NS;
use firstbad_protocol::time::SECOND_NS;
use std::collections::BTreeMap;

/// Below this, the engine's ordinary lateness rule (18 report intervals) and its own clock correction do.
const OFFSET_MIN_NS: i64 = 300 * SECOND_NS;
/// How long a sender must have been wrong by the same amount: a backlog that is delivered at once is not.
const STEADY_MIN_NS: i64 = 60 * SECOND_NS;
/// Lines of a sender that make a case.
const LINES_MIN: usize = 6;
/// Fewer senders are no majority.
const SENDERS_MIN: usize = 4;
const HOUR_NS: i64 = 3600 * SECOND_NS;
/// At most one sender in this many may have a clock that is off. If more differ, the majority cannot be trusted to be right,
/// and no clock is corrected.
const MINORITY_ONE_IN: usize = 4;
/// Lines whose middle tells the time of arrival: two reports of each sender.
const BLOCK_LINES: std::ops::RangeInclusive<usize> = 32..=8192;

/// A line, in the order of the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) time: i64,
    pub(super) sender: u64,
    /// Whether it holds metrics; otherwise it holds log events.
    pub(super) reports: bool,
}

/// What a stretch of the file says of the time of arrival.
#[derive(Clone, Copy, Debug)]
struct Block {
    middle: i64,
    /// Between the quartiles.
    spread: i64,
}

/// A line whose place in the replay differs from its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Correction {
    /// Index of the line in the file.
    pub(super) index: usize,
    /// Nanoseconds to add to its time.
    pub(super) by: i64,
    /// Whether the sender's clock is known to be off by exactly this. Then the times within the line are corrected as well.
    pub(super) exact: bool,
}

/// Finds the lines of clocks that are off: by the order of arrival, and where that shows none, by the begin and the end of
/// each sender's reports.
pub(super) fn corrections(lines: &[Line]) -> Vec<Correction> {
    let found = by_arrival(lines);
    if found.is_empty() { by_extent(lines) } else { found }
}

/// The time from a sender's first report to its last.
#[derive(Clone, Copy, Debug)]
struct Extent {
    first: i64,
    last: i64,
    lines: usize,
}

/// Finds clocks that are off in a file sorted by timestamps, where the order of the lines shows nothing. A fleet is captured
/// as a whole, so a sender that begins and ends later than the fleet, both by the same amount, has a clock that is ahead by
/// that amount (or behind, where it begins and ends earlier). A host that joined late only begins later, and one
/// that outlived the others only ends later.
fn by_extent(lines: &[Line]) -> Vec<Correction> {
    let mut extents: BTreeMap<u64, Extent> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.reports && line.time > 0) {
        let Line { time, sender, .. } = *line;
        let extent = extents.entry(sender).or_insert(Extent { first: time, last: time, lines: 0 });
        *extent = Extent { first: extent.first.min(time), last: extent.last.max(time), lines: extent.lines + 1 };
    }
    extents.retain(|_, extent| extent.lines >= LINES_MIN);
    if extents.len() < SENDERS_MIN {
        return Vec::new();
    }
    // A process that starts under a new identity begins late, and the one before it ends early: at least a quarter of the
    // senders were there at the begin, and at the end, of the capture.
    let begin = quartile_of(extents.values().map(|extent| extent.first));
    let end = quartile_of(extents.values().map(|extent| extent.last.saturating_neg())).saturating_neg();
    let offset = |extent: &Extent| {
        let (first, last) = (extent.first.saturating_sub(begin), extent.last.saturating_sub(end));
        let same = first.saturating_sub(last).saturating_abs() <= STEADY_MIN_NS;
        (same && last.saturating_abs() > OFFSET_MIN_NS).then(|| whole_hours(last))
    };
    let off: BTreeMap<u64, i64> =
        extents.iter().filter_map(|(sender, extent)| Some((*sender, offset(extent)?))).collect();
    if off.len() * MINORITY_ONE_IN > extents.len() {
        return Vec::new();
    }
    // Log events of the same sender may have the time of another clock, such as that of the log collector.
    let is_within = |time: i64| (begin - OFFSET_MIN_NS..end.saturating_add(OFFSET_MIN_NS)).contains(&time);
    let correction = |(index, line): (usize, &Line)| {
        let offset = off.get(&line.sender).filter(|_| line.reports || !is_within(line.time))?;
        Some(Correction { index, by: offset.saturating_neg(), exact: true })
    };
    lines.iter().enumerate().filter_map(correction).collect()
}

/// The first quartile.
fn quartile_of(times: impl Iterator<Item = i64>) -> i64 {
    let mut times: Vec<i64> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 4).copied().unwrap_or(0)
}

/// Rounds an offset that is nearly whole hours to whole hours: a wrong date or a wrong zone is off by whole hours.
fn whole_hours(offset: i64) -> i64 {
    let whole = offset.saturating_add(offset.signum() * HOUR_NS / 2) / HOUR_NS * HOUR_NS;
    if offset.saturating_sub(whole).saturating_abs() <= STEADY_MIN_NS { whole } else { offset }
}

/// Finds clocks that are off by the order of arrival.
fn by_arrival(lines: &[Line]) -> Vec<Correction> {
    let mut senders: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| line.time > 0) {
        senders.entry(line.sender).or_default().push(index);
    }
    let length = (2 * senders.len()).clamp(*BLOCK_LINES.start(), *BLOCK_LINES.end());
    if senders.len() < SENDERS_MIN || lines.len() < 2 * length {
        return Vec::new();
    }
    let blocks: Vec<Block> = lines.chunks(length).map(block).collect();
    let offset = |index: usize| {
        let (line, block) = (lines.get(index)?, blocks.get(index / length)?);
        let offset = line.time.saturating_sub(block.middle);
        let off = offset.saturating_abs() > OFFSET_MIN_NS.max(block.spread.saturating_mul(3));
        off.then_some(Off { index, offset, block: *block })
    };
    let mut found = Vec::new();
    for indexes in senders.values() {
        for run in runs(indexes.iter().map(|index| offset(*index))) {
            correct(&run, &mut found);
        }
    }
    found
}

/// The middle time of `lines`; 0 if none is told.
pub(super) fn middle(lines: &[Line]) -> i64 {
    block(lines).middle
}

/// Whether `time` is of a clock that was never set: it counts from 1970, beside a neighbour that does not.
pub(super) fn was_never_set(time: i64, neighbour: i64) -> bool {
    time < SET_SINCE_NS && neighbour >= SET_SINCE_NS
}

fn block(lines: &[Line]) -> Block {
    let mut times: Vec<i64> = lines.iter().map(|line| line.time).filter(|time| *time > 0).collect();
    times.sort_unstable();
    let at = |part: usize| times.get(times.len() * part / 4).copied().unwrap_or(0);
    Block { middle: at(2), spread: at(3).saturating_sub(at(1)) }
}

/// A line that is far from the time of its neighbours.
#[derive(Clone, Copy, Debug)]
struct Off {
    index: usize,
    /// Nanoseconds from the neighbours' time to the line's.
    offset: i64,
    /// The neighbours.
    block: Block,
}

/// Stretches of a sender's lines that are off in the same direction.
fn runs(offsets: impl Iterator<Item = Option<Off>>) -> Vec<Vec<Off>> {
    let mut runs: Vec<Vec<Off>> = Vec::new();
    let mut goes_on = false;
    for off in offsets {
        let Some(off) = off else {
            goes_on = false;
            continue;
        };
        match runs.last_mut() {
            Some(run) if goes_on && run.last().is_some_and(|last| last.offset.signum() == off.offset.signum()) => {
                run.push(off)
            }
            _ => runs.push(vec![off]),
        }
        goes_on = true;
    }
    runs
}

/// Corrects a run if its clock advanced at the right speed from a wrong time.
fn correct(run: &[Off], found: &mut Vec<Correction>) {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return };
    if run.len() < LINES_MIN {
        return;
    }
    let arrived = last.block.middle.saturating_sub(first.block.middle);
    let drift = last.offset.saturating_sub(first.offset).saturating_abs();
    let slack = arrived / 4 + run.iter().map(|off| off.block.spread).max().unwrap_or(0).saturating_mul(4);
    if arrived < STEADY_MIN_NS || drift > slack {
        return;
    }
    let mut offsets: Vec<i64> = run.iter().map(|off| off.offset).collect();
    offsets.sort_unstable();
    let offset = offsets.get(offsets.len() / 2).copied().unwrap_or(0);
    let correction = |off: &Off| Correction { index: off.index, by: offset.saturating_neg(), exact: false };
    found.extend(run.iter().map(correction));
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: i64 = 1_772_445_600 * SECOND_NS;

    /// 10 senders that report every 10 s for 10 minutes, in the order of arrival; `clock` bends one sender's times.
    fn fleet(clock: impl Fn(i64) -> i64) -> Vec<Line> {
        let report = |k: i64| {
            let clock = &clock;
            (0..10_u64).map(move |sender| {
                let second = k * 10 + i64::try_from(sender).unwrap();
                let second = if sender == 3 { clock(second) } else { second };
                Line { time: T0 + second * SECOND_NS, sender, reports: true }
            })
        };
        (0..60).flat_map(report).collect()
    }

    #[test]
    fn a_sender_that_is_always_an_hour_off_is_placed_among_its_neighbours() {
        for hour in [3600, -3600, -40 * 365 * 86_400] {
            let lines = fleet(|second| second + hour);
            let corrections = corrections(&lines);
            assert_eq!(corrections.len(), 60);
            for Correction { index, by, exact } in corrections {
                assert_eq!((lines[index].sender, exact), (3, false));
                let time = lines[index].time + by;
                let arrived = T0 + i64::try_from(index).unwrap() * SECOND_NS;
                assert!((time - arrived).abs() < 30 * SECOND_NS, "{index}: off by {} s", (time - arrived) / SECOND_NS);
            }
        }
    }

    #[test]
    fn in_a_file_sorted_by_time_a_clock_that_is_off_is_found_by_the_begin_and_end_of_its_reports() {
        for off in [86_400, -86_400, -40 * 365 * 86_400, 1800] {
            let mut lines = fleet(|second| second + off);
            lines.sort_by_key(|line| line.time);
            let corrections = corrections(&lines);
            assert_eq!(corrections.len(), 60, "{off}");
            for Correction { index, by, exact } in corrections {
                assert_eq!((lines[index].sender, exact), (3, true));
                assert!((by + off * SECOND_NS).abs() < 30 * SECOND_NS, "{off}: {by}");
            }
        }
    }

    #[test]
    fn a_host_that_joins_late_or_outlives_the_others_has_no_wrong_clock() {
        let only = |keep: fn(&Line) -> bool| {
            let mut lines = fleet(|second| second);
            lines.retain(keep);
            lines.sort_by_key(|line| line.time);
            corrections(&lines)
        };
        assert!(only(|line| line.sender != 3 || line.time > T0 + 400 * SECOND_NS).is_empty(), "it joined late");
        assert!(only(|line| line.sender == 3 || line.time < T0 + 200 * SECOND_NS).is_empty(), "it outlived the others");
        let halves = |line: &Line| (line.sender < 5) == (line.time < T0 + 300 * SECOND_NS);
        assert!(only(halves).is_empty(), "one half of the fleet replaced the other");
    }

    #[test]
    fn a_clock_counts_from_1970_only_beside_one_that_does_not() {
        let lines = fleet(|second| second);
        assert!(was_never_set(7 * SECOND_NS, middle(&lines)) && !was_never_set(T0, middle(&lines)));
        assert!(!was_never_set(7 * SECOND_NS, 9 * SECOND_NS), "a capture may count from 0");
        assert!(!was_never_set(7, middle(&[])));
    }

    #[test]
    fn a_clock_that_jumps_is_corrected_from_the_jump_on() {
        let corrections = corrections(&fleet(|second| if second < 300 { second } else { second + 900 }));
        assert_eq!(corrections.len(), 30);
    }

    #[test]
    fn what_is_late_or_shuffled_or_in_order_stays_at_its_timestamp() {
        assert!(corrections(&fleet(|second| second)).is_empty());
        // Ten minutes' backlog, delivered within the last report.
        let mut backlog = fleet(|second| second);
        let late: Vec<Line> = backlog.iter().filter(|line| line.sender == 3).copied().collect();
        backlog.retain(|line| line.sender != 3);
        backlog.extend(late);
        assert!(corrections(&backlog).is_empty());
        let mut shuffled = fleet(|second| second);
        (0..shuffled.len()).for_each(|k| {
            let other = k * 7919 % shuffled.len();
            shuffled.swap(k, other);
        });
        assert!(corrections(&shuffled).is_empty());
    }
}
