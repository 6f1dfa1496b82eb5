//! Compares a verdict with the admissible ones, and counts what is right and what is wrong. What is admissible is decided in
//! `rules` and `oracle`.

use super::dating::{self, Dates};
use super::diagnosis::{Cause, Diagnosis, Incident, accuses, short};
use super::evidence::Evidence;
use super::guilt::Culprit;
use super::oracle::{self, Sight};
use super::outcome::Outcome;
use super::refused;
use super::rules::{self, Facts, Named};
use super::world::World;
use std::collections::BTreeSet;

/// Time, seconds, after which an incident must be resolved: this long plus two report intervals after the last harm. Chosen.
const OVER_AFTER_S: f64 = 300.0;

/// The judge of one draw.
pub(crate) struct Judge<'a> {
    world: &'a World,
    evidence: &'a Evidence,
    needed: Vec<BTreeSet<usize>>,
    sights: Vec<Sight>,
    dates: Dates,
}

impl<'a> Judge<'a> {
    /// Returns a judge that has fixed what is admissible.
    pub(crate) fn new(world: &'a World, evidence: &'a Evidence) -> Self {
        let sights = (0..world.guilts.len()).map(|number| oracle::sight(world, evidence, number)).collect();
        let dates = Dates::of(world, evidence);
        Self { world, evidence, needed: rules::needed(world, evidence), sights, dates }
    }

    /// Returns what the wire reveals of each guilt.
    pub(crate) fn sights(&self) -> &[Sight] {
        &self.sights
    }

    fn named(&self, incident: &Incident, cause: &Cause) -> Named {
        let facts = Facts { world: self.world, evidence: self.evidence, needed: &self.needed };
        rules::named(facts, incident, cause)
    }

    /// Judges `diagnosis`.
    pub(crate) fn judge(&self, diagnosis: &Diagnosis) -> Outcome {
        let mut outcome = self.summary();
        outcome.incidents = diagnosis.incidents.len();
        outcome.said = diagnosis.incidents.iter().map(words).collect::<Vec<_>>().join(" + ");
        for incident in &diagnosis.incidents {
            self.accusations(incident, &mut outcome);
            self.needless(incident, &mut outcome);
        }
        for number in 0..self.world.guilts.len() {
            self.guilt(number, diagnosis, &mut outcome);
            self.exonerations(number, diagnosis, &mut outcome);
        }
        outcome
    }

    fn summary(&self) -> Outcome {
        let world = self.world;
        let style = world.fleet.styles.first();
        let kinds: Vec<String> = world.nuisances.iter().map(|planned| format!("{:?}", planned.kind)).collect();
        Outcome {
            seed: world.seed,
            hosts: world.fleet.hosts.len(),
            interval_s: world.step_s(),
            length_s: world.fleet.length_s.round(),
            host_days: self.evidence.host_s / 86_400.0,
            style: style.map_or_else(String::new, |style| {
                format!(
                    "{:?} {:?} {}",
                    style.counts,
                    style.identity,
                    if style.cumulative { "cumulative" } else { "delta" }
                )
            }),
            truth: world.guilts.iter().map(|guilt| guilt.words.clone()).collect::<Vec<_>>().join(" and "),
            nuisances: kinds.join("+"),
            sight: self.sights.iter().map(|sight| format!("{sight:?}")).collect::<Vec<_>>().join(" and "),
            calm: world.guilts.is_empty() && world.harms.is_empty(),
            ..Outcome::default()
        }
    }

    /// Counts accusations of innocent changes, at the end and in the history. "A `cause` or `suspect` verdict accuses."
    fn accusations(&self, incident: &Incident, outcome: &mut Outcome) {
        let now = incident.cause.as_ref().filter(|_| accuses(&incident.verdict));
        let before =
            incident.history.iter().filter(|past| accuses(&past.verdict)).filter_map(|past| past.cause.as_ref());
        for cause in before.chain(now) {
            if self.named(incident, cause) == Named::Innocent {
                outcome.accused += 1;
                if outcome.accused_words.is_empty() {
                    outcome.accused_words = format!("{} {}", incident.id, cause.words());
                }
            }
        }
        let Some((cause, first)) = now.zip(incident.suspects.first()) else { return };
        let right = !matches!(self.named(incident, cause), Named::Innocent);
        let sign = if right { '+' } else { '-' };
        outcome.confidences.push_str(&format!("{:.3}{sign} ", first.confidence));
    }

