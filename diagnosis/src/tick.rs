//! What a tick does before it judges: waiting rows enter their cells, missing reports open runs, expectations rotate.

use crate::model::{Counter, Exposure, Ns};
use crate::moves::{level_at, moved_within};
use crate::ring::{Ring, index_of};
use crate::shape;
use crate::state::State;
use crate::take::{REVISABLE, not_heard};
use crate::take_row::Pending;
use firstbad_protocol::names::attribute;
use std::collections::BTreeMap;

/// Marks an exposure that must be looked up again.
pub(crate) const STALE: u32 = u32::MAX;

impl State {
    /// Brings the state up to `at`.
    pub(crate) fn settle(&mut self, at: Ns) {
        self.now = Some(self.now.map_or(at, |now| now.max(at)));
        self.ticks += 1;
        if self.learn_interval() {
            self.ring = Ring::default();
            self.rotated = i64::MIN;
        }
        for waiting in std::mem::take(&mut self.pending) {
            let exposure = self.cell_of(&waiting);
            let index = index_of(waiting.end, self.interval);
            if let Some(interval) = self.ring.at(index) {
                for (slot, sums) in interval.fleet.iter_mut().zip(&waiting.sums) {
                    slot.add(*sums);
                }
                let cell = interval.cells.entry(exposure).or_default();
                cell.rows += 1;
                for (slot, sums) in cell.sums.iter_mut().zip(&waiting.sums) {
                    slot.add(*sums);
                }
            }
        }
        self.ring.trim();
        self.find_front();
        self.mark_silent();
        self.rotate();
    }

    /// Where half of the hosts that were heard lately stand.
    fn find_front(&mut self) {
        let now = self.now.unwrap_or(0);
        let heard = |unit: &&crate::model::Unit| unit.rows > 0 && now - unit.last_arrival < 6 * self.interval;
        let mut times: Vec<Ns> = self.units.iter().filter(heard).map(|unit| unit.last_event).collect();
        let middle = times.len() / 2;
        if !times.is_empty() {
            self.front = Some(*times.select_nth_unstable(middle).1);
        }
    }

    /// The cell of a row: without levels where a host fails visibly by itself, or still pays for its last load. What is
    /// judged on sums (`pooled`) is the rest.
    fn cell_of(&mut self, waiting: &Pending) -> u32 {
        let settling = REVISABLE / 4 * self.interval;
        let (dims, apart) = self.units.get(waiting.unit as usize).map_or((0, true), |unit| {
            let loaded = unit.moves.iter().rev().any(|last| (0..settling).contains(&(waiting.end - last.at)));
            (unit.dims, loaded || unit.runs.iter().any(|run| run.open))
        });
        if apart {
            return self.tables.exposure(Exposure { dims, levels: Vec::new() });
        }
        self.exposure_of(waiting.unit, waiting.start, waiting.end)
    }

    /// Exposure over a span: empty of levels where the unit moved within it.
    fn exposure_of(&mut self, id: u32, start: Ns, end: Ns) -> u32 {
        let Some(unit) = self.units.get(id as usize) else { return 0 };
        let settled = unit.moves.last().is_none_or(|last| last.at <= start);
        if settled && unit.exposure != STALE {
            return unit.exposure;
        }
        let levels = if settled {
            unit.active.clone()
        } else if moved_within(unit, start, end) {
            Vec::new()
        } else {
            let at = |factor: u16| level_at(unit, factor, start).map(|level| (factor, level));
            unit.active.iter().filter_map(|(factor, _)| at(*factor)).collect()
        };
        let exposure = self.tables.exposure(Exposure { dims: unit.dims, levels });
        if settled && let Some(unit) = self.units.get_mut(id as usize) {
            unit.exposure = exposure;
        }
        exposure
    }

