//! Whether the versions that one hypothesis accuses do harm alike: each within about the same time after its loads. Where
//! hosts begin to fail much later under one of them, something else made them fail, and that version is left out.

use crate::numerics::math::median;
use crate::numerics::time::Span;
use crate::scene::Scene;
use crate::state::ids::{FactorId, LevelId};
use crate::state::model::Move;
use std::collections::BTreeMap;

/// Beginnings under a version from which its delay is known.
const BEGUN_MIN: usize = 3;
/// A version is as prompt as the promptest up to so many times the delay of that one.
const SLOWER: f64 = 2.0;
/// And so many report intervals more: a beginning is known within a report, and a load may fall anywhere in it.
const LATER_REPORTS: f64 = 2.0;

/// Of `levels` of a factor those under which hosts begin to fail as soon after their loads as under the promptest.
pub(crate) fn as_prompt(scene: &Scene<'_>, factor: FactorId, levels: Vec<LevelId>) -> Vec<LevelId> {
    if levels.len() < 2 {
        return levels;
    }
    let delays = delays(scene, factor, &levels);
    let known = delays.iter().filter(|(_, all)| all.len() >= BEGUN_MIN);
    let middle: BTreeMap<LevelId, f64> = known.map(|(level, all)| (*level, median(&mut all.clone()))).collect();
    let Some(least) = middle.values().copied().min_by(f64::total_cmp) else { return levels };
    let most = SLOWER * least.max(0.0) + LATER_REPORTS * scene.interval.seconds();
    levels.into_iter().filter(|level| middle.get(level).is_none_or(|delay| *delay <= most)).collect()
}

/// Seconds from each host's load of a version to its beginning to fail under it.
fn delays(scene: &Scene<'_>, factor: FactorId, levels: &[LevelId]) -> BTreeMap<LevelId, Vec<f64>> {
    let mut delays: BTreeMap<LevelId, Vec<f64>> = BTreeMap::new();
    for (_, patient) in scene.that_fail() {
        for bout in &patient.bouts {
            let moves = scene.moves(patient).iter().filter(|entry| entry.factor == factor);
            let until = bout.start + scene.early(bout);
            let last: Option<&Move> = moves.take_while(|entry| entry.at <= until).last();
            if let Some(load) = last.filter(|load| levels.contains(&load.level)) {
                let delay = (bout.start - load.at).max(Span::ZERO).seconds();
                delays.entry(load.level).or_default().push(delay);
            }
        }
    }
    delays
}
