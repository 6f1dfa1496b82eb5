//! Watches whether what the engine says of an incident stays said. "What was seen stays seen. Missing data, recovery and
//! rollback never weaken a verdict, and never move `onset` later" (contract, section 6). Whether a verdict is right is for
//! `judge` to decide; here a verdict is only compared with the one before it.

use crate::plan::Plan;
use crate::truth::Truth;
use firstbad_protocol::time::Timestamp;
use firstbad_protocol::verdict::{Diagnosis, Incident, Verdict};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Report intervals after the last failing in which its reports arrive and are judged. Chosen: one until the report ends, one
/// until the reports of other hosts for the same time are in, one for the tick.
const SETTLES_INTERVALS: f64 = 3.0;

/// A promise about an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// No verdict weakens once all failing is over and reported.
    VerdictHolds,
    /// `onset` never moves later.
    OnsetNeverLater,
    /// `onset` is no later than `named_at`.
    OnsetBeforeNaming,
    /// `first_error` never disappears, and its `first_seen` never moves later.
    FirstErrorStays,
    /// No number of hurt requests or affected hosts falls.
    ImpactNeverFalls,
    /// An incident stays in the list.
    IncidentStays,
}

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Lapse {
    /// Second of the run.
    pub at_s: f64,
    /// The incident.
    pub id: String,
    /// What was promised.
    pub promise: Promise,
    /// What was said before and what was said then.
    pub words: String,
}

impl fmt::Display for Lapse {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "at {:.0} s {} {:?}: {}", self.at_s, self.id, self.promise, self.words)
    }
}

/// What became of the promises of one run.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The first lapse of each incident and promise.
    pub lapses: Vec<Lapse>,
    /// Pairs of successive words about the same incident that were compared.
    pub compared: usize,
    /// Incidents that had the verdict `cause` at a time after the last failing.
    pub causes_after: usize,
    /// Times that a verdict weakened while hosts still failed, which is no lapse.
    pub weakened_before: usize,
}

/// Watches one run.
#[derive(Debug, Default)]
pub struct Constancy {
    before: BTreeMap<String, Incident>,
    /// Last second at which each incident had the verdict `cause`.
    last_cause_s: BTreeMap<String, f64>,
    lapses: Vec<Lapse>,
    compared: usize,
}

impl Constancy {
    /// Compares what the engine says at second `at_s` with what it said before.
    pub fn watch(&mut self, diagnosis: &Diagnosis, at_s: f64) {
        let now: BTreeMap<String, Incident> =
            diagnosis.incidents.iter().map(|incident| (incident.id.clone(), incident.clone())).collect();
        for incident in now.values() {
            let before = self.before.get(&incident.id);
            self.compared += usize::from(before.is_some());
            let broken =
                named_too_early(incident).into_iter().chain(before.into_iter().flat_map(|b| changes(b, incident)));
            self.lapses.extend(broken.map(|broken| broken.of(incident, at_s)));
            if incident.verdict == Verdict::Cause {
                self.last_cause_s.insert(incident.id.clone(), at_s);
            }
        }
        for gone in self.before.values().filter(|before| !now.contains_key(&before.id)) {
            let words = format!("it was {}, and is not there", gone.verdict.as_str());
            self.lapses.push(Broken { promise: Promise::IncidentStays, words }.of(gone, at_s));
        }
        self.before = now;
    }

    /// Returns what became of the promises. A verdict may weaken until second `settled_s`, since hosts that still fail may
    /// contradict it; without any failing, always.
    #[must_use]
    pub fn finish(self, settled_s: Option<f64>) -> Kept {
        let is_after = |at_s: f64| settled_s.is_some_and(|settled_s| at_s > settled_s);
        let (may, lapses): (Vec<Lapse>, Vec<Lapse>) =
            self.lapses.into_iter().partition(|lapse| lapse.promise == Promise::VerdictHolds && !is_after(lapse.at_s));
        let mut known = BTreeSet::new();
        Kept {
            lapses: lapses.into_iter().filter(|lapse| known.insert((lapse.id.clone(), lapse.promise))).collect(),
            compared: self.compared,
            causes_after: self.last_cause_s.values().filter(|at_s| is_after(**at_s)).count(),
            weakened_before: may.len(),
        }
    }
}

