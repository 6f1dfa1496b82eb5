//! Rows: whether their time can be believed, which versions the unit had, what each counter observed and expected. Which
//! sums they enter is decided in `waiting`.

use crate::ingest::config_use::{self, OfConfig};
use crate::ingest::divided::note_sides;
use crate::ingest::samples::samples;
use crate::ingest::take_load::{Attempt, attempted};
use crate::ingest::unit_of::{corrected, learn_facts, note_restart, seen, slack, unit_of};
use crate::ingest::version_shares::{Version, VersionShare, between, view_shares};
use crate::ingest::waiting::wait;
use crate::numerics::shape;
use crate::numerics::time::{Instant, Span, Window};
use crate::observation::counts::{self, Requests, seconds};
use crate::observation::{Name, NamedBy, Row, Source};
use crate::signals::baseline::Counts;
use crate::signals::death::{died, end_panics, unheard};
use crate::signals::drift::place_drift;
use crate::signals::restarts::{Restart, Sign};
use crate::signals::sample::Sample;
use crate::signals::watch::{self, Fleet};
use crate::state::State;
use crate::state::ids::{DimsId, UnitId};
use crate::state::model::{Base, COUNTERS, Counter, Factor, Key, Move, Unit};
use crate::state::moves::{BEFORE_ALL, level_at, note};
use crate::state::ring::{Sums, index_of};
use crate::state::unit_parts::{Active, FirstFailed, Loading};
use firstbad_protocol::Hash;
use firstbad_protocol::time::{SECOND_NS, Timestamp};

/// Gaps remembered of one unit.
const GAPS_MAX: usize = 16;
/// Configs under which the panics of one unit are counted.
const CONFIGS_TOLD: usize = 16;
/// Panic sites counted apart.
const SITES_MAX: usize = 1024;
/// Lengths of span that are told apart.
const SPANS_MAX: usize = 256;

/// Takes a row.
pub(crate) fn take_row(state: &mut State, row: &Row, frozen: bool) {
    let span = Span(row.span.end.since(row.span.start).max(0));
    note_span(state, span);
    let Some(id) = unit_of(state, &row.source, &row.dimensions, row.span.start.into()) else { return };
    if !on_time(state, id, row.span.end.into()) {
        state.late_rows += 1;
        return;
    }
    let rotations = state.rotations;
    if let Some(unit) = state.units.get_mut(id) {
        unit.follow_rotations(rotations);
    }
    let start = corrected(state, id, row.span.start.into());
    let end = corrected(state, id, row.span.end.into());
    let window = Window { start, end };
    seen(state, start);
    state.first_row = Some(state.first_row.map_or(start, |first| first.min(start)));
    state.last_event = Some(state.last_event.map_or(end, |last| last.max(end)));
    state.dropped = state.dropped.saturating_add(row.dropped);
    for (config, hash, facts) in &row.facts {
        if let Some(Active { level, .. }) = version(state, config, *hash, start) {
            learn_facts(state, level, facts);
        }
    }
    note_first_row(state, id, start);
    note_first_failures(state, id, row);
    note_sites(state, row);
    note_levels(state, id, row, window);
    note_sides(state, id, row, window);
    note_tags(state, id, row, index_of(end, state.interval));
    note_leaves(state, id, row, index_of(end, state.interval));
    let samples = samples(state, id, row, window);
    feed(state, id, row, Fed { samples: &samples, frozen });
}

/// A process lives from its first report: its loads may be told from long before, when it served nobody.
fn note_first_row(state: &mut State, id: UnitId, start: Instant) {
    let (warm, interval) = (state.warm(), state.interval);
    let Some(unit) = state.units.get_mut(id).filter(|unit| unit.rows == 0) else { return };
    unit.starts.clear();
    if start > warm {
        unit.note_start(start, interval);
    }
}

/// First failures kept of one unit.
const FIRST_FAILURES_MAX: usize = 16;

