//! Detects resources whose metrics all have unknown names (contract.md section 2, "nothing understood is not calm"): without
//! a notice they would look healthy. One gap per resource reports it, with some of the names.

use super::names::Names;
use firstbad_diagnosis::observation::{Gap, Name};
use firstbad_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Number of reports without requests after which a resource counts as not understood. The first reports may precede the
/// first request.
const REPORTS_MIN: u32 = 3;
/// Maximum number of metric names in the sentence about one resource.
const NAMES_MAX: usize = 3;
/// Maximum number of different sentences with names. The names come from senders, so their number must be bounded.
const SENTENCES_MAX: usize = 16;
/// Parts of a name that suggest that a metric counts requests.
const OF_REQUESTS: [&str; 8] = ["request", "http", "rpc", "envoy", "nginx", "response", "duration", "error"];

/// The number of resources in a capture, or of those that a collector received, that were understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Understanding {
    /// Resources that sent anything.
    pub resources: u64,
    /// Resources whose requests or scores were understood.
    pub outcomes: u64,
    /// Resources whose requests, scores or events were understood.
    pub anything: u64,
}

/// What is understood of one resource.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Understood {
    /// Whether requests or scores are.
    pub(super) outcomes: bool,
    /// Whether its cumulative counts are left out, because its processes cannot be distinguished.
    pub(super) crowded: bool,
    /// Whether events are.
    pub(super) events: bool,
    /// Whether a gap reported that it is not understood.
    reported: bool,
    reports: u32,
    /// Some of its unknown metrics. Those whose names suggest requests come first.
    names: Vec<Name>,
}

/// The sentences about resources that are not understood.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Sentences(BTreeSet<Name>);

impl Understood {
    /// Notes a metric that counts no requests.
    pub(super) fn note_metric(&mut self, name: &str, names: &mut Names) {
        if self.outcomes || self.names.iter().any(|known| known.as_ref() == name) {
            return;
        }
        let full = self.names.len() >= NAMES_MAX;
        let place = match self.names.iter().position(|known| !is_of_requests(known)) {
            Some(place) if is_of_requests(name) => place,
            _ if full => return,
            _ => self.names.len(),
        };
        self.names.insert(place, names.name(name));
        self.names.truncate(NAMES_MAX);
    }

    /// Notes the end of a report. Returns whether a gap is due.
    pub(super) fn end_report(&mut self) -> bool {
        if self.outcomes {
            self.names = Vec::new();
            return false;
        }
        self.reports = self.reports.saturating_add(1);
        self.reports >= REPORTS_MIN && self.is_unreported()
    }

    /// Whether it reports, is not understood, and no gap reported that yet.
    pub(super) fn is_unreported(&self) -> bool {
        !self.outcomes && !self.reported && !self.names.is_empty()
    }
}

impl Sentences {
    /// The gap for a resource that is not understood.
    pub(super) fn tell(&mut self, understood: &mut Understood, at: Timestamp) -> Gap {
        understood.reported = true;
        const ALL: &str = "resources report no requests or scores that firstbad knows";
        let mut names = std::mem::take(&mut understood.names);
        names.sort_unstable();
        let mut sentence: Name = format!("{ALL}; among their metrics are {}", names.join(", ")).into();
        if self.0.len() >= SENTENCES_MAX && !self.0.contains(&sentence) {
            sentence = ALL.into();
        } else {
            self.0.insert(Name::clone(&sentence));
        }
        Gap { at, sentence, count: 1 }
    }
}

fn is_of_requests(name: &str) -> bool {
    OF_REQUESTS.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(metrics: &[&str]) -> Option<String> {
        let mut names = Names::default();
        let mut understood = Understood::default();
        let due = (0..REPORTS_MIN).any(|_| {
            metrics.iter().for_each(|metric| understood.note_metric(metric, &mut names));
            understood.end_report()
        });
        due.then(|| Sentences::default().tell(&mut understood, Timestamp(1)).sentence.to_string())
    }

    #[test]
    fn names_that_suggest_requests_come_first() {
        let told = sentence(&["jvm.gc", "jvm.memory", "jvm.threads", "jvm.classes", "rpc.server.duration"]).unwrap();
        assert!(told.ends_with("are jvm.gc, jvm.memory, rpc.server.duration"), "{told}");
        assert_eq!(sentence(&[]), None, "it sent no metric");
    }

    #[test]
    fn the_sentence_is_a_blind_spot_of_its_own_kind() {
        use firstbad_protocol::BlindSpot;
        let told = BlindSpot::counted(&sentence(&["jvm.gc"]).unwrap(), 3);
        assert_eq!(told, BlindSpot::NotUnderstood { resources: 3, metrics: vec!["jvm.gc".to_owned()] });
    }

    #[test]
    fn a_resource_is_reported_once_and_never_if_it_is_understood() {
        let mut names = Names::default();
        let mut understood = Understood::default();
        understood.note_metric("rpc.server.duration", &mut names);
        assert!(!understood.end_report() && !understood.end_report(), "its first requests may be to come");
        assert!(understood.end_report());
        Sentences::default().tell(&mut understood, Timestamp(1));
        understood.note_metric("rpc.server.duration", &mut names);
        assert!(!understood.end_report());
        let mut counted = Understood { outcomes: true, ..Understood::default() };
        counted.note_metric("rpc.server.duration", &mut names);
        assert!(!(0..9).any(|_| counted.end_report()));
    }

    #[test]
    fn sentences_do_not_multiply() {
        let mut sentences = Sentences::default();
        let told: BTreeSet<Name> = (0..100)
            .map(|k| {
                let mut understood = Understood::default();
                understood.note_metric(&format!("metric.{k}"), &mut Names::default());
                sentences.tell(&mut understood, Timestamp(1)).sentence
            })
            .collect();
        assert_eq!(told.len(), SENTENCES_MAX + 1);
    }
}
