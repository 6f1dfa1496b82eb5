//! One incident as one alert of Alertmanager's API. Labels identify and route, so they hold nothing that moves with a verdict
//! or a report: an alert whose labels change is, for Alertmanager, an end and another page. Everything else is annotation.

use super::severity::{QUIET, is_held, routed_config, served};
use crate::settings::AlertTexts;
use firstbad_protocol::Untrusted;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, EngineerWord, Incident, State};
use serde::Serialize;
use std::collections::BTreeMap;

/// The alert of an incident; the rules in `dashboards/prometheus` have one of the same name.
const INCIDENT: &str = "FirstbadIncident";
/// An alert that notifies nobody. While it fires, Alertmanager's inhibition holds the pages of its incident.
const HELD: &str = "FirstbadIncidentHeld";
/// The severity of an alert that notifies nobody.
const NONE: &str = "none";
/// A linked dashboard starts this long before the onset.
const LEAD_NS: i64 = 600 * SECOND_NS;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ends_at: Option<Timestamp>,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    pub(super) generator_url: Option<String>,
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

/// The alerts of each incident that is not over, and whose pages no quiet time holds.
pub(super) fn alerts<'a>(diagnosis: &'a Diagnosis, texts: &'a AlertTexts) -> impl Iterator<Item = Alert> + 'a {
    let incidents = diagnosis.incidents.iter();
    let open = incidents.filter(|incident| incident.state != State::Resolved && served(incident) != QUIET);
    open.flat_map(|incident| {
        let held = is_held(incident).then(|| held(incident, texts));
        [Some(alert(incident, texts)), held].into_iter().flatten()
    })
}

/// Labels that each alert of an incident has.
fn labels(name: &str, incident: &Incident, severity: &str, texts: &AlertTexts) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::from([("job".to_owned(), "firstbad".to_owned())]);
    labels.extend(texts.labels.clone());
    for (label, value) in [("alertname", name), ("incident", &incident.id), ("severity", severity)] {
        labels.insert(label.to_owned(), value.to_owned());
    }
    labels
}

fn alert(incident: &Incident, texts: &AlertTexts) -> Alert {
    let cause = incident.cause.as_ref();
    let mut labels = labels(INCIDENT, incident, served(incident), texts);
    if let Some(config) = routed_config(incident) {
        labels.insert("config".to_owned(), Untrusted(config).to_string());
    }
    let mut annotations = BTreeMap::from([
        ("summary".to_owned(), sentence(incident)),
        ("incident".to_owned(), incident.id.clone()),
        ("verdict".to_owned(), incident.verdict.as_str().to_owned()),
        ("report".to_owned(), format!("firstbad report {}", incident.id)),
        ("runbook_url".to_owned(), texts.playbook_url(incident.playbook.as_deref())),
    ]);
    if let Some(playbook) = &incident.playbook {
        annotations.insert("playbook".to_owned(), playbook.clone());
        annotations.insert("playbook_command".to_owned(), format!("firstbad playbook show {playbook}"));
    }
    if let Some(base) = &texts.grafana_url {
        let from = (incident.onset - LEAD_NS).0.div_euclid(1_000_000);
        annotations.insert("dashboard_url".to_owned(), format!("{base}/d/firstbad-overview?from={from}&to=now"));
    }
    let hashes: Vec<String> = cause.iter().flat_map(|cause| &cause.hashes).map(ToString::to_string).collect();
    if !hashes.is_empty() {
        annotations.insert("hashes".to_owned(), hashes.join(" "));
    }
    if !incident.words.is_empty() {
        annotations.insert("said".to_owned(), said(incident));
    }
    Alert {
        labels,
        annotations,
        starts_at: incident.onset,
        ends_at: None,
        generator_url: texts.external_url.as_ref().map(|base| format!("{base}/api/v1/incidents/{}", incident.id)),
    }
}

fn held(incident: &Incident, texts: &AlertTexts) -> Alert {
    Alert {
        labels: labels(HELD, incident, NONE, texts),
        annotations: BTreeMap::from([("summary".to_owned(), said(incident))]),
        starts_at: incident.onset,
        ends_at: None,
        generator_url: None,
    }
}