/// Returns the second at which the last failing of a run has been reported, also by hosts whose reports are late; none if
/// nothing failed.
#[must_use]
pub fn settled_s(plan: &Plan, truth: &Truth) -> Option<f64> {
    let late = plan.faults.iter().filter(|fault| matches!(fault.kind.as_str(), "late" | "late_loads"));
    let late_s = late.map(|fault| fault.strength).fold(0.0, f64::max);
    Some(truth.last_suffering()? + SETTLES_INTERVALS * plan.interval_s + late_s)
}

/// Orders verdicts from the weakest.
fn strength(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::InsufficientEvidence => 0,
        Verdict::External => 1,
        Verdict::Suspect => 2,
        Verdict::Cause => 3,
    }
}

/// A promise that does not hold, and in which way.
struct Broken {
    promise: Promise,
    words: String,
}

impl Broken {
    fn of(self, incident: &Incident, at_s: f64) -> Lapse {
        Lapse { at_s, id: incident.id.clone(), promise: self.promise, words: self.words }
    }
}

fn broken(promise: Promise, before: impl fmt::Display, now: impl fmt::Display) -> Broken {
    Broken { promise, words: format!("{before}, then {now}") }
}

fn named_too_early(incident: &Incident) -> Option<Broken> {
    let named_at = incident.named_at.filter(|named_at| *named_at < incident.onset)?;
    let words = format!("named at {}, onset {}", second(named_at), second(incident.onset));
    Some(Broken { promise: Promise::OnsetBeforeNaming, words })
}

fn changes(before: &Incident, now: &Incident) -> Vec<Broken> {
    let mut found = Vec::new();
    if strength(now.verdict) < strength(before.verdict) {
        found.push(broken(Promise::VerdictHolds, before.verdict.as_str(), now.verdict.as_str()));
    }
    if now.onset > before.onset {
        found.push(broken(Promise::OnsetNeverLater, second(before.onset), second(now.onset)));
    }
    found.extend(first_error_changes(before, now));
    found.extend(impact_falls(before, now));
    found
}

fn first_error_changes(before: &Incident, now: &Incident) -> Option<Broken> {
    let error = before.first_error.as_ref()?;
    let Some(later) = &now.first_error else {
        return Some(broken(Promise::FirstErrorStays, &error.message, "none"));
    };
    let is_later = later.first_seen > error.first_seen;
    is_later.then(|| broken(Promise::FirstErrorStays, second(error.first_seen), second(later.first_seen)))
}

/// The share of the requests and the number of hosts that report may fall: they count no harm.
fn impact_falls(before: &Incident, now: &Incident) -> Vec<Broken> {
    let (before, now) = (&before.impact, &now.impact);
    let counts = [
        ("failed", before.requests_failed, now.requests_failed),
        ("denied", before.requests_denied, now.requests_denied),
        ("unscored", before.requests_unscored, now.requests_unscored),
        ("missing", before.requests_missing, now.requests_missing),
        ("hosts", before.hosts_affected, now.hosts_affected),
    ];
    let fallen = counts.into_iter().filter(|(_, before, now)| now < before);
    fallen.map(|(what, before, now)| broken(Promise::ImpactNeverFalls, format!("{what} {before}"), now)).collect()
}

