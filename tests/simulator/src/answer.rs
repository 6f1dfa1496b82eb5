//! Admissible answers of one run, resolved from the scenario before the engine is run on it: which causes may be named at
//! all. Which property separates is resolved from what was loaded, without looking at any answer.

mod property;

use crate::plan::Plan;
use crate::scenario::{AnswerSpec, Scenario};
use crate::truth::Truth;
use firstbad_protocol::Hash;
use firstbad_protocol::verdict::{Cause, CauseKind, Verdict};
use property::separating;
use std::collections::{BTreeMap, BTreeSet};

/// One admissible answer of this run.
#[derive(Clone, Debug)]
pub struct Answer {
    verdicts: Vec<Verdict>,
    nothing: bool,
    kind: Option<CauseKind>,
    config: Option<String>,
    tag: Option<String>,
    hashes: BTreeSet<Hash>,
    property: Vec<String>,
    scope: Vec<BTreeMap<String, String>>,
    dimensions: Vec<BTreeMap<String, String>>,
    change: Option<String>,
}

impl Answer {
    /// The answers of `specs` in this run.
    #[must_use]
    pub fn resolve_all(specs: &[AnswerSpec], scenario: &Scenario, plan: &Plan) -> Vec<Self> {
        specs.iter().map(|spec| Self::resolve(spec, scenario, plan)).collect()
    }

    fn resolve(spec: &AnswerSpec, scenario: &Scenario, plan: &Plan) -> Self {
        let tagged = plan.versions.iter().filter(|version| version.tag.is_some() && version.tag == spec.tag);
        let publish = scenario.publish.iter().find(|publish| Some(&publish.tag) == spec.tag.as_ref());
        let config = spec.config.clone().or_else(|| publish.and_then(|publish| publish.config.clone()));
        let main = spec.tag.as_ref().map(|_| scenario.config.name.clone());
        let maps = |texts: &[String]| texts.iter().flat_map(|text| fill(text, plan)).map(|text| map(&text)).collect();
        Self {
            verdicts: spec.verdict.iter().filter_map(|word| verdict(word)).collect(),
            nothing: spec.verdict.iter().any(|word| word == "none"),
            kind: kind(&spec.kind),
            config: config.or(main),
            tag: spec.tag.clone(),
            hashes: tagged.map(|version| version.hash).collect(),
            property: spec.property.clone(),
            scope: maps(&spec.scope),
            dimensions: maps(&spec.dimensions),
            change: spec.change.clone(),
        }
    }

    /// Whether it is admissible that there is no incident.
    #[must_use]
    pub fn allows_nothing(&self) -> bool {
        self.nothing
    }

    /// Whether the verdict is of an admissible strength.
    #[must_use]
    pub fn allows(&self, verdict: Verdict) -> bool {
        self.verdicts.contains(&verdict)
    }

    /// Whether it says what kind of thing must be named.
    #[must_use]
    pub fn is_specific(&self) -> bool {
        self.kind.is_some()
    }