/// What engineers said, in one line.
fn said(incident: &Incident) -> String {
    incident.words.iter().map(EngineerWord::sentence).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::{Cause, CauseKind, HistoryEntry, Signal, Verdict, WordKind};

    fn cause(hashes: &[&[u8]]) -> Cause {
        Cause {
            kind: CauseKind::Config,
            config: Some("bot-features".to_owned()),
            hashes: hashes.iter().map(|bytes| firstbad_protocol::Hash::of(bytes)).collect(),
            property: None,
            also_separates: Vec::new(),
            scope: BTreeMap::new(),
            change: None,
            dimensions: BTreeMap::new(),
        }
    }

    fn named(hashes: &[&[u8]]) -> Incident {
        let onset = Timestamp::from_seconds(1_763_465_284);
        Incident {
            verdict: Verdict::Suspect,
            cause: Some(cause(hashes)),
            signals: vec![Signal::Errors],
            ..Incident::new("20251118-112804-errors".to_owned(), onset)
        }
    }

    fn of(incident: &Incident) -> Vec<Alert> {
        let diagnosis = Diagnosis {
            schema: 1,
            asked: false,
            window: Default::default(),
            blind_spots: Vec::new(),
            incidents: vec![incident.clone()],
        };
        alerts(&diagnosis, &AlertTexts::default()).collect()
    }

    #[test]
    fn a_version_that_joins_and_another_verdict_change_no_label() {
        let first = of(&named(&[b"one"]));
        let joined = of(&Incident { verdict: Verdict::Cause, ..named(&[b"one", b"two"]) });
        let history = vec![HistoryEntry { at: Timestamp(0), verdict: Verdict::Cause, cause: Some(cause(&[b"one"])) }];
        let external = of(&Incident { verdict: Verdict::External, cause: None, history, ..named(&[]) });
        assert_eq!(first[0].labels, joined[0].labels);
        assert_eq!(first[0].labels, external[0].labels);
        assert!(!first[0].says_the_same(&joined[0]), "the text is told anew");
        let recovering = of(&Incident { state: State::Recovering, ..named(&[b"one"]) });
        assert_eq!(recovering[0].labels["severity"], "warning", "the control");
    }

    #[test]
    fn an_acknowledged_incident_has_an_alert_that_holds_its_pages() {
        let at = Timestamp::from_seconds(1_763_465_400);
        let ack = EngineerWord {
            id: 1,
            kind: WordKind::Ack,
            at,
            since: at,
            until: None,
            author: "anna".to_owned(),
            authenticated: true,
            text: "\u{1b}[2J".to_owned(),
            incident: None,
            scope: None,
        };
        let alerts = of(&Incident { words: vec![ack], ..named(&[b"one"]) });
        assert_eq!(alerts.len(), 2);
        assert_eq!(alerts[0].labels, of(&named(&[b"one"]))[0].labels);
        assert_eq!((alerts[1].labels["alertname"].as_str(), alerts[1].labels["severity"].as_str()), (HELD, NONE));
        assert_eq!(alerts[1].labels["incident"], alerts[0].labels["incident"]);
        assert!(alerts[0].annotations["said"].starts_with("acknowledged by anna at"));
        assert!(!alerts[0].annotations["said"].contains('\u{1b}'));
    }

    #[test]
    fn links_fit_the_verdict() {
        let texts = AlertTexts {
            external_url: Some("https://firstbad.example".to_owned()),
            grafana_url: Some("https://grafana.example".to_owned()),
            ..AlertTexts::default()
        };
        let incident = Incident { playbook: Some("oversized-input".to_owned()), ..named(&[b"one"]) };
        let with = alert(&incident, &texts);
        let url = "https://firstbad.example/api/v1/incidents/20251118-112804-errors";
        assert_eq!(with.generator_url.as_deref(), Some(url));
        assert!(with.annotations["runbook_url"].ends_with("/playbooks/oversized-input.md"));
        let dashboard = "https://grafana.example/d/firstbad-overview?from=1763464684000&to=now";
        assert_eq!(with.annotations["dashboard_url"], dashboard);
        let without = alert(&named(&[b"one"]), &AlertTexts::default());
        assert!(without.annotations["runbook_url"].ends_with("/playbooks/README.md"));
        assert!(without.generator_url.is_none() && !without.annotations.contains_key("dashboard_url"));
    }
}
