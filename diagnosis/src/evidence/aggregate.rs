//! Aggregates: resources with neither instance nor host. Their leaves of dimensions are localised over intervals before
//! and now; a leaf that is absent in an interval in which the resource reported counts as zero.

use crate::numerics::localise::{Combination, Constants, Counts, Leaf, Located, locate};
use crate::observation::Name;
use crate::state::State;
use crate::state::ids::DimsId;
use crate::state::ring::LEAF_INTERVALS;
use firstbad_protocol::names::DIMENSIONS;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// Combinations asked for.
const COMBINATIONS: usize = 5;

/// Ranked combinations for the interval `judged` against those before; none without a baseline.
pub(crate) fn combinations(state: &State, judged: i64) -> Vec<Combination> {
    located(state, judged, judged..=judged).map_or_else(Vec::new, |located| located.combinations)
}

/// Combinations for the intervals `judged`, both ends included, against those before `onset`; none without a baseline or
/// dimensions that tell anything apart. The interval of an onset is partly bad, and belongs to neither.
pub(crate) fn located(state: &State, onset: i64, judged: RangeInclusive<i64>) -> Option<Located> {
    let first = onset - i64::try_from(LEAF_INTERVALS).unwrap_or(48);
    let kept = |range: RangeInclusive<i64>| -> Vec<i64> {
        range.filter(|index| state.ring.get(*index).is_some_and(|interval| !interval.leaves.is_empty())).collect()
    };
    let (baseline, now) = (kept(first..=onset - 1), kept(judged));
    if baseline.is_empty() || now.is_empty() {
        return None;
    }
    let ids: BTreeSet<DimsId> = baseline
        .iter()
        .chain(&now)
        .filter_map(|index| state.ring.get(*index))
        .flat_map(|interval| interval.leaves.keys().copied())
        .collect();
    let counts = |index: i64, leaf: DimsId| {
        let counted = state.ring.get(index).and_then(|interval| interval.leaves.get(&leaf)).copied();
        let counted = counted.unwrap_or_default();
        Counts { requests: counted.requests, failures: counted.failures }
    };
    let varying = varying(state, &ids);
    let leaves: Vec<Leaf> = ids
        .into_iter()
        .filter_map(|id| {
            let dims = state.tables.dims_at(id)?;
            let dimensions: BTreeMap<Name, Name> = dims
                .iter()
                .filter(|(key, _)| varying.contains(*key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Some(Leaf {
                dimensions,
                now: now.iter().map(|index| counts(*index, id)).fold(Counts::default(), |sum, one| Counts {
                    requests: sum.requests + one.requests,
                    failures: sum.failures + one.failures,
                }),
                baseline: baseline.iter().map(|index| counts(*index, id)).collect(),
            })
        })
        .collect();
    (!varying.is_empty()).then(|| locate(&leaves, COMBINATIONS, &Constants::default()))
}

/// Keys that may be causes (default or declared) and have more than one value.
fn varying(state: &State, ids: &BTreeSet<DimsId>) -> BTreeSet<Name> {
    let mut values: BTreeMap<&Name, BTreeSet<Option<&Name>>> = BTreeMap::new();
    for dims in ids.iter().filter_map(|id| state.tables.dims_at(*id)) {
        for (key, value) in dims.iter() {
            values.entry(key).or_default().insert(Some(value));
        }
    }
    let allowed =
        |key: &str| DIMENSIONS.contains(&key) || state.settings.dimensions.iter().any(|declared| declared == key);
    values.into_iter().filter(|(key, values)| values.len() > 1 && allowed(key)).map(|(key, _)| key.clone()).collect()
}
