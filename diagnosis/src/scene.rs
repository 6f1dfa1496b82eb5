//! What happened to each unit around an incident, laid out for comparison: when it failed, when it was seen, when the
//! fleet was failing at all. Hypotheses are held against it in `tally`.

pub(crate) mod at_risk;
pub(crate) mod hosts;
pub(crate) mod patient;
pub(crate) mod rollouts;
pub(crate) mod spans;

use crate::numerics::memo::Memo;
use crate::numerics::reach::in_reach;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::at_risk::{AtRisk, Spell, spells};
use crate::scene::hosts::Hosts;
use crate::scene::patient::{Bout, Part, Patient, can_show};
use crate::state::State;
use crate::state::class::Class;
use crate::state::ids::{DimsId, FactorId, UnitId};
use crate::state::indexed::Indexed;
use crate::state::model::{COUNTERS, Counter, Move, Run, Unit};
use crate::state::moves::{BEFORE_ALL, DELAY_MAX};
use crate::state::run::FirstRow;
use crate::state::strata::{places, strata};
use crate::state::unit_parts::Active;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// What a load mostly takes to show, ns.
const EFFECT_IN: Span = Span(30_000_000_000);
/// How far the times of a death and of a load may be off against each other.
const EXACT: Span = Span(1_500_000_000);
/// Grid on which the fleet's failing is told, at most.
const SLOTS_MAX: i64 = 4096;

/// Failures from which their share of what was tried tells something.
const STRONG_MIN: f64 = 8.0;

/// The scene.
#[derive(Clone, Debug)]
pub(crate) struct Scene<'a> {
    pub onset: Instant,
    pub now: Instant,
    pub interval: Span,
    pub patients: Vec<Patient<'a>>,
    /// When what is known begins to be compared with what was usual.
    pub warm: Instant,
    /// What is looked at.
    pub counters: Vec<Counter>,
    /// The symptom whose own episodes are looked at, with those that nobody explains.
    claim: u32,
    /// Places of those that fail.
    failing: Vec<u32>,
    moves: Vec<Move>,
    /// By stratum, and by place; laid out when first asked for, of the same spells.
    at_risk: [OnceCell<AtRisk>; 2],
    spells: OnceCell<Vec<Spell>>,
    /// Runs since the onset, and of them those that are strong.
    strong: StrongRuns,
    /// Whether any of the patients ever refused a load, as far as that is remembered.
    pub refused: bool,
    /// Older moves are not laid out, but for the last one of each factor.
    pub long_ago: Instant,
    slot: Span,
    /// Hot time before each slot.
    hot: Vec<Span>,
    early: Span,
    /// When versions appeared of late, by factor.
    on_their_way: BTreeMap<FactorId, Vec<Instant>>,
    pub memo: &'a Memo,
}

