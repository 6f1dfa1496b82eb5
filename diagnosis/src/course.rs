//! How an incident goes on: open, recovering or over; a step, growing or flapping; whom it hits; and what is told with it.
//! What caused it is decided in `incident` and `judge`.

use crate::case::Case;
use crate::judge::Judgement;
use crate::scene::Scene;
use crate::state::State;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Cause, CauseKind, Impact, Pattern, State as Stage};

/// Quiet report intervals after which an incident is over.
const QUIET: i64 = 36;

impl State {
    /// State, pattern, impact, first error, input, last known good.
    pub(crate) fn facts_of(&self, case: &mut Case, scene: &Scene<'_>, judged: &Judgement) {
        let now = scene.now;
        let failing_now =
            scene.patients.iter().filter(|patient| patient.bouts.iter().any(|bout| bout.open)).count() as u64;
        let last_bad = scene.patients.iter().flat_map(|patient| &patient.bouts).map(|bout| bout.end).max();
        if let Some(last_bad) = last_bad {
            case.last_bad = case.last_bad.max(last_bad.min(now));
        }
        case.most = case.most.max(failing_now);
        let sums = self.sums_exceed(case);
        if sums {
            case.last_bad = now;
        }
        case.incident.state = if failing_now == 0
            && now - case.last_bad > if case.incident.verdict.accuses() { QUIET } else { QUIET / 3 } * self.interval
        {
            case.resolved = Some(now);
            case.incident.resolved_at = Some(Timestamp(case.last_bad));
            Stage::Resolved
        } else if !sums && failing_now * 5 <= case.most && case.most > 0 && now > case.onset + 2 * self.interval {
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
        case.incident.pattern = self.pattern(case, judged);
        let (reporting, silent) = self.heard();
        case.incident.impact = self.impact(case, scene, reporting);
        case.incident.first_error = self.first_error(case);
        let config = matches!(case.incident.cause, Some(Cause { kind: CauseKind::Config, .. }));
        let first = judged.ranked.first();
        let (factor, levels) = if config {
            (case.factor, case.levels.clone())
        } else {
            (first.and_then(|first| first.factor), first.map(|first| first.levels.clone()).unwrap_or_default())
        };
        let good = factor.and_then(|factor| self.last_known_good(scene, factor, &levels));
        case.incident.input = if config { self.input(&levels, good.as_ref()) } else { None };
        case.incident.last_known_good = if config { good } else { None };
        case.incident.ruled_out = self.ruled_out(case, scene, judged);
        case.incident.blind_spots = self.blind_spots_beside(&silent);
    }

    /// Whether the fleet as a whole still fails more than expected: a small effect shows on no host. Where no change is
    /// accused this holds an incident open for a while only; what stays so is the new normal.
    fn sums_exceed(&self, case: &Case) -> bool {
        let Some(end) = self.last_event.map(|at| crate::ring::index_of(at, self.interval)) else { return false };
        if !case.incident.verdict.accuses() && end * self.interval - case.onset > 90 * self.interval {
            return false;
        }
        case.counters.iter().filter(|(counter, _)| counter.is_additive()).any(|(counter, _)| {
            let sums = (end - 6..end).filter_map(|index| self.ring.get(index)?.fleet.get(*counter as usize));
            let (observed, expected) = sums.fold((0.0, 0.0), |all, sum| (all.0 + sum.observed, all.1 + sum.expected));
            observed > 1.2 * expected && observed - expected > 5.0 * libm::sqrt(2.0 * expected.max(1.0))
        })
    }

    fn pattern(&self, case: &Case, judged: &Judgement) -> Pattern {
        if self.first_event.is_some_and(|first| case.onset <= first + 2 * self.interval) {
            return Pattern::Static;
        }
        let flips = judged.ranked.first().map_or(0, |first| first.tally.flips.0);
        if flips >= 3 || case.incident.pattern == Pattern::Flapping {
            return Pattern::Flapping;
        }
        let at = crate::ring::index_of(case.onset, self.interval);
        let share = |from: i64, to: i64| {
            let sums = (from..to)
                .filter_map(|index| self.ring.get(index))
                .filter_map(|interval| interval.fleet.first())
                .fold((0.0, 0.0), |sum, one| (sum.0 + one.observed, sum.1 + one.trials));
            if sums.1 > 0.0 { sums.0 / sums.1 } else { 0.0 }
        };
        let end = self.ring.end();
        let length = end - at;
        let growing = length >= 12
            && share(at, at + length / 3) * 2.0 < share(at + length / 3, at + 2 * length / 3)
            && share(at + length / 3, at + 2 * length / 3) * 1.3 < share(at + 2 * length / 3, end);
        if growing { Pattern::Growing } else { Pattern::Step }
    }

    fn impact(&self, case: &Case, scene: &Scene<'_>, reporting: u64) -> Impact {
        let at = crate::ring::index_of(case.onset, self.interval);
        let to = crate::ring::index_of(case.last_bad, self.interval) + 1;
        let sums = (at..=to)
            .filter_map(|index| self.ring.get(index))
            .filter_map(|interval| interval.fleet.first())
            .fold((0.0, 0.0, 0.0), |sum, one| (sum.0 + one.observed, sum.1 + one.trials, sum.2 + one.expected));
        let failed = (sums.0 - sums.2).max(0.0);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
        Impact {
            requests_failed: case.incident.impact.requests_failed.max(libm::round(failed) as u64),
            failed_share: if sums.1 > 0.0 { crate::math::rounded(failed / sums.1, 6) } else { 0.0 },
            hosts_affected: case.incident.impact.hosts_affected.max(scene.failing() as u64),
            // Those that fell silent were there.
            hosts_reporting: reporting.max(case.incident.impact.hosts_reporting).max(scene.failing() as u64),
            ..Impact::default()
        }
    }
}
