//! Whether what follows a load is only the cost of a reload: soon gone while the exposure goes on, and as likely after any
//! other load. What is accused then is decided in `judge`.

use crate::evidence::load_cost::{LoadCost, load_cost};
use crate::evidence::other_loads::OtherLoads;
use crate::hypothesis::{Hypothesis, spans};
use crate::numerics::math::float;
use crate::numerics::odds::LN_10;
use crate::numerics::time::{Instant, Span, Window};
use crate::scene::Scene;
use crate::scene::patient::{Bout, Patient};
use crate::scene::spans::Spans;
use crate::state::State;
use crate::state::ids::{FactorId, UnitId};
use crate::state::reload_window::blip;
use std::collections::BTreeMap;

/// Whether what follows the load is soon gone while the exposure goes on: a reload blip.
pub(crate) fn blips(scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let (mut short, mut all) = (0, 0);
    let of_all = spans(scene, hypothesis).unwrap_or_default();
    if dies_again(scene, &of_all) {
        return false;
    }
    for (index, patient) in scene.that_fail() {
        for span in of_all.of(index).unwrap_or_default() {
            // Only the first episode of an exposure may be an effect of the load itself.
            let follows = |bout: &&Bout| bout.start >= span.start - scene.interval && bout.start < span.end;
            let Some(bout) = patient.bouts.iter().filter(|bout| bout.level.is_none()).find(follows) else { continue };
            all += 1;
            let left = span.end.min(patient.seen) - bout.end;
            let longest = longest(scene, patient, bout, hypothesis.factor);
            short += u64::from(!bout.open && longest <= blip(scene.interval) && left >= 2 * scene.interval);
        }
    }
    short * 2 > all
}

/// Minimum number of expected second deaths at which their number is evidence, and the minimum part of them that occurs where
/// processes die again.
const AGAIN_MIN: f64 = 6.0;
const AGAIN_PART: f64 = 0.5;

/// Whether processes that died under the exposure, and started again under it, die of it again: nearly as many as would if
/// each lived as long again as the first time. A death ends when its process is back, so its length is no evidence. The cost
/// of a load is paid once for each load.
fn dies_again(scene: &Scene<'_>, of_all: &Spans) -> bool {
    let (mut lived, mut left, mut again) = (Vec::new(), Vec::new(), 0_usize);
    for (index, patient) in scene.that_fail() {
        for span in of_all.of(index).unwrap_or_default() {
            let mut own = patient
                .bouts
                .iter()
                .filter(|bout| bout.start >= span.start - scene.early(bout) && bout.start < span.end);
            let Some(first) = own.next().filter(|bout| bout.deaths > 0.0 && !bout.open) else { continue };
            lived.push(first.start - span.start);
            left.push(span.end.min(patient.seen) - first.end);
            again += usize::from(own.any(|bout| bout.deaths > 0.0));
        }
    }
    lived.sort_unstable();
    let shorter = |left: &Span| float(lived.partition_point(|lived| lived <= left)) / float(lived.len().max(1));
    let expected: f64 = left.iter().map(shorter).sum();
    expected >= AGAIN_MIN && float(again) >= AGAIN_PART * expected
}

/// Whether an effect is strong, or has lasted beyond a reload's usual cost.
pub(crate) fn lasts(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let runs = scene.strong_runs();
    let cost = load_cost(state, hypothesis);
    // Strong effects need not last, unless loads cost as much before.
    let strong = runs.strong * 2 > runs.all && !cost.is_some_and(LoadCost::is_most);
    if strong || hypothesis.mechanism >= LN_10 || loads_nothing(state, scene, hypothesis) {
        return true;
    }
    // Of the hosts that have failed for long enough to tell, nearly all must still fail.
    let of_all = spans(scene, hypothesis);
    let free = !cost.is_some_and(LoadCost::is_part)
        && (reloads_are_free(state, scene, hypothesis)
            || OtherLoads::of(state, scene, hypothesis).cost_nothing(hypothesis));
    let long_since = if free { scene.interval } else { blip(scene.interval) };
    // What began elsewhere tells nothing of how long this lasts.
    let own = |index: usize, bout: &Bout| {
        of_all.as_ref().is_none_or(|of_all| scene.began_in(bout, of_all.of(index).unwrap_or_default()))
    };
    let (mut old, mut long) = (0, 0);
    for (index, patient) in scene.that_fail() {
        for bout in patient.bouts.iter().filter(|bout| own(index, bout)) {
            if scene.now - bout.start < long_since {
                continue;
            }
            old += 1;
            let lasted = longest(scene, patient, bout, hypothesis.factor);
            let again = || comes_back(scene, patient, bout, of_all.as_ref().and_then(|of_all| of_all.of(index)));
            long += usize::from(lasted >= long_since || again());
        }
    }
    long >= 3 && long * 10 >= old * 7
}

