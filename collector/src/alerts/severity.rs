//! How loud an incident is. A page is for an incident, not for a verdict: once a change that does harm was accused, the incident
//! stays critical while it is open, whatever the verdict becomes. A quiet time holds pages that have not gone out.

use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Incident, State, WordKind};

/// Wake somebody.
const CRITICAL: &str = "critical";
/// Somebody should look when there is time.
const WARNING: &str = "warning";
/// Notify nobody, as an engineer asked. No rule alerts on this severity.
pub(crate) const QUIET: &str = "quiet";

/// The severity of an incident in the words of Prometheus' alerts: `critical` while it is open and a change that does harm is or
/// was accused, else `warning`. A refused load harms nobody while the last good version serves, so even a certain cause of it
/// is a `warning`.
#[must_use]
pub fn severity(incident: &Incident) -> &'static str {
    let pages = incident.state == State::Open && accused_at(incident).is_some() && !incident.is_refusal_only();
    if pages { CRITICAL } else { WARNING }
}

/// The severity under which alerts are sent and served: that of the incident, or, in a quiet time, the one that it had before.
/// A page that went out before the quiet time began stays: to end it would say that the incident is over.
pub(crate) fn served(incident: &Incident) -> &'static str {
    let severity = severity(incident);
    let Some(since) = quiet_since(incident) else { return severity };
    if severity == CRITICAL && accused_at(incident).is_some_and(|at| at < since) {
        CRITICAL
    } else if incident.onset < since {
        WARNING
    } else {
        QUIET
    }
}

/// Whether somebody has it in hand: pages that went out are not to be repeated.
pub(crate) fn is_held(incident: &Incident) -> bool {
    incident.is_acknowledged() || quiet_since(incident).is_some()
}

/// The config by which pages are routed: that of the cause, or, where an accusation was withdrawn, of the last one. Untrusted text.
pub(crate) fn routed_config(incident: &Incident) -> Option<&str> {
    let before = incident.history.iter().rev().filter(|entry| entry.verdict.accuses());
    let causes = incident.cause.iter().chain(before.filter_map(|entry| entry.cause.as_ref()));
    causes.into_iter().find_map(|cause| cause.config.as_deref())
}

/// When a change was first accused.
fn accused_at(incident: &Incident) -> Option<Timestamp> {
    let now = incident.verdict.accuses().then(|| incident.named_at.unwrap_or(incident.onset));
    let before = incident.history.iter().filter(|entry| entry.verdict.accuses()).map(|entry| entry.at);
    before.chain(now).min()
}

/// Since when a quiet time holds its pages.
fn quiet_since(incident: &Incident) -> Option<Timestamp> {
    let quiet = incident.words.iter().filter(|word| word.kind == WordKind::Quiet);
    quiet.map(|word| word.since).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::{EngineerWord, HistoryEntry, QuietScope, Signal, Verdict};

    const ONSET: Timestamp = Timestamp::from_seconds(1_763_465_284);

    fn incident(verdict: Verdict, signals: &[Signal]) -> Incident {
        let named_at = verdict.accuses().then_some(ONSET + 20);
        Incident { verdict, named_at, signals: signals.to_vec(), ..Incident::new("a".to_owned(), ONSET) }
    }

    fn quiet(since: Timestamp) -> EngineerWord {
        EngineerWord {
            id: 1,
            kind: WordKind::Quiet,
            at: since,
            since,
            until: Some(since + 1000),
            author: "anna".to_owned(),
            authenticated: true,
            text: String::new(),
            incident: None,
            scope: Some(QuietScope::default()),
        }
    }

    #[test]
    fn a_refused_load_is_no_critical_alert_however_sure_its_cause() {
        assert_eq!(severity(&incident(Verdict::Cause, &[Signal::Loads])), WARNING);
        assert_eq!(severity(&incident(Verdict::Cause, &[Signal::Errors, Signal::Loads])), CRITICAL);
        assert_eq!(severity(&incident(Verdict::Suspect, &[Signal::Deaths])), CRITICAL);
        assert_eq!(severity(&incident(Verdict::External, &[Signal::Errors])), WARNING);
    }

    #[test]
    fn it_stays_critical_while_it_is_open_and_falls_when_it_recovers() {
        let history = vec![HistoryEntry { at: ONSET + 20, verdict: Verdict::Cause, cause: None }];
        let withdrawn = Incident { history, ..incident(Verdict::InsufficientEvidence, &[Signal::Errors]) };
        assert_eq!(severity(&withdrawn), CRITICAL);
        let recovering = Incident { state: State::Recovering, ..incident(Verdict::Cause, &[Signal::Errors]) };
        assert_eq!(severity(&recovering), WARNING);
    }

    #[test]
    fn a_quiet_time_holds_what_has_not_gone_out_and_ends_no_page() {
        let named = incident(Verdict::Cause, &[Signal::Errors]);
        let under = |since| Incident { words: vec![quiet(since)], ..named.clone() };
        assert_eq!(served(&named), CRITICAL);
        assert_eq!(served(&under(ONSET - 5)), QUIET, "it began in the quiet time");
        assert_eq!(served(&under(ONSET + 10)), WARNING, "it was named in the quiet time");
        assert_eq!(served(&under(ONSET + 30)), CRITICAL, "its page was out");
        assert!(is_held(&under(ONSET + 30)) && !is_held(&named));
    }
}
