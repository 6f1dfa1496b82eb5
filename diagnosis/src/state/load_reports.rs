//! Reports within which a host went from one version of a config to another, by the version that was loaded: how many are
//! kept, and which are forgotten. Which reports are such is decided in `ingest::divided`, what they say in `evidence::sides`.

use crate::numerics::time::{Instant, Window};
use crate::state::ids::{LevelId, UnitId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Reports kept of loads of one version: more hosts would not change the answer.
pub(crate) const OF_LEVEL_MAX: usize = 160;

/// Reports kept together; beyond, those of the version go that was loaded longest ago.
const TOGETHER_MAX: usize = 16_384;

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
    pub unit: UnitId,
    /// The version before.
    pub from: LevelId,
    /// Load, and beginning and end of the report.
    pub at: Instant,
    pub span: Window,
    pub before: Side,
    pub after: Side,
    /// Requests per second that the host usually finishes; zero where that, or when it loaded, is not known.
    pub usual: f32,
}

/// Reports by the version that was loaded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Division {
    pub by_level: BTreeMap<LevelId, Vec<Divided>>,
    pub together: usize,
}

impl Division {
    /// Reports in which the version was loaded.
    pub(crate) fn of(&self, level: LevelId) -> &[Divided] {
        self.by_level.get(&level).map_or(&[], Vec::as_slice)
    }

    /// All, by the version that was loaded.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (LevelId, &[Divided])> {
        self.by_level.iter().map(|(level, all)| (*level, all.as_slice()))
    }

    pub(crate) fn add(&mut self, level: LevelId, divided: Divided) {
        let of_level = self.by_level.entry(level).or_default();
        if of_level.len() >= OF_LEVEL_MAX {
            return;
        }
        of_level.push(divided);
        self.together += 1;
        while self.together > TOGETHER_MAX {
            let last = |(_, all): &(&LevelId, &Vec<Divided>)| all.last().map_or(Instant::MIN, |last| last.at);
            let Some(oldest) = self.by_level.iter().min_by_key(last).map(|(level, _)| *level) else { return };
            self.forget(oldest);
        }
    }

    /// Forgets a version.
    pub(crate) fn forget(&mut self, level: LevelId) {
        self.together -= self.by_level.remove(&level).map_or(0, |all| all.len());
        self.keep(|divided| (divided.from != level).then_some(divided.unit));
    }

    /// Keeps those reports whose unit, renumbered, stays.
    pub(crate) fn keep(&mut self, unit: impl Fn(&Divided) -> Option<UnitId>) {
        self.by_level.retain(|_, all| {
            all.retain_mut(|divided| unit(divided).map(|unit| divided.unit = unit).is_some());
            !all.is_empty()
        });
        self.together = self.by_level.values().map(Vec::len).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::time::Span;

    fn divided(unit: UnitId, at: Instant) -> Divided {
        Divided {
            unit,
            from: LevelId(1),
            at,
            span: Window { start: at - Span::NS, end: at + Span::NS },
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
                division.add(LevelId(level), divided(UnitId(unit), Instant(i64::from(level))));
            }
        }
        assert!(division.together <= TOGETHER_MAX && division.of(LevelId(499)).len() == OF_LEVEL_MAX);
        assert!(division.of(LevelId(2)).is_empty(), "the oldest went");
        division.keep(|divided| (divided.unit != UnitId(7)).then(|| divided.unit.min(UnitId(7))));
        assert_eq!(division.of(LevelId(499)).len(), OF_LEVEL_MAX - 1);
        division.forget(LevelId(499));
        assert!(division.of(LevelId(499)).is_empty() && !division.of(LevelId(498)).is_empty());
        division.forget(LevelId(1));
        assert!(division.by_level.is_empty() && division.together == 0, "a version that all came from");
    }
}
