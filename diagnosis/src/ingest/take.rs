//! Taking observations: who it is about, whether its time can be believed, and which part of the state it changes. Rows
//! and loads have files of their own.

use crate::numerics::time::Ns;
use crate::observation::{Change, Dimensions, Exit, Facts, Gap, Name, Observation, Panic, Source, Start};
use crate::signals::death::died;
use crate::signals::restarts::restarted;
use crate::state::model::{Base, COUNTERS, Factor, Key, Move, Unit, WorldChange};
use crate::state::moves::{BEFORE_ALL, STALE, note};
use crate::state::restart_times::Restarts;
use crate::state::score_bins::Binned;
use crate::state::{PanicSeen, State};
use firstbad_protocol::limits::{CHANGES_MAX, INSTANCES_MAX};
use firstbad_protocol::names::attribute;
use firstbad_protocol::time::SECOND_NS;
use std::collections::BTreeMap;

/// Report intervals behind the clock until which data may still change a verdict.
pub(crate) const REVISABLE: i64 = 18;
/// Distinct panic messages kept.
const PANICS_MAX: usize = 256;
/// Processes remembered for one unit.
const PROCESSES_MAX: usize = 16;
/// Units kept that changes reached, over all changes: 16 MB. The oldest changes keep their number alone.
const REACHED_MAX: usize = 1_000_000;
/// Different blind-spot sentences kept.
const GAPS_MAX: usize = 64;
/// Facts kept of one version: those of the contract are ten, and a limit a kind of resource.
const NUMBERS_MAX: usize = 64;
const WORDS_MAX: usize = 16;
const LIMITS_MAX: usize = 16;

impl State {
    /// Takes one observation.
    pub(crate) fn take(&mut self, observation: &Observation, frozen: bool) {
        match observation {
            Observation::Row(row) => self.take_row(row, frozen),
            Observation::Load(load) => self.take_load(load),
            Observation::Panic(panic) => self.take_panic(panic),
            Observation::Start(start) => self.take_start(start),
            Observation::Exit(exit) => self.take_exit(exit),
            Observation::Change(change) => self.take_change(change),
            Observation::Gap(gap) => self.take_gap(gap),
        }
    }

    /// The unit that a source belongs to, made if it is new.
    pub(crate) fn unit_of(&mut self, source: &Source, dims: &Dimensions, at: Ns) -> Option<u32> {
        let service = dims.get(attribute::SERVICE_NAME).map_or("", AsRef::as_ref);
        let Source::Instance { instance, host } = source else {
            let dims_id = self.tables.dims(dims);
            let host = Name::from(format!("\u{0}aggregate-{dims_id}"));
            let id = self.unit_ids.get(&host, service).or_else(|| self.new_unit(host, (dims_id, true), at))?;
            self.unsettle(id);
            self.note_binary(id, dims, at);
            return Some(id);
        };
        let known = self.unit_ids.get(host, service);
        let dims_id = self.dims_of(known, dims);
        let id = known.or_else(|| self.new_unit(host.clone(), (dims_id, false), at))?;
        self.unsettle(id);
        let same = |unit: &Unit| unit.dims == dims_id && unit.binary_known;
        if !self.units.get(id as usize).is_some_and(same) {
            self.note_binary(id, dims, at);
        }
        self.note_process(id, instance);
        if let Some(unit) = self.units.get_mut(id as usize).filter(|unit| unit.dims != dims_id) {
            unit.dims = dims_id;
            unit.exposure = STALE;
        }
        Some(id)
    }

    /// Index of dimensions, which mostly are those that the unit had before.
    fn dims_of(&mut self, unit: Option<u32>, dims: &Dimensions) -> u32 {
        let before = unit.and_then(|id| self.units.get(id as usize)).map(|unit| unit.dims);
        let same = before.filter(|before| self.tables.dims_at(*before) == Some(dims));
        same.unwrap_or_else(|| self.tables.dims(dims))
    }

    fn new_unit(&mut self, host: Name, (dims, aggregate): (u32, bool), at: Ns) -> Option<u32> {
        if self.units.len() >= INSTANCES_MAX {
            self.tables.overflow += 1;
            return None;
        }
        let id = u32::try_from(self.units.len()).ok()?;
        let unit = Unit {
            first: at,
            last_event: at,
            last_arrival: self.now.unwrap_or(at),
            span: self.interval,
            rotations: self.rotations,
            ..new_unit(host, dims, aggregate)
        };
        self.add_unit(id, unit);
        // A host that appears later than the fleet may stand in for one that is gone.
        if !aggregate && self.ticks > 12 {
            *self.born.entry(dims).or_default() += 1;
        }
        Some(id)
    }