    /// Units whose reports are missing. Where nearly the whole fleet is missing at once the collector is blind, or the
    /// clock of one host runs ahead; that is a blind spot, not a symptom of each host.
    fn mark_silent(&mut self) {
        let Some(now) = self.now else { return };
        let interval = self.interval;
        let late = |unit: &crate::model::Unit| {
            unit.left.is_none()
                && !unit.aggregate
                && unit.rows >= 2
                && now - unit.reported > 7 * unit.span.max(interval) / 2
        };
        let live = self
            .units
            .iter()
            .filter(|unit| !unit.aggregate && unit.left.is_none() && now - unit.last_arrival < 360 * interval)
            .count();
        let missing = self.units.iter().filter(|unit| late(unit) && now - unit.last_arrival < 360 * interval).count();
        if missing * 10 > live * 9 && live > 3 {
            return;
        }
        for unit in self.units.iter_mut().filter(|unit| late(unit)) {
            if let Some(run) = unit.runs.iter_mut().rev().find(|run| run.counter == Counter::Silent && run.open) {
                run.end = run.end.max(now);
                continue;
            }
            let credit = self.born.entry(unit.dims).or_default();
            if *credit > 0 {
                *credit -= 1;
                unit.left = Some(unit.last_event);
                continue;
            }
            let loading =
                unit.loading.filter(|(_, _, at)| *at >= unit.last_event - interval).map(|(_, level, _)| level);
            not_heard(unit, unit.last_event, loading);
        }
    }

    /// Rotates expectations every 18 report intervals in which nothing was wrong.
    fn rotate(&mut self) {
        let now = index_of(self.last_event.unwrap_or(0), self.interval);
        if self.rotated == i64::MIN {
            self.rotated = now;
            return;
        }
        if now - self.rotated < REVISABLE {
            return;
        }
        self.rotated = now;
        self.compact();
        if self.open_case() {
            return;
        }
        for base in &mut self.prior {
            base.rotate();
        }
        for unit in &mut self.units {
            for base in &mut unit.base {
                base.rotate();
            }
            unit.traffic.rotate();
            unit.cpu.rotate();
            unit.memory.rotate();
            unit.in_flight.rotate();
        }
        for shape in self.shapes.values_mut() {
            shape::rotate(shape);
        }
        self.learn_slow();
    }

    /// A request is slow above the least bound under which 95 % of requests were.
    fn learn_slow(&mut self) {
        let mut bounds: Vec<(f64, f64)> =
            self.slow.1.iter().map(|(bits, count)| (f64::from_bits(*bits), *count)).collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let all: f64 = bounds.iter().map(|(_, count)| count).sum();
        let mut below = 0.0;
        for (bound, count) in bounds {
            below += count;
            if below >= 0.95 * all && all > 0.0 {
                if !self.slow.0.is_finite() {
                    self.slow.0 = bound;
                }
                break;
            }
        }
        let halved: BTreeMap<u64, f64> = self.slow.1.iter().map(|(bits, count)| (*bits, count / 2.0)).collect();
        self.slow.1 = halved;
    }

    /// Region, binary and service: what contrasts are stratified by.
    pub(crate) fn strata(&self) -> Vec<u32> {
        self.strata_of(&[attribute::CLOUD_REGION, attribute::SERVICE_VERSION, attribute::SERVICE_NAME])
    }

    /// What binaries are compared within.
    pub(crate) fn places(&self) -> Vec<u32> {
        self.strata_of(&[attribute::CLOUD_REGION, attribute::SERVICE_NAME])
    }

    /// By index of dimensions, the stratum that the values of `keys` make.
    fn strata_of(&self, keys: &[&str]) -> Vec<u32> {
        let mut ids: BTreeMap<Vec<Option<&str>>, u32> = BTreeMap::new();
        (0..self.tables.dims.len())
            .map(|dims| {
                let dims = u32::try_from(dims).unwrap_or(u32::MAX);
                let values = keys.iter().map(|key| self.tables.value(dims, key)).collect();
                let next = u32::try_from(ids.len()).unwrap_or(0);
                *ids.entry(values).or_insert(next)
            })
            .collect()
    }
}
