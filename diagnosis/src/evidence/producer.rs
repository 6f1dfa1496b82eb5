//! The producer of accused versions: what they have in common where versions of the same config from other producers serve
//! well beside them. One bad version of a config is enough here, since `verdict::producers` needs several configs.

use crate::evidence::shares::{AllShares, Shares};
use crate::numerics::math::ratio;
use crate::observation::Name;
use crate::scene::Scene;
use crate::scene::patient::Patient;
use crate::state::State;
use crate::state::model::{Family, Level};
use firstbad_protocol::property::WordFact;

/// Minimum number of hosts that serve a version of another producer well. Source: contract, last known good.
const OTHERS_MIN: u64 = 3;
/// Share of the hosts with a version that fail under it, from which it does not serve well. Source: `evidence::content`.
const FAILING_MOST: f64 = 0.1;

/// The producer of all versions of a family, if versions of the same config from other producers serve well during the
/// failing, and no host is well with another version of its own. What it made before, and hosts have no more, is no matter.
pub(crate) fn producer(state: &State, scene: &Scene<'_>, family: Family<'_>) -> Option<Name> {
    let bad: Vec<&Level> = family.levels.iter().filter_map(|level| state.tables.level_at(*level)).collect();
    let producer = source(bad.first()?)?;
    let other = |level: &Level| source(level).is_some_and(|other| other != producer);
    let of_config = || state.tables.levels.numbered().filter(|(_, level)| level.factor == family.factor);
    // To count who had which version costs a pass over all hosts.
    if bad.iter().any(|level| source(level) != Some(producer)) || !of_config().any(|(_, level)| other(level)) {
        return None;
    }
    let shares = AllShares::new(scene).of_factor(state, family.factor);
    let of = |id| shares.get(&id).copied().unwrap_or_default();
    let has = |patient: &Patient<'_>, id| patient.unit.active.iter().any(|active| active.level == id);
    let is_calm = |patient: &&Patient<'_>| patient.bouts.is_empty() && patient.absent.is_empty();
    let is_active = |id| scene.patients.iter().filter(is_calm).any(|patient| has(patient, id));
    let mut beside = of_config().filter(|(id, _)| !family.levels.contains(id));
    let contradicts = beside.any(|(id, level)| {
        let own = source(level) == Some(producer);
        own && is_well(of(id)) && is_active(id) || other(level) && fails(of(id))
    });
    let served = of_config().any(|(id, level)| other(level) && is_well(of(id)) && decided(of(id)) >= OTHERS_MIN);
    (served && !contradicts).then(|| producer.clone())
}

/// Producer of a version, if its sender reports one.
fn source(level: &Level) -> Option<&Name> {
    level.facts.words.get(WordFact::Source.as_str())
}

/// Hosts that had a version for long enough to show its effect.
const fn decided(of: Shares) -> u64 {
    of.all.saturating_sub(of.undecided)
}

/// Whether hosts served a version well.
fn is_well(of: Shares) -> bool {
    decided(of) > 0 && ratio(of.failing, of.all) < FAILING_MOST
}

/// Whether hosts began to fail under a version.
fn fails(of: Shares) -> bool {
    of.all > 0 && ratio(of.begun, of.all) >= FAILING_MOST
}
