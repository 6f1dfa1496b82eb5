//! Whether a diagnosis says what the stage knows to be true, claim by claim. Pure. It is strict: a right name beside a
//! false accusation is not named.

use crate::scenario::Scenario;
use crate::truth::{GUILTY_CONFIG, ROWS_LIMIT, Truth};
use firstbad_protocol::property::{Comparison, Fact};
use firstbad_protocol::sentence;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Cause, CauseKind, Diagnosis, Incident, Signal, Verdict};
use firstbad_protocol::{Hash, Property};
use serde::Serialize;
use std::collections::BTreeSet;

/// One claim of the judge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What must be so.
    pub claim: &'static str,
    /// Whether it is.
    pub holds: bool,
    /// What was found instead, or in support.
    pub detail: String,
}

/// All claims together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Each claim.
    pub findings: Vec<Finding>,
}

impl Judgement {
    /// Whether every claim holds; never without claims.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.findings.is_empty() && self.findings.iter().all(|finding| finding.holds)
    }

    fn claim(&mut self, claim: &'static str, holds: bool, detail: impl Into<String>) {
        self.findings.push(Finding { claim, holds, detail: detail.into() });
    }
}

/// Judges `diagnosis`, which is the last one of a run, by `truth`.
#[must_use]
pub fn judge(diagnosis: &Diagnosis, truth: &Truth) -> Judgement {
    let mut judgement = Judgement::default();
    judgement.claim("the stage itself worked", truth.trouble.is_none(), truth.trouble.clone().unwrap_or_default());
    judgement.claim(
        "the innocent changes reached the collector",
        !truth.innocent.changes.is_empty() && truth.innocent.hashes.len() > 1,
        format!("changes {:?}, versions {:?}", truth.innocent.changes, truth.innocent.hashes),
    );
    match truth.scenario {
        Scenario::November => november(&mut judgement, diagnosis, truth),
        Scenario::Surge => surge(&mut judgement, diagnosis, truth),
    }
    judgement
}

/// The incident that names the guilty input, if there is one: the right config, only bad hashes, and the property.
#[must_use]
pub(crate) fn naming<'a>(diagnosis: &'a Diagnosis, truth: &Truth) -> Option<&'a Incident> {
    diagnosis.incidents.iter().find(|incident| {
        incident.verdict.accuses()
            && incident.cause.as_ref().is_some_and(|cause| is_guilty(cause, truth) && cause.property == property())
    })
}

/// The sentence for a demo without a named input. It holds the sentences that the collector printed instead.
fn missed(told: &[String]) -> String {
    let instead = if told.is_empty() { "nothing was reported".to_owned() } else { told.join("; ") };
    format!("no incident named the input ({instead})")
}

fn november(judgement: &mut Judgement, diagnosis: &Diagnosis, truth: &Truth) {
    let Some(incident) = naming(diagnosis, truth) else {
        let told: Vec<String> = diagnosis.incidents.iter().map(sentence::sentence).collect();
        judgement.claim("the input is named", false, missed(&told));
        return;
    };
    judgement.claim("the input is named", true, sentence::sentence(incident));
    let named: BTreeSet<Hash> = incident.cause.iter().flat_map(|cause| cause.hashes.iter().copied()).collect();
    let bad: BTreeSet<Hash> = truth.bad.iter().copied().collect();
    judgement.claim("every bad version is named, and no other", named == bad, format!("named {named:?}, bad {bad:?}"));
    judgement.claim(
        "panics of the new engine and zero scores of the old one are one incident",
        both_effects(incident) && diagnosis.incidents.iter().filter(|other| shows_an_effect(other)).count() == 1,
        diagnosis
            .incidents
            .iter()
            .map(|incident| format!("{} {:?}", incident.id, incident.signals))
            .collect::<Vec<_>>()
            .join("; "),
    );
    innocence(judgement, diagnosis, truth);
}

fn surge(judgement: &mut Judgement, diagnosis: &Diagnosis, truth: &Truth) {
    let refused: u64 = truth.served.values().map(|served| served.refused).sum();
    judgement.claim("the surge hurt: requests were refused", refused > 100, format!("{refused} refused"));
    innocence(judgement, diagnosis, truth);
}