fn second(at: Timestamp) -> String {
    format!("{:.1} s", at.0 as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firstbad_protocol::verdict::{FirstError, SCHEMA, Window};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_seconds(second)
    }

    /// Returns a named incident that has everything that must stay.
    fn named() -> Incident {
        let mut incident = Incident::new("a".into(), at(100));
        incident.verdict = Verdict::Cause;
        incident.named_at = Some(at(130));
        let error = FirstError { message: "too many rows".into(), site: None, count: 1, first_seen: at(101) };
        incident.first_error = Some(error);
        incident.impact.requests_failed = 50;
        incident.impact.requests_denied = 50;
        incident.impact.requests_unscored = 50;
        incident.impact.requests_missing = 50;
        incident.impact.hosts_affected = 5;
        incident
    }

    /// Watches a named incident and then `later` at second 200, and returns what became of the promises.
    fn watched(settled_s: Option<f64>, later: Vec<Incident>) -> Kept {
        let mut constancy = Constancy::default();
        for (at_s, incidents) in [(150.0, vec![named()]), (200.0, later)] {
            let window = Window::default();
            let diagnosis = Diagnosis { schema: SCHEMA, asked: false, window, blind_spots: Vec::new(), incidents };
            constancy.watch(&diagnosis, at_s);
        }
        constancy.finish(settled_s)
    }

    /// Returns the promises that a change of the named incident breaks once all failing is over.
    fn breaks(change: impl FnOnce(&mut Incident)) -> Vec<Promise> {
        let mut later = named();
        change(&mut later);
        watched(Some(190.0), vec![later]).lapses.into_iter().map(|lapse| lapse.promise).collect()
    }

    #[test]
    fn what_stays_or_grows_breaks_no_promise() {
        assert_eq!(breaks(|_| {}), []);
        assert_eq!(breaks(|later| later.impact.requests_failed = 60), []);
        assert_eq!(breaks(|later| later.onset = at(90)), [], "the onset may move earlier");
        let seen_earlier =
            |later: &mut Incident| later.first_error.iter_mut().for_each(|error| error.first_seen = at(95));
        assert_eq!(breaks(seen_earlier), []);
        assert_eq!(breaks(|later| (later.impact.failed_share, later.impact.hosts_reporting) = (0.0, 0)), []);
        let kept = watched(Some(190.0), vec![named()]);
        assert_eq!((kept.compared, kept.causes_after, kept.weakened_before), (1, 1, 0));
    }

    #[test]
    fn each_weaker_verdict_breaks_the_promise_only_after_the_last_failing() {
        for verdict in [Verdict::Suspect, Verdict::External, Verdict::InsufficientEvidence] {
            assert_eq!(breaks(|later| later.verdict = verdict), [Promise::VerdictHolds], "{verdict:?}");
            let weaker = || vec![Incident { verdict, ..named() }];
            let during = watched(Some(200.0), weaker());
            assert!(during.lapses.is_empty() && during.weakened_before == 1, "{verdict:?}: hosts still fail");
            assert!(watched(None, weaker()).lapses.is_empty(), "{verdict:?}: nothing failed, so nothing recovered");
        }
    }

    #[test]
    fn a_later_onset_and_a_naming_before_it_are_seen() {
        assert_eq!(breaks(|later| later.onset = at(110)), [Promise::OnsetNeverLater]);
        assert_eq!(breaks(|later| later.named_at = Some(at(99))), [Promise::OnsetBeforeNaming]);
        let during = watched(None, vec![Incident { onset: at(110), ..named() }]);
        assert_eq!(during.lapses.len(), 1, "an onset may not move later while hosts fail either");
    }

    #[test]
    fn a_lost_first_error_and_a_lost_incident_are_seen() {
        assert_eq!(breaks(|later| later.first_error = None), [Promise::FirstErrorStays]);
        let seen_later =
            |later: &mut Incident| later.first_error.iter_mut().for_each(|error| error.first_seen = at(102));
        assert_eq!(breaks(seen_later), [Promise::FirstErrorStays]);
        let gone = watched(None, Vec::new()).lapses;
        assert_eq!(gone.iter().map(|lapse| lapse.promise).collect::<Vec<_>>(), [Promise::IncidentStays]);
    }

    #[test]
    fn each_count_of_harm_that_falls_is_seen() {
        let counts: [fn(&mut Incident); 5] = [
            |later| later.impact.requests_failed -= 1,
            |later| later.impact.requests_denied -= 1,
            |later| later.impact.requests_unscored -= 1,
            |later| later.impact.requests_missing -= 1,
            |later| later.impact.hosts_affected -= 1,
        ];
        for (number, falls) in counts.into_iter().enumerate() {
            assert_eq!(breaks(falls), [Promise::ImpactNeverFalls], "count {number}");
        }
    }
}
