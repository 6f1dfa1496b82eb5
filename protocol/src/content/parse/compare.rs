//! The difference of two documents in their settings, by path: what was added, removed, changed. Of a key that stands twice the
//! later value counts, as most readers take it.

use super::document::{Document, Setting};
use std::collections::BTreeMap;

/// Settings listed in each part of a difference; counts go on.
const LISTED_MAX: usize = 1000;

/// What differs in the settings of two versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsDifference {
    /// Settings that only the new version has.
    pub added: Vec<Setting>,
    /// Settings that only the old version has.
    pub removed: Vec<Setting>,
    /// Settings with another value.
    pub changed: Vec<ChangedSetting>,
    /// Exact counts of the three lists, in that order.
    pub counts: [u64; 3],
}

/// A setting with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedSetting {
    /// The old one.
    pub old: Setting,
    /// The new one.
    pub new: Setting,
}

impl SettingsDifference {
    /// The difference from `old` to `new`.
    #[must_use]
    pub fn of(old: &Document, new: &Document) -> Self {
        let by_path = |document: &'_ Document| -> BTreeMap<String, Setting> {
            document.settings.iter().map(|setting| (setting.path.clone(), setting.clone())).collect()
        };
        let (mut before, now) = (by_path(old), by_path(new));
        let mut found = Self::default();
        for (path, new) in now {
            match before.remove(&path) {
                None => found.added.push(new),
                Some(old) if old.value != new.value => found.changed.push(ChangedSetting { old, new }),
                Some(_) => {}
            }
        }
        found.removed = before.into_values().collect();
        found.added.sort_by_key(|setting| setting.line);
        found.removed.sort_by_key(|setting| setting.line);
        found.changed.sort_by_key(|change| change.new.line);
        found.counts = [found.added.len() as u64, found.removed.len() as u64, found.changed.len() as u64];
        found.added.truncate(LISTED_MAX);
        found.removed.truncate(LISTED_MAX);
        found.changed.truncate(LISTED_MAX);
        found
    }

    /// Whether no setting differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts == [0; 3]
    }
}
