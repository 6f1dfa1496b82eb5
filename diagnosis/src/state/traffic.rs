//! How the traffic since a moment compares with that before it. What that means is decided by whoever asks.

use crate::numerics::time::Instant;
use crate::state::State;
use crate::state::ids::DimsId;
use crate::state::ring::{Interval, index_of};
use std::collections::BTreeSet;

/// Requests per second since `onset` over those before.
pub(crate) fn traffic_ratio(state: &State, onset: Instant) -> f64 {
    growth(state, onset, None)
}

/// As above, among the hosts with `dims`.
pub(crate) fn growth(state: &State, onset: Instant, dims: Option<&BTreeSet<DimsId>>) -> f64 {
    let at = index_of(onset, state.interval);
    let trials = |interval: &Interval| match dims {
        None => interval.fleet.first().map_or(0.0, |sum| sum.trials),
        Some(dims) => interval
            .cells
            .iter()
            .filter(|(id, _)| state.tables.exposures.get(**id).is_some_and(|exposure| dims.contains(&exposure.dims)))
            .filter_map(|(_, cell)| cell.sums.first())
            .map(|sum| sum.trials)
            .sum(),
    };
    let mean = |from: i64, to: i64| {
        let sums: Vec<f64> =
            (from..to).filter_map(|index| state.ring.get(index)).map(trials).filter(|sum| *sum > 0.0).collect();
        let count = crate::numerics::math::float(sums.len().max(1));
        sums.iter().sum::<f64>() / count
    };
    let before = mean(at - 30, at - 1);
    let after = mean(at + 1, (at + 13).min(state.ring.end() - 1));
    if before > 0.0 && after > 0.0 { after / before } else { 1.0 }
}
