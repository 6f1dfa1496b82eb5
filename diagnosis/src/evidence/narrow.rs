//! The part of a fleet in which a version does harm: what narrows a cause. Whether the cause may be named is decided in
//! `judge`.

use crate::evidence::tally::tally;
use crate::hypothesis::findings::Tally;
use crate::scene::Scene;
use crate::scene::hosts::Hosts;
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::ids::{DimsId, LevelId};
use std::collections::BTreeMap;

/// The one dimension value outside of which exposed units are well, and what is counted within it.
pub(crate) struct Narrowed {
    pub scope: BTreeMap<String, String>,
    pub tally: Tally,
}

/// Narrows what is accused, if it can be.
pub(crate) fn narrow(state: &State, scene: &Scene<'_>, levels: &[LevelId], exposed: &Spans) -> Option<Narrowed> {
    let mut by_dims: BTreeMap<DimsId, Hosts> = BTreeMap::new();
    let mut all = Hosts::default();
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
        all.count(true, fails);
        by_dims.entry(patient.dims).or_default().count(true, fails);
    }
    let mut by_value: BTreeMap<(&str, &str), Hosts> = BTreeMap::new();
    for (dims, hosts) in by_dims {
        for (key, value) in state.tables.dims_at(dims).into_iter().flat_map(|dims| dims.iter()) {
            let entry = by_value.entry((key, value)).or_default();
            *entry = entry.and(hosts);
        }
    }
    let best = by_value
        .into_iter()
        .filter(|(_, inside)| {
            let outside = inside.others_of(all);
            inside.failing >= 2
                && outside.seen >= 2
                && inside.share() >= 0.3
                && outside.share() <= 0.05
                && inside.ln_p(outside) < -5.0
        })
        .max_by_key(|(_, inside)| (inside.failing, u64::MAX - inside.seen))?;
    let ((key, value), _) = best;
    let (key, value) = (key.to_owned(), value.to_owned());
    let inside = |dims: DimsId| state.tables.value(dims, &key) == Some(value.as_str());
    let tally = tally(scene, levels, false, &exposed.within(scene, inside));
    Some(Narrowed { scope: BTreeMap::from([(key, value)]), tally })
}