/// When the first request failed under each version: what the process itself saw.
fn note_first_failures(state: &mut State, id: UnitId, row: &Row) {
    for told in &row.first_failed {
        let at = corrected(state, id, told.at.into());
        let Some(Active { level, .. }) = version_of(state, id, Version { config: &told.config, hash: told.hash }, at)
        else {
            continue;
        };
        let Some(unit) = state.units.get_mut(id) else { return };
        match unit.first_failures.iter_mut().find(|known| known.level == level) {
            Some(known) => known.at = at.min(known.at),
            None => {
                if unit.first_failures.len() >= FIRST_FAILURES_MAX {
                    unit.first_failures.remove(0);
                }
                unit.first_failures.reserve_exact(1);
                unit.first_failures.push(FirstFailed { level, at });
            }
        }
    }
}

fn note_span(state: &mut State, span: Span) {
    let ms = (span.0 + 50_000_000) / 100_000_000 * 100;
    state.noted += 1;
    if ms <= 0 {
        return;
    }
    // The first report of each process is as long as it may be. What is seen seldom makes room (lossy counting).
    if state.spans.len() >= SPANS_MAX && !state.spans.contains_key(&ms) {
        state.spans.retain(|_, count| {
            *count /= 2;
            *count > 0
        });
        state.span_lead = 0;
    }
    if state.spans.len() < SPANS_MAX || state.spans.contains_key(&ms) {
        *state.spans.entry(ms).or_default() += 1;
    }
}

fn note_sites(state: &mut State, row: &Row) {
    for (site, count) in counts::panics_by_site(row) {
        if state.panic_counts.len() < SITES_MAX || state.panic_counts.contains_key(site) {
            *state.panic_counts.entry(site.clone()).or_default() += count;
        }
    }
}

/// Whether a row's time can be believed. A constant offset to the clock is learned after three rows that agree; until
/// then, and for rows older than what may be revised, the row is only counted.
fn on_time(state: &mut State, id: UnitId, end: Instant) -> bool {
    let Some(now) = state.now else { return true };
    let slack = slack(state);
    let interval = state.interval;
    let Some(unit) = state.units.get_mut(id) else { return false };
    let ahead = end - now;
    // A replay may tick only after a longer stretch: data ahead of the last tick by a few intervals are ordinary.
    // Where the whole fleet is behind the tick, a backlog is delivered: its hosts are judged by one another.
    let with_fleet = state.front.is_none_or(|front| (end - front).abs() <= slack);
    if ahead.abs() <= slack || with_fleet && end < now {
        unit.offset = Span::ZERO;
        state.skewed.remove(&id);
        if with_fleet {
            state.front = state.front.max(Some(end));
        }
        return true;
    }
    if (ahead - unit.offset).abs() <= slack.min(3 * interval) && unit.offset != Span::ZERO {
        return true;
    }
    let entry = state.skewed.entry(id).or_insert(ahead);
    if (*entry - ahead).abs() > 3 * interval {
        *entry = ahead;
        return false;
    }
    unit.offset = ahead;
    false
}

/// Index of a version, which mostly is one that the unit has.
fn version_of(state: &mut State, id: UnitId, Version { config, hash }: Version<'_>, at: Instant) -> Option<Active> {
    let active = state.units.get(id).map_or(&[][..], |unit| &unit.active);
    let held = active.iter().find(|held| state.tables.is_version(**held, config, &hash)).copied();
    held.or_else(|| version(state, config, hash, at))
}

/// Index of a version.
pub(crate) fn version(state: &mut State, config: &Name, hash: Hash, at: Instant) -> Option<Active> {
    let factor = state.tables.factor(&Factor::Config(config.clone()))?;
    Some(Active { factor, level: state.tables.level(factor, &Key::Version(hash), at)? })
}