impl<'a> Scene<'a> {
    /// Lays out the scene from `onset` on, for the given counters.
    pub(crate) fn new(state: &'a State, onset: Instant, counters: &[Counter], claim: u32) -> Self {
        let now = state.last_event.unwrap_or(onset).max(onset);
        let strata = strata(state);
        let places = places(state);
        let interval = state.interval;
        let from = onset - interval;
        let own = |run: &Run| run.claim == 0 || run.claim == claim;
        let Severity { floors, first } = severity(state, from, counters, &own);
        let chosen = Chosen { from, interval, floors: &floors, own: &own };
        let mut patients: Vec<Patient<'a>> = Vec::with_capacity(state.units.len());
        let mut moves: Vec<Move> = Vec::with_capacity(8 * state.units.len());
        let mut strong = StrongRuns::default();
        let long_ago = first.min(onset - DELAY_MAX) - 4 * interval;
        let mut refused = false;
        let shows = can_show(state);
        let known = |(_, unit): &(UnitId, &Unit)| shows(unit) && unit.last_event >= from - 60 * interval;
        for (id, unit) in in_reach(state.units.numbered().filter(known), |(_, unit)| lines(unit)) {
            let moved = index(moves.len());
            lay_out_moves(unit, long_ago, &mut moves);
            refused |= unit.runs.iter().any(|run| run.counter == Counter::Refused);
            // What is explained otherwise is no episode here, and a unit in it cannot begin another.
            let busy = |run: &&Run| counters.contains(&run.counter) && !own(run) && run.end >= from;
            let window = |run: &Run| Window { start: run.start, end: absent_until(run) };
            let absent: Vec<Window> = unit.runs.iter().filter(busy).map(window).collect();
            for run in unit.runs.iter().filter(|run| run.start >= from && counters.contains(&run.counter) && own(run)) {
                strong.all += 1;
                strong.strong += u64::from(is_strong(run));
            }
            patients.push(Patient {
                id,
                unit,
                stratum: strata.get(unit.dims).copied().unwrap_or(0),
                place: places.get(unit.dims).copied().unwrap_or(0),
                dims: unit.dims,
                first: unit.first,
                seen: unit.last_event.max(failing_until(unit, counters)).min(now + interval),
                bouts: bouts(unit, &chosen),
                gapless: unit.gaps.is_empty() && absent.is_empty(),
                absent,
                torn: moves.iter().skip(moved as usize).any(|entry| entry.torn && entry.at > from),
                moves: Part { from: moved, to: index(moves.len()) },
            });
        }
        let failing = (0..).zip(&patients).filter(|(_, patient)| !patient.bouts.is_empty());
        let failing = failing.map(|(index, _)| index).collect();
        let slot = interval.max((now - onset) / SLOTS_MAX + Span::NS);
        let hot = hot_slots(&patients, onset, now, slot);
        let bouts = || patients.iter().flat_map(|patient| &patient.bouts);
        let precise = bouts().filter(|bout| bout.precise).count() * 10 >= bouts().count() * 7;
        let early = if precise { interval * 3 / 10 } else { interval * 6 / 10 };
        let (at_risk, spells) = Default::default();
        Self {
            onset,
            now,
            interval,
            patients,
            warm: state.warm(),
            counters: counters.to_vec(),
            claim,
            failing,
            moves,
            at_risk,
            spells,
            strong,
            refused,
            long_ago,
            slot,
            hot,
            early,
            on_their_way: on_their_way(state, onset),
            memo: &state.memo,
        }
    }

    /// Whether a unit of which nothing is known but that it is not heard may have left what it had: a newer version of that
    /// was on its way.
    pub(crate) fn may_have_left(&self, had: &Move, bout: &Bout) -> bool {
        let window = had.at.max(bout.start - rollout(self.interval)) + Span::NS..=bout.start + 2 * self.interval;
        let newer = || self.on_their_way.get(&had.factor).is_some_and(|all| all.iter().any(|at| window.contains(at)));
        bout.silent && newer()
    }

    /// Whether a unit failed within a time of what is explained otherwise: its requests then say nothing of this.
    pub(crate) fn is_busy(&self, unit: &Unit, from: Instant, to: Instant) -> bool {
        let otherwise = |run: &Run| run.claim != 0 && run.claim != self.claim && self.counters.contains(&run.counter);
        unit.runs.iter().any(|run| otherwise(run) && run.start <= to && run.end >= from)
    }

    /// Whether it is of outcomes that move with traffic and with every restart.
    pub(crate) fn is_graded(&self) -> bool {
        self.counters.first().is_some_and(|first| !Class::of(*first).is_judged_alone())
    }

    /// How much of [from, to) lies in slots in which the fleet was failing.
    pub(crate) fn hot_within(&self, from: Instant, to: Instant) -> Span {
        (self.hot_until(to) - self.hot_until(from)).max(Span::ZERO)
    }

    /// Hot time from the onset until `at`.
    fn hot_until(&self, at: Instant) -> Span {
        let past = (at - self.onset).max(Span::ZERO);
        let slot = usize::try_from(past / self.slot).unwrap_or(0);
        match (self.hot.get(slot), self.hot.get(slot + 1)) {
            (Some(before), Some(after)) if after > before => *before + past % self.slot,
            (Some(before), _) => *before,
            (None, _) => self.hot.last().copied().unwrap_or_default(),
        }
    }

    /// How much before its load a host may seem to begin to fail, for the coarseness of reports.
    pub(crate) fn tolerance(&self) -> Span {
        self.early
    }

