//! Shared names: a row of 10,000 hosts names the same region 10,000 times. Sharing is a saving only; when the table is
//! full it starts anew, and nothing is lost.

use firstbad_diagnosis::observation::{Dimensions, Name};
use firstbad_protocol::limits::{NAME_BYTES_MAX, SHARED_NAMES_MAX, TEXT_BYTES_MAX};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Names and dimension sets that are shared between observations.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: HashSet<Name>,
    dimensions: HashSet<Dimensions>,
    bounds: Vec<Arc<[f64]>>,
}

impl Names {
    /// A name, cut to its limit.
    pub(super) fn name(&mut self, text: &str) -> Name {
        let text = cut(text, NAME_BYTES_MAX);
        if let Some(known) = self.names.get(text) {
            return Name::clone(known);
        }
        if self.names.len() >= SHARED_NAMES_MAX {
            self.names.clear();
        }
        let name: Name = text.into();
        self.names.insert(Name::clone(&name));
        name
    }

    /// A text (message, error), cut to its limit, not shared: most are long and few repeat.
    pub(super) fn text(text: &str) -> Name {
        cut(text, TEXT_BYTES_MAX).into()
    }

    /// A dimension set.
    pub(super) fn dimensions(&mut self, dimensions: BTreeMap<Name, Name>) -> Dimensions {
        if let Some(known) = self.dimensions.get(&dimensions) {
            return Dimensions::clone(known);
        }
        if self.dimensions.len() >= SHARED_NAMES_MAX {
            self.dimensions.clear();
        }
        let shared = Dimensions::new(dimensions);
        self.dimensions.insert(Dimensions::clone(&shared));
        shared
    }

    /// Bounds of a histogram: a fleet has a few kinds.
    pub(super) fn bounds(&mut self, bounds: &[f64]) -> Arc<[f64]> {
        const KINDS_MAX: usize = 64;
        if let Some(known) = self.bounds.iter().find(|known| known.as_ref() == bounds) {
            return Arc::clone(known);
        }
        if self.bounds.len() >= KINDS_MAX {
            self.bounds.clear();
        }
        let shared: Arc<[f64]> = bounds.into();
        self.bounds.push(Arc::clone(&shared));
        shared
    }
}

/// The head of `text`, at most `most` bytes, whole characters.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    (0..=most).rev().find_map(|end| text.get(..end)).unwrap_or_default()
}
