//! The part of a fleet in which a version does harm: what narrows a cause. Whether the cause may be named is decided in
//! `judge`.

use crate::evidence::tally::tally;
use crate::hypothesis::findings::Tally;
use crate::numerics::math::ratio;
use crate::scene::Scene;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::ids::{DimsId, LevelId};
use std::collections::BTreeMap;

/// The one dimension value outside of which exposed units are well.
pub(crate) fn narrow(
    state: &State,
    scene: &Scene<'_>,
    levels: &[LevelId],
    exposed: &Spans,
) -> Option<(BTreeMap<String, String>, Tally)> {
    let mut by_dims: BTreeMap<DimsId, (u64, u64)> = BTreeMap::new();
    let (mut all, mut failing) = (0, 0);
    let tolerance = scene.tolerance();
    for (index, patient) in scene.patients.iter().enumerate() {
        let spans = exposed.of(index).unwrap_or_default();
        let exposed = spans
            .iter()
            .any(|span| span.end.min(patient.seen) - span.start.max(scene.onset - scene.interval) >= scene.interval);
        let fails = patient
            .bouts
            .iter()
            .any(|bout| spans.iter().any(|span| bout.start >= span.start - tolerance && bout.start < span.end));
        if !exposed && !fails {
            continue;
        }
        all += 1;
        failing += u64::from(fails);
        let entry = by_dims.entry(patient.dims).or_default();
        entry.0 += 1;
        entry.1 += u64::from(fails);
    }
    let mut by_value: BTreeMap<(&str, &str), (u64, u64)> = BTreeMap::new();
    for (dims, (inside, bad)) in by_dims {
        for (key, value) in state.tables.dims_at(dims).into_iter().flat_map(|dims| dims.iter()) {
            let entry = by_value.entry((key, value)).or_default();
            *entry = (entry.0 + inside, entry.1 + bad);
        }
    }
    let best = by_value
        .into_iter()
        .filter(|(_, (inside, bad))| {
            let (outside, bad_outside) = (all - inside, failing - bad);
            *bad >= 2
                && outside >= 2
                && ratio(*bad, *inside) >= 0.3
                && ratio(bad_outside, outside) <= 0.05
                && crate::numerics::math::fisher(*bad, inside - bad, bad_outside, outside - bad_outside) < -5.0
        })
        .max_by_key(|(_, (inside, bad))| (*bad, u64::MAX - inside))?;
    let ((key, value), _) = best;
    let (key, value) = (key.to_owned(), value.to_owned());
    let inside = |dims: DimsId| state.tables.value(dims, &key) == Some(value.as_str());
    let narrowed = tally(scene, levels, false, &exposed.within(scene, inside));
    Some((BTreeMap::from([(key, value)]), narrowed))
}
