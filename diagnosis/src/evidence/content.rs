//! What the content of versions says of them: which are clean, which exceed a limit, what separates bad from clean, and how
//! much that weighs. Which versions are accused is decided in `hypotheses`.

use crate::evidence::property::properties;
use crate::evidence::shares::Shares;
use crate::hypothesis::Hypothesis;
use crate::numerics::math::{float, ratio};
use crate::numerics::odds::LN_10;
use crate::scene::Scene;
use crate::state::State;
use crate::state::ids::LevelId;
use crate::state::model::{Family, Level};
use firstbad_protocol::Property;
use std::collections::BTreeMap;

/// Levels by their indexes.
pub(crate) fn of_levels<'a>(state: &'a State, levels: &[LevelId]) -> Vec<&'a Level> {
    levels.iter().filter_map(|level| state.tables.level_at(*level)).collect()
}

/// Whether a version exceeds a limit that was declared for its config.
pub(crate) fn exceeds(state: &State, level: LevelId) -> bool {
    let Some(level) = state.tables.level_at(level) else { return false };
    let alike = state.tables.levels.iter().filter(|other| other.factor == level.factor);
    let mut limits = alike.flat_map(|other| &other.facts.limits);
    limits.any(|(name, limit)| level.facts.numbers.get(name).is_some_and(|value| value > limit))
}

/// Versions that served well: a version that nobody had long enough is neither bad nor clean, nor is one accused before.
pub(crate) fn clean<'a>(
    state: &'a State,
    scene: &Scene<'_>,
    bad: Family<'_>,
    shares: &BTreeMap<LevelId, Shares>,
) -> Vec<&'a Level> {
    let accused = |id: LevelId| state.symptoms.iter().any(|symptom| symptom.accused().contains(&id));
    let served = |id: LevelId, level: &Level| match shares.get(&id) {
        Some(of) => of.all > of.undecided && ratio(of.failing, of.all) < 0.1,
        None => level.first_seen < scene.onset - scene.interval,
    };
    state
        .tables
        .levels
        .numbered()
        .filter(|(id, level)| {
            level.factor == bad.factor
                && !bad.levels.contains(id)
                && level.units_ever > 0
                && served(*id, level)
                && !accused(*id)
        })
        .map(|(_, level)| level)
        .collect()
}

/// What the content itself says.
pub(crate) fn content(
    state: &State,
    scene: &Scene<'_>,
    hypothesis: &mut Hypothesis,
    shares: &BTreeMap<LevelId, Shares>,
) {
    let Some(factor) = hypothesis.factor else { return };
    let levels = &hypothesis.levels;
    let bad = of_levels(state, levels);
    let clean = clean(state, scene, Family { factor, levels }, shares);
    hypothesis.properties = properties(&bad, &clean);
    let first = hypothesis.properties.first();
    hypothesis.mechanism = match first {
        Some(found) if found.limit => 6.0,
        Some(found) if is_a_fault_by_itself(&found.property) => LN_10,
        Some(_) => 1.0,
        None => 0.0,
    };
    let own = float((hypothesis.tally.deaths + hypothesis.tally.refusals) as usize);
    hypothesis.mechanism += (1.5 * own).min(12.0);
}

/// Whether a version of that property is suspect whatever the clean versions look like. A generation that went backwards
/// is not: so does every way back to a good version.
pub(crate) const fn is_a_fault_by_itself(property: &Property) -> bool {
    matches!(property, Property::Empty | Property::SplitWithinGeneration | Property::Undeclared)
}
