//! Follows a run from outside: which verdict was told when, when the input was named, how recovery went; and what comes
//! out in the end. Pure: the caller brings snapshots, truth and the time. Lines are safe text, one thing each.

use crate::judge::{self, Judgement, judge};
use crate::scenario::{Phase, Scenario};
use crate::truth::{Event, Truth};
use firstbad_protocol::sentence;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::{SECOND_NS, Timestamp};
use firstbad_protocol::verdict::{Diagnosis, State};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was told so far.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    named_at: Option<Timestamp>,
    /// Incident id -> the sentence told last, without its numbers.
    told: BTreeMap<String, String>,
    restarts: Option<u64>,
    last: Option<Snapshot>,
}

/// What came out of a run: the contract's diagnosis object with what only the demo knows.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The last diagnosis.
    #[serde(flatten)]
    pub diagnosis: Option<Diagnosis>,
    /// What was staged.
    pub scenario: Scenario,
    /// With which seed.
    pub seed: u64,
    /// The first bad load in the fleet, by that host's clock.
    pub first_bad_load: Option<Timestamp>,
    /// Wall seconds from then until a verdict named the input and its property.
    pub named_after_s: Option<f64>,
    /// Hosts that had loaded a bad version by then.
    pub named_after_exposed_hosts: Option<u64>,
    /// Whether the play was seen to its end; if not, what is lost and who recovers was not judged.
    pub finished: bool,
    /// Whether every claim holds.
    pub right: bool,
    /// Each claim.
    pub findings: Vec<judge::Finding>,
}

impl Watch {
    /// Nothing was told yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the newest snapshot, seen at `now`. Gives the lines that a timeline shows for it.
    pub fn see(&mut self, snapshot: &Snapshot, truth: &Truth, now: Timestamp) -> Vec<String> {
        let mut lines = Vec::new();
        for incident in &snapshot.diagnosis.incidents {
            let cause = incident.cause.as_ref().map_or_else(String::new, sentence::what);
            let told = format!("{:?} {:?} {cause}", incident.state, incident.verdict);
            if self.told.insert(incident.id.clone(), told.clone()).is_none_or(|before| before != told) {
                lines.push(sentence::sentence(incident));
            }
        }
        if self.named_at.is_none() && judge::naming(&snapshot.diagnosis, truth).is_some() {
            self.named_at = Some(now);
            lines.push(self.naming_line(truth));
        }
        lines.extend(self.countdown(snapshot, truth));
        self.last = Some(snapshot.clone());
        lines
    }

    /// Whether there is nothing left to wait for: the play is over, no incident is open, and no host needs a restart.
    #[must_use]
    pub fn is_settled(&self, truth: &Truth) -> bool {
        truth.phase == Phase::Done && self.last.as_ref().is_some_and(|snapshot| recovered(snapshot).holds)
    }

    /// What came out, judged by the final `truth`.
    #[must_use]
    pub fn finish(&self, truth: &Truth) -> Outcome {
        let judgement = self.judgement(truth);
        Outcome {
            diagnosis: self.last.as_ref().map(|snapshot| snapshot.diagnosis.clone()),
            scenario: truth.scenario,
            seed: truth.seed,
            first_bad_load: truth.first_bad(),
            named_after_s: self.named_after_s(truth),
            named_after_exposed_hosts: self.named_at.map(|at| truth.exposed_by(at)),
            finished: truth.phase == Phase::Done,
            right: judgement.holds(),
            findings: judgement.findings,
        }
    }

    fn judgement(&self, truth: &Truth) -> Judgement {
        let Some(snapshot) = &self.last else { return Judgement::default() };
        let mut judgement = judge(&snapshot.diagnosis, truth);
        // Whoever leaves in mid-play saw neither the last reports nor the way back: nothing is claimed about them.
        if truth.scenario == Scenario::November && truth.phase == Phase::Done {
            judgement.findings.push(judge::nothing_lost(snapshot, truth));
            judgement.findings.push(recovered(snapshot));
        }
        judgement
    }

    fn named_after_s(&self, truth: &Truth) -> Option<f64> {
        self.named_at.zip(truth.first_bad()).map(|(named, loaded)| seconds(named.since(loaded)))
    }

    fn naming_line(&self, truth: &Truth) -> String {
        let after_s = self.named_after_s(truth).unwrap_or_default();
        let exposed = self.named_at.map_or(0, |at| truth.exposed_by(at));
        format!("THE INPUT IS NAMED {after_s:.1} s after the first bad load, {exposed} hosts exposed")
    }

    /// Hosts that need a restart, told when their number changes once the good file is back.
    fn countdown(&mut self, snapshot: &Snapshot, truth: &Truth) -> Option<String> {
        if truth.scenario != Scenario::November || truth.phase < Phase::Recovering || !truth.on_bad.is_empty() {
            return None;
        }
        let waiting = snapshot.hosts.iter().filter(|host| host.needs_restart).count() as u64;
        if self.restarts.replace(waiting) == Some(waiting) {
            return None;
        }
        Some(format!("hosts that still need a restart: {waiting} seen, {} in truth", truth.poisoned.len()))
    }
}

fn recovered(snapshot: &Snapshot) -> judge::Finding {
    let open: Vec<&str> =
        snapshot.diagnosis.incidents.iter().filter(|one| one.state == State::Open).map(|one| &*one.id).collect();
    let waiting = snapshot.hosts.iter().filter(|host| host.needs_restart).count();
    judge::Finding {
        claim: "the incident recovered and no host still needs a restart",
        holds: open.is_empty() && waiting == 0,
        detail: format!("open {open:?}, {waiting} hosts need a restart"),
    }
}

impl Outcome {
    /// 0: named (or, where nothing is guilty, nothing accused); 1: not.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        if self.right { 0 } else { 1 }
    }

    /// The closing block of a headless run.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("\nscenario {}, seed {}\n", self.scenario, self.seed);
        for incident in self.diagnosis.iter().flat_map(|diagnosis| &diagnosis.incidents) {
            text += &format!("verdict  {}\n", sentence::sentence(incident));
        }
        if let (Some(after_s), Some(exposed)) = (self.named_after_s, self.named_after_exposed_hosts) {
            text += &format!("named    {after_s:.1} s after the first bad load, {exposed} hosts exposed by then\n");
        }
        for finding in &self.findings {
            // Of a run that was left early, what does not hold yet has not failed.
            let mark = match (finding.holds, self.finished) {
                (true, _) => "ok  ",
                (false, true) => "FAIL",
                (false, false) => "open",
            };
            let colon = if finding.detail.is_empty() { "" } else { ": " };
            text += &format!("{mark}      {}{colon}{}\n", finding.claim, finding.detail);
        }
        if !self.finished {
            text += "left     before its end: losses and recovery were not judged\n";
        }
        text + match (self.right, self.finished) {
            (true, _) => "RIGHT\n",
            (false, true) => "NOT RIGHT\n",
            (false, false) => "LEFT EARLY: nothing is concluded\n",
        }
    }
}

/// One line of the timeline: seconds since the stage was set up, then the text.
#[must_use]
pub fn timeline_line(started: Timestamp, at: Timestamp, text: &str) -> String {
    format!("{:6.1} s  {text}", seconds(at.since(started)))
}

impl Event {
    /// The event as a line of the timeline.
    #[must_use]
    pub fn line(&self, started: Timestamp) -> String {
        timeline_line(started, self.at, &self.what)
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations of a run, far below 2^53 ns")]
fn seconds(ns: i64) -> f64 {
    ns as f64 / SECOND_NS as f64
}

#[cfg(test)]
mod tests;
