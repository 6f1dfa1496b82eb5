//! When a playbook applies: every condition that a rule states must hold. The rule with the most conditions wins, so that a
//! precise playbook beats a general one. Patterns are bounded before they are compiled (reliability.md F1).

use firstbad_protocol::Property;
use firstbad_protocol::verdict::{Cause, CauseKind, Incident, Pattern, Signal, State, Verdict};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

const PATTERN_BYTES_MAX: usize = 1 << 10;
const COMPILED_BYTES_MAX: usize = 256 << 10;
const DFA_BYTES_MAX: usize = 1 << 20;
const NESTING_MAX: u32 = 50;
const HAYSTACK_BYTES_MAX: usize = 8 << 10;

/// One rule: conditions on an incident. A condition that is not stated holds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// One of these verdicts.
    #[serde(default)]
    verdict: Vec<Verdict>,
    /// The cause is of one of these kinds.
    #[serde(default)]
    kind: Vec<CauseKind>,
    /// Any of these signals.
    #[serde(default)]
    signal: Vec<Signal>,
    /// None of these signals.
    #[serde(default)]
    not_signal: Vec<Signal>,
    /// One of these patterns of movement.
    #[serde(default)]
    pattern: Vec<Pattern>,
    /// One of these states.
    #[serde(default)]
    state: Vec<State>,
    /// The cause's property, or one that separates as well, matches.
    property: Option<String>,
    /// The first error's message matches.
    error: Option<String>,
    /// A finding about the input matches.
    finding: Option<String>,
    /// The evidence for a suspect of the first rank matches.
    evidence: Option<String>,
    /// A dimension of the cause matches, written `key=value`.
    dimension: Option<String>,
    /// Whether the cause has a property of its content.
    has_property: Option<bool>,
    /// Whether the cause is narrowed to a part of the fleet, such as one binary.
    scoped: Option<bool>,
    /// Whether a version that was called good may be spoilt.
    contaminated: Option<bool>,
    /// Whether requests were not scored.
    unscored: Option<bool>,
    /// A scenario that must match, and one that must not: for the tests of the rules, not for incidents.
    like: Option<String>,
    unlike: Option<String>,
    #[serde(skip)]
    compiled: Compiled,
}

#[derive(Clone, Debug, Default)]
struct Compiled {
    property: Option<Regex>,
    error: Option<Regex>,
    finding: Option<Regex>,
    evidence: Option<Regex>,
    dimension: Option<Regex>,
}

impl Rule {
    /// Compiles the patterns.
    ///
    /// # Errors
    /// A sentence that names the pattern and why it is refused.
    pub(crate) fn compile(&mut self) -> Result<(), String> {
        let bounded = |pattern: &Option<String>| pattern.as_deref().map(bounded).transpose();
        self.compiled = Compiled {
            property: bounded(&self.property)?,
            error: bounded(&self.error)?,
            finding: bounded(&self.finding)?,
            evidence: bounded(&self.evidence)?,
            dimension: bounded(&self.dimension)?,
        };
        Ok(())
    }

    /// How many conditions hold, or none if one does not. Among equals, the rule that fits the cause's own property comes
    /// before one that fits what merely separates as well: repeated rows explain an outgrown limit, they do not replace it.
    pub(crate) fn strength(&self, incident: &Incident) -> Option<(u32, bool)> {
        let stated: Vec<bool> = self.listed(incident).into_iter().chain(self.written(incident)).flatten().collect();
        let own = incident.cause.as_ref().and_then(|cause| cause.property.as_ref());
        let fits_own = self
            .compiled
            .property
            .as_ref()
            .zip(own)
            .is_some_and(|(wanted, property)| finds(wanted, &property.to_string()));
        stated.iter().all(|holds| *holds).then(|| (u32::try_from(stated.len()).unwrap_or(u32::MAX), fits_own))
    }

    /// The scenario that must match, and the one that must not.
    pub(crate) fn examples(&self) -> Examples<'_> {
        Examples { like: self.like.as_deref(), unlike: self.unlike.as_deref() }
    }

    /// Conditions that are lists or yes and no; none where one is not stated.
    fn listed(&self, incident: &Incident) -> [Option<bool>; 10] {
        let cause = incident.cause.as_ref();
        let has_property = cause.is_some_and(|cause| cause.property.is_some());
        let is_scoped = cause.is_some_and(|cause| !cause.scope.is_empty());
        let is_spoilt = incident.last_known_good.as_ref().is_some_and(|good| good.contaminated);
        [
            listed(&self.verdict, |verdict| *verdict == incident.verdict),
            listed(&self.kind, |wanted| Some(*wanted) == cause.map(|cause| cause.kind)),
            listed(&self.signal, |signal| incident.signals.contains(signal)),
            listed(&self.not_signal, |_| !self.not_signal.iter().any(|signal| incident.signals.contains(signal))),
            listed(&self.pattern, |pattern| *pattern == incident.pattern),
            listed(&self.state, |state| *state == incident.state),
            self.has_property.map(|wanted| wanted == has_property),
            self.scoped.map(|wanted| wanted == is_scoped),
            self.contaminated.map(|wanted| wanted == is_spoilt),
            self.unscored.map(|wanted| wanted == (incident.impact.requests_unscored > 0)),
        ]
    }

    /// Conditions that are patterns; none where one is not stated.
    fn written(&self, incident: &Incident) -> [Option<bool>; 5] {
        let Compiled { property, error, finding, evidence, dimension } = &self.compiled;
        let cause = incident.cause.as_ref();
        let findings = || incident.input.iter().flat_map(|input| &input.findings);
        let first = || incident.suspects.iter().filter(|suspect| suspect.rank == 1);
        [
            property.as_ref().map(|wanted| properties(cause).any(|property| finds(wanted, &property.to_string()))),
            error.as_ref().map(|wanted| incident.first_error.iter().any(|error| finds(wanted, &error.message))),
            finding.as_ref().map(|wanted| findings().any(|finding| finds(wanted, &finding.to_string()))),
            evidence
                .as_ref()
                .map(|wanted| first().flat_map(|suspect| &suspect.evidence).any(|text| finds(wanted, text))),
            dimension.as_ref().map(|wanted| {
                let dimensions = cause.into_iter().flat_map(|cause| &cause.dimensions);
                dimensions.into_iter().any(|(key, value)| finds(wanted, &format!("{key}={value}")))
            }),
        ]
    }
}

/// Names of scenarios of a rule, or of verdicts written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Examples<'a> {
    /// One that must match.
    pub like: Option<&'a str>,
    /// One that must not.
    pub unlike: Option<&'a str>,
}

/// None where nothing is listed, else whether `holds` for any.
fn listed<T>(list: &[T], holds: impl Fn(&T) -> bool) -> Option<bool> {
    (!list.is_empty()).then(|| list.iter().any(holds))
}

fn properties(cause: Option<&Cause>) -> impl Iterator<Item = &Property> {
    cause.into_iter().flat_map(|cause| cause.property.iter().chain(&cause.also_separates))
}

fn finds(pattern: &Regex, text: &str) -> bool {
    let mut end = text.len().min(HAYSTACK_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).is_some_and(|head| pattern.is_match(head))
}

fn bounded(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(format!("pattern of {} bytes, at most {PATTERN_BYTES_MAX} are taken", pattern.len()));
    }
    RegexBuilder::new(pattern)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(DFA_BYTES_MAX)
        .nest_limit(NESTING_MAX)
        .build()
        .map_err(|error| format!("pattern `{pattern}` is refused: {}", error.to_string().replace('\n', " ")))
}