    /// A binary is a level too: `service.version`.
    fn note_binary(&mut self, id: u32, dims: &Dimensions, at: Ns) {
        let service = dims.get(attribute::SERVICE_NAME).cloned().unwrap_or_else(|| Name::from(""));
        let Some(version) = dims.get(attribute::SERVICE_VERSION) else { return };
        let Some(factor) = self.tables.factor(&Factor::Binary(service)) else { return };
        let Some(level) = self.tables.level(factor, &Key::Text(version.clone()), at) else { return };
        let slack = self.slack();
        let Some(unit) = self.units.get_mut(id as usize) else { return };
        unit.binary_known = unit.active.contains(&(factor, level));
        if unit.binary_known {
            return;
        }
        let new = !unit.active.iter().any(|(known, _)| *known == factor);
        let at = if new { BEFORE_ALL } else { at };
        if unit.moves.iter().any(|old| old.factor == factor && old.at > at && !new) {
            return;
        }
        note(unit, Move { at, factor, level, told: !new, torn: false }, slack, &mut self.earliest);
        if let Some(level) = self.tables.level_mut(level) {
            level.units_ever += 1;
        }
    }

    fn note_process(&mut self, id: u32, instance: &Name) {
        let now = self.now.unwrap_or(0);
        let Some(unit) = self.units.get_mut(id as usize) else { return };
        unit.last_arrival = unit.last_arrival.max(now);
        if let Some((_, seen)) = unit.instances.iter_mut().find(|(name, _)| name == instance) {
            *seen = now;
            return;
        }
        if !unit.instances.is_empty() {
            unit.restarts += 1;
            restarted(unit, (now, self.interval));
        }
        self.instances_seen += 1;
        if unit.instances.len() >= PROCESSES_MAX {
            unit.instances.remove(0);
        }
        unit.instances.reserve_exact(1);
        unit.instances.push((instance.clone(), now));
    }

    /// How far a guessed time may be wrong, and how late a load may be told.
    pub(crate) fn slack(&self) -> Ns {
        (REVISABLE * self.interval).max(180 * SECOND_NS)
    }

    /// A unit's time, corrected by its clock's offset.
    pub(crate) fn corrected(&self, id: u32, at: Ns) -> Ns {
        at.saturating_sub(self.units.get(id as usize).map_or(0, |unit| unit.offset))
    }

    fn take_panic(&mut self, panic: &Panic) {
        let Some(id) = self.unit_of(&panic.source, &panic.dimensions, panic.at.0) else { return };
        let at = self.corrected(id, panic.at.0);
        let gap = 3 * self.interval;
        if let Some(unit) = self.units.get_mut(id as usize) {
            if at - unit.panic_bout.1 > gap || at < unit.panic_bout.0 - gap {
                unit.panic_bout = (at, at);
            } else {
                unit.panic_bout = (unit.panic_bout.0.min(at), unit.panic_bout.1.max(at));
            }
        }
        let same =
            |seen: &&mut PanicSeen| seen.site == panic.site && (seen.site.is_some() || seen.message == panic.message);
        if let Some(seen) = self.panics.iter_mut().find(same) {
            seen.count += 1;
            if at < seen.first {
                seen.first = at;
                seen.message = panic.message.clone();
            }
            if seen.units.len() < 64 && !seen.units.contains(&id) {
                seen.units.push(id);
            }
        } else if self.panics.len() < PANICS_MAX {
            self.panics.push(PanicSeen {
                message: panic.message.clone(),
                site: panic.site.clone(),
                first: at,
                count: 1,
                units: vec![id],
            });
        } else {
            self.tables.overflow += 1;
        }
    }

    fn take_start(&mut self, start: &Start) {
        let Some(id) = self.unit_of(&start.source, &start.dimensions, start.at.0) else { return };
        if let Some(unit) = self.units.get_mut(id as usize) {
            unit.left = None;
        }
    }

    fn take_exit(&mut self, exit: &Exit) {
        let Some(id) = self.unit_of(&exit.source, &exit.dimensions, exit.at.0) else { return };
        let at = self.corrected(id, exit.at.0);
        let loading = exit.loading.as_ref().and_then(|(config, hash)| {
            let factor = self.tables.factor(&Factor::Config(config.clone()))?;
            Some((factor, self.tables.level(factor, &Key::Version(*hash), at)?))
        });
        let Some(unit) = self.units.get_mut(id as usize) else { return };
        if exit.clean {
            unit.left = Some(at);
            unit.restarts_seen.forget();
            return;
        }
        if let Some((factor, level)) = loading {
            unit.loading = Some((factor, level, at));
        }
        let level =
            unit.loading.filter(|(_, _, since)| at - since < 60 * SECOND_NS && at >= *since).map(|(_, level, _)| level);
        died(unit, at, level);
    }

