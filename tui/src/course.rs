//! The course of an incident in the word that an incident commander asks for. Whether it rises is read off the last
//! finished report intervals, since the engine's pattern needs longer to tell growth from a step.

use crate::facts;
use crate::rhythm::{Rhythm, rhythm};
use crate::screen::text;
use firstbad_protocol::snapshot::{Line, LineRole, Snapshot};
use firstbad_protocol::verdict::{Incident, Pattern, Signal, State};

/// Minimum rise of a failed share between two report intervals, divided by the earlier share, that counts as a rise. Chosen: a
/// fleet that fails at 48% varies by 4 percentage points.
const RISE_RELATIVE_MIN: f64 = 0.2;
/// The same in absolute terms: a tenth of a percent of all requests.
const RISE_MIN: f64 = 0.001;
/// Finished report intervals that show whether a share rises: two would miss a steady rise by a tenth in each.
const INTERVALS: usize = 3;
/// Maximum failed share at which the screen says that nothing fails. Chosen: one request in 10,000.
const QUIET_MAX: f64 = 0.000_1;

/// The state in one or a few words.
pub(crate) fn state_word(snapshot: &Snapshot, incident: &Incident) -> String {
    let quiet = is_quiet(snapshot, incident);
    match (incident.state, incident.pattern) {
        (State::Resolved, _) => "RESOLVED".to_owned(),
        (State::Recovering, _) if is_rising(snapshot, incident) => "RISING AGAIN".to_owned(),
        (State::Recovering, _) => "RECOVERING".to_owned(),
        (State::Open, Pattern::Flapping) if quiet => "FLAPPING, QUIET NOW".to_owned(),
        (State::Open, _) if quiet => "QUIET NOW".to_owned(),
        (State::Open, Pattern::Flapping) => match rhythm(snapshot, incident) {
            Rhythm { period_s: Some(period), .. } => format!("FLAPPING, period {}", text::duration(period)),
            Rhythm { times, .. } if times > 1 => format!("FLAPPING {times} times"),
            _ => "FLAPPING".to_owned(),
        },
        (State::Open, Pattern::Growing) => "ESCALATING".to_owned(),
        (State::Open, _) if is_rising(snapshot, incident) => "ESCALATING".to_owned(),
        (State::Open, Pattern::Step | Pattern::Static) => "STATIC".to_owned(),
    }
}

/// Whether the harm is higher in the last finished report interval than in one of those just before it.
fn is_rising(snapshot: &Snapshot, incident: &Incident) -> bool {
    if incident.is_refusal_only() {
        return false;
    }
    let Some(line) = line_of(snapshot, incident) else { return false };
    let finished = line.points.get(..line.finished(snapshot.at)).unwrap_or(&line.points);
    let recent = finished.get(finished.len().saturating_sub(INTERVALS)..).unwrap_or(finished);
    let [before @ .., Some(now)] = recent else { return false };
    before.iter().flatten().any(|before| now - before > RISE_MIN.max(RISE_RELATIVE_MIN * before))
}

/// The line that shows the harm of this incident. The fleet's line also grows when more hosts take a version, under which the
/// share stays the same; but beside another open incident it is not this one's alone.
fn line_of<'a>(snapshot: &'a Snapshot, incident: &Incident) -> Option<&'a Line> {
    let signal = if incident.impact.requests_failed > 0 { Signal::Errors } else { Signal::Scores };
    let goes_on = |other: &&Incident| other.state != State::Resolved && !other.is_refusal_only();
    let is_alone = snapshot.diagnosis.incidents.iter().filter(goes_on).count() < 2;
    let hashes = incident.cause.as_ref().map(|cause| cause.hashes.as_slice()).unwrap_or_default();
    let is_its = |line: &&Line| match line.role() {
        LineRole::Fleet => is_alone,
        LineRole::Accused => line.hashes.iter().any(|hash| hashes.contains(hash)),
        LineRole::Others => false,
    };
    let of_signal = || snapshot.lines.iter().filter(|line| line.signal == signal).filter(is_its);
    of_signal().find(|line| line.role() == LineRole::Fleet).or_else(|| of_signal().next())
}

/// Whether an incident of failing requests is open although none fails at present and no host is seen to fail. Hosts that fail
/// are listed first, so the list need not be whole.
fn is_quiet(snapshot: &Snapshot, incident: &Incident) -> bool {
    let none_fails = snapshot.fleet.failed_share.is_some_and(|share| share < QUIET_MAX);
    // What is served without a score fails no request, so nobody may run the cause either.
    let unscored = incident.signals.contains(&Signal::Scores) && facts::hosts_on_it(snapshot, incident) != Some(0);
    incident.impact.requests_failed > 0 && none_fails && !unscored && !snapshot.hosts.iter().any(|host| host.failing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    /// An incident of a pattern, with the fleet's failing shares at the end of the chart.
    fn word(pattern: Pattern, state: State, shares: &[f64]) -> String {
        let mut snapshot = fixture::with(Incident { pattern, state, ..fixture::incident() });
        let mut fleet = fixture::calm().lines[0].clone();
        let at = snapshot.at.expect("a time");
        fleet.points = shares.iter().copied().map(Some).collect();
        fleet.from = at - 10_000_000_000 * i64::try_from(shares.len() - 1).expect("few");
        snapshot.fleet.failed_share = shares.last().copied();
        snapshot.lines = vec![fleet];
        state_word(&snapshot, &snapshot.diagnosis.incidents[0])
    }

    #[test]
    fn h05_a_rise_is_told_from_the_second_interval_on() {
        assert_eq!(word(Pattern::Step, State::Open, &[0.0004, 0.02]), "ESCALATING");
        assert_eq!(word(Pattern::Step, State::Open, &[0.0, 0.1, 0.375]), "ESCALATING");
        assert_eq!(word(Pattern::Step, State::Open, &[0.1, 0.27, 0.303, 0.34]), "ESCALATING", "each by a tenth");
        assert_eq!(word(Pattern::Step, State::Open, &[0.1, 0.46, 0.47, 0.48]), "STATIC", "noise is no rise");
        assert_eq!(word(Pattern::Step, State::Open, &[0.0004, 0.0009]), "STATIC");
        assert_eq!(word(Pattern::Step, State::Open, &[0.9]), "STATIC", "one interval has no slope");
        assert_eq!(word(Pattern::Static, State::Recovering, &[0.02, 0.08]), "RISING AGAIN");
        assert_eq!(word(Pattern::Static, State::Recovering, &[0.08, 0.02]), "RECOVERING");
    }

    #[test]
    fn h05_where_nothing_fails_now_the_word_says_so() {
        let mut snapshot = fixture::named();
        snapshot.fleet.failed_share = Some(0.0);
        assert!(!state_word(&snapshot, &fixture::incident()).contains("QUIET"), "hosts are still seen to fail");
        snapshot.hosts.iter_mut().for_each(|host| host.failing = false);
        assert!(!state_word(&snapshot, &fixture::incident()).contains("QUIET"), "requests may still go unscored");
        snapshot.versions[0].hosts_active = 0;
        assert_eq!(state_word(&snapshot, &fixture::incident()), "FLAPPING, QUIET NOW");
        let step = Incident { pattern: Pattern::Step, ..fixture::incident() };
        assert_eq!(state_word(&snapshot, &step), "QUIET NOW");
        assert_eq!(state_word(&snapshot, &fixture::denied()), "FLAPPING, period 1 min", "its harm is another");
    }
}
