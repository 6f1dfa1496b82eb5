//! What happened to each unit around an incident, laid out for comparison: when it failed, when it was seen, when the
//! fleet was failing at all. Hypotheses are held against it in `tally`.

use crate::model::{Counter, Ns, Run, Unit};
use crate::state::State;

/// Grid on which the fleet's failing is told, at most.
const SLOTS_MAX: i64 = 4096;

/// One stretch of failing, all counters together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bout {
    pub start: Ns,
    pub end: Ns,
    pub open: bool,
    /// Level that was refused or being loaded.
    pub level: Option<u32>,
    /// Whether it is more than refused loads.
    pub serving: bool,
    /// Whether its beginning is known within a report.
    pub precise: bool,
    /// Between which times it began.
    pub began: (Ns, Ns),
    /// Where most likely, and the standard deviation of that; zero where it cannot be told.
    pub near: (Ns, Ns),
}

/// One unit in the scene.
#[derive(Clone, Debug)]
pub(crate) struct Patient<'a> {
    pub id: u32,
    pub unit: &'a Unit,
    pub stratum: u32,
    /// Region and service alone: what a binary is compared within.
    pub place: u32,
    /// Until when it is known.
    pub seen: Ns,
    pub bouts: Vec<Bout>,
}

/// The scene.
#[derive(Clone, Debug)]
pub(crate) struct Scene<'a> {
    pub onset: Ns,
    pub now: Ns,
    pub interval: Ns,
    pub patients: Vec<Patient<'a>>,
    slot: Ns,
    /// Hot time before each slot.
    hot: Vec<Ns>,
    early: Ns,
}

impl<'a> Scene<'a> {
    /// Lays out the scene from `onset` on, for the given counters.
    pub(crate) fn new(state: &'a State, onset: Ns, counters: &[Counter]) -> Self {
        let now = state.last_event.unwrap_or(onset).max(onset);
        let strata = state.strata();
        let places = state.places();
        let interval = state.interval;
        let from = onset - interval;
        let floors = severity(state, from, counters);
        let patients: Vec<Patient<'a>> = (0..)
            .zip(&state.units)
            .filter(|(_, unit)| !unit.aggregate && unit.last_event >= from - 60 * interval)
            .map(|(id, unit)| Patient {
                id,
                unit,
                stratum: strata.get(unit.dims as usize).copied().unwrap_or(0),
                place: places.get(unit.dims as usize).copied().unwrap_or(0),
                seen: unit.last_event.max(failing_until(unit, counters)).min(now + interval),
                bouts: bouts(unit, from, interval, &floors),
            })
            .collect();
        let slot = interval.max((now - onset) / SLOTS_MAX + 1);
        let hot = hot_slots(&patients, onset, now, slot);
        let bouts = || patients.iter().flat_map(|patient| &patient.bouts);
        let precise = bouts().filter(|bout| bout.precise).count() * 10 >= bouts().count() * 7;
        let early = if precise { interval * 3 / 10 } else { interval * 6 / 10 };
        Self { onset, now, interval, patients, slot, hot, early }
    }

    /// How much of [from, to) lies in slots in which the fleet was failing.
    pub(crate) fn hot_within(&self, from: Ns, to: Ns) -> Ns {
        (self.hot_until(to) - self.hot_until(from)).max(0)
    }

    /// Hot time from the onset until `at`.
    fn hot_until(&self, at: Ns) -> Ns {
        let past = (at - self.onset).max(0);
        let slot = usize::try_from(past / self.slot).unwrap_or(0);
        match (self.hot.get(slot), self.hot.get(slot + 1)) {
            (Some(before), Some(after)) if after > before => before + past % self.slot,
            (Some(before), _) => *before,
            (None, _) => self.hot.last().copied().unwrap_or(0),
        }
    }

    /// How much before its load a host may seem to begin to fail, for the coarseness of reports.
    pub(crate) fn tolerance(&self) -> Ns {
        self.early
    }

    /// Units that fail.
    pub(crate) fn failing(&self) -> usize {
        self.patients.iter().filter(|patient| !patient.bouts.is_empty()).count()
    }

    /// When half of the failing hosts had begun to fail: one clock that is behind does not move it.
    pub(crate) fn middle(&self) -> Ns {
        let mut starts: Vec<Ns> =
            self.patients.iter().filter_map(|patient| patient.bouts.first()).map(|bout| bout.start).collect();
        starts.sort_unstable();
        starts.get(starts.len() / 2).copied().unwrap_or(self.onset)
    }

    /// Spans in which a patient was on one of `levels`; adjacent ones are joined.
    pub(crate) fn on_levels(patient: &Patient<'_>, factor: u16, levels: &[u32]) -> Vec<(Ns, Ns)> {
        let mut spans: Vec<(Ns, Ns)> = Vec::new();
        let mut since: Option<Ns> = None;
        for entry in patient.unit.moves.iter().filter(|entry| entry.factor == factor) {
            let inside = levels.contains(&entry.level);
            match (inside, since) {
                (true, None) => since = Some(entry.at),
                (false, Some(from)) => {
                    spans.push((from, entry.at));
                    since = None;
                }
                _ => {}
            }
        }
        if let Some(from) = since {
            spans.push((from, Ns::MAX / 4));
        }
        // A refused load, or a death while loading, is exposure of its own: the version was never active.
        for bout in &patient.bouts {
            if bout.level.is_some_and(|level| levels.contains(&level))
                && !spans.iter().any(|(from, to)| *from <= bout.start && bout.start <= *to)
            {
                spans.push((bout.start, bout.end.max(bout.start + 1)));
            }
        }
        spans.sort_unstable();
        spans
    }
}

