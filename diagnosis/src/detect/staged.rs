//! Whether the hosts that have a new version fail more than the others of their region and binary, interval by interval: a
//! rollout in stages is its own control, so what no host shows, and what drowns in the fleet's sums, is seen here first.
//! It raises the alarm; who is to blame is decided in `judge` (by the whole contrast, see `pooled`).

use crate::numerics::sums::{DISPERSION, FACTORS};
use crate::numerics::time::Ns;
use crate::observation::counts::float;
use crate::state::State;
use crate::state::model::Counter;
use crate::state::ring::{Cell, Sums};
use crate::state::stages::{FOLLOWED, Stages};
use crate::state::strata::strata;
use std::collections::BTreeMap;

/// Intervals for which a version is followed after it appeared, and versions followed at once.
const FOLLOWED_FOR: i64 = 60;
const LEVELS_MAX: usize = 256;
/// Intervals before the last one that are complete.
const COMPLETE: i64 = 2;
/// ln 10^6, as for the fleet's sums (see `detect`).
const ALARM: f64 = 13.8;

/// Since when the hosts on a version fail more than the others, if any do.
pub(crate) fn staged(state: &State, counter: Counter) -> Option<Ns> {
    let at = FOLLOWED.iter().position(|followed| *followed == counter)?;
    state.stages.alarmed.get(at).copied().flatten().map(|index| index * state.interval)
}

/// Enters the intervals that are complete.
pub(crate) fn follow_stages(state: &mut State) {
    let complete = state.ring.end() - 1 - COMPLETE;
    let from = state.stages.entered.map_or(complete, |entered| (entered + 1).max(complete - FOLLOWED_FOR));
    if from > complete {
        return;
    }
    let mut stages = std::mem::take(&mut state.stages);
    let strata = strata(state);
    for index in from..=complete {
        enter_interval(state, &mut stages, (index, &strata));
    }
    stages.entered = Some(complete);
    state.stages = stages;
}

fn enter_interval(state: &State, stages: &mut Stages, (index, strata): (i64, &[u32])) {
    let known = |level: u32| state.tables.level_at(level).filter(|level| is_followed(state, level.first_seen, index));
    stages.by_level.retain(|level, _| known(*level).is_some());
    stages.alarmed = stages.alarmed.map(|since| since.filter(|since| index - since < 2 * FOLLOWED_FOR));
    let Some(interval) = state.ring.get(index) else { return };
    for (level, strata) in by_stratum(state, &interval.cells, (index, strata)) {
        if stages.by_level.len() >= LEVELS_MAX && !stages.by_level.contains_key(&level) {
            continue;
        }
        let stage = stages.by_level.entry(level).or_default();
        let counters = stage.logs.iter_mut().zip(&mut stage.since).zip(&mut stages.alarmed);
        for (at, ((logs, since), alarmed)) in counters.enumerate() {
            let sums = strata.iter().filter_map(|sums| sums.get(at));
            let mean = enter(logs, sums);
            *since = if mean <= 2.0 { None } else { since.or(Some(index)) };
            if libm::log(mean.max(1e-300)) > ALARM {
                *alarmed = alarmed.or(*since);
            }
        }
    }
}

fn is_followed(state: &State, first_seen: Ns, index: i64) -> bool {
    let since = first_seen.div_euclid(state.interval.max(1));
    state.first_event.is_some_and(|first| first_seen > first) && (0..=FOLLOWED_FOR).contains(&(index - since))
}

/// Sums of those on each version that is followed and of those on others of its factor, by stratum that has both.
fn by_stratum(
    state: &State,
    cells: &BTreeMap<u32, Cell>,
    (index, strata): (i64, &[u32]),
) -> BTreeMap<u32, Vec<[[Sums; 2]; FOLLOWED.len()]>> {
    let mut all: BTreeMap<(u16, u32), BTreeMap<u32, [Sums; FOLLOWED.len()]>> = BTreeMap::new();
    for (exposure, cell) in cells {
        let Some(exposure) = state.tables.exposures.get(*exposure as usize) else { continue };
        let stratum = strata.get(exposure.dims as usize).copied().unwrap_or(0);
        for (factor, level) in &exposure.levels {
            let slot = all.entry((*factor, stratum)).or_default().entry(*level).or_default();
            slot.iter_mut().zip(FOLLOWED).for_each(|(slot, counter)| slot.add(cell.of(counter)));
        }
    }
    let mut found: BTreeMap<u32, Vec<[[Sums; 2]; FOLLOWED.len()]>> = BTreeMap::new();
    for levels in all.values().filter(|levels| levels.len() > 1) {
        for (level, own) in levels {
            let known = state.tables.level_at(*level);
            if !known.is_some_and(|known| is_followed(state, known.first_seen, index)) {
                continue;
            }
            let mut sums = own.map(|own| [own, Sums::default()]);
            for (_, other) in levels.iter().filter(|(other, _)| *other != level) {
                sums.iter_mut().zip(other).for_each(|([_, others], other)| others.add(*other));
            }
            found.entry(*level).or_default().push(sums);
        }
    }
    found
}

/// Enters one interval's strata; gives the mean over the factors.
fn enter<'a>(logs: &mut [f64; FACTORS.len()], strata: impl Iterator<Item = &'a [Sums; 2]>) -> f64 {
    let mut gains = [0.0; FACTORS.len()];
    for [exposed, control] in strata {
        if exposed.expected <= 0.0 || control.expected <= 0.0 {
            continue;
        }
        let chance = exposed.expected / (exposed.expected + control.expected);
        let all = exposed.observed + control.observed;
        for (gain, factor) in gains.iter_mut().zip(FACTORS) {
            *gain += (exposed.observed * libm::log(factor) - all * libm::log1p(chance * (factor - 1.0))) / DISPERSION;
        }
    }
    for (log, gain) in logs.iter_mut().zip(gains) {
        *log = (libm::log1p(libm::exp(log.min(600.0))) + gain).clamp(-50.0, 600.0);
    }
    logs.iter().map(|log| libm::exp(*log)).sum::<f64>() / float(FACTORS.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(observed: f64) -> Sums {
        Sums { observed, trials: 10_000.0, expected: 30.0 }
    }

    #[test]
    fn a_stage_that_fails_twice_as_often_alarms_and_one_like_the_others_does_not() {
        let after = |exposed: f64, intervals: usize| {
            let mut logs = [f64::NEG_INFINITY; FACTORS.len()];
            let strata = [[sums(exposed), sums(33.0)], [sums(exposed), sums(28.0)]];
            (0..intervals).map(|_| libm::log(enter(&mut logs, strata.iter()))).fold(f64::MIN, f64::max)
        };
        assert!(after(60.0, 6) > ALARM && after(60.0, 1) < ALARM, "{} {}", after(60.0, 6), after(60.0, 1));
        assert!(after(32.0, 60) < 6.0, "{}", after(32.0, 60));
    }
}
