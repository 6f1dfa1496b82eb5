//! Load attempts: they move a unit to a version, are refused, or are all that is left of a process that died in them.

use crate::numerics::time::Ns;
use crate::observation::{Load, Name};
use crate::state::model::{Counter, Factor, Key, Move, Run};
use crate::state::moves::{BEFORE_ALL, level_at, note};
use crate::state::ring::index_of;
use crate::state::{PanicSeen, State};
use firstbad_protocol::load::LoadResult;

/// One attempt, interned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub unit: u32,
    pub factor: u16,
    pub level: u32,
    pub at: Ns,
    pub told: bool,
}

impl State {
    /// Takes a load event.
    pub(crate) fn take_load(&mut self, load: &Load) {
        let Some(unit) = self.unit_of(&load.source, &load.dimensions, load.at.0) else { return };
        let at = self.corrected(unit, load.at.0);
        let Some(factor) = self.tables.factor(&Factor::Config(load.config.clone())) else { return };
        let Some(level) = self.tables.level(factor, &Key::Version(load.hash), at) else { return };
        self.learn_facts(level, &load.facts);
        if let Some(known) = self.tables.level_mut(level) {
            known.first_seen = known.first_seen.min(at);
        }
        self.seen(at);
        if let Some(previous) = load.previous {
            self.was_active(unit, factor, &Key::Version(previous));
        }
        let attempt = Attempt { unit, factor, level, at, told: true };
        match load.result {
            None => {
                if let Some(unit) = self.units.get_mut(unit as usize) {
                    unit.loading = Some((factor, level, at));
                }
            }
            Some(result) => {
                self.end_loading(unit, level);
                self.attempted(attempt, result);
                if result.is_refusal() {
                    self.note_refusal(attempt, load.error.as_ref().or(load.reason.as_ref()));
                }
            }
        }
    }

    /// Notes the event time seen.
    pub(crate) fn seen(&mut self, at: Ns) {
        self.first_event = Some(self.first_event.map_or(at, |first| first.min(at)));
    }

    fn end_loading(&mut self, unit: u32, level: u32) {
        if let Some(unit) = self.units.get_mut(unit as usize)
            && unit.loading.is_some_and(|(_, loading, _)| loading == level)
        {
            unit.loading = None;
        }
    }

    /// `previous_hash` tells what a unit had before anything else was known of it.
    fn was_active(&mut self, unit: u32, factor: u16, key: &Key) {
        let first = self.units.get(unit as usize).map_or(0, |unit| unit.first);
        let Some(level) = self.tables.level(factor, key, first) else { return };
        let slack = self.slack();
        let Some(unit) = self.units.get_mut(unit as usize) else { return };
        if unit.moves.iter().all(|entry| entry.factor != factor) {
            note(unit, Move { at: BEFORE_ALL, factor, level, told: true, torn: false }, slack, &mut self.earliest);
        }
    }

    /// An attempt with its result.
    pub(crate) fn attempted(&mut self, attempt: Attempt, result: LoadResult) {
        let Attempt { unit, factor, level, at, told } = attempt;
        let (slack, interval) = (self.slack(), self.interval);
        let refused = result.is_refusal();
        if let Some(cell) = self.ring.at(index_of(at, interval)) {
            let sums = cell.attempts.entry(level).or_default();
            sums.0 += 1.0;
            sums.1 += f64::from(u8::from(refused));
        }
        let Some(state) = self.units.get_mut(unit as usize) else { return };
        let new = !state.moves.iter().any(|entry| entry.level == level);
        let moved = match result {
            LoadResult::Applied | LoadResult::Rejected => {
                note(state, Move { at, factor, level, told, torn: false }, slack, &mut self.earliest)
            }
            LoadResult::Unchanged => {
                if level_at(state, factor, at).is_none() {
                    note(state, Move { at: BEFORE_ALL, factor, level, told, torn: false }, slack, &mut self.earliest);
                }
                false
            }
            LoadResult::KeptLastGood => false,
        };
        if refused {
            refuse(&mut state.runs, at, level);
            state.stirred = true;
            if state.runs.len() > 24 {
                state.runs.remove(0);
            }
        } else {
            for run in &mut state.runs {
                run.open &= run.counter != Counter::Refused;
            }
        }
        if moved {
            if let Some(interval) = self.ring.at(index_of(at, interval)) {
                *interval.loads.entry(level).or_default() += 1;
            }
            if let Some(level) = self.tables.level_mut(level).filter(|_| new) {
                level.units_ever += 1;
            }
        }
    }

    /// Keeps the error of a refusal, verbatim.
    fn note_refusal(&mut self, attempt: Attempt, error: Option<&Name>) {
        if let Some(level) = self.tables.level_mut(attempt.level) {
            level.refusals += 1;
        }
        if self.refusals.len() >= 1024 && !self.refusals.contains_key(&attempt.level) {
            return;
        }
        let message = error.cloned().unwrap_or_else(|| Name::from("load refused"));
        let seen = self.refusals.entry(attempt.level).or_insert_with(|| PanicSeen {
            message: message.clone(),
            site: None,
            first: attempt.at,
            count: 0,
            units: Vec::new(),
        });
        seen.count += 1;
        if attempt.at < seen.first {
            seen.first = attempt.at;
            seen.message = message;
        }
        if seen.units.len() < 64 && !seen.units.contains(&attempt.unit) {
            seen.units.push(attempt.unit);
        }
    }
}

/// A refusal opens a run of its own, which the next accepted load ends.
fn refuse(runs: &mut Vec<Run>, at: Ns, level: u32) {
    let open = |run: &&mut Run| run.counter == Counter::Refused && run.open && run.level == Some(level);
    if let Some(run) = runs.iter_mut().find(open) {
        run.end = run.end.max(at);
        run.observed += 1.0;
        run.trials += 1.0;
        return;
    }
    for run in runs.iter_mut() {
        run.open &= run.counter != Counter::Refused;
    }
    let run = Run {
        counter: Counter::Refused,
        start: at,
        end: at,
        open: true,
        observed: 1.0,
        trials: 1.0,
        expected: 0.0,
        quiet: 0.0,
        first: (at, at, 1.0),
        precise: true,
        slack: 0,
        opening: (1.0, 1.0, 0.0),
        near: (at, 0),
        sizes: Default::default(),
        level: Some(level),
    };
    let index = runs.partition_point(|other| other.start <= at);
    runs.insert(index, run);
}
