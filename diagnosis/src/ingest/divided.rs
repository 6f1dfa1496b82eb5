//! Reports within which a host went from one version of a config to another: what the requests that used either came to, and
//! how they were scored. A request counts under the version that it used (contract.md section 2, "Exposure": the point's own
//! hash), so such a report holds both sides of a load, whatever the clocks and however coarse the reports are. What they
//! say is decided in `sides`.

use crate::numerics::shape;
use crate::numerics::time::{Instant, Window};
use crate::observation::Row;
use crate::observation::counts::Requests;
use crate::state::State;
use crate::state::ids::{FactorId, LevelId, UnitId};
use crate::state::load_reports::{Divided, Side};
use crate::state::model::Move;
use crate::state::moves::BEFORE_ALL;
use firstbad_protocol::Hash;

/// Rows of a host from which it is known how much it usually finishes.
const KNOWN_FROM: u64 = 3;

/// Keeps what a report says on both sides of a load, if it holds just one load of a config and both versions' tags.
pub(crate) fn note_sides(state: &mut State, id: UnitId, row: &Row, window: Window) {
    let Window { start, end } = window;
    let Some(unit) = state.units.get(id).filter(|unit| !unit.aggregate && !row.restarted) else { return };
    let within = |at: Instant| at > start && at <= end && at != BEFORE_ALL;
    let moved: Vec<Move> = unit
        .moves
        .iter()
        .rev()
        .take_while(|entry| entry.at > start)
        .filter(|entry| within(entry.at))
        .copied()
        .collect();
    let usual = few(unit.traffic.mean().filter(|_| unit.rows > KNOWN_FROM).unwrap_or(0.0));
    for Move { at, factor, level: to, told, .. } in moved.iter().copied() {
        if moved.iter().filter(|other| other.factor == factor).count() != 1 {
            continue;
        }
        let Some(after) = state.tables.level_at(to).and_then(crate::state::model::Level::hash) else { continue };
        let Some(Both { from, before, after }) = both_sides(state, row, factor, after) else { continue };
        // Where the load is guessed from the requests on its two sides, these cannot tell how many are missing.
        let usual = if told { usual } else { 0.0 };
        let divided = Divided { unit: id, from, at, span: window, before, after, usual };
        state.divided.add(to, divided);
    }
}

/// The version before, and both sides of a load.
struct Both {
    from: LevelId,
    before: Side,
    after: Side,
}

/// The other version of the config that the row's tags name, and both sides; none unless there is just one other.
fn both_sides(state: &State, row: &Row, factor: FactorId, after: Hash) -> Option<Both> {
    let config = state.tables.config_name(factor)?;
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
    Some(Both { from: state.tables.known_level(factor, before)?, before: side(before), after: side(&after) })
}

#[expect(clippy::cast_possible_truncation, reason = "a count of one report")]
fn few(count: f64) -> f32 {
    count as f32
}