/// What the row itself says about active versions: the gauge first, else the tags of its points.
fn note_levels(state: &mut State, id: UnitId, row: &Row, window: Window) {
    let Window { start, end } = window;
    let shares = view_shares(row);
    let share = |config: &Name, hash: &Hash| {
        let at = shares.binary_search_by(|of| (of.version.config, &of.version.hash).cmp(&(config, hash))).ok()?;
        shares.get(at).map(|of| of.share)
    };
    let mut gauges: Vec<Version<'_>> =
        row.active.iter().map(|(config, hash)| Version { config, hash: *hash }).collect();
    gauges.sort_by_key(|gauge| gauge.config);
    let told = |config: &Name| gauges.binary_search_by_key(&config, |gauge| gauge.config).is_ok();
    for of_config in gauges.chunk_by(|one, other| one.config == other.config) {
        let [version] = of_config else { continue };
        let (version, last) = (*version, share(version.config, &version.hash));
        let before = version_at(state, id, version.config, start);
        if let (Some(last), Some(part)) = (last, before.and_then(|before| between(&shares, version, before))) {
            guess(state, id, Guess { version: part.version, window, share: Some(last + part.share) });
        }
        guess(state, id, Guess { version, window, share: last });
    }
    for of_config in shares.chunk_by(|one, other| one.version.config == other.version.config) {
        let most = of_config.iter().max_by(|a, b| a.share.total_cmp(&b.share));
        if let Some(VersionShare { version, share }) = most.copied().filter(|most| !told(most.version.config)) {
            guess(state, id, Guess { version, window, share: Some(share) });
        }
    }
    for count in &row.loads {
        if let Some(Active { factor, level }) = version(state, &count.config, count.hash, start)
            && count.count > 0
            && (count.result.is_refusal() || !told(&count.config))
        {
            let at = start + (end - start) / 2;
            attempted(state, Attempt { unit: id, factor, level, at, told: false }, count.result);
        }
    }
}

/// The version of a config that a unit had at a time.
fn version_at(state: &State, id: UnitId, config: &Name, at: Instant) -> Option<Hash> {
    let unit = state.units.get(id)?;
    let mut factors = state.tables.factors.numbered();
    let (factor, _) = factors.find(|(_, of)| matches!(of, Factor::Config(name) if name == config))?;
    state.tables.level_at(level_at(unit, factor, at)?)?.hash()
}

/// A version that a row says was active at its end, and its share of the row's requests, if that is known.
#[derive(Clone, Copy)]
struct Guess<'a> {
    version: Version<'a>,
    window: Window,
    share: Option<f64>,
}

/// If the moves of the unit say otherwise than the row, it moved within the row.
fn guess(state: &mut State, id: UnitId, Guess { version, window, share }: Guess<'_>) {
    let Window { start, end } = window;
    let Some(Active { factor, level }) = version_of(state, id, version, start) else { return };
    let (slack, interval) = (slack(state), state.interval);
    let Some(unit) = state.units.get_mut(id) else { return };
    let known = level_at(unit, factor, end);
    if known == Some(level) {
        return;
    }
    // Where a load is told nearby the gauge may be that of a process that goes; a third version is another load.
    let told_nearby = |entry: &Move| {
        let near = (entry.at - end).abs() <= 2 * interval.max(end - start);
        let before = || level_at(unit, factor, entry.at - Span::NS);
        entry.factor == factor && entry.told && near && (entry.level == level || before().is_none_or(|of| of == level))
    };
    if unit.moves.iter().any(told_nearby) {
        return;
    }
    let at =
        if known.is_none() && unit.rows == 0 { BEFORE_ALL } else { end - (end - start).part(share.unwrap_or(1.0)) };
    let new = !unit.moves.iter().any(|entry| entry.level == level);
    let moved = note(unit, Move { at, factor, level, told: false, torn: false }, slack, &mut state.earliest);
    if moved
        && at != BEFORE_ALL
        && let Some(interval) = state.ring.at(index_of(at, interval))
    {
        *interval.loads.entry(level).or_default() += 1;
    }
    if let Some(level) = state.tables.level_mut(level).filter(|_| moved && new) {
        level.units_ever += 1;
    }
}

