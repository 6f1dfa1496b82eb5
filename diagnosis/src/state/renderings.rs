//! Versions that every host renders for itself: they hold host names or ports, so that the bytes and the hash differ from host
//! to host, while the declared revision or the generation is the same. As each hash is on one host, some set of hashes fits
//! any set of failing hosts. The engine therefore treats the renderings as one version.

use crate::observation::{Facts, Name};
use crate::state::ids::{FactorId, LevelId};
use crate::state::tables::Tables;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Hashes of one revision from which each host may render its own. Generators that disagree make two or three.
const HASHES_MIN: usize = 6;
/// Units that may have loaded one rendering: two workers of one host.
const SHARED_MAX: u64 = 2;
/// Revisions of all configs remembered.
const REVISIONS_MAX: usize = 4096;

/// Which versions are known of each revision, and whose configs each host renders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Renderings {
    /// First versions of each revision of a factor, at most `HASHES_MIN`.
    versions: BTreeMap<(FactorId, Name), Vec<LevelId>>,
    /// Factors that each host renders for itself.
    per_host: BTreeSet<FactorId>,
}

impl Renderings {
    /// The version that an unknown hash with these facts renders once more; none if it is a version of its own.
    pub(crate) fn version_of(&mut self, tables: &Tables, factor: FactorId, facts: &Facts) -> Option<LevelId> {
        let known = self.versions.get(&(factor, revision(facts)?))?;
        let units = |level: &LevelId| tables.level_at(*level).filter(|of| of.factor == factor).map(|of| of.units_ever);
        let alone = |level: &&LevelId| units(level).is_some_and(|units| units <= SHARED_MAX);
        if known.len() >= HASHES_MIN {
            // A version that became one of many renderings has many units; the others have one each.
            if known.iter().filter(alone).count() + 1 >= HASHES_MIN {
                self.per_host.insert(factor);
            } else {
                self.per_host.remove(&factor);
            }
        }
        known.last().copied().filter(|_| self.per_host.contains(&factor))
    }

    /// Remembers that a version has the revision in these facts.
    pub(crate) fn note(&mut self, factor: FactorId, facts: &Facts, level: LevelId) {
        let Some(revision) = revision(facts) else { return };
        let key = (factor, revision);
        if self.versions.len() >= REVISIONS_MAX && !self.versions.contains_key(&key) {
            self.versions.retain(|(of, _), _| *of != factor);
        }
        let levels = self.versions.entry(key).or_default();
        if levels.len() < HASHES_MIN && !levels.contains(&level) {
            levels.push(level);
        }
    }

    /// Forgets a version that the tables forgot.
    pub(crate) fn forget(&mut self, level: LevelId) {
        self.versions.retain(|_, levels| {
            levels.retain(|other| *other != level);
            !levels.is_empty()
        });
    }
}

/// The revision or the generation, which all renderings of a version share, if the load has one.
fn revision(facts: &Facts) -> Option<Name> {
    let generation = || facts.numbers.get("generation").map(|number| Name::from(format!("generation {number}")));
    facts.words.get("revision").cloned().or_else(generation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::time::Instant;
    use crate::state::model::{Factor, Key};
    use firstbad_protocol::Hash;

    #[derive(Default)]
    struct Fleet {
        tables: Tables,
        renderings: Renderings,
    }

    impl Fleet {
        /// A host loads bytes of a revision; returns the version that they are.
        fn load(&mut self, bytes: &str, revision: &str) -> LevelId {
            let factor = self.tables.factor(&Factor::Config("listen".into())).unwrap();
            let facts = Facts { words: BTreeMap::from([("revision".into(), revision.into())]), ..Facts::default() };
            let hash = Hash::of(bytes.as_bytes());
            let level = self.tables.known_level(factor, &hash).unwrap_or_else(|| {
                let level = match self.renderings.version_of(&self.tables, factor, &facts) {
                    Some(level) => self.tables.alias(factor, Key::Version(hash), level).unwrap(),
                    None => self.tables.level(factor, &Key::Version(hash), Instant::ZERO).unwrap(),
                };
                self.renderings.note(factor, &facts, level);
                level
            });
            self.tables.level_mut(level).unwrap().units_ever += 1;
            level
        }
    }

    #[test]
    fn what_each_host_renders_for_itself_is_one_version() {
        let mut fleet = Fleet::default();
        let first: BTreeSet<LevelId> = (0..40).map(|host| fleet.load(&format!("a {host}"), "a")).collect();
        assert_eq!(first.len(), HASHES_MIN, "once as many hosts have a hash each, the others join the last");
        let second: Vec<LevelId> = (0..40).map(|host| fleet.load(&format!("b {host}"), "b")).collect();
        assert!(second.iter().all(|level| Some(level) == second.first()), "{second:?}");
        let level = *second.first().unwrap();
        assert_eq!(fleet.tables.level_at(level).unwrap().renderings, 40);
        fleet.tables.free_level(level);
        fleet.renderings.forget(level);
        let factor = fleet.tables.factor(&Factor::Config("listen".into())).unwrap();
        assert_eq!(fleet.tables.known_level(factor, &Hash::of(b"b 7")), None, "its renderings are let go with it");
    }

    #[test]
    fn two_contents_of_one_revision_that_many_hosts_load_stay_two() {
        let mut fleet = Fleet::default();
        for revision in ["a", "b", "c"] {
            let versions: BTreeSet<LevelId> =
                (0..40).map(|host| fleet.load(&format!("{revision} {}", host % 2), revision)).collect();
            assert_eq!(versions.len(), 2, "{revision}");
        }
    }
}