    fn take_change(&mut self, change: &Change) {
        let at = change.at.0;
        if let (true, Some((config, hash))) = (&*change.kind == "publish", &change.version) {
            if let Some(factor) = self.tables.factor(&Factor::Config(config.clone()))
                && let Some(level) = self.tables.level(factor, &Key::Version(*hash), at)
                && let Some(level) = self.tables.level_mut(level)
            {
                level.published = true;
            }
            return;
        }
        let unit = change.source.as_ref().and_then(|source| match source {
            Source::Instance { .. } => self.unit_of(source, &change.dimensions, at),
            Source::Aggregate => None,
        });
        let same =
            |known: &WorldChange| known.kind == change.kind && known.id == change.id && known.target == change.target;
        let index = if let Some(index) = self.changes.iter().rposition(same) {
            index
        } else {
            if self.changes.len() >= CHANGES_MAX {
                self.reached -= self.changes.remove(0).reached.len();
            }
            self.changes.push(WorldChange {
                at,
                kind: change.kind.clone(),
                id: change.id.clone(),
                target: change.target.clone(),
                description: change.description.clone(),
                reached: Vec::new(),
                folded: 0,
                everywhere: false,
            });
            self.changes.len() - 1
        };
        let corrected = unit.map_or(at, |id| self.corrected(id, at));
        let Some(known) = self.changes.get_mut(index) else { return };
        known.at = known.at.min(corrected);
        match unit {
            Some(id) if known.reached.len() < INSTANCES_MAX => {
                if known.reached.last().is_none_or(|(last, _)| *last != id) {
                    known.reached.push((id, corrected));
                    self.reached += 1;
                }
            }
            Some(_) => {}
            None => known.everywhere = true,
        }
        if self.reached > REACHED_MAX {
            self.fold_reached(index);
        }
    }

    /// Lets the units go that the oldest change reached, except `kept`.
    fn fold_reached(&mut self, kept: usize) {
        let others =
            self.changes.iter_mut().enumerate().filter(|(index, change)| *index != kept && !change.reached.is_empty());
        if let Some((_, oldest)) = others.min_by_key(|(_, change)| change.at) {
            oldest.folded += oldest.reached.len() as u64;
            self.reached -= oldest.reached.len();
            oldest.reached = Vec::new();
        }
    }

    fn take_gap(&mut self, gap: &Gap) {
        if self.gaps.len() < GAPS_MAX || self.gaps.contains_key(&gap.sentence) {
            *self.gaps.entry(gap.sentence.clone()).or_default() += gap.count;
        }
    }

    /// Merges what is known of a version's content.
    pub(crate) fn learn_facts(&mut self, level: u32, facts: &Facts) {
        let Some(level) = self.tables.level_mut(level) else { return };
        merge(&mut level.facts.numbers, &facts.numbers, NUMBERS_MAX);
        merge(&mut level.facts.words, &facts.words, WORDS_MAX);
        merge(&mut level.facts.limits, &facts.limits, LIMITS_MAX);
        level.facts.rowset = facts.rowset.or(level.facts.rowset);
    }
}

/// Takes over what is told; a name that finds no room is not remembered, however often it is told.
fn merge<T: Clone>(known: &mut BTreeMap<Name, T>, told: &BTreeMap<Name, T>, most: usize) {
    for (name, value) in told {
        if known.len() < most || known.contains_key(name) {
            known.insert(name.clone(), value.clone());
        }
    }
}

fn new_unit(host: Name, dims: u32, aggregate: bool) -> Unit {
    Unit {
        host,
        dims,
        aggregate,
        stirred: false,
        shares_host: false,
        binary_known: false,
        exposure: STALE,
        waiting: u32::MAX,
        rotations: 0,
        instances: Vec::new(),
        active: Vec::new(),
        moves: Vec::new(),
        runs: Vec::new(),
        watches: Vec::new(),
        base: [Base::default(); COUNTERS],
        traffic: Base::default(),
        cpu: Base::default(),
        memory: Base::default(),
        in_flight: Base::default(),
        flat: Ns::MIN / 4,
        growth: [0.0; 5],
        first: 0,
        last_event: 0,
        last_arrival: 0,
        reported: 0,
        span: 0,
        rows: 0,
        gaps: Vec::new(),
        restarts: 0,
        restarts_seen: Restarts::default(),
        panics: (BTreeMap::new(), 0),
        panic_bout: (Ns::MIN / 4, Ns::MIN / 4),
        left: None,
        loading: None,
        offset: 0,
        scores: Binned::default(),
        scored: Binned::default(),
        drifting: None,
        below: Default::default(),
    }
}