/// Nothing but the guilty versions was ever accused, at any time of the run.
fn innocence(judgement: &mut Judgement, diagnosis: &Diagnosis, truth: &Truth) {
    let now = diagnosis.incidents.iter().map(|incident| (incident.verdict, incident.cause.as_ref()));
    let earlier = diagnosis.incidents.iter().flat_map(|incident| &incident.history);
    let all = now.chain(earlier.map(|entry| (entry.verdict, entry.cause.as_ref())));
    let wrong: Vec<String> = all
        .filter(|(verdict, cause)| accuses_wrongly(*verdict, *cause, truth))
        .map(|(verdict, cause)| told(verdict, cause))
        .collect();
    judgement.claim("nothing innocent was accused at any time", wrong.is_empty(), wrong.join("; "));
}

fn accuses_wrongly(verdict: Verdict, cause: Option<&Cause>, truth: &Truth) -> bool {
    verdict.accuses() && !cause.is_some_and(|cause| is_guilty(cause, truth) && !blames_a_change(cause, truth))
}

fn told(verdict: Verdict, cause: Option<&Cause>) -> String {
    format!("{}: {}", verdict.as_str(), cause.map_or_else(|| "nothing".to_owned(), sentence::what))
}

fn is_guilty(cause: &Cause, truth: &Truth) -> bool {
    cause.kind == CauseKind::Config
        && cause.config.as_deref() == Some(GUILTY_CONFIG)
        && !cause.hashes.is_empty()
        && cause.hashes.iter().all(|hash| truth.bad.contains(hash))
}

/// Whether one of the innocent changes stands beside the cause.
fn blames_a_change(cause: &Cause, truth: &Truth) -> bool {
    cause.change.as_ref().is_some_and(|change| truth.innocent.changes.contains(&change.id))
}

fn property() -> Option<Property> {
    let limit = i64::try_from(ROWS_LIMIT).ok()?;
    Some(Property::number(Fact::Rows, Comparison::Above, limit))
}

fn both_effects(incident: &Incident) -> bool {
    incident.signals.contains(&Signal::Panics) && incident.signals.contains(&Signal::Scores)
}

fn shows_an_effect(incident: &Incident) -> bool {
    let effect = |signal: &Signal| matches!(signal, Signal::Errors | Signal::Panics | Signal::Scores);
    incident.signals.iter().any(effect)
}

/// Whether what the processes recorded arrived in full, also from those that were killed. Exact up to answers that got
/// lost on the way to the client: the panics of each host, and the requests under the bad versions.
#[must_use]
pub(crate) fn nothing_lost(snapshot: &Snapshot, truth: &Truth) -> Finding {
    let (mut wrong, mut panics, mut lost) = (Vec::new(), 0, 0);
    for (host, served) in &truth.served {
        let seen = snapshot.hosts.iter().find(|view| view.host == **host).map_or(0, |view| view.panics);
        panics += served.panicked;
        lost += served.lost;
        if !(served.panicked..=served.panicked + served.lost).contains(&seen) {
            wrong.push(format!("{host}: {} panics and {} lost, {seen} recorded", served.panicked, served.lost));
        }
    }
    let under = |hash: &Hash| truth.answered_under.get(&hash.short()).copied().unwrap_or(0);
    let answered = panics + truth.bad.iter().map(under).sum::<u64>();
    let views = snapshot.versions.iter().filter(|view| truth.bad.contains(&view.hash));
    let recorded: u64 = views.map(|view| view.requests).sum();
    if !(answered..=answered + lost).contains(&recorded) || panics == 0 {
        wrong.push(format!("under the bad versions {answered} answered and {lost} lost, {recorded} recorded"));
    }
    let killed = truth.killed.len();
    let detail = format!("{recorded} requests under the bad versions, {panics} panics, {killed} processes killed");
    let holds = wrong.is_empty();
    Finding { claim: "nothing recorded was lost", holds, detail: if holds { detail } else { wrong.join("; ") } }
}

#[cfg(test)]
mod tests;