    /// How much before its load a bout may seem to begin: more where its beginning is known less well.
    pub(crate) fn early(&self, bout: &Bout) -> Span {
        // A death is told to the instant: what it precedes did not cause it.
        if bout.silent && bout.precise && bout.began.length() <= EXACT {
            return EXACT;
        }
        self.early.max(2 * bout.near.deviation)
    }

    /// Whether a bout began in one of the spans, as far as its beginning is known.
    pub(crate) fn began_in(&self, bout: &Bout, spans: &[Window]) -> bool {
        spans.iter().any(|span| bout.start >= span.start - self.early(bout) && bout.start < span.end)
    }

    /// How long after a load what follows may well be its effect: three reports where these are quick, and else longer than
    /// half a minute only as far as beginnings are known less well.
    pub(crate) fn soon(&self) -> Span {
        (3 * self.interval).min(EFFECT_IN + self.early)
    }

    /// Units, and of them failing, by index of dimensions.
    pub(crate) fn by_dims(&self) -> BTreeMap<DimsId, Hosts> {
        let mut counts: Indexed<DimsId, Hosts> = Indexed::default();
        for patient in &self.patients {
            if let Some(hosts) = counts.grown(patient.dims, Hosts::default()) {
                hosts.count(true, !patient.bouts.is_empty());
            }
        }
        counts.numbered().filter(|(_, hosts)| hosts.seen > 0).map(|(dims, hosts)| (dims, *hosts)).collect()
    }

    /// Units that fail.
    pub(crate) fn failing(&self) -> usize {
        self.failing.len()
    }

    /// Those that fail, with their place among all.
    pub(crate) fn that_fail(&self) -> impl Iterator<Item = (usize, &Patient<'a>)> {
        self.failing.iter().filter_map(|index| Some((*index as usize, self.patients.get(*index as usize)?)))
    }

    /// When half of the failing hosts had begun to fail: one clock that is behind does not move it.
    pub(crate) fn middle(&self) -> Instant {
        let mut starts: Vec<Instant> =
            self.patients.iter().filter_map(|patient| patient.bouts.first()).map(|bout| bout.start).collect();
        starts.sort_unstable();
        starts.get(starts.len() / 2).copied().unwrap_or(self.onset)
    }

    /// Moves of a patient that can matter here, by time within each factor: what it had before any of the failing, and
    /// all since. The time of the first one of a factor is right only as far as it is long ago.
    pub(crate) fn moves(&self, patient: &Patient<'_>) -> &[Move] {
        patient.moves.of(&self.moves).unwrap_or_default()
    }

    /// Runs since an interval before the onset, and of them those in which much of what was tried failed.
    pub(crate) fn strong_runs(&self) -> StrongRuns {
        self.strong
    }

    /// Who could have begun to fail when: by strata, or, for a binary, by places.
    pub(crate) fn at_risk(&self, binary: bool) -> &AtRisk {
        let [by_stratum, by_place] = &self.at_risk;
        let spells = self.spells.get_or_init(|| spells(&self.patients, self.onset, self.interval));
        if binary { by_place } else { by_stratum }.get_or_init(|| AtRisk::new(spells, binary))
    }
}

/// Runs, and of them those in which much of what was tried failed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StrongRuns {
    pub all: u64,
    pub strong: u64,
}

/// Whether much of what was tried failed: of counts, more than a few, for what opens a run is what happens to be high.
fn is_strong(run: &Run) -> bool {
    run.observed >= 0.15 * run.trials && (run.observed >= STRONG_MIN || !run.counter.is_additive())
}

/// Least and greatest time that a rollout is taken to last.
const ROLLOUT_MIN: Span = Span(60_000_000_000);
const ROLLOUT_MAX: Span = Span(180_000_000_000);

/// How long a rollout may take: twelve reports, within what is usual.
fn rollout(interval: Span) -> Span {
    (12 * interval).clamp(ROLLOUT_MIN, ROLLOUT_MAX)
}

