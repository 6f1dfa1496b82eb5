//! What a simple method can name, and how that reads as a cause.

use firstbad_diagnosis::observation::Name;
use firstbad_protocol::Hash;
use firstbad_protocol::verdict::{Cause, CauseKind, Change};
use std::collections::BTreeMap;

/// Something that could be named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Element {
    /// A version of a config.
    Version(Name, Hash),
    /// A `service.version`.
    Binary(Name),
    /// A value of another dimension.
    Place(Name, Name),
    /// A change event.
    Change(Name),
}

impl Element {
    /// The dimension of which it is one value.
    pub(super) fn dimension(&self) -> Name {
        match self {
            Self::Version(config, _) => format!("config {config}").into(),
            Self::Binary(_) => "service.version".into(),
            Self::Place(key, _) => key.clone(),
            Self::Change(_) => "change".into(),
        }
    }
}

/// The cause that `named` amounts to: every version if they are versions, else the first.
pub(super) fn cause(named: &[Element]) -> Option<Cause> {
    let mut cause = Cause {
        kind: CauseKind::Config,
        config: None,
        hashes: Vec::new(),
        property: None,
        also_separates: Vec::new(),
        scope: BTreeMap::new(),
        change: None,
        dimensions: BTreeMap::new(),
    };
    let one = |key: &str, value: &Name| BTreeMap::from([(key.to_owned(), value.to_string())]);
    match named.first()? {
        Element::Version(config, _) => {
            cause.config = Some(config.to_string());
            let hash = |element: &Element| if let Element::Version(_, hash) = element { Some(*hash) } else { None };
            cause.hashes = named.iter().filter_map(hash).collect();
        }
        Element::Binary(binary) => {
            (cause.kind, cause.scope) = (CauseKind::Binary, one("service.version", binary));
        }
        Element::Place(key, value) => {
            (cause.kind, cause.dimensions) = (CauseKind::Dimension, one(key, value));
        }
        Element::Change(id) => {
            let change = Change { id: id.to_string(), ..Default::default() };
            (cause.kind, cause.change) = (CauseKind::Change, Some(change));
        }
    }
    Some(cause)
}
