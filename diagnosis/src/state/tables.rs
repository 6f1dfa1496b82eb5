//! Interning: names of factors, levels, dimensions and exposures become small indices, so that a tick folds over dense
//! arrays. Every table has a bound; what does not fit is counted.

use crate::numerics::time::{Instant, Span};
use crate::observation::{Facts, Name};
use crate::state::ids::{DimsId, ExposureId, FactorId, Id, LevelId};
use crate::state::indexed::Indexed;
use crate::state::model::{Dims, Exposure, Factor, Key, Level};
use crate::state::moves::BEFORE_ALL;
use crate::state::unit_parts::Active;
use firstbad_protocol::Hash;
use firstbad_protocol::limits::{CONFIGS_MAX, VERSIONS_MAX};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Exposures kept apart. 20 regions x 5 binaries x 50 versions need 5,000; a fleet with many configs in flight more.
const EXPOSURES_MAX: usize = 65_536;
/// Distinct sets of dimensions kept apart; later ones share the last.
const DIMENSIONS_MAX: usize = 65_536;

/// Levels kept apart over all factors: a hundred configs with all of their versions. Each costs up to some kilobytes.
const LEVELS_MAX: usize = 65_536;

/// Maximum number of hashes, with all renderings.
const NAMES_MAX: usize = 262_144;

/// All tables.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tables {
    pub factors: Indexed<FactorId, Factor>,
    factor_ids: BTreeMap<Factor, FactorId>,
    pub levels: Indexed<LevelId, Level>,
    level_ids: BTreeMap<(FactorId, Key), LevelId>,
    levels_of: Indexed<FactorId, u32>,
    /// Places of levels that were let go: they belong to no factor until they are used again.
    free_levels: Vec<LevelId>,
    pub dims: Indexed<DimsId, Dims>,
    dims_ids: BTreeMap<Dims, DimsId>,
    pub exposures: Indexed<ExposureId, Exposure>,
    exposure_ids: BTreeMap<Exposure, ExposureId>,
    free_exposures: Vec<ExposureId>,
    /// Things that found no room.
    pub overflow: u64,
}

impl Tables {
    /// Index of a factor; none when the table is full.
    pub(crate) fn factor(&mut self, factor: &Factor) -> Option<FactorId> {
        if let Some(id) = self.factor_ids.get(factor) {
            return Some(*id);
        }
        if self.factors.len() >= CONFIGS_MAX * 2 {
            self.overflow += 1;
            return None;
        }
        let id = self.factors.next_id()?;
        self.factors.push(factor.clone());
        self.factor_ids.insert(factor.clone(), id);
        self.levels_of.push(0);
        Some(id)
    }

    /// Index of a level; none when its factor has too many.
    pub(crate) fn level(&mut self, factor: FactorId, key: &Key, at: Instant) -> Option<LevelId> {
        if let Some(id) = self.level_ids.get(&(factor, key.clone())) {
            return Some(*id);
        }
        let count = self.levels_of.get_mut(factor)?;
        // Four times the documented number stay apart before new ones are refused: a fresh hash every generation of
        // five minutes fills 256 in a day.
        let used = self.levels.len() - self.free_levels.len();
        if *count as usize >= VERSIONS_MAX * 4 || used >= LEVELS_MAX {
            self.overflow += 1;
            return None;
        }
        *count += 1;
        let level = fresh(factor, key.clone(), at);
        let id = match self.free_levels.pop() {
            Some(id) => {
                *self.levels.get_mut(id)? = level;
                id
            }
            None => {
                let id = self.levels.next_id();
                self.levels.push(level);
                id?
            }
        };
        self.level_ids.insert((factor, key.clone()), id);
        Some(id)
    }

    /// Makes `key` another name of the level `id`, such as one more rendering of a version. Returns the level.
    pub(crate) fn alias(&mut self, factor: FactorId, key: Key, id: LevelId) -> Option<LevelId> {
        if self.level_ids.len() >= NAMES_MAX {
            self.overflow += 1;
            return None;
        }
        let level = self.levels.get_mut(id).filter(|level| level.factor == factor)?;
        if self.level_ids.insert((factor, key), id).is_none() {
            level.renderings += 1;
        }
        Some(id)
    }

    /// Index of a version of a config, if it is known.
    pub(crate) fn known_level(&self, factor: FactorId, hash: &Hash) -> Option<LevelId> {
        self.level_ids.get(&(factor, Key::Version(*hash))).copied()
    }

    /// Index of a set of dimensions.
    pub(crate) fn dims(&mut self, dims: &Dims) -> DimsId {
        if let Some(id) = self.dims_ids.get(dims) {
            return *id;
        }
        if self.dims.len() >= DIMENSIONS_MAX {
            self.overflow += 1;
            return DimsId::at(DIMENSIONS_MAX - 1).unwrap_or_default();
        }
        let id = self.dims.next_id().unwrap_or_default();
        self.dims.push(dims.clone());
        self.dims_ids.insert(dims.clone(), id);
        id
    }

