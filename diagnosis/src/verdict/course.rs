//! How an incident goes on: open, recovering or over; a step, growing or flapping; whom it hits; and what is told with it.
//! What caused it is decided in `incident` and `judge`.

use crate::hypothesis::judgement::Judgement;
use crate::scene::Scene;
use crate::state::State;
use crate::state::case::Case;
use crate::state::silence::heard;
use crate::verdict::good::last_known_good;
use crate::wording::facts::{blind_spots_beside, first_error, input, ruled_out};
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, CauseKind, Impact, Pattern, State as Stage};

/// Quiet report intervals after which an incident is over.
const QUIET: i64 = 36;

/// State, pattern, impact, first error, input, last known good.
pub(crate) fn facts_of(state: &State, case: &mut Case, scene: &Scene<'_>, judged: &Judgement) {
    let now = scene.now;
    let failing_now = scene.patients.iter().filter(|patient| patient.bouts.iter().any(|bout| bout.open)).count() as u64;
    let last_bad = scene.patients.iter().flat_map(|patient| &patient.bouts).map(|bout| bout.end).max();
    if let Some(last_bad) = last_bad {
        case.last_bad = case.last_bad.max(last_bad.min(now));
    }
    case.most = case.most.max(failing_now);
    let sums = sums_exceed(state, case);
    if sums {
        case.last_bad = now;
    }
    case.incident.state = if failing_now == 0
        && now - case.last_bad > if case.incident.verdict.accuses() { QUIET } else { QUIET / 3 } * state.interval
    {
        case.resolved = Some(now);
        case.incident.resolved_at = Some(Timestamp(case.last_bad));
        Stage::Resolved
    } else if !sums && failing_now * 5 <= case.most && case.most > 0 && now > case.onset + 2 * state.interval {
        Stage::Recovering
    } else {
        Stage::Open
    };
    case.incident.signals.clear();
    for (counter, _) in &case.counters {
        if !case.incident.signals.contains(&counter.signal()) {
            case.incident.signals.push(counter.signal());
        }
    }
    case.incident.pattern = pattern(state, case, judged);
    let (reporting, silent) = heard(state);
    case.incident.impact = impact(state, case, scene, reporting);
    case.incident.first_error = first_error(state, case);
    let config = matches!(case.incident.cause, Some(Cause { kind: CauseKind::Config, .. }));
    let first = judged.ranked.first();
    let (factor, levels) = if config {
        (case.factor, case.levels.clone())
    } else {
        (first.and_then(|first| first.factor), first.map(|first| first.levels.clone()).unwrap_or_default())
    };
    let good = factor.and_then(|factor| last_known_good(state, scene, factor, &levels));
    case.incident.input = if config { input(state, &levels, good.as_ref()) } else { None };
    case.incident.last_known_good = if config { good } else { None };
    case.incident.ruled_out = ruled_out(state, case, scene, judged);
    case.incident.blind_spots = blind_spots_beside(state, &silent);
}

/// Whether the fleet as a whole still fails more than expected: a small effect shows on no host. Where no change is
/// accused this holds an incident open for a while only; what stays so is the new normal.
fn sums_exceed(state: &State, case: &Case) -> bool {
    let Some(end) = state.last_event.map(|at| crate::state::ring::index_of(at, state.interval)) else { return false };
    if !case.incident.verdict.accuses() && end * state.interval - case.onset > 90 * state.interval {
        return false;
    }
    case.counters.iter().filter(|(counter, _)| counter.is_additive()).any(|(counter, _)| {
        let sums = (end - 6..end).filter_map(|index| state.ring.get(index)?.fleet.get(*counter as usize));
        let (observed, expected) = sums.fold((0.0, 0.0), |all, sum| (all.0 + sum.observed, all.1 + sum.expected));
        observed > 1.2 * expected && observed - expected > 5.0 * libm::sqrt(2.0 * expected.max(1.0))
    })
}

fn pattern(state: &State, case: &Case, judged: &Judgement) -> Pattern {
    if state.first_event.is_some_and(|first| case.onset <= first + 2 * state.interval) {
        return Pattern::Static;
    }
    let flips = judged.ranked.first().map_or(0, |first| first.tally.flips.0);
    if flips >= 3 || case.incident.pattern == Pattern::Flapping {
        return Pattern::Flapping;
    }
    let at = crate::state::ring::index_of(case.onset, state.interval);
    let share = |from: i64, to: i64| {
        let sums = (from..to)
            .filter_map(|index| state.ring.get(index))
            .filter_map(|interval| interval.fleet.first())
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.observed, sum.1 + one.trials));
        if sums.1 > 0.0 { sums.0 / sums.1 } else { 0.0 }
    };
    let end = state.ring.end();
    let length = end - at;
    let growing = length >= 12
        && share(at, at + length / 3) * 2.0 < share(at + length / 3, at + 2 * length / 3)
        && share(at + length / 3, at + 2 * length / 3) * 1.3 < share(at + 2 * length / 3, end);
    if growing { Pattern::Growing } else { Pattern::Step }
}

fn impact(state: &State, case: &Case, scene: &Scene<'_>, reporting: u64) -> Impact {
    let at = crate::state::ring::index_of(case.onset, state.interval);
    let to = crate::state::ring::index_of(case.last_bad, state.interval) + 1;
    let sums = (at..=to)
        .filter_map(|index| state.ring.get(index))
        .filter_map(|interval| interval.fleet.first())
        .fold((0.0, 0.0, 0.0), |sum, one| (sum.0 + one.observed, sum.1 + one.trials, sum.2 + one.expected));
    let failed = (sums.0 - sums.2).max(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
    Impact {
        requests_failed: case.incident.impact.requests_failed.max(libm::round(failed) as u64),
        failed_share: if sums.1 > 0.0 { crate::numerics::math::rounded(failed / sums.1, 6) } else { 0.0 },
        hosts_affected: case.incident.impact.hosts_affected.max(scene.failing() as u64),
        // Those that fell silent were there.
        hosts_reporting: reporting.max(case.incident.impact.hosts_reporting).max(scene.failing() as u64),
        ..Impact::default()
    }
}
