//! One incident as one alert of Alertmanager's API. Labels identify and route, so they hold nothing that moves with each
//! report; everything else is annotation.

use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Diagnosis, Incident, State};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ends_at: Option<Timestamp>,
}

impl Alert {
    /// Whether the two differ at most in the sentence's numbers.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        let facts = |alert: &Self| {
            let annotations = alert.annotations.iter().filter(|(name, _)| *name != "summary");
            (alert.labels.clone(), annotations.map(|(_, text)| text.clone()).collect::<Vec<_>>())
        };
        facts(self) == facts(other)
    }
}

/// One alert for each incident that is not over.
pub(super) fn alerts(diagnosis: &Diagnosis) -> impl Iterator<Item = Alert> {
    diagnosis.incidents.iter().filter(|incident| incident.state != State::Resolved).map(alert)
}

/// The severity of an incident in the words of Prometheus' alerts: `critical` if a change that does harm is accused. A refused
/// load harms nobody while the last good version serves, so even a certain cause of it is a `warning`.
#[must_use]
pub fn severity(incident: &Incident) -> &'static str {
    if incident.verdict.accuses() && !incident.is_refusal_only() { "critical" } else { "warning" }
}

fn alert(incident: &Incident) -> Alert {
    let cause = incident.cause.as_ref();
    let mut labels = BTreeMap::from([
        ("alertname".to_owned(), "FirstbadIncident".to_owned()),
        ("job".to_owned(), "firstbad".to_owned()),
        ("incident".to_owned(), incident.id.clone()),
        ("verdict".to_owned(), incident.verdict.as_str().to_owned()),
        ("severity".to_owned(), severity(incident).to_owned()),
    ]);
    if let Some(config) = cause.and_then(|cause| cause.config.as_deref()) {
        labels.insert("config".to_owned(), Untrusted(config).to_string());
    }
    let mut annotations = BTreeMap::from([
        ("summary".to_owned(), sentence(incident)),
        ("incident".to_owned(), incident.id.clone()),
        ("report".to_owned(), format!("firstbad report {}", incident.id)),
    ]);
    if let Some(playbook) = &incident.playbook {
        annotations.insert("playbook".to_owned(), playbook.clone());
        annotations.insert("playbook_command".to_owned(), format!("firstbad playbook show {playbook}"));
    }
    let hashes: Vec<String> = cause.iter().flat_map(|cause| &cause.hashes).map(ToString::to_string).collect();
    if !hashes.is_empty() {
        annotations.insert("hashes".to_owned(), hashes.join(" "));
    }
    Alert { labels, annotations, starts_at: incident.onset, ends_at: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::{Signal, Verdict};

    #[test]
    fn a_refused_load_is_no_critical_alert_however_sure_its_cause() {
        let with = |verdict, signals: &[Signal]| Incident {
            verdict,
            signals: signals.to_vec(),
            ..Incident::new("20251118-112804-loads".to_owned(), Timestamp(0))
        };
        assert_eq!(severity(&with(Verdict::Cause, &[Signal::Loads])), "warning");
        assert_eq!(severity(&with(Verdict::Cause, &[Signal::Errors, Signal::Loads])), "critical");
        assert_eq!(severity(&with(Verdict::Suspect, &[Signal::Deaths])), "critical");
        assert_eq!(severity(&with(Verdict::External, &[Signal::Errors])), "warning");
    }
}
