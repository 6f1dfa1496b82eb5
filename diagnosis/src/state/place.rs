//! Where a process may stand in for another: what a new one has in common with one that is gone.

use crate::observation::Name;
use crate::state::ids::DimsId;
use crate::state::tables::Tables;
use firstbad_protocol::names::attribute;
use serde::{Deserialize, Serialize};

/// Where a new process may take the place of one that is gone, whatever binary either runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    region: Option<Name>,
    service: Option<Name>,
}

impl Place {
    /// The place of units with some dimensions.
    pub(crate) fn of(tables: &Tables, dims: DimsId) -> Self {
        let value = |key| tables.value(dims, key).map(Name::from);
        Self { region: value(attribute::CLOUD_REGION), service: value(attribute::SERVICE_NAME) }
    }
}