/// Counts that carry a version's tag.
fn note_tags(state: &mut State, id: UnitId, row: &Row, index: i64) {
    let at = row.span.start.into();
    let mut by_config: Vec<OfConfig> = Vec::new();
    for view in &row.views {
        let Some(Active { factor, level }) =
            version_of(state, id, Version { config: &view.config, hash: view.hash }, at)
        else {
            continue;
        };
        let counts = Requests::of(view.outcomes);
        config_use::add(&mut by_config, factor, counts);
        if let Some(known) = state.tables.level_mut(level) {
            known.requests += view.outcomes.all();
            known.failed += view.outcomes.failed();
            known.last_active = known.last_active.max(row.span.end.into());
        }
        if let Some(interval) = state.ring.at(index) {
            let [failed, all, ..] = interval.tagged.entry(level).or_default();
            *failed += counts.failed;
            *all += counts.all;
        }
    }
    if !row.totals.is_empty()
        && let Some(interval) = state.ring.at(index)
    {
        config_use::note(&mut interval.uses, &by_config, counts::requests(row));
    }
    for scores in &row.scores {
        let Some((config, hash)) = &scores.version else { continue };
        let Some(Active { level, .. }) = version_of(state, id, Version { config, hash: *hash }, at) else { continue };
        let zero = counts::zeros(scores);
        if let Some(known) = state.tables.level_mut(level) {
            known.last_active = known.last_active.max(row.span.end.into());
            shape::add_deciles(&mut known.deciles, &scores.histogram);
        }
        if let Some(interval) = state.ring.at(index) {
            let [_, _, zeros, scores] = interval.tagged.entry(level).or_default();
            *zeros += zero.count;
            *scores += zero.all;
        }
    }
}

/// Requests by leaf of dimensions, for localisation.
fn note_leaves(state: &mut State, id: UnitId, row: &Row, index: i64) {
    let dims = state.units.get(id).map_or(DimsId::default(), |unit| unit.dims);
    for total in &row.totals {
        let leaf = if total.dimensions.is_empty() {
            dims
        } else {
            let mut merged = (*row.dimensions).clone();
            merged.extend(total.dimensions.iter().map(|(key, value)| (key.clone(), value.clone())));
            state.tables.dims(&std::sync::Arc::new(merged))
        };
        let counts = Requests::of(total.outcomes);
        if let Some(interval) = state.ring.at(index) {
            let entry = interval.leaves.entry(leaf).or_default();
            entry.requests += counts.all;
            entry.failures += counts.failed;
        }
    }
}

/// The counters of one row.
#[derive(Clone, Copy)]
struct Fed<'a> {
    samples: &'a [Sample],
    /// Whether nothing is learnt from them.
    frozen: bool,
}

