//! Names shared between observations: each text is kept once. A cache only; it decides nothing and is not saved.

use firstbad_diagnosis::observation::{Dimensions, Name};
use firstbad_protocol::limits::{NAME_BYTES_MAX, SHARED_NAMES_MAX, TEXT_BYTES_MAX};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// Texts and dimension sets in use.
#[derive(Debug, Default)]
pub(super) struct Names {
    texts: HashSet<Name>,
    dimensions: HashMap<Vec<(Name, Name)>, Dimensions>,
    none: Dimensions,
}

impl Names {
    /// A name, cut to its bound.
    pub(super) fn name(&mut self, text: &str) -> Name {
        let text = head(text, NAME_BYTES_MAX);
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        if self.texts.len() >= SHARED_NAMES_MAX {
            self.texts.clear();
        }
        let name: Name = text.into();
        self.texts.insert(Arc::clone(&name));
        name
    }

    /// Free text, cut to its bound; not shared.
    pub(super) fn text(text: &str) -> Name {
        head(text, TEXT_BYTES_MAX).into()
    }

    /// One dimension set; of equal keys the last wins.
    pub(super) fn dimensions(&mut self, pairs: Vec<(Name, Name)>) -> Dimensions {
        if pairs.is_empty() {
            return Arc::clone(&self.none);
        }
        if let Some(known) = self.dimensions.get(&pairs) {
            return Arc::clone(known);
        }
        if self.dimensions.len() >= SHARED_NAMES_MAX {
            self.dimensions.clear();
        }
        let set: Dimensions = Arc::new(pairs.iter().cloned().collect::<BTreeMap<_, _>>());
        self.dimensions.insert(pairs, Arc::clone(&set));
        set
    }
}

/// The first `bytes_max` bytes of `text`, or fewer where a character would be cut.
fn head(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let end = (0..=bytes_max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}