/// Until when a unit is known to fail by one of the counters. That it is silent tells nothing of how else it fares.
fn failing_until(unit: &Unit, counters: &[Counter]) -> Ns {
    let runs = unit.runs.iter().filter(|run| counters.contains(&run.counter));
    runs.map(|run| run.end).max().unwrap_or(Ns::MIN)
}

/// Least rate of a run of each counter that belongs to the incident: a twelfth of what most failing hosts show. What is
/// weaker by more is a host's habit or noise, and would blur who began when.
fn severity(state: &State, from: Ns, counters: &[Counter]) -> Vec<(Counter, f64)> {
    let of = |counter: Counter| {
        let runs =
            state.units.iter().flat_map(|unit| &unit.runs).filter(|run| run.counter == counter && run.end >= from);
        let mut rates: Vec<f64> = runs.filter(|run| run.trials > 0.0).map(|run| run.observed / run.trials).collect();
        rates.sort_by(f64::total_cmp);
        rates.get(rates.len() * 8 / 10).copied().unwrap_or(0.0) / 12.0
    };
    counters.iter().map(|counter| (*counter, of(*counter))).collect()
}

/// Between which times a run began: within a tenth of its first row where that is known, else anywhere in it.
fn began(run: &Run) -> (Ns, Ns) {
    let (from, to, _) = run.first;
    let slack = run.slack;
    if run.precise {
        ((run.start - slack).max(from), (run.start + slack).min(to) + 1)
    } else {
        (from.min(run.start), to.max(run.start))
    }
}

/// Runs of the chosen counters from `from` on, joined where they overlap or nearly touch.
fn bouts(unit: &Unit, from: Ns, interval: Ns, floors: &[(Counter, f64)]) -> Vec<Bout> {
    let mut joined: Vec<Bout> = Vec::new();
    let belongs = |run: &&Run| {
        let strong =
            floors.iter().any(|(counter, floor)| *counter == run.counter && run.observed >= floor * run.trials);
        strong && (run.start >= from || run.open && run.end >= from)
    };
    for run in unit.runs.iter().filter(belongs) {
        let serving = run.counter != Counter::Refused;
        match joined.last_mut() {
            Some(last) if run.start <= last.end + interval && last.level == run.level => {
                last.end = last.end.max(run.end);
                last.open |= run.open;
                last.serving |= serving;
                if run.near.1 > 0 && (last.near.1 == 0 || run.near.1 < last.near.1) && run.first.0 <= last.near.0 {
                    last.near = run.near;
                }
                if run.precise && !last.precise {
                    (last.start, last.precise, last.began) = (run.start.min(last.start), true, began(run));
                }
            }
            _ => joined.push(Bout {
                start: run.start,
                end: run.end,
                open: run.open,
                level: run.level,
                serving,
                precise: run.precise,
                began: began(run),
                near: run.near,
            }),
        }
    }
    // A process that died while loading also stopped to answer: that is the same failing, seen otherwise.
    let deaths: Vec<(Ns, u32)> = joined
        .iter()
        .filter(|bout| bout.serving)
        .filter_map(|bout| bout.level.map(|level| (bout.start, level)))
        .collect();
    for bout in joined.iter_mut().filter(|bout| bout.level.is_none()) {
        let near = deaths.iter().find(|(at, _)| (at - bout.start).abs() <= 3 * interval);
        bout.level = near.map(|(_, level)| *level);
    }
    joined
}

/// Slots in which at least a twentieth of the most that ever failed at once fail: a poisoned tail alone is not hot.
fn hot_slots(patients: &[Patient<'_>], onset: Ns, now: Ns, slot: Ns) -> Vec<Ns> {
    let slots = usize::try_from((now - onset) / slot + 2).unwrap_or(0).min(8192);
    let mut change = vec![0_i64; slots + 1];
    for bout in patients.iter().flat_map(|patient| &patient.bouts) {
        let from = usize::try_from((bout.start - onset).max(0) / slot).unwrap_or(0).min(slots);
        let to = usize::try_from((bout.end - onset).max(0) / slot).unwrap_or(0).min(slots.saturating_sub(1)) + 1;
        if let Some(entry) = change.get_mut(from) {
            *entry += 1;
        }
        if let Some(entry) = change.get_mut(to) {
            *entry -= 1;
        }
    }
    let mut level = 0;
    let counts: Vec<i64> = change
        .iter()
        .map(|step| {
            level += step;
            level
        })
        .collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    let mut hot = 0;
    let before = |count: i64| {
        let so_far = hot;
        hot += if count > 0 && count * 20 >= most { slot } else { 0 };
        so_far
    };
    counts.into_iter().take(slots).chain([0]).map(before).collect()
}
