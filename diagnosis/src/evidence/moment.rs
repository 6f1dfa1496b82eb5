//! What the moment says: how seldom a version is as new, when hosts fail, as the one they all fail with at once. For a config
//! whose own requests alone fail (`uses`); how far it may be accused for it is decided in `judge`.

use crate::hypothesis::Hypothesis;
use crate::numerics::math::float;
use crate::numerics::time::Span;
use crate::observation::counts;
use crate::scene::Scene;
use crate::signals::sample::PLACED_IN;
use crate::state::State;
use crate::state::ids::LevelId;

/// How long before the onset new versions of a config are counted, ns, and the least share of it that one may cover.
const MOMENTS: Span = Span(900_000_000_000);
const MOMENT_MIN: f64 = 0.03;
/// Hosts that must fail at once after their load for a moment to say something, and the least that their own loads may say.
const MOMENT_HOSTS: u64 = 4;
const MOMENT_ALIGNED: f64 = -1.0;

/// ln of how seldom one of the config's versions is as new as this when hosts fail, if they all fail at once after their
/// load: of the time before, what lies as near after a new version. Which of its versions it is rests on nothing else where
/// all hosts loaded it at one moment; that they did and failed with it is known once beginnings are placed.
pub(crate) fn moment(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> f64 {
    let tally = &hypothesis.tally;
    let lag = tally.lag;
    let placed = scene.now - scene.middle() > (PLACED_IN + 1) * scene.interval;
    let prompt = tally.prompt.hits * 5 >= tally.prompt.all * 4 && hypothesis.explained() >= 0.9;
    if !placed || !prompt || lag.hosts < MOMENT_HOSTS || tally.aligned < MOMENT_ALIGNED {
        return 0.0;
    }
    let appeared = |level: &LevelId| state.tables.level_at(*level).map(|level| level.first_seen);
    let Some(first) = hypothesis.levels.iter().filter_map(appeared).min() else { return 0.0 };
    // The fleet began to fail with it as exactly as the mean of its hosts is known.
    let off = lag.delay_s.abs() + 2.0 * lag.delay_spread_s / libm::sqrt(counts::float(lag.hosts));
    let known = (scene.onset - state.first_event.unwrap_or(scene.onset)).clamp(scene.interval, MOMENTS);
    let of_config = state.tables.levels.iter().filter(|level| Some(level.factor) == hypothesis.factor);
    let new = of_config.filter(|level| (scene.onset - known..=first).contains(&level.first_seen)).count();
    let covered = float(new) * 2.0 * off.max(scene.interval.seconds() / 4.0) / known.seconds();
    -libm::log(covered.clamp(MOMENT_MIN, 1.0))
}
