//! One line in the log for each step of an incident: opened, named, changed, resolved. A verdict that goes back and forth gets
//! one line a minute, which tells how many changes had none.

use crate::alerts::severity::severity;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{Cause, Incident, State, Verdict};
use std::collections::BTreeMap;

/// Lines about changes of one incident are so far apart at least.
const CHANGES_APART_NS: i64 = 60 * SECOND_NS;

/// A step of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Opened,
    Named,
    /// State, verdict or accused config; with the number of changes before it that had no line.
    Changed(u32),
    Resolved,
}

/// What the last log line said about one incident.
#[derive(Debug)]
struct Told {
    state: State,
    verdict: Verdict,
    accused: Option<String>,
    was_named: bool,
    changed_at: Option<Timestamp>,
    untold: u32,
}

/// The lines so far.
#[derive(Debug, Default)]
pub(super) struct IncidentLog(BTreeMap<String, Told>);

impl IncidentLog {
    /// Incidents that are known at a start are not logged again.
    pub(super) fn going_on_from(snapshot: &Snapshot) -> Self {
        let mut log = Self::default();
        for incident in &snapshot.diagnosis.incidents {
            let _ = log.step(incident, snapshot.at);
        }
        log
    }

    /// Writes what is new in `snapshot`.
    pub(super) fn write(&mut self, snapshot: &Snapshot) {
        for incident in &snapshot.diagnosis.incidents {
            if let Some(step) = self.step(incident, snapshot.at) {
                write_line(incident, step);
            }
        }
        self.0.retain(|id, _| snapshot.diagnosis.incidents.iter().any(|incident| incident.id == *id));
    }

    /// What is new of `incident`, if it gets a line.
    pub(super) fn step(&mut self, incident: &Incident, at: Option<Timestamp>) -> Option<Step> {
        let accused = accused(incident.cause.as_ref().filter(|_| incident.verdict.accuses()));
        let is_new = !self.0.contains_key(&incident.id);
        let told = self.0.entry(incident.id.clone()).or_insert_with(|| Told {
            state: incident.state,
            verdict: incident.verdict,
            accused: accused.clone(),
            was_named: false,
            changed_at: None,
            untold: 0,
        });
        let is_same = told.state == incident.state && told.verdict == incident.verdict && told.accused == accused;
        let has_ended = incident.state == State::Resolved && (is_new || told.state != State::Resolved);
        let is_named = incident.verdict.accuses() && !told.was_named;
        (told.state, told.verdict) = (incident.state, incident.verdict);
        told.accused = accused;
        told.was_named |= is_named;
        if has_ended {
            return Some(Step::Resolved);
        }
        if is_named {
            return Some(Step::Named);
        }
        if is_new {
            return Some(Step::Opened);
        }
        told.untold += u32::from(!is_same);
        let is_early = told.changed_at.zip(at).is_some_and(|(before, at)| at.since(before) < CHANGES_APART_NS);
        if told.untold == 0 || is_early {
            return None;
        }
        told.changed_at = at;
        Some(Step::Changed(std::mem::take(&mut told.untold) - 1))
    }
}

/// What is accused, without the versions: they join one by one.
fn accused(cause: Option<&Cause>) -> Option<String> {
    cause.map(|cause| format!("{:?} {}", cause.kind, cause.config.as_deref().unwrap_or_default()))
}

fn write_line(incident: &Incident, step: Step) {
    let (id, verdict, severity, says) =
        (incident.id.as_str(), incident.verdict.as_str(), severity(incident), sentence(incident));
    match step {
        Step::Opened => tracing::warn!(incident = id, verdict, severity, says, "incident opened"),
        Step::Named => tracing::warn!(incident = id, verdict, severity, says, "incident named"),
        Step::Changed(untold) => tracing::warn!(incident = id, verdict, severity, says, untold, "incident changed"),
        Step::Resolved => tracing::info!(incident = id, verdict, severity, says, "incident resolved"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::{CauseKind, Signal};

    const AT: Timestamp = Timestamp::from_seconds(1_763_465_284);

    fn incident(verdict: Verdict, state: State) -> Incident {
        let cause = Cause {
            kind: CauseKind::Config,
            config: Some("routes".to_owned()),
            hashes: Vec::new(),
            property: None,
            also_separates: Vec::new(),
            scope: BTreeMap::new(),
            change: None,
            dimensions: BTreeMap::new(),
        };
        let cause = verdict.accuses().then_some(cause);
        Incident { verdict, state, cause, signals: vec![Signal::Errors], ..Incident::new("a".to_owned(), AT) }
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(AT + seconds * SECOND_NS)
    }

    #[test]
    fn each_step_has_one_line_and_a_verdict_that_goes_back_and_forth_one_a_minute() {
        let mut log = IncidentLog::default();
        let open = incident(Verdict::InsufficientEvidence, State::Open);
        let suspect = incident(Verdict::Suspect, State::Open);
        assert_eq!(log.step(&open, at(0)), Some(Step::Opened));
        assert_eq!(log.step(&open, at(1)), None, "nothing is new");
        assert_eq!(log.step(&suspect, at(2)), Some(Step::Named));
        assert_eq!(log.step(&incident(Verdict::Cause, State::Open), at(3)), Some(Step::Changed(0)));
        let mut lines = Vec::new();
        for second in 4..=62 {
            let verdict = if second % 2 == 0 { Verdict::Suspect } else { Verdict::Cause };
            lines.extend(log.step(&incident(verdict, State::Open), at(second)));
        }
        assert_eq!(lines, [], "within the minute");
        assert_eq!(log.step(&incident(Verdict::Cause, State::Open), at(63)), Some(Step::Changed(59)));
        assert_eq!(
            log.step(&incident(Verdict::Cause, State::Resolved), at(64)),
            Some(Step::Resolved),
            "an end never waits"
        );
        assert_eq!(log.step(&incident(Verdict::Cause, State::Resolved), at(200)), None);
    }
}