/// When versions of each factor appeared that may have been on their way when units fell silent.
fn on_their_way(state: &State, onset: Instant) -> BTreeMap<FactorId, Vec<Instant>> {
    let mut all: BTreeMap<FactorId, Vec<Instant>> = BTreeMap::new();
    let from = onset - rollout(state.interval) - state.interval;
    for level in state.tables.levels.iter().filter(|level| level.first_seen > from) {
        all.entry(level.factor).or_default().push(level.first_seen);
    }
    all
}

fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A word of each part of a unit that the scene reads.
fn lines(unit: &Unit) -> i64 {
    let last = unit.moves.iter().rev().step_by(4).take(6).fold(0, |all, entry| all ^ entry.at.0);
    let active = unit.active.first().map_or(0, |active| i64::from(active.factor.0));
    last ^ active ^ unit.runs.first().map_or(0, |run| run.start.0)
}

/// Lays out the moves of a unit that can matter: all hypotheses pass over them, and the whole history is many times as
/// long.
fn lay_out_moves(unit: &Unit, long_ago: Instant, all: &mut Vec<Move>) {
    let recent = unit.moves.iter().rev().take_while(|entry| entry.at > long_ago).count();
    let (old, new) = unit.moves.split_at(unit.moves.len() - recent);
    for Active { factor, level } in unit.active.iter().copied() {
        let before = if new.iter().any(|entry| entry.factor == factor) {
            old.iter().rev().find(|entry| entry.factor == factor).copied()
        } else {
            Some(Move { at: BEFORE_ALL, factor, level, told: true, torn: false })
        };
        all.extend(before);
    }
    all.extend_from_slice(new);
}

/// Until when a unit that fails of something else cannot begin to fail of this.
fn absent_until(run: &Run) -> Instant {
    if run.open { Instant::ENDLESS } else { run.end }
}

/// Until when a unit is known to fail by one of the counters. That it is silent tells nothing of how else it fares.
fn failing_until(unit: &Unit, counters: &[Counter]) -> Instant {
    let runs = unit.runs.iter().filter(|run| counters.contains(&run.counter));
    runs.map(|run| run.end).max().unwrap_or(Instant::MIN)
}

/// Whether an episode may be one of the scene's: no other symptom explains it.
type IsOwn<'a> = &'a dyn Fn(&Run) -> bool;

/// Factor by which a run is so much weaker than most that it is something else: the one from which a worse report begins
/// another run (`watch`).
const SEVERITY: f64 = 6.0;

/// Least rate of a run of each counter that belongs to the incident, of the rate at which half of the cost was paid. What is
/// weaker is a host's habit, noise or what went on before, and would blur who began when. By cost, for a blip at every load
/// of every host is many runs and few requests.
fn severity(state: &State, from: Instant, counters: &[Counter], own: IsOwn<'_>) -> Severity {
    let mut rates: [Vec<Paid>; COUNTERS] = Default::default();
    let mut first = from;
    for run in state.units.iter().flat_map(|unit| &unit.runs).filter(|run| run.end >= from && own(run)) {
        first = first.min(run.start);
        if let Some(rates) = rates.get_mut(run.counter as usize).filter(|_| run.trials > 0.0) {
            let cost = if run.counter.is_additive() { (run.observed - run.expected).max(0.0) } else { 1.0 };
            rates.push(Paid { rate: run.observed / run.trials, cost });
        }
    }
    let mut of = |counter: Counter| rates.get_mut(counter as usize).and_then(|rates| paid_at(rates));
    let mut floor = |counter: Counter| Floor { counter, rate: of(counter).unwrap_or(0.0) / SEVERITY };
    Severity { floors: counters.iter().map(|counter| floor(*counter)).collect(), first }
}

/// Least rate of a run of one counter that belongs to the incident.
#[derive(Clone, Copy)]
struct Floor {
    counter: Counter,
    rate: f64,
}

/// Least rates by counter, and when the first of the runs began that may belong.
struct Severity {
    floors: Vec<Floor>,
    first: Instant,
}

/// The rate of a run, and what it cost.
#[derive(Clone, Copy)]
struct Paid {
    rate: f64,
    cost: f64,
}