    /// Counts verdicts that exonerate guilt number `number`: `external` "does not accuse a change", and `ruled_out` excludes
    /// one, so neither is admissible for a guilt that the wire reveals. If another incident names the guilt, an `external`
    /// incident about its side effects is needless, but no exoneration.
    fn exonerations(&self, number: usize, diagnosis: &Diagnosis, outcome: &mut Outcome) {
        let Some(guilt) = self.world.guilts.get(number).filter(|guilt| guilt.culprit.is_change()) else { return };
        let Some(dated) = self.dates.guilts.get(number) else { return };
        if matches!(self.sights.get(number), Some(Sight::Hidden(_)) | None) {
            return;
        }
        let slack = 2.0 * self.world.step_s();
        let explained = |incident: &Incident| {
            let named = incident.cause.as_ref().map(|cause| self.named(incident, cause));
            accuses(&incident.verdict) && matches!(named, Some(Named::Guilt(_) | Named::Part(_)))
        };
        let is_named = diagnosis.incidents.iter().any(explained);
        for incident in diagnosis.incidents.iter().filter(|incident| !explained(incident)) {
            let onset = incident.onset.map_or(0.0, dating::second);
            let during = dated.clocks(incident, slack).any(|ahead_s| onset - ahead_s >= guilt.from - slack);
            let other = self.dates.external_is_true(incident) || refused::is_of_refusals(self.evidence, incident);
            if !during || other {
                continue;
            }
            let external = incident.verdict == "external" && !is_named;
            let found = if external { Some(words(incident)) } else { self.ruled_out(incident, &guilt.culprit) };
            let Some(words) = found else { continue };
            outcome.exonerated += 1;
            if outcome.exonerated_words.is_empty() {
                outcome.exonerated_words = format!("{} {words}", incident.id);
            }
        }
    }

    fn ruled_out(&self, incident: &Incident, culprit: &Culprit) -> Option<String> {
        let Culprit::Config { versions, .. } = culprit else { return None };
        let hashes: Vec<String> =
            versions.iter().filter_map(|v| self.world.versions.get(*v)).map(|v| v.hash.to_string()).collect();
        let excluded = incident.ruled_out.iter().filter(|ruled| ruled.what == "config").find(|ruled| {
            let listed = ruled.hashes.iter().any(|hash| hashes.contains(hash));
            listed || (ruled.hashes.is_empty() && hashes.iter().any(|hash| ruled.reason.contains(short(hash))))
        });
        excluded.map(|ruled| ruled.reason.clone())
    }

    fn needless(&self, incident: &Incident, outcome: &mut Outcome) {
        let world = self.world;
        let span = dating::span(world.fleet.length_s, incident);
        if incident.merged_into.is_none()
            && !self.dates.hurts(incident)
            && !refused::is_of_refusals(self.evidence, incident)
        {
            outcome.needless += 1;
            if outcome.needless_words.is_empty() {
                outcome.needless_words = format!(
                    "{} {} of {:?}, {:.0} to {:.0} s",
                    incident.id,
                    words(incident),
                    incident.signals,
                    span.from,
                    span.until
                );
            }
        }
        let ends = |until: f64| if until.is_finite() { until } else { world.fleet.length_s };
        let guilts = world.guilts.iter().map(|guilt| ends(guilt.until));
        let last = guilts.chain(world.harms.iter().map(|harm| ends(harm.until))).fold(0.0, f64::max);
        let over = last + OVER_AFTER_S + 2.0 * world.step_s() < world.fleet.length_s;
        if over && incident.state != "resolved" {
            outcome.open_late += 1;
        }
    }

