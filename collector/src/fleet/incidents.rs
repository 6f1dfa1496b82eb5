//! What Prometheus learns of the incidents that are not over: one series each, with what an alert's text needs, and the
//! confidence in each suspected version.

use super::text::Text;
use crate::alerts::severity::{is_held, routed_config, served};
use firstbad_protocol::limits::METRIC_HASHES_MAX;
use firstbad_protocol::names;
use firstbad_protocol::sentence::headline;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, State};
use std::collections::BTreeMap;

fn not_over(snapshot: &Snapshot) -> impl Iterator<Item = &Incident> {
    snapshot.diagnosis.incidents.iter().filter(|incident| incident.state != State::Resolved)
}

/// The severity on which no rule alerts: verdicts are only recorded.
const SHADOW: &str = "shadow";

/// One series for each incident, so that an alert rule can say which, what, and which report to read.
pub(super) fn render(snapshot: &Snapshot, shadow: bool, text: &mut Text) {
    let mut family = text.family(&names::COLLECTOR_INCIDENT);
    for incident in not_over(snapshot) {
        let config = routed_config(incident).unwrap_or_default();
        // The headline holds no numbers: they change with each report, and each change would begin a new series.
        let (verdict, sentence) = (incident.verdict.as_str(), headline(incident));
        let severity = if shadow { SHADOW } else { served(incident) };
        let playbook = incident.playbook.as_deref().unwrap_or("README");
        family.sample(&[&incident.id, verdict, config, &sentence, severity, playbook], 1);
    }
    let mut family = text.family(&names::COLLECTOR_INCIDENT_HELD);
    for incident in not_over(snapshot).filter(|incident| is_held(incident)) {
        family.sample(&[&incident.id], 1);
    }
}

/// Confidence in each suspected version.
pub(super) fn render_confidence(snapshot: &Snapshot, text: &mut Text) {
    let mut confidence: BTreeMap<(&str, String), f64> = BTreeMap::new();
    for suspect in not_over(snapshot).flat_map(|incident| &incident.suspects) {
        let Some(config) = suspect.config.as_deref() else { continue };
        for hash in suspect.hashes.iter().rev().take(METRIC_HASHES_MAX) {
            let greatest = confidence.entry((config, hash.short())).or_default();
            *greatest = greatest.max(suspect.confidence);
        }
    }
    let mut family = text.family(&names::COLLECTOR_SUSPECT_CONFIDENCE);
    for ((config, hash), value) in confidence {
        family.sample(&[config, &hash], value);
    }
}