/// Feeds the counters into runs, expectations and the interval's sums.
fn feed(state: &mut State, id: UnitId, row: &Row, Fed { samples, frozen }: Fed<'_>) {
    let now = state.now.unwrap_or_default();
    let silent_after = 3 * state.interval;
    let fleet = Fleet { warm: state.warm() };
    let Some(unit) = state.units.get_mut(id) else { return };
    if let Some(memory) = counts::gauge(row.memory) {
        watch::grow(unit, memory, span_of(unit, row).end);
    }
    // Of an aggregate nobody knows which of its processes began anew.
    let restarted = row.restarted && !unit.aggregate;
    if restarted {
        unit.note_start(span_of(unit, row).start, state.interval);
    }
    let mut sums = [Sums::default(); COUNTERS];
    let window = span_of(unit, row);
    for sample in samples {
        let at = sample.counter as usize;
        if let Some(slot) = sums.get_mut(at) {
            *slot = Sums { observed: sample.observed, trials: sample.trials, expected: sample.expected };
        }
        let ordinary = watch::follow(unit, sample, &fleet).filter(|_| !frozen);
        if let Some(counts) = ordinary {
            if let Some(base) = unit.base.get_mut(at) {
                base.learn(counts);
            }
            if let Some(base) = state.prior.get_mut(at) {
                base.learn(counts);
            }
            if let Some(spread) = state.spread.get_mut(at).filter(|_| sample.counter.is_additive()) {
                let known = unit.base.get(at).map_or(0.0, Base::events);
                spread.learn(sample.observed, sample.expected, known);
            }
        }
    }
    // A row can lie between a panic and the end of its request: each count is added up for itself.
    for (config, count) in counts::panics_told(row) {
        if unit.panics.by_config.len() < CONFIGS_TOLD || unit.panics.by_config.contains_key(&config) {
            *unit.panics.by_config.entry(config).or_default() += count;
        }
    }
    unit.panics.ended += counts::panics_ended(row);
    let requests = sums.first().map_or(0.0, |sum| sum.trials);
    if !frozen && !unit.runs.iter().any(|run| run.open) {
        unit.traffic.learn(Counts { observed: requests, trials: seconds(row) });
        if let Some(cpu) = counts::gauge(row.cpu) {
            unit.cpu.learn(Counts { observed: cpu, trials: 1.0 });
        }
        if let Some(memory) = counts::gauge(row.memory) {
            unit.memory.learn(Counts { observed: memory, trials: 1.0 });
        }
        if let Some(in_flight) = counts::gauge(row.in_flight) {
            unit.in_flight.learn(Counts { observed: in_flight, trials: 1.0 });
        }
    }
    if restarted {
        note_restart(unit, &state.tables, Restart { sign: Sign::Counts, now, interval: state.interval });
    }
    end_panics(unit, window.end, state.interval);
    alive(unit, row, now, silent_after);
    if matches!(row.source, Source::Instance { .. }) || requests > 0.0 {
        wait(state, id, window, &sums);
    }
    if samples.iter().any(|sample| sample.counter == Counter::Drift && sample.observed > 0.0) {
        place_drift(state, id);
    }
}

/// The span of a row by the corrected clock of its unit.
fn span_of(unit: &Unit, row: &Row) -> Window {
    let at = |at: Timestamp| Instant::from(at) - unit.offset;
    Window { start: at(row.span.start), end: at(row.span.end) }
}

/// The unit reported: it is not silent, though it may have been restarted.
fn alive(unit: &mut Unit, row: &Row, now: Instant, silent_after: Span) {
    let Window { start, end } = span_of(unit, row);
    if unit.rows > 0 && start - unit.last_event > (end - start).max(Span(SECOND_NS)) / 2 {
        if unit.gaps.len() >= GAPS_MAX {
            unit.gaps.remove(0);
        }
        unit.gaps.push(Window { start: unit.last_event, end: start });
    }
    unit.rows += 1;
    unit.stays = row.named_by == NamedBy::Host;
    unit.span = (end - start).max(Span(SECOND_NS / 10));
    unit.last_event = unit.last_event.max(end);
    unit.last_arrival = unit.last_arrival.max(now);
    unit.reported = unit.reported.max(now);
    if unit.left.is_some_and(|left| start > left) {
        unit.left = None;
    }
    if row.restarted {
        unit.restarts += 1;
    }
    unheard(unit);
    for run in unit.runs.iter_mut().filter(|run| run.counter == Counter::Silent && run.open) {
        if end - run.end > silent_after {
            run.open = false;
        }
    }
    let died_loading = unit.loading.filter(|of| row.restarted && of.at <= end && end - of.at < Span(60 * SECOND_NS));
    if let Some(Loading { level, at, .. }) = died_loading {
        died(unit, at, Some(level));
        unit.loading = None;
    }
}
