//! The parts of one report made one. A sender may split a report over requests (metrics of two scopes, totals apart from
//! views, levels apart from counts), repeat a request, or send it in any order; what is left is one order, whatever the
//! lines, and one row per source and span.

use super::{histogram, rows};
use firstbad_diagnosis::observation::{MorePanics, Observation, Outcomes, Row, Scores, Source};
use firstbad_protocol::time::{SECOND_NS, Span, Timestamp};
use std::collections::BTreeMap;

/// When it was observed: the end of what it covers.
pub(crate) fn time_of(observation: &Observation) -> Timestamp {
    match observation {
        Observation::Row(row) => row.span.end,
        Observation::Load(load) => load.at,
        Observation::Panic(panic) => panic.at,
        Observation::MorePanics(more) => more.last,
        Observation::Start(start) => start.at,
        Observation::Exit(exit) => exit.at,
        Observation::Change(change) => change.at,
        Observation::Gap(gap) => gap.at,
    }
}

/// The same observation with all its times `by` nanoseconds later.
pub(crate) fn retimed(mut observation: Observation, by: i64) -> Observation {
    match &mut observation {
        Observation::Row(row) => {
            row.span = Span { start: row.span.start + by, end: row.span.end + by };
            row.first_failed.iter_mut().for_each(|first| first.at = first.at + by);
        }
        Observation::Load(load) => load.at = load.at + by,
        Observation::Panic(panic) => panic.at = panic.at + by,
        Observation::MorePanics(more) => {
            more.first.at = more.first.at + by;
            more.last = more.last + by;
        }
        Observation::Start(start) => start.at = start.at + by,
        Observation::Exit(exit) => exit.at = exit.at + by,
        Observation::Change(change) => change.at = change.at + by,
        Observation::Gap(gap) => gap.at = gap.at + by,
    }
    observation
}

/// The source of an observation; none for an observation of the whole fleet.
pub(crate) fn source_of(observation: &Observation) -> Option<&Source> {
    match observation {
        Observation::Row(row) => Some(&row.source),
        Observation::Load(load) => Some(&load.source),
        Observation::Panic(panic) | Observation::MorePanics(MorePanics { first: panic, .. }) => Some(&panic.source),
        Observation::Start(start) => Some(&start.source),
        Observation::Exit(exit) => Some(&exit.source),
        Observation::Change(change) => change.source.as_ref(),
        Observation::Gap(_) => None,
    }
}

/// The observations of one moment, with their places in time: events in their order, then rows by source, joined; and the
/// latest place.
pub(crate) fn join(observations: Vec<(i64, Observation)>) -> (i64, Vec<Observation>) {
    let latest = observations.iter().map(|(place, _)| *place).max().unwrap_or(0);
    let (mut events, mut rows) = (Vec::with_capacity(observations.len()), Vec::new());
    for (place, observation) in observations {
        match observation {
            Observation::Row(row) => rows.push(row),
            event => events.push((place, event)),
        }
    }
    events.sort_by(|(a, one), (b, other)| (*a, rank(one)).cmp(&(*b, rank(other))));
    let mut joined: Vec<Observation> = events.into_iter().map(|(_, event)| event).collect();
    joined.extend(of_sources(rows).into_iter().map(Observation::Row));
    (latest, joined)
}

/// What came in any order, second by second of its own time, each joined: a backlog of minutes is told as it happened, not
/// sender by sender.
#[must_use]
pub fn join_seconds(observations: Vec<Observation>) -> Vec<Observation> {
    let mut seconds: BTreeMap<i64, Vec<(i64, Observation)>> = BTreeMap::new();
    for observation in observations {
        let at = time_of(&observation).0;
        seconds.entry(at.div_euclid(SECOND_NS)).or_default().push((at, observation));
    }
    seconds.into_values().flat_map(|second| join(second).1).collect()
}

