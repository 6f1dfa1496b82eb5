//! Holds every answer that the engine gives during a run against the admissible ones: right at the end, named when, and
//! whether anything inadmissible was ever said on the way.

use crate::answer::Answer;
use crate::compare::Named;
use crate::effect::Kind;
use crate::outcome::{MethodSaid, Outcome, Said};
use crate::plan::Plan;
use crate::scenario::Scenario;
use crate::truth::Truth;
use firstbad_protocol::verdict::{Cause, CauseKind, Diagnosis, Incident, Verdict};

/// Watches a run.
#[derive(Debug)]
pub struct Judge<'a> {
    plan: &'a Plan,
    scenario: &'a Scenario,
    answers: Vec<Answer>,
    interim: Vec<Answer>,
    outcome: Outcome,
    named_at: Option<f64>,
    standing: bool,
}

impl<'a> Judge<'a> {
    /// A judge who has fixed what is admissible.
    #[must_use]
    pub fn new(scenario: &'a Scenario, plan: &'a Plan, seed: u64) -> Self {
        let answers = Answer::resolve_all(&scenario.expect.answer, scenario, plan);
        let admissible: Vec<String> = answers.iter().map(Answer::in_words).collect();
        let outcome = Outcome {
            scenario: scenario.name.clone(),
            seed,
            class: scenario.expect.class.clone(),
            admissible: admissible.join(" | "),
            hosts: plan.hosts.len(),
            intervals: plan.length_s / plan.interval_s,
            failed_requests: plan.effects.iter().any(|effect| matches!(effect.kind, Kind::Panic | Kind::Error)),
            ..Outcome::default()
        };
        let interim = Answer::resolve_all(&scenario.expect.interim, scenario, plan);
        Self { plan, scenario, answers, interim, outcome, named_at: None, standing: false }
    }

    /// Whether a positive name was ever given.
    #[must_use]
    pub fn named_at(&self) -> Option<f64> {
        self.named_at
    }

    /// Looks at what the engine says at second `at`.
    pub fn watch(&mut self, diagnosis: &Diagnosis, at: f64, truth: &Truth) {
        let mut named = false;
        for incident in &diagnosis.incidents {
            let cause = incident.cause.as_ref();
            if incident.verdict.accuses() {
                if self.answers.iter().any(|answer| answer.accuses() && answer.names(cause)) {
                    named = true;
                } else if !self.interim.iter().any(|answer| answer.allows(incident.verdict) && answer.names(cause)) {
                    let words = || format!("at {at:.0} s: {}", in_words(incident, self.plan));
                    self.outcome.false_accusation.get_or_insert_with(words);
                }
            }
            let guilty = self.scenario.expect.class == "positive" && truth.nth_exposed(1).is_some();
            let allowed = self
                .answers
                .iter()
                .chain(&self.interim)
                .any(|answer| answer.allows(Verdict::External) && answer.names(cause));
            if guilty && incident.verdict == Verdict::External && !allowed {
                let words = || format!("at {at:.0} s: {}", in_words(incident, self.plan));
                self.outcome.wrong_exoneration.get_or_insert_with(words);
            }
        }
        if named {
            self.named_at.get_or_insert(at);
        }
        if self.standing && !named {
            self.outcome.flips += 1;
        }
        self.standing = named;
    }

    /// Judges what methods name: a change that is not admissible is a false accusation.
    pub fn compare(&mut self, named: Vec<Named>) {
        let accuses = |cause: &Cause| matches!(cause.kind, CauseKind::Config | CauseKind::Binary | CauseKind::Change);
        let calm = |answer: &Answer| answer.allows_nothing() || answer.allows(Verdict::InsufficientEvidence);
        let may_be_calm = self.answers.iter().any(calm);
        for Named { method, moment, cause } in named {
            // `external` without a kind admits any place, moment or traffic, and no change.
            let vague =
                |answer: &Answer| answer.allows(Verdict::External) && cause.as_ref().is_some_and(|c| !accuses(c));
            let right = |answer: &Answer| {
                !answer.allows_nothing() && answer.names(cause.as_ref()) && (answer.is_specific() || vague(answer))
            };
            let said = match &cause {
                None if may_be_calm => Said::Right,
                None => Said::Silent,
                Some(_) if self.answers.iter().any(right) => Said::Right,
                Some(cause) if accuses(cause) => Said::FalseAccusation,
                Some(_) => Said::WrongPlace,
            };
            self.outcome.methods.push(MethodSaid { method: method.into(), moment, said });
        }
    }