/// The rate up to which half of the cost was paid.
fn paid_at(rates: &mut [Paid]) -> Option<f64> {
    rates.sort_unstable_by(|one, other| one.rate.total_cmp(&other.rate));
    let half = rates.iter().map(|paid| paid.cost).sum::<f64>() / 2.0;
    let mut paid = 0.0;
    rates
        .iter()
        .find(|one| {
            paid += one.cost;
            paid >= half
        })
        .map(|one| one.rate)
}

/// Between which times a run began: within a tenth of its first row where that is known, else anywhere in it.
fn began(run: &Run) -> Window {
    let FirstRow { start: from, end: to, .. } = run.first;
    let slack = run.slack;
    let near = run.near;
    let from = if near.is_known() { from.min(near.at - near.deviation) } else { from };
    if run.precise {
        Window { start: (run.start - slack).max(from), end: (run.start + slack).min(to) + Span::NS }
    } else {
        // What counts only beyond a threshold may have begun in the report before.
        let hidden = if run.counter == Counter::Stall { to - from } else { Span::ZERO };
        Window { start: (from - hidden).min(run.start), end: to.max(run.start) }
    }
}

/// Which runs are laid out: those of the scene's own symptom from `from` on that reach the floors of their counters.
struct Chosen<'a> {
    from: Instant,
    interval: Span,
    floors: &'a [Floor],
    own: IsOwn<'a>,
}

/// The chosen runs of a unit, joined where they overlap or nearly touch.
fn bouts(unit: &Unit, chosen: &Chosen<'_>) -> Vec<Bout> {
    let Chosen { from, interval, floors, own } = *chosen;
    let mut joined: Vec<Bout> = Vec::new();
    let belongs = |run: &&Run| {
        let strong = floors.iter().any(|floor| floor.counter == run.counter && run.observed >= floor.rate * run.trials);
        strong && own(run) && (run.start >= from || run.open && run.end >= from)
    };
    for run in unit.runs.iter().filter(belongs) {
        let serving = run.counter != Counter::Refused;
        let silent = run.counter == Counter::Silent;
        let deaths = if run.is_death() { run.observed } else { 0.0 };
        match joined.last_mut() {
            Some(last) if run.start <= last.end + interval && last.level == run.level => {
                last.heard = if run.end > last.end { run.counter == Counter::Silent } else { last.heard };
                last.end = last.end.max(run.end);
                last.open |= run.open;
                last.deaths += deaths;
                last.serving |= serving;
                last.silent &= silent;
                // What began in a later report than the first sign tells nothing of where that lies.
                let same = run.first.start < last.began.end;
                let nearer = !last.near.is_known() || run.near.deviation < last.near.deviation;
                if run.near.is_known() && nearer && same {
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
                silent,
                heard: run.counter == Counter::Silent,
                deaths,
                precise: run.precise,
                began: began(run),
                near: run.near,
            }),
        }
    }
    // A process that died while loading also stopped to answer: that is the same failing, seen otherwise.
    let deaths: Vec<Bout> = joined.iter().filter(|bout| bout.serving && bout.level.is_some()).copied().collect();
    for bout in joined.iter_mut().filter(|bout| bout.level.is_none()) {
        let near = deaths.iter().find(|death| (death.start - bout.start).abs() <= 3 * interval);
        bout.level = near.and_then(|death| death.level);
    }
    joined
}

/// Slots in which at least a twentieth of the most that ever failed at once fail: a poisoned tail alone is not hot.
fn hot_slots(patients: &[Patient<'_>], onset: Instant, now: Instant, slot: Span) -> Vec<Span> {
    let slots = usize::try_from((now - onset) / slot + 2).unwrap_or(0).min(8192);
    let mut change = vec![0_i64; slots + 1];
    for bout in patients.iter().flat_map(|patient| &patient.bouts) {
        let from = usize::try_from((bout.start - onset).max(Span::ZERO) / slot).unwrap_or(0).min(slots);
        let to =
            usize::try_from((bout.end - onset).max(Span::ZERO) / slot).unwrap_or(0).min(slots.saturating_sub(1)) + 1;
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
    let mut hot = Span::ZERO;
    let before = |count: i64| {
        let so_far = hot;
        hot += if count > 0 && count * 20 >= most { slot } else { Span::ZERO };
        so_far
    };
    counts.into_iter().take(slots).chain([0]).map(before).collect()
}