/// Order among events of one instant: what ends before what begins, and loads before what happens under them.
fn rank(event: &Observation) -> (u8, Option<&Source>) {
    match event {
        Observation::Change(change) => (0, change.source.as_ref()),
        Observation::Exit(exit) => (1, Some(&exit.source)),
        Observation::Start(start) => (2, Some(&start.source)),
        Observation::Load(load) => (3, Some(&load.source)),
        Observation::Panic(panic) => (4, Some(&panic.source)),
        Observation::MorePanics(more) => (5, Some(&more.first.source)),
        Observation::Row(row) => (6, Some(&row.source)),
        Observation::Gap(_) => (7, None),
    }
}

/// Rows by source and time; those that cover the same span are one.
fn of_sources(mut all: Vec<Row>) -> Vec<Row> {
    all.sort_by(|a, b| {
        let by_source = (&a.source, &a.dimensions).cmp(&(&b.source, &b.dimensions));
        by_source.then((a.span.end, a.span.start).cmp(&(b.span.end, b.span.start)))
    });
    let mut joined: Vec<Row> = Vec::with_capacity(all.len());
    for row in all {
        match joined.last_mut() {
            Some(last) if is_same_report(last, &row) => add(last, row),
            _ => joined.push(row),
        }
    }
    joined
}

fn is_same_report(a: &Row, b: &Row) -> bool {
    let [one, other] = [a, b].map(rows::span_of);
    let wide = if one.end - one.start >= other.end - other.start { one } else { other };
    let instant = one.start == one.end || other.start == other.end;
    a.source == b.source
        && a.dimensions == b.dimensions
        && rows::alike(wide, one.end, other.end)
        && (instant || rows::alike(wide, one.start, other.start))
}

/// Adds what `from` tells to `into`. Of a level that both tell the first stays: the second repeats it.
fn add(into: &mut Row, mut from: Row) {
    if from.span.start < into.span.start {
        std::mem::swap(into, &mut from);
    }
    for total in from.totals {
        match into.totals.iter_mut().find(|known| known.dimensions == total.dimensions) {
            Some(known) => sum(&mut known.outcomes, total.outcomes),
            None => into.totals.push(total),
        }
    }
    for view in from.views {
        let same = |known: &&mut firstbad_diagnosis::observation::View| {
            known.hash == view.hash && known.config == view.config && known.dimensions == view.dimensions
        };
        match into.views.iter_mut().find(same) {
            Some(known) => sum(&mut known.outcomes, view.outcomes),
            None => into.views.push(view),
        }
    }
    for panics in from.panics {
        match into.panics.iter_mut().find(|known| known.version == panics.version && known.site == panics.site) {
            Some(known) => known.count = known.count.saturating_add(panics.count),
            None => into.panics.push(panics),
        }
    }
    for scores in from.scores {
        match into.scores.iter_mut().find(|known| known.version == scores.version && known.score == scores.score) {
            Some(known) => add_scores(known, scores),
            None => into.scores.push(scores),
        }
    }
    let new: Vec<_> = from.active.into_iter().filter(|version| !into.active.contains(version)).collect();
    into.active.extend(new);
    into.loads.extend(from.loads);
    match (&mut into.latency, from.latency) {
        (Some(known), Some(latency)) => histogram::add(known, &latency),
        (known, latency) => *known = known.take().or(latency),
    }
    into.in_flight = into.in_flight.or(from.in_flight);
    into.cpu = into.cpu.or(from.cpu);
    into.memory = into.memory.or(from.memory);
    into.facts.extend(from.facts);
    into.dropped = into.dropped.saturating_add(from.dropped);
    into.restarted |= from.restarted;
    into.first_failed.extend(from.first_failed);
}

fn sum(into: &mut Outcomes, from: Outcomes) {
    into.ok = into.ok.saturating_add(from.ok);
    into.denied = into.denied.saturating_add(from.denied);
    into.error = into.error.saturating_add(from.error);
    into.panic = into.panic.saturating_add(from.panic);
}

fn add_scores(into: &mut Scores, from: Scores) {
    if into.histogram.counts.is_empty() {
        into.histogram = from.histogram;
    } else if !from.histogram.counts.is_empty() {
        histogram::add(&mut into.histogram, &from.histogram);
    }
    into.sentinel = into.sentinel.saturating_add(from.sentinel);
    into.nan = into.nan.saturating_add(from.nan);
    into.below = into.below.saturating_add(from.below);
    into.above = into.above.saturating_add(from.above);
}