    /// Index of an exposure.
    pub(crate) fn exposure(&mut self, exposure: Exposure) -> ExposureId {
        if let Some(id) = self.exposure_ids.get(&exposure) {
            return *id;
        }
        let free = self.free_exposures.pop();
        if free.is_none() && self.exposures.len() >= EXPOSURES_MAX {
            self.overflow += 1;
            let mixed = Exposure { dims: exposure.dims, levels: Vec::new(), after_load: false };
            return self.exposure_ids.get(&mixed).copied().unwrap_or_default();
        }
        let id = free.or(self.exposures.next_id()).unwrap_or_default();
        match self.exposures.get_mut(id) {
            Some(place) => *place = exposure.clone(),
            None => self.exposures.push(exposure.clone()),
        }
        self.exposure_ids.insert(exposure, id);
        id
    }

    /// Factors that should let levels go: those with more than `most`, and all where there is little room left.
    pub(crate) fn crowded(&self, most: usize) -> BTreeSet<FactorId> {
        let most = if self.is_crowded() { 0 } else { most };
        self.levels_of.numbered().filter(|(_, count)| **count as usize > most).map(|(factor, _)| factor).collect()
    }

    /// Levels of each factor that may stay though nothing refers to them.
    pub(crate) fn spare(&self) -> usize {
        if self.is_crowded() { LEVELS_MAX / 4 / self.factors.len().max(1) } else { VERSIONS_MAX }
    }

    /// Whether more than half of what may be kept apart is used.
    fn is_crowded(&self) -> bool {
        self.levels.len() - self.free_levels.len() > LEVELS_MAX / 2 || self.level_ids.len() > NAMES_MAX / 2
    }

    /// Lets a level go that nothing refers to.
    pub(crate) fn free_level(&mut self, id: LevelId) {
        let Some(level) = self.levels.get_mut(id) else { return };
        if self.level_ids.remove(&(level.factor, level.key.clone())).is_none() {
            return;
        }
        if level.renderings > 1 {
            self.level_ids.retain(|_, other| *other != id);
        }
        if let Some(count) = self.levels_of.get_mut(level.factor) {
            *count = count.saturating_sub(1);
        }
        *level = fresh(FactorId::NONE, Key::Text(Name::from("")), BEFORE_ALL);
        self.free_levels.push(id);
    }

    /// Whether exposures are more than half of what may be kept apart.
    pub(crate) fn is_crowded_by_exposures(&self) -> bool {
        self.exposure_ids.len() > EXPOSURES_MAX / 2
    }

    /// Lets all other exposures go.
    pub(crate) fn keep_exposures(&mut self, used: &BTreeSet<ExposureId>) {
        let free = &mut self.free_exposures;
        self.exposure_ids.retain(|_, id| {
            let stays = used.contains(id);
            if !stays {
                free.push(*id);
            }
            stays
        });
    }

    /// The level at an index.
    pub(crate) fn level_at(&self, id: LevelId) -> Option<&Level> {
        self.levels.get(id)
    }

    /// Whether a level is this version of this config.
    pub(crate) fn is_version(&self, version: Active, config: &Name, hash: &Hash) -> bool {
        let Active { factor, level } = version;
        let of_config = matches!(self.factors.get(factor), Some(Factor::Config(name)) if name == config);
        let Some(known) = self.level_at(level).filter(|_| of_config) else { return false };
        matches!(&known.key, Key::Version(key) if key == hash)
            || known.renderings > 1 && self.known_level(factor, hash) == Some(level)
    }

    /// The level at an index, to change.
    pub(crate) fn level_mut(&mut self, id: LevelId) -> Option<&mut Level> {
        self.levels.get_mut(id)
    }

    /// The dimensions at an index.
    pub(crate) fn dims_at(&self, id: DimsId) -> Option<&Dims> {
        self.dims.get(id)
    }

    /// A dimension's value in a set.
    pub(crate) fn value(&self, dims: DimsId, key: &str) -> Option<&str> {
        self.dims_at(dims)?.get(key).map(AsRef::as_ref)
    }

    /// Config name of a factor, if it is a config.
    pub(crate) fn config_name(&self, factor: FactorId) -> Option<&str> {
        match self.factors.get(factor)? {
            Factor::Config(name) => Some(name),
            Factor::Binary(_) => None,
        }
    }
}

fn fresh(factor: FactorId, key: Key, at: Instant) -> Level {
    Level {
        factor,
        key,
        first_seen: at,
        facts: Facts::default(),
        published: false,
        renderings: 1,
        units_ever: 0,
        refusals: 0,
        requests: 0,
        failed: 0,
        deciles: Vec::new(),
        bake: Span::ZERO,
        last_active: at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::model::Factor;

    #[test]
    fn levels_of_many_configs_are_bounded_together() {
        let mut tables = Tables::default();
        let most = LEVELS_MAX / VERSIONS_MAX / 4;
        for config in 0..=most {
            let Some(factor) = tables.factor(&Factor::Config(format!("config {config}").into())) else { continue };
            for version in 0..4 * VERSIONS_MAX {
                tables.level(factor, &Key::Version(Hash::of(&version.to_le_bytes())), Instant::ZERO);
            }
        }
        assert_eq!(tables.levels.len(), LEVELS_MAX);
        assert_eq!(tables.overflow, 4 * VERSIONS_MAX as u64, "what finds no room is counted");
        assert_eq!(tables.crowded(2 * VERSIONS_MAX).len(), most, "all let go where there is little room");
        assert!(tables.spare() * (most + 1) <= LEVELS_MAX / 2);
    }
}
