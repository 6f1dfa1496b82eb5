//! Versions of several configs that do harm and come from one producer, where versions of the same configs from others do
//! none: the explanation is the producer, and what they do is one incident.

use crate::evidence::producer::producer;
use crate::hypothesis::producer::{Sibling, Siblings};
use crate::numerics::time::Span;
use crate::scene::Scene;
use crate::state::State;
use crate::state::ids::{LevelId, UnitId};
use crate::state::model::Family;
use crate::state::symptom::{Named, Symptom};
use firstbad_protocol::Property;
use firstbad_protocol::property::WordFact;
use firstbad_protocol::time::SECOND_NS;
use firstbad_protocol::verdict::{Cause, CauseKind};
use std::collections::{BTreeMap, BTreeSet};

/// Greatest time between the onsets of two symptoms of one producer. Source: contract, what comes back within half an hour
/// is the same incident.
const WITHIN: Span = Span(1800 * SECOND_NS);

/// Notes the producer of what a symptom accuses. Once it is known it stays known for that config: the versions that repair
/// it come from the same producer.
pub(crate) fn tell_producer(state: &State, symptom: &mut Symptom, before: Option<&Named>, scene: &Scene<'_>) {
    let accuses = symptom.verdict.accuses();
    let Some(named) = symptom.named.as_mut().filter(|named| accuses && named.kind == CauseKind::Config) else { return };
    let Some(factor) = named.factor else { return };
    let known = before.filter(|before| before.factor == named.factor).and_then(|before| before.producer.clone());
    named.producer = known.or_else(|| producer(state, scene, Family { factor, levels: &named.levels }));
}

/// Whether two symptoms accuse versions of different configs from one producer at the same time.
pub(crate) fn are_siblings(one: &Symptom, two: &Symptom) -> bool {
    let accuse = one.verdict.accuses() && two.verdict.accuses();
    let near = (one.onset - two.onset).abs() <= WITHIN;
    let alike = one.named.as_ref().zip(two.named.as_ref()).is_some_and(|(one, two)| one.shares_producer(two));
    one.id != two.id && accuse && near && alike
}

/// Configs other than that of the leading symptom, if its incident has several from one producer.
pub(crate) fn siblings(state: &State, symptoms: &[&Symptom], lead: &Symptom) -> Option<Siblings> {
    let mut found: BTreeMap<&str, Found> = BTreeMap::new();
    for other in symptoms.iter().filter(|other| are_siblings(lead, other)) {
        let Some(config) = other.factor().and_then(|factor| state.tables.config_name(factor)) else { continue };
        let of_config = found.entry(config).or_default();
        of_config.versions.extend(other.accused());
        of_config.hosts.extend(&other.hosts);
    }
    let told = found.into_iter().map(|(config, Found { versions, hosts })| Sibling {
        config: config.to_owned(),
        versions: versions.len(),
        hosts: hosts.len(),
    });
    let others: Vec<Sibling> = told.collect();
    let producer = lead.named.as_ref()?.producer.as_ref()?.to_string();
    (!others.is_empty()).then_some(Siblings { producer, others })
}

/// Accused versions of one config, and hosts that they hit.
#[derive(Clone, Debug, Default)]
struct Found {
    versions: BTreeSet<LevelId>,
    hosts: BTreeSet<UnitId>,
}

/// The producer comes before what else separates the versions of the named config: it explains the others as well.
pub(crate) fn tell_property(cause: &mut Cause, producer: &str) {
    let property = Property::word(WordFact::Source, producer);
    let before = cause.property.replace(property.clone());
    cause.also_separates.retain(|other| *other != property);
    cause.also_separates.splice(0..0, before.filter(|before| *before != property));
}
