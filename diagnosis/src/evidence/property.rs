//! Which property of the content separates the bad versions from the clean ones. An exceeded declared limit is preferred;
//! a fact that only numbers the versions is no property.

use crate::hypothesis::findings::Separator;
use crate::state::model::Level;
use firstbad_protocol::Property;
use firstbad_protocol::property::{Comparison, Fact, WordFact};
use std::collections::BTreeSet;

/// Facts that may be thresholds, the telling ones first.
const FACTS: [Fact; 5] = [Fact::DuplicateRows, Fact::BlankFields, Fact::Rows, Fact::Columns, Fact::Size];

fn number(level: &Level, name: &str) -> Option<i64> {
    level.facts.numbers.get(name).copied()
}

/// Properties that every bad version has and no clean one, best first.
pub(crate) fn properties(bad: &[&Level], clean: &[&Level]) -> Vec<Separator> {
    let mut found = limits(bad, clean);
    let plain = |property: Property| Separator { property, limit: false };
    let rows_empty = |level: &&&Level| number(level, "rows") == Some(0) || number(level, "size") == Some(0);
    if !bad.is_empty() && bad.iter().all(|level| rows_empty(&level)) && !clean.iter().any(|level| rows_empty(&level)) {
        found.push(plain(Property::Empty));
    }
    found.extend(backwards(bad, clean).map(plain));
    found.extend(split(bad, clean).map(plain));
    let published = clean.iter().filter(|level| level.published).count();
    if published > 0 && published == clean.len() && bad.iter().all(|level| !level.published) {
        found.push(plain(Property::Undeclared));
    }
    found.extend(FACTS.iter().filter_map(|fact| threshold(fact, bad, clean)).map(plain));
    found.extend([WordFact::Source, WordFact::Label].iter().filter_map(|fact| word_of(*fact, bad, clean)).map(plain));
    let mut seen = BTreeSet::new();
    found.retain(|found| seen.insert(found.property.clone()));
    found
}

/// Each bad version shares its generation with a clean one. Where clean versions share theirs with each other as well, as
/// they do where every host renders its own, that separates nothing.
fn split(bad: &[&Level], clean: &[&Level]) -> Option<Property> {
    let of_clean: Vec<i64> = clean.iter().filter_map(|level| number(level, "generation")).collect();
    let distinct: BTreeSet<i64> = of_clean.iter().copied().collect();
    let shared = |level: &&Level| number(level, "generation").is_some_and(|of| distinct.contains(&of));
    (!bad.is_empty() && bad.iter().all(shared) && distinct.len() == of_clean.len())
        .then_some(Property::SplitWithinGeneration)
}

fn limits(bad: &[&Level], clean: &[&Level]) -> Vec<Separator> {
    let mut found = Vec::new();
    let declared: std::collections::BTreeMap<&str, i64> = clean
        .iter()
        .chain(bad)
        .flat_map(|level| level.facts.limits.iter().map(|(name, value)| (&**name, *value)))
        .collect();
    for (name, limit) in declared {
        let fact = if name == "bytes" { "size" } else { name };
        let over = |level: &&Level| number(level, fact).is_some_and(|value| value > limit);
        if !bad.is_empty() && bad.iter().all(over) && !clean.iter().any(over) {
            let property = Property::number(Fact::named(fact), Comparison::Above, limit);
            found.push(Separator { property, limit: true });
        }
    }
    found
}

/// Each bad version has a lower generation than a clean one before it. If a clean version has as well, that separates nothing.
fn backwards(bad: &[&Level], clean: &[&Level]) -> Option<Property> {
    let went_back = |level: &&Level| {
        let Some(generation) = number(level, "generation") else { return false };
        let before = clean.iter().filter(|other| other.first_seen < level.first_seen);
        before.filter_map(|other| number(other, "generation")).max().is_some_and(|before| generation < before)
    };
    (!bad.is_empty() && bad.iter().all(went_back) && !clean.iter().any(went_back))
        .then_some(Property::GenerationWentBackwards)
}

/// `fact > largest clean value`, or `fact < least clean value`, where the gap is more than a step of ordinary growth.
fn threshold(fact: &Fact, bad: &[&Level], clean: &[&Level]) -> Option<Property> {
    let number = |level: &Level| number(level, fact.as_str());
    let bad: Vec<i64> = bad.iter().map(|level| number(level)).collect::<Option<_>>()?;
    let clean: Vec<i64> = clean.iter().filter_map(|level| number(level)).collect();
    let (least_bad, most_bad) = (*bad.iter().min()?, *bad.iter().max()?);
    let (least_clean, most_clean) = (*clean.iter().min()?, *clean.iter().max()?);
    // A size seen once only numbers the version.
    if *fact == Fact::Size && (bad.len() < 2 || clean.len() < 2) {
        return None;
    }
    // Numbers of rows and sizes grow; another number of columns is another schema.
    let growth = if *fact == Fact::Columns { 0 } else { most_clean / 10 };
    let step = (most_clean - least_clean).max(growth);
    if least_bad > most_clean + if most_clean == 0 { 0 } else { step } {
        return Some(Property::number(fact.clone(), Comparison::Above, most_clean));
    }
    if most_bad < least_clean - step && !matches!(fact, Fact::DuplicateRows | Fact::BlankFields) {
        return Some(Property::number(fact.clone(), Comparison::Below, least_clean));
    }
    None
}

fn word_of(fact: WordFact, bad: &[&Level], clean: &[&Level]) -> Option<Property> {
    let of = |level: &&Level| level.facts.words.get(fact.as_str()).cloned();
    let value = bad.first().and_then(of)?;
    // A version of before the first load event tells no word: it says nothing here.
    let told: Vec<_> = clean.iter().filter_map(of).collect();
    let several = bad.len() >= 2 && told.len() >= 2;
    let separates = bad.iter().all(|level| of(level).as_ref() == Some(&value)) && !told.contains(&value);
    (several && separates).then(|| Property::word(fact, &value))
}