    /// Whether some verdict of this answer accuses.
    #[must_use]
    pub fn accuses(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.accuses())
    }

    /// Whether a sentence speaks of one of its versions.
    #[must_use]
    pub fn speaks_of(&self, sentence: &str) -> bool {
        self.hashes.iter().any(|hash| sentence.contains(&hash.short()))
    }

    /// Whether `cause` names the right thing, whatever it says about property and scope.
    #[must_use]
    pub fn names(&self, cause: Option<&Cause>) -> bool {
        let Some(cause) = cause else { return self.kind.is_none() };
        let right_hashes = self.tag.is_none()
            || (!cause.hashes.is_empty() && cause.hashes.iter().all(|hash| self.hashes.contains(hash)));
        let right_place = self.kind != Some(CauseKind::Dimension) && self.kind != Some(CauseKind::Host)
            || self.dimensions.is_empty()
            || self.dimensions.contains(&cause.dimensions);
        let right_binary =
            self.kind != Some(CauseKind::Binary) || self.scope.is_empty() || self.scope.contains(&cause.scope);
        let change = cause.change.as_ref().map(|change| change.id.as_str());
        let right_change =
            self.kind != Some(CauseKind::Change) || self.change.is_none() || self.change.as_deref() == change;
        (self.kind.is_none() || self.kind == Some(cause.kind))
            && (self.config.is_none() || self.config == cause.config)
            && right_hashes
            && right_place
            && right_binary
            && right_change
    }

    /// Whether the scope is right; none if the scenario does not say.
    #[must_use]
    pub fn scope_is_right(&self, cause: &Cause) -> Option<bool> {
        (!self.scope.is_empty()).then(|| self.scope.contains(&cause.scope))
    }

    /// Whether the property is right; none if the scenario does not say.
    #[must_use]
    pub fn property_is_right(&self, cause: &Cause, plan: &Plan, truth: &Truth) -> Option<bool> {
        if self.property.is_empty() || self.property.iter().any(|word| word == "any") {
            return None;
        }
        Some(self.properties(plan, truth).contains(&cause.property.as_ref().map(ToString::to_string)))
    }

    /// Every admissible property.
    #[must_use]
    pub fn properties(&self, plan: &Plan, truth: &Truth) -> BTreeSet<Option<String>> {
        let mut all = BTreeSet::new();
        for word in &self.property {
            match word.as_str() {
                "null" => {
                    all.insert(None);
                }
                "content" => all.extend(separating(self.tag.as_deref(), plan, truth)),
                literal => {
                    all.insert(Some(literal.to_owned()));
                }
            }
        }
        all
    }

    /// Whether every version that was loaded widely and early enough is named.
    #[must_use]
    pub fn is_complete(&self, cause: &Cause, plan: &Plan, truth: &Truth) -> Option<bool> {
        let tag = self.tag.as_ref()?;
        let late = plan.length_s - (6.0 * plan.interval_s).max(120.0);
        let mut wide = plan.versions.iter().enumerate().filter(|(index, version)| {
            version.tag.as_ref() == Some(tag)
                && truth.loaded(*index).is_some_and(|loaded| loaded.first_s < late && loaded.loads >= 12)
        });
        Some(wide.all(|(_, version)| cause.hashes.contains(&version.hash)))
    }

    /// In a few words, for the list of failures.
    #[must_use]
    pub fn in_words(&self) -> String {
        let verdicts: Vec<&str> = self.verdicts.iter().map(|verdict| verdict.as_str()).collect();
        let mut text = if self.nothing { String::from("none") } else { String::new() };
        text.push_str(&verdicts.join("/"));
        if let Some(kind) = self.kind {
            text.push_str(&format!(" {kind:?}").to_lowercase());
        }
        for word in self.config.iter().chain(&self.tag).chain(&self.change) {
            text.push(' ');
            text.push_str(word);
        }
        for (what, maps) in [("scope", &self.scope), ("dims", &self.dimensions)] {
            if !maps.is_empty() {
                text.push_str(&format!(" {what}={maps:?}"));
            }
        }
        text
    }
}

fn verdict(word: &str) -> Option<Verdict> {
    [Verdict::Cause, Verdict::Suspect, Verdict::External, Verdict::InsufficientEvidence]
        .into_iter()
        .find(|v| v.as_str() == word)
}

fn kind(word: &str) -> Option<CauseKind> {
    Some(match word {
        "config" => CauseKind::Config,
        "binary" => CauseKind::Binary,
        "change" => CauseKind::Change,
        "dimension" => CauseKind::Dimension,
        "host" => CauseKind::Host,
        "time" => CauseKind::Time,
        "traffic" => CauseKind::Traffic,
        "request" => CauseKind::Request,
        _ => return None,
    })
}

/// Fills `{region}`, `{host}`, `{cell}` with each thing that an effect was restricted to.
fn fill(text: &str, plan: &Plan) -> Vec<String> {
    let regions = plan.effects.iter().flat_map(|effect| &effect.regions).filter_map(|i| plan.fleet.regions.get(*i));
    let hosts =
        plan.effects.iter().flat_map(|effect| &effect.chosen).filter_map(|i| plan.hosts.get(*i)).map(|host| &host.name);
    let hit = plan.effects.iter().map(|effect| effect.cells).max().unwrap_or(0);
    let cells = plan.fleet.cells.iter().take(hit).flat_map(|cell| cell.values());
    let with = |mark: &str, values: Vec<&str>| values.iter().map(|value| text.replace(mark, value)).collect::<Vec<_>>();
    if text.contains("{region}") {
        return with("{region}", regions.map(|name| &**name).collect());
    }
    if text.contains("{host}") {
        return with("{host}", hosts.map(|name| &**name).collect());
    }
    if text.contains("{cell}") {
        return with("{cell}", cells.map(|name| &**name).collect());
    }
    vec![text.to_owned()]
}

fn map(text: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}
