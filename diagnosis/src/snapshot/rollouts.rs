//! Hosts by version over time, counted from each unit's history of versions. It covers what the chart covers.

use super::view::accused;
use crate::numerics::time::{Instant, Span};
use crate::state::State;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::{Key, Unit};
use crate::state::ring::{index_of, start_of};
use firstbad_protocol::limits::{ROLLOUT_CONFIGS_MAX, ROLLOUT_VERSIONS_MAX, SNAPSHOT_POINTS_MAX};
use firstbad_protocol::snapshot::{RolloutView, VersionHosts};
use std::collections::{BTreeMap, BTreeSet};

/// The intervals that are shown.
#[derive(Clone, Copy)]
struct Shown {
    /// Index of the first.
    first: i64,
    /// How many.
    points: usize,
    /// Length of each.
    interval: Span,
}

impl Shown {
    /// Place of the first interval whose end is not before `at`; the number of points if none is.
    fn place_of(self, at: Instant) -> usize {
        let place = index_of(at, self.interval).saturating_sub(self.first).max(0);
        usize::try_from(place).unwrap_or(self.points).min(self.points)
    }
}

/// Changes of a count from one interval to the next, by version.
type Steps = BTreeMap<LevelId, Vec<i64>>;

/// The configs with the newest versions, accused ones first.
pub(crate) fn rollouts(state: &State) -> Vec<RolloutView> {
    let intervals = state.ring.intervals.len();
    let skipped = intervals.saturating_sub(SNAPSHOT_POINTS_MAX);
    let first = state.ring.first + i64::try_from(skipped).unwrap_or(0);
    let shown = Shown { first, points: intervals - skipped, interval: state.interval };
    if shown.points == 0 {
        return Vec::new();
    }
    let configs = configs(state);
    let mut steps: BTreeMap<FactorId, Steps> = configs.iter().map(|config| (*config, Steps::new())).collect();
    for unit in state.units.iter().filter(|unit| !unit.aggregate) {
        add(state, unit, shown, &mut steps);
    }
    let view = |config: &FactorId| view(state, *config, shown, steps.remove(config)?);
    configs.iter().filter_map(view).collect()
}

/// Configs in the order in which they are shown.
fn configs(state: &State) -> Vec<FactorId> {
    let accused: BTreeSet<FactorId> =
        accused(state).into_iter().filter_map(|level| Some(state.tables.level_at(level)?.factor)).collect();
    let mut newest: BTreeMap<FactorId, Instant> = BTreeMap::new();
    for level in state.tables.levels.iter().filter(|level| matches!(level.key, Key::Version(_))) {
        let at = newest.entry(level.factor).or_insert(level.first_seen);
        *at = (*at).max(level.first_seen);
    }
    let mut configs: Vec<(bool, Instant, FactorId)> =
        newest.into_iter().map(|(config, at)| (accused.contains(&config), at, config)).collect();
    configs.sort_unstable_by_key(|&(is_accused, at, config)| std::cmp::Reverse((is_accused, at, config)));
    configs.truncate(ROLLOUT_CONFIGS_MAX);
    configs.into_iter().map(|(_, _, config)| config).collect()
}

/// Adds the versions that one unit had.
fn add(state: &State, unit: &Unit, shown: Shown, steps: &mut BTreeMap<FactorId, Steps>) {
    let end = heard_until(state, unit).map_or(shown.points, |end| shown.place_of(end));
    for (place, entry) in unit.moves.iter().enumerate() {
        let Some(steps) = steps.get_mut(&entry.factor) else { continue };
        let next = unit.moves.iter().skip(place + 1).find(|next| next.factor == entry.factor);
        let from = shown.place_of(entry.at.max(unit.first));
        let to = next.map_or(end, |next| shown.place_of(next.at)).min(end);
        if from >= to {
            continue;
        }
        let steps = steps.entry(entry.level).or_insert_with(|| vec![0; shown.points + 1]);
        for (place, by) in [(from, 1), (to, -1)] {
            if let Some(step) = steps.get_mut(place) {
                *step += by;
            }
        }
    }
}

/// When a unit left, or was heard last if it is silent; none while it reports.
fn heard_until(state: &State, unit: &Unit) -> Option<Instant> {
    let is_silent = state.now.is_some_and(|now| now - unit.last_arrival > 7 * unit.span.max(state.interval) / 2);
    unit.left.or_else(|| is_silent.then_some(unit.last_event))
}

fn view(state: &State, config: FactorId, shown: Shown, steps: Steps) -> Option<RolloutView> {
    let mut counted: Vec<(LevelId, Vec<u32>)> = steps.into_iter().map(|(level, steps)| (level, sums(&steps))).collect();
    let most = |hosts: &[u32]| hosts.iter().copied().max().unwrap_or(0);
    counted.sort_by_key(|(level, hosts)| (std::cmp::Reverse(most(hosts)), *level));
    let unlisted = counted.split_off(counted.len().min(ROLLOUT_VERSIONS_MAX));
    let mut others = vec![0; shown.points];
    let (mut versions, mut first_seen) = (Vec::new(), BTreeMap::new());
    for (level, hosts) in counted {
        match state.tables.level_at(level).and_then(|level| Some((level.hash()?, level.first_seen))) {
            Some((hash, at)) => {
                first_seen.insert(hash, at);
                versions.push(VersionHosts { hash, hosts });
            }
            None => add_to(&mut others, &hosts),
        }
    }
    unlisted.iter().for_each(|(_, hosts)| add_to(&mut others, hosts));
    versions.sort_by_key(|version| std::cmp::Reverse((first_seen.get(&version.hash).copied(), version.hash)));
    (!versions.is_empty()).then_some(RolloutView {
        config: state.tables.config_name(config)?.to_owned(),
        from: start_of(shown.first + 1, shown.interval).into(),
        step_s: shown.interval.seconds(),
        versions,
        others,
    })
}

/// The counts that the steps lead to; the last step lies behind the last interval.
fn sums(steps: &[i64]) -> Vec<u32> {
    let mut sum = 0_i64;
    let counts = steps.iter().map(|step| {
        sum += step;
        u32::try_from(sum).unwrap_or(0)
    });
    counts.take(steps.len().saturating_sub(1)).collect()
}

fn add_to(sums: &mut [u32], hosts: &[u32]) {
    for (sum, hosts) in sums.iter_mut().zip(hosts) {
        *sum = sum.saturating_add(*hosts);
    }
}
