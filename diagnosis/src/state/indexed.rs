//! A table whose entries have ids: an id of another table does not fit.

use crate::state::ids::Id;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Entries by id, without holes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Indexed<I, T> {
    all: Vec<T>,
    #[serde(skip)]
    by: PhantomData<I>,
}

impl<I, T> Default for Indexed<I, T> {
    fn default() -> Self {
        Self { all: Vec::new(), by: PhantomData }
    }
}

impl<I: Id, T> Indexed<I, T> {
    #[inline]
    pub(crate) fn get(&self, id: I) -> Option<&T> {
        self.all.get(id.index())
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.all.get_mut(id.index())
    }

    /// The entry with an id; where the table is shorter it grows, by copies of `fill`.
    pub(crate) fn grown(&mut self, id: I, fill: T) -> Option<&mut T>
    where
        T: Clone,
    {
        if self.all.len() <= id.index() {
            self.all.resize(id.index() + 1, fill);
        }
        self.all.get_mut(id.index())
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// The id that the next entry will have, as long as there are ids.
    pub(crate) fn next_id(&self) -> Option<I> {
        I::at(self.all.len())
    }

    pub(crate) fn push(&mut self, entry: T) {
        self.all.push(entry);
    }

    /// Keeps some of the entries; those behind the others get other ids.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        self.all.retain(keep);
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.all.iter()
    }

    /// All ids, ascending.
    pub(crate) fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.all.len()).map_while(I::at)
    }

    /// Entries with their ids, ascending.
    pub(crate) fn numbered(&self) -> impl Iterator<Item = (I, &T)> {
        self.ids().zip(&self.all)
    }
}

impl<I, T> FromIterator<T> for Indexed<I, T> {
    fn from_iter<S: IntoIterator<Item = T>>(entries: S) -> Self {
        Self { all: entries.into_iter().collect(), by: PhantomData }
    }
}

impl<'a, I, T> IntoIterator for &'a Indexed<I, T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter()
    }
}

impl<'a, I, T> IntoIterator for &'a mut Indexed<I, T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.all.iter_mut()
    }
}
