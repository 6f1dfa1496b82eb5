//! What a tick does before it judges: waiting rows enter their cells, the units are looked over, missing reports open runs, expectations rotate.

use crate::ingest::take::REVISABLE;
use crate::numerics::shape;
use crate::numerics::time::Ns;
use crate::signals::death::not_heard;
use crate::state::State;
use crate::state::model::Counter;
use crate::state::ring::{Ring, index_of};
use crate::state::stages::Stages;
use firstbad_protocol::names::attribute;
use std::collections::BTreeMap;

impl State {
    /// Brings the state up to `at`.
    pub(crate) fn settle(&mut self, at: Ns) {
        self.now = Some(self.now.map_or(at, |now| now.max(at)));
        self.ticks += 1;
        let changed = self.learn_interval();
        if changed {
            self.ring = Ring::default();
            self.stages = Stages::default();
            self.rotated = i64::MIN;
            self.stir_all();
        }
        self.fold(changed);
        self.ring.trim();
        self.follow_stages();
        self.look_over();
        self.front = self.census.front.or(self.front);
        self.mark_silent();
        self.rotate();
    }

    /// Units whose reports are missing. Where nearly the whole fleet is missing at once the collector is blind, or the
    /// clock of one host runs ahead; that is a blind spot, not a symptom of each host.
    fn mark_silent(&mut self) {
        let Some(now) = self.now else { return };
        let interval = self.interval;
        let (awaited, missing) = (self.census.awaited, self.census.missing);
        if missing * 10 > awaited * 9 && awaited > 3 {
            return;
        }
        for id in std::mem::take(&mut self.census.late) {
            let Some(unit) = self.units.get_mut(id as usize) else { continue };
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
            let (stirred, sick) = (unit.stirred, !unit.runs.is_empty());
            not_heard(unit, loading);
            self.census.stirred.extend((!stirred).then_some(id));
            self.census.sick.extend((!sick).then_some(id));
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
        self.rotations = self.rotations.wrapping_add(1);
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
