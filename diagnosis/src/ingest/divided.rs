//! Reports within which a host went from one version of a config to another: what the requests that used either came to, and
//! how they were scored. A request counts under the version that it used (contract.md section 2, "Exposure": the point's own
//! hash), so such a report holds both sides of a load, whatever the clocks and however coarse the reports are. What they
//! say is decided in `sides`.

use crate::numerics::shape;
use crate::numerics::time::Ns;
use crate::observation::Row;
use crate::observation::counts::Requests;
use crate::state::State;
use crate::state::moves::BEFORE_ALL;
use firstbad_protocol::Hash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Reports kept of loads of one version: more hosts would not change the answer.
pub(crate) const OF_LEVEL_MAX: usize = 160;
/// Reports kept together; beyond, those of the version go that was loaded longest ago.
const TOGETHER_MAX: usize = 16_384;
/// Rows of a host from which it is known how much it usually finishes.
const KNOWN_FROM: u64 = 3;
/// Buckets of scores.
pub(crate) const BUCKETS: usize = 11;

/// Failed requests and requests that used one version, and its scores by bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Side {
    pub failed: f32,
    pub requests: f32,
    pub scores: [u32; BUCKETS],
}

/// One report with a load in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Divided {
    pub unit: u32,
    /// The version before.
    pub from: u32,
    /// Load, and beginning and end of the report.
    pub at: Ns,
    pub span: (Ns, Ns),
    pub before: Side,
    pub after: Side,
    /// Requests per second that the host usually finishes; zero where that, or when it loaded, is not known.
    pub usual: f32,
}

/// Reports by the version that was loaded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Division {
    by_level: BTreeMap<u32, Vec<Divided>>,
    together: usize,
}

impl Division {
    /// Reports in which the version was loaded.
    pub(crate) fn of(&self, level: u32) -> &[Divided] {
        self.by_level.get(&level).map_or(&[], Vec::as_slice)
    }

    /// All, by the version that was loaded.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[Divided])> {
        self.by_level.iter().map(|(level, all)| (*level, all.as_slice()))
    }

    fn add(&mut self, level: u32, divided: Divided) {
        let of_level = self.by_level.entry(level).or_default();
        if of_level.len() >= OF_LEVEL_MAX {
            return;
        }
        of_level.push(divided);
        self.together += 1;
        while self.together > TOGETHER_MAX {
            let last = |(_, all): &(&u32, &Vec<Divided>)| all.last().map_or(Ns::MIN, |last| last.at);
            let Some(oldest) = self.by_level.iter().min_by_key(last).map(|(level, _)| *level) else { return };
            self.forget(oldest);
        }
    }

    /// Forgets a version.
    pub(crate) fn forget(&mut self, level: u32) {
        self.together -= self.by_level.remove(&level).map_or(0, |all| all.len());
        self.keep(|divided| (divided.from != level).then_some(divided.unit));
    }

    /// Keeps those reports whose unit, renumbered, stays.
    pub(crate) fn keep(&mut self, unit: impl Fn(&Divided) -> Option<u32>) {
        self.by_level.retain(|_, all| {
            all.retain_mut(|divided| unit(divided).map(|unit| divided.unit = unit).is_some());
            !all.is_empty()
        });
        self.together = self.by_level.values().map(Vec::len).sum();
    }
}

impl State {
    /// Keeps what a report says on both sides of a load, if it holds just one load of a config and both versions' tags.
    pub(crate) fn note_sides(&mut self, id: u32, row: &Row, (start, end): (Ns, Ns)) {
        let Some(unit) = self.units.get(id as usize).filter(|unit| !unit.aggregate && !row.restarted) else { return };
        let within = |at: Ns| at > start && at <= end && at != BEFORE_ALL;
        let moved: Vec<(u16, u32, Ns, bool)> = unit
            .moves
            .iter()
            .rev()
            .take_while(|entry| entry.at > start)
            .filter(|entry| within(entry.at))
            .map(|entry| (entry.factor, entry.level, entry.at, entry.told))
            .collect();
        let usual = few(unit.traffic.mean().filter(|_| unit.rows > KNOWN_FROM).unwrap_or(0.0));
        for (factor, to, at, told) in &moved {
            if moved.iter().filter(|(other, ..)| other == factor).count() != 1 {
                continue;
            }
            let Some(after) = self.tables.level_at(*to).and_then(crate::state::model::Level::hash) else { continue };
            let Some((from, before, after)) = self.both_sides(row, (*factor, after)) else { continue };
            // Where the load is guessed from the requests on its two sides, these cannot tell how many are missing.
            let usual = if *told { usual } else { 0.0 };
            let divided = Divided { unit: id, from, at: *at, span: (start, end), before, after, usual };
            self.divided.add(*to, divided);
        }
    }

    /// The other version of the config that the row's tags name, and both sides; none unless there is just one other.
    fn both_sides(&self, row: &Row, (factor, after): (u16, Hash)) -> Option<(u32, Side, Side)> {
        let config = self.tables.config_name(factor)?;
        let views = row.views.iter().filter(|view| *view.config == *config);
        let scores = || row.scores.iter().filter_map(|scores| Some((scores.version.as_ref()?, scores)));
        let scores = || scores().filter(|((name, _), _)| **name == *config);
        let mut others: Vec<Hash> =
            views.clone().map(|view| view.hash).chain(scores().map(|((_, hash), _)| *hash)).collect();
        others.retain(|hash| *hash != after);
        others.sort_unstable();
        others.dedup();
        let [before] = others.as_slice() else { return None };
        let side = |hash: &Hash| {
            let mut side = Side::default();
            for view in views.clone().filter(|view| view.hash == *hash) {
                let counts = Requests::of(view.outcomes);
                (side.failed, side.requests) = (side.failed + few(counts.failed), side.requests + few(counts.all));
            }
            let mut buckets = Vec::new();
            for (_, scores) in scores().filter(|((_, version), _)| version == hash) {
                shape::add_deciles(&mut buckets, &scores.histogram);
            }
            for (slot, count) in side.scores.iter_mut().zip(buckets) {
                *slot = u32::try_from(count).unwrap_or(u32::MAX);
            }
            side
        };
        Some((self.tables.known_level(factor, before)?, side(before), side(&after)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a count of one report")]
fn few(count: f64) -> f32 {
    count as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(unit: u32, at: Ns) -> Divided {
        Divided {
            unit,
            from: 1,
            at,
            span: (at - 1, at + 1),
            before: Side::default(),
            after: Side::default(),
            usual: 0.0,
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_goes_with_its_version_or_host() {
        let mut division = Division::default();
        for level in 2..500 {
            for unit in 0..200 {
                division.add(level, divided(unit, Ns::from(level)));
            }
        }
        assert!(division.together <= TOGETHER_MAX && division.of(499).len() == OF_LEVEL_MAX);
        assert!(division.of(2).is_empty(), "the oldest went");
        division.keep(|divided| (divided.unit != 7).then(|| divided.unit.min(7)));
        assert_eq!(division.of(499).len(), OF_LEVEL_MAX - 1);
        division.forget(499);
        assert!(division.of(499).is_empty() && !division.of(498).is_empty());
        division.forget(1);
        assert!(division.by_level.is_empty() && division.together == 0, "a version that all came from");
    }
}