/// Whether other loads cost as much, before or since, and what follows those of the versions in question ends as soon.
pub(crate) fn is_load_cost(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    load_cost(state, hypothesis).is_some_and(LoadCost::is_most) && !lasts(state, scene, hypothesis)
}

/// Whether most hosts that a change reached loaded and started nothing then, so that its effect is not the cost of a load.
fn loads_nothing(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let Some(change) = hypothesis.change.and_then(|index| state.changes.get(index)) else { return false };
    let reached: BTreeMap<UnitId, Instant> = change.reached.iter().rev().map(|of| (of.unit, of.at)).collect();
    let (mut all, mut loaded) = (0, 0);
    for (_, patient) in scene.that_fail() {
        let Some(at) = reached.get(&patient.id).copied() else { continue };
        let near = |time: Instant| (time - at).abs() <= 2 * scene.interval;
        let starts = near(patient.first) || patient.unit.starts.iter().any(|start| near(*start));
        all += 1;
        loaded += usize::from(starts || scene.moves(patient).iter().any(|entry| near(entry.at)));
    }
    all > 0 && loaded * 2 < all
}

/// Whether a failure that ended occurs again on the same host under the same exposure, without a load or a start that could
/// cost it. A rare effect occurs on one host now and then.
fn comes_back(scene: &Scene<'_>, patient: &Patient<'_>, bout: &Bout, spans: Option<&[Window]>) -> bool {
    let Some(span) = spans.and_then(|spans| spans.iter().find(|span| scene.began_in(bout, &[**span]))) else {
        return false;
    };
    let costs = |start: Instant| {
        let paid = start - blip(scene.interval)..=start + scene.interval;
        patient.unit.starts.iter().any(|start| paid.contains(start))
            || scene.moves(patient).iter().any(|entry| paid.contains(&entry.at))
    };
    patient.bouts.iter().any(|other| other.start > bout.start && other.start < span.end && !costs(other.start))
}

/// Loads of the same config before the onset from which it is told that a reload by itself costs nothing.
const RELOADS_MIN: usize = 30;
/// Report intervals after which a host's own rate is known, so that it would have been seen to fail.
const SETTLING: i64 = 16;
/// Loads that would have been followed by failing, if reloads did it, from which that none was tells something.
const FOLLOWED_MIN: f64 = 15.0;

/// Whether earlier loads of the same config were seen, on enough hosts, and hardly any was followed by failing, though as
/// many as now would have been if reloads cost as much.
fn reloads_are_free(state: &State, scene: &Scene<'_>, hypothesis: &Hypothesis) -> bool {
    let disputed = state.disputed_levels();
    let until = scene.onset - 2 * blip(scene.interval);
    let (mut loads, mut followed, mut hosts) = (0, 0, 0);
    for patient in &scene.patients {
        let known = patient.unit.first + SETTLING * scene.interval..until;
        let earlier = patient.unit.moves.iter().filter(|entry| {
            Some(entry.factor) == hypothesis.factor
                && known.contains(&entry.at)
                && !hypothesis.levels.contains(&entry.level)
                && !disputed.contains(&entry.level)
        });
        let before = loads;
        for entry in earlier {
            let after = entry.at - scene.interval..entry.at + blip(scene.interval);
            loads += 1;
            followed += usize::from(patient.unit.runs.iter().any(|run| after.contains(&run.start)));
        }
        hosts += usize::from(loads > before);
    }
    let as_now = hypothesis.share() * float(loads);
    let fewer = as_now >= FOLLOWED_MIN && 10.0 * float(followed) <= as_now;
    loads >= RELOADS_MIN && followed * 50 <= loads && fewer && hosts * 2 >= scene.patients.len()
}

/// Longest part of a bout without a load of the factor: two reloads in a row cost twice, and are no lasting effect.
fn longest(scene: &Scene<'_>, patient: &Patient<'_>, bout: &Bout, factor: Option<FactorId>) -> Span {
    let loads = scene.moves(patient).iter().filter(|entry| Some(entry.factor) == factor).map(|entry| entry.at);
    let mut from = bout.start;
    let mut most = Span::ZERO;
    for at in loads.filter(|at| *at > bout.start && *at < bout.end) {
        most = most.max(at - from);
        from = at;
    }
    most.max(bout.end - from)
}
