//! The push that reached everybody at once, and after which everybody ran out of CPU at once. No control, no alignment and
//! no request tells such a load from its moment. But a moment at which hosts have more to do without more requests is not of
//! the network or of what lies behind them; and of the pushes before few reached everybody as quickly, so that one of those
//! lies as near only by a chance that can be told. It suspects; it never names a cause (outage of 2 July 2019).

use crate::hypothesis::Hypothesis;
use crate::hypothesis::findings::FastPush;
use crate::numerics::math::{float, spread};
use crate::numerics::time::{Ns, seconds};
use crate::scene::Scene;
use crate::signals::sample::PLACED_IN;
use crate::state::State;
use crate::state::model::{Counter, Factor};
use crate::state::moves::BEFORE_ALL;
use crate::state::traffic::growth;
use firstbad_protocol::verdict::CauseKind;
use std::collections::BTreeMap;

/// Hosts from which it is told, and how many of all are looked at.
const HOSTS_MIN: u64 = 20;
const LOOKED_AT: usize = 256;
/// Spread of the loads of a push that reached everybody at once, seconds.
const AT_ONCE: f64 = 1.5;
/// Seconds before and after the load between which the failing must begin.
const BEGINS: (f64, f64) = (-1.0, 5.0);
/// Growth of the requests from which they are what there is more to do of.
const GROWTH_MAX: f64 = 1.2;
/// Own-load alignment below which hosts contradict it, as far as beginnings are placed.
const ALIGNED_MIN: f64 = -5.0;
/// ln of how seldom such a push lies as near: one time in a hundred.
const SELDOM: f64 = 4.6;

/// Whether a version may be suspected for having reached everybody at once just before.
pub(crate) fn fast_push(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> Option<FastPush> {
    let tally = &hypothesis.tally;
    let placed = scene.now - scene.middle() > (PLACED_IN + 1) * scene.interval;
    let one = hypothesis.levels.len() == 1 || !hypothesis.properties.is_empty();
    let all = tally.exposed.0 >= HOSTS_MIN && hypothesis.share() >= 0.8 && hypothesis.explained() >= 0.95;
    let busy = scene.counters.contains(&Counter::Cpu) && growth(state, scene.onset, None) <= GROWTH_MAX;
    let delay = tally.lag.3;
    let near = (BEGINS.0..=BEGINS.1).contains(&delay) && tally.aligned >= ALIGNED_MIN;
    if !placed || !one || !all || !busy || !near || hypothesis.kind != CauseKind::Config || !hypothesis.recent {
        return None;
    }
    let quick = quick(state, scene);
    let (_, at, spread) = quick.iter().find(|(level, ..)| hypothesis.levels.contains(level)).copied()?;
    let known = seconds(at - scene.long_ago.max(state.first_event.unwrap_or(at))).max(1.0);
    let pushes = quick.iter().filter(|(_, other, _)| *other <= at).count();
    let covered = float(pushes) * (delay.max(0.0) - BEGINS.0) / known;
    let seldom = -libm::log(covered.clamp(1e-3, 1.0));
    (seldom >= SELDOM).then_some(FastPush { spread, delay, pushes, known, seldom })
}

/// Versions of configs that reached everybody at once: when, and with what spread.
fn quick(state: &State, scene: &Scene<'_>) -> Vec<(u32, Ns, f64)> {
    let step = scene.patients.len().div_ceil(LOOKED_AT).max(1);
    let some = || scene.patients.iter().step_by(step);
    let mut loads: BTreeMap<u32, Vec<Ns>> = BTreeMap::new();
    for entry in some().flat_map(|patient| scene.moves(patient)).filter(|entry| entry.at != BEFORE_ALL) {
        if matches!(state.tables.factors.get(usize::from(entry.factor)), Some(Factor::Config(_))) {
            loads.entry(entry.level).or_default().push(entry.at);
        }
    }
    let most = some().count() * 3 / 4;
    let told = |(level, mut at): (u32, Vec<Ns>)| {
        at.sort_unstable();
        let middle = at.get(at.len() / 2).copied()?;
        let spread = spread(&at.iter().map(|at| seconds(at - middle)).collect::<Vec<f64>>());
        (at.len() >= most && spread <= AT_ONCE).then_some((level, middle, spread))
    };
    loads.into_iter().filter_map(told).collect()
}
