//! A table with a bound: when it is full, the entries that were used longest ago go, by requests and not by any clock of
//! a sender (one host at +1 year must not throw out the others). If all are in use at once, new ones are refused.

use super::keys::Key;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Entries by identity.
#[derive(Debug, Serialize, Deserialize)]
#[serde(bound = "V: Serialize + for<'a> Deserialize<'a>")]
pub(super) struct Table<V> {
    entries: HashMap<Key, Entry<V>, BuildHasherDefault<AsIs>>,
    now: u64,
    /// Whether entries ever had to go.
    forgot: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry<V> {
    used: u64,
    value: V,
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self { entries: HashMap::default(), now: 0, forgot: false }
    }
}

impl<V> Table<V> {
    /// A new request begins.
    pub(super) fn tick(&mut self) {
        self.now += 1;
    }

    /// Entries kept.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn get(&self, key: Key) -> Option<&V> {
        self.entries.get(&key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        let entry = self.entries.get_mut(&key)?;
        entry.used = self.now;
        Some(&mut entry.value)
    }

    /// All entries, in no particular order.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|entry| &entry.value)
    }

    /// All entries, in no particular order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.entries.values_mut().map(|entry| &mut entry.value)
    }

    /// Whether an entry that is missing may have been here.
    pub(super) fn has_forgotten(&self) -> bool {
        self.forgot
    }

    /// Puts an entry into its place; false if the table is full of entries in use.
    pub(super) fn insert(&mut self, key: Key, value: V, most: usize) -> bool {
        if self.entries.len() >= most && !self.entries.contains_key(&key) {
            self.make_room();
            if self.entries.len() >= most {
                return false;
            }
        }
        self.entries.insert(key, Entry { used: self.now, value });
        true
    }

    /// Drops the quarter that was used longest ago, never what this request used.
    fn make_room(&mut self) {
        self.forgot = true;
        let mut used: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        let quarter = used.len() / 4;
        let (_, oldest, _) = used.select_nth_unstable(quarter);
        let oldest = *oldest;
        let now = self.now;
        self.entries.retain(|_, entry| entry.used > oldest || entry.used == now);
    }
}

/// The keys are hashes already.
#[derive(Clone, Debug, Default)]
pub(super) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            for (to, from) in word.iter_mut().zip(chunk) {
                *to = *from;
            }
            self.0 ^= u64::from_le_bytes(word);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 ^= value;
    }
    fn write_u128(&mut self, value: u128) {
        self.write_u64((value >> 64) as u64);
        self.write_u64(value as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_goes_first_and_what_is_in_use_stays() {
        let mut table = Table::default();
        for key in 0..8 {
            table.tick();
            assert!(table.insert(key, key, 8));
        }
        table.tick();
        table.get_mut(0);
        assert!(table.insert(8, 8, 8));
        assert!(table.get(0).is_some() && table.get(8).is_some() && table.get(1).is_none());
        let mut full = Table::default();
        for key in 0..8 {
            assert!(full.insert(key, key, 8));
        }
        assert!(!full.insert(8, 8, 8), "all entries belong to the request that runs");
    }
}
