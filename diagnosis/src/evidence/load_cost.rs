//! What a load costs in failed requests whatever the version, learnt from the two sides of other loads. Disputed versions show
//! nothing of that: nobody knows whether they are innocent. What follows for a
//! verdict is decided in `evidence::blip` and `evidence::sides`.

use crate::evidence::divided::{from_others, settled, sum};
use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::Counted;
use crate::numerics::math::median;
use crate::numerics::time::Instant;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::load_reports::Divided;
use crate::state::model::Level;

/// Minimum number of requests after earlier loads that show what a load costs, and the minimum parts of the failing share now
/// that this cost must be to be a part of it, and most of it.
const RELOADED_MIN: f64 = 100.0;
const COSTS: f64 = 0.15;
const COSTS_MOST: f64 = 0.5;
/// Minimum number of versions of other configs that show the cost of a load of any config.
const OTHERS_MIN: usize = 3;

/// What earlier loads cost in failed requests, beside those of the versions in question.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoadCost {
    /// Share of requests after earlier loads that failed beyond those before.
    usual: f64,
    /// The same of the versions in question.
    now: f64,
}

impl LoadCost {
    /// Whether the cost of loads may be part of what fails now, which may then be over by itself.
    pub(crate) fn is_part(self) -> bool {
        self.usual > 0.0 && self.usual >= COSTS * self.now
    }

    /// Whether the cost of loads is most of what fails now.
    pub(crate) fn is_most(self) -> bool {
        self.usual > 0.0 && self.usual >= COSTS_MOST * self.now
    }
}

/// What other loads cost: the greater of what they cost before, and of what those of other versions of the config cost
/// meanwhile. None if neither is known.
pub(crate) fn load_cost(state: &State, hypothesis: &Hypothesis) -> Option<LoadCost> {
    let settled = settled(state, &hypothesis.levels)?;
    let disputed = state.disputed_levels();
    let others = |level: LevelId, known: &Level| {
        !disputed.contains(&level)
            && Some(known.factor) == hypothesis.factor
            && known.first_seen >= settled
            && !hypothesis.levels.contains(&level)
    };
    let known = |level: &LevelId| state.tables.level_at(*level).is_some_and(|known| others(*level, known));
    let meanwhile = state.divided.iter().filter(|(level, _)| known(level)).flat_map(|(_, divided)| divided);
    let meanwhile = Paid::of(&meanwhile.collect::<Vec<_>>());
    let meanwhile = (meanwhile.requests >= RELOADED_MIN).then_some(meanwhile.share);
    let usual = [earlier_cost(state, hypothesis, settled), meanwhile].into_iter().flatten().reduce(f64::max)?;
    let now = Paid::of(&from_others(state, &hypothesis.levels).collect::<Vec<_>>());
    Some(LoadCost { usual, now: now.share })
}

/// What loads of the config cost before a time. If none is known, the median over the versions of the other configs is used.
fn earlier_cost(state: &State, hypothesis: &Hypothesis, before: Instant) -> Option<f64> {
    let disputed = state.disputed_levels();
    let earlier = || {
        let known = |(level, divided)| Some((state.tables.level_at(level)?, divided));
        state
            .divided
            .iter()
            .filter(|(level, _)| !disputed.contains(level))
            .filter_map(known)
            .filter(|(level, _)| level.first_seen < before)
    };
    let own = earlier().filter(|(level, _)| Some(level.factor) == hypothesis.factor);
    let own = Paid::of(&own.flat_map(|(_, divided)| divided).collect::<Vec<_>>());
    if own.requests >= RELOADED_MIN {
        return Some(own.share);
    }
    let others = earlier().filter(|(level, _)| Some(level.factor) != hypothesis.factor);
    let others = others.map(|(_, divided)| Paid::of(&divided.iter().collect::<Vec<_>>()));
    let mut shares: Vec<f64> = others.filter(|paid| paid.requests >= RELOADED_MIN).map(|paid| paid.share).collect();
    (shares.len() >= OTHERS_MIN).then(|| median(&mut shares))
}

/// Whether loads of two other versions at least, of any config and at any time, cost at least half as much: a load costs this
/// whatever the version. One alone may be guilty as well.
pub(crate) fn two_cost_alike(state: &State, hypothesis: &Hypothesis) -> bool {
    let (accused, disputed) = (state.accused(), state.disputed_levels());
    let others =
        |level: &LevelId| !hypothesis.levels.contains(level) && !accused.contains(level) && !disputed.contains(level);
    let others = state.divided.iter().filter(|(level, _)| others(level));
    let paid =
        others.map(|(level, all)| Paid::of(&all.iter().filter(|of| is_alone(state, level, of)).collect::<Vec<_>>()));
    let now = Paid::of(&from_others(state, &hypothesis.levels).collect::<Vec<_>>()).share;
    now > 0.0 && paid.filter(|paid| paid.requests >= RELOADED_MIN && paid.share >= COSTS_MOST * now).nth(1).is_some()
}

/// Whether the host loaded nothing of another config in the report.
fn is_alone(state: &State, level: LevelId, of: &Divided) -> bool {
    let Some(unit) = state.units.get(of.unit) else { return false };
    let factor = state.tables.level_at(level).map(|level| level.factor);
    let within = |at: Instant| of.span.start <= at && at <= of.span.end;
    unit.moves.iter().all(|entry| Some(entry.factor) == factor || !within(entry.at))
}

/// Share of requests after loads that failed beyond those before, and the number of requests after loads.
struct Paid {
    share: f64,
    requests: f64,
}

impl Paid {
    fn of(all: &[&Divided]) -> Self {
        let (before, after) = (sum(all, |of| of.before), sum(all, |of| of.after));
        let rate = |of: Counted| of.count / of.all.max(1.0);
        let excess = after.count - rate(before) * after.all;
        let told = excess > 3.0 * libm::sqrt(after.count);
        Self { share: if told { rate(after) - rate(before) } else { 0.0 }, requests: after.all }
    }
}