    /// The outcome, given the last diagnosis.
    #[must_use]
    pub fn finish(mut self, diagnosis: &Diagnosis, truth: &Truth) -> Outcome {
        self.judge_end(diagnosis, truth);
        let first = truth.nth_exposed(1).or_else(|| truth.nth_suffering(1));
        let since = match self.scenario.expect.measure.as_str() {
            "symptom" => truth.nth_suffering(1),
            _ => truth.nth_exposed(12).or_else(|| truth.nth_suffering(12)),
        };
        let named = self.named_at;
        self.outcome.exposed = (truth.hosts_exposed(), truth.hosts_suffering());
        self.outcome.from_first_s = named.zip(first).map(|(named, first)| (named - first).max(0.0));
        self.outcome.to_name_s = named.zip(since).map(|(named, since)| (named - since).max(0.0));
        self.outcome
    }

    fn judge_end(&mut self, diagnosis: &Diagnosis, truth: &Truth) {
        let incidents = &diagnosis.incidents;
        let guilty = |line: &str| self.answers.iter().any(|answer| answer.accuses() && answer.speaks_of(line));
        let lines = incidents.iter().flat_map(|incident| &incident.ruled_out).map(|ruled| &ruled.reason);
        let outcome = &mut self.outcome;
        outcome.ruled_out = lines.filter(|_| outcome.class == "positive").find(|line| guilty(line)).cloned();
        outcome.incidents = incidents.len();
        outcome.too_many_incidents = incidents.len() > self.scenario.expect.incidents_max;
        let words: Vec<String> = incidents.iter().map(|incident| in_words(incident, self.plan)).collect();
        outcome.answered = if words.is_empty() { "none".into() } else { words.join(" + ") };
        let may_be_calm = self.answers.iter().any(Answer::allows_nothing);
        outcome.abstained = outcome.class == "positive"
            && !may_be_calm
            && !incidents.iter().any(|incident| incident.verdict.accuses() || incident.verdict == Verdict::External);
        if incidents.is_empty() {
            outcome.right = may_be_calm;
            return;
        }
        let fits = |incident: &Incident, answer: &Answer| {
            answer.allows(incident.verdict) && answer.names(incident.cause.as_ref())
        };
        let found = incidents.iter().find_map(|incident| {
            let answer = self.answers.iter().find(|answer| fits(incident, answer))?;
            Some((incident, answer))
        });
        let leading = found.map(|(incident, _)| incident).or_else(|| incidents.iter().find(|i| i.verdict.accuses()));
        outcome.confidence = leading.and_then(|incident| incident.suspects.first()).map(|suspect| suspect.confidence);
        outcome.accuses = leading.is_some_and(|incident| incident.verdict.accuses());
        outcome.right = found.is_some();
        let Some((incident, answer)) = found else { return };
        if let Some(cause) = &incident.cause {
            outcome.property = answer.property_is_right(cause, self.plan, truth);
            outcome.scope = answer.scope_is_right(cause);
            outcome.complete = answer.is_complete(cause, self.plan, truth);
            if outcome.property == Some(false) {
                let words: Vec<String> = answer
                    .properties(self.plan, truth)
                    .into_iter()
                    .map(|p| p.unwrap_or_else(|| "null".into()))
                    .collect();
                outcome.admissible.push_str(&format!(" with property {}", words.join(" | ")));
            }
        }
    }
}

/// An incident in a few words, versions by tag.
#[must_use]
pub fn in_words(incident: &Incident, plan: &Plan) -> String {
    let mut text = incident.verdict.as_str().to_owned();
    let Some(cause) = &incident.cause else {
        let first = incident.suspects.first().map(|s| format!("{:?} {}", s.kind, s.config.as_deref().unwrap_or("")));
        return format!("{text} {:?} (first suspect {})", incident.signals, first.unwrap_or_else(|| "none".into()));
    };
    text.push_str(&format!(" {:?}", cause.kind).to_lowercase());
    if let Some(config) = &cause.config {
        let tag = |hash: &firstbad_protocol::Hash| {
            plan.versions
                .iter()
                .find(|version| version.hash == *hash)
                .map_or("unknown", |v| v.tag.as_deref().unwrap_or("clean"))
        };
        let tags: Vec<&str> = cause.hashes.iter().map(tag).collect();
        text.push_str(&format!(" {config} [{}]", tags.join(" ")));
    }
    if let Some(property) = &cause.property {
        text.push_str(&format!(" `{property}`"));
    }
    for (what, map) in [("scope", &cause.scope), ("dims", &cause.dimensions)] {
        if !map.is_empty() {
            text.push_str(&format!(" {what}={map:?}"));
        }
    }
    if let Some(change) = &cause.change {
        text.push_str(&format!(" change={}", change.id));
    }
    text
}