    fn guilt(&self, number: usize, diagnosis: &Diagnosis, outcome: &mut Outcome) {
        let (Some(guilt), Some(sight)) = (self.world.guilts.get(number), self.sights.get(number)) else { return };
        let Some(dated) = self.dates.guilts.get(number) else { return };
        let of = |incident: &&Incident| {
            incident
                .cause
                .as_ref()
                .map(|cause| self.named(incident, cause))
                .filter(|_| incident.verdict != "insufficient_evidence")
        };
        let whole = diagnosis.incidents.iter().find(|incident| of(incident) == Some(Named::Guilt(number)));
        if !guilt.culprit.is_change() {
            outcome.outside += 1;
            let external = |incident: &Incident| incident.verdict == "external" && dated.meets(incident, 0.0);
            outcome.outside_said += usize::from(diagnosis.incidents.iter().any(external));
            return;
        }
        outcome.guilts += 1;
        let named = whole.filter(|incident| accuses(&incident.verdict));
        outcome.named += usize::from(named.is_some());
        outcome.parts +=
            usize::from(diagnosis.incidents.iter().any(|incident| of(&incident) == Some(Named::Part(number))));
        match sight {
            Sight::Clear => {
                outcome.clear += 1;
                outcome.clear_named += usize::from(named.is_some());
            }
            Sight::Tied(_) => {
                outcome.tied += 1;
                outcome.tied_broken += usize::from(named.is_some());
                outcome.tied_said += usize::from(named.is_none() && self.is_tied(number, diagnosis));
            }
            Sight::Hidden(_) => {}
        }
        if let Some(incident) = named {
            let ahead_s = dated.clocks(incident, 0.0).next().unwrap_or(0.0);
            outcome.to_name_s = incident.named_at.map(|at| self.since_twelfth(number, dating::second(at) - ahead_s));
            self.good(number, incident, outcome);
        }
    }

    /// "Nothing separates them: the verdict is `insufficient_evidence`, `cause` null, all have rank 1."
    fn is_tied(&self, number: usize, diagnosis: &Diagnosis) -> bool {
        let Some(Culprit::Config { versions, .. }) = self.world.guilts.get(number).map(|guilt| &guilt.culprit) else {
            return diagnosis.incidents.iter().any(|incident| incident.verdict == "insufficient_evidence");
        };
        let guilty =
            |hash: &String| rules::version(self.world, hash).is_some_and(|version| versions.contains(&version));
        diagnosis.incidents.iter().filter(|incident| incident.verdict == "insufficient_evidence").any(|incident| {
            let first: Vec<_> = incident.suspects.iter().filter(|suspect| suspect.rank <= 1).collect();
            first.len() > 1 && first.iter().any(|suspect| suspect.hashes.iter().any(guilty))
        })
    }

    fn since_twelfth(&self, number: usize, at: f64) -> f64 {
        let mut since: Vec<f64> =
            self.evidence.guilts.get(number).into_iter().flatten().filter_map(|(_, seen)| seen.since).collect();
        since.sort_by(f64::total_cmp);
        let twelfth = since.get(11).or(since.last()).copied();
        twelfth.map_or(0.0, |twelfth| (at - twelfth).max(0.0))
    }

    fn good(&self, number: usize, incident: &Incident, outcome: &mut Outcome) {
        let is_config =
            self.world.guilts.get(number).is_some_and(|guilt| matches!(guilt.culprit, Culprit::Config { .. }));
        if !is_config {
            return;
        }
        let admissible = rules::good(self.world, self.evidence, number);
        outcome.good_asked += 1;
        let right = match &incident.last_known_good {
            None => admissible.may_be_none || admissible.versions.is_empty(),
            Some(good) => {
                rules::version(self.world, &good.hash).is_some_and(|version| admissible.versions.contains(&version))
            }
        };
        outcome.good_right += usize::from(right);
    }
}

/// Describes an incident in a few words.
pub(crate) fn words(incident: &Incident) -> String {
    let cause = incident.cause.as_ref().map_or_else(|| "nothing".to_owned(), Cause::words);
    format!("{} {} of {:?}", incident.verdict, cause, incident.signals)
}
