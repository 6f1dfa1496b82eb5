//! Which dimensions are alike, for contrasts: by index of dimensions.

use crate::state::State;
use crate::state::ids::DimsId;
use crate::state::indexed::Indexed;
use firstbad_protocol::names::attribute;
use std::collections::BTreeMap;

/// Region, binary and service: what contrasts are stratified by.
pub(crate) fn strata(state: &State) -> Indexed<DimsId, u32> {
    strata_of(state, &[attribute::CLOUD_REGION, attribute::SERVICE_VERSION, attribute::SERVICE_NAME])
}

/// What binaries are compared within.
pub(crate) fn places(state: &State) -> Indexed<DimsId, u32> {
    strata_of(state, &[attribute::CLOUD_REGION, attribute::SERVICE_NAME])
}

/// By index of dimensions, the stratum that the values of `keys` make.
fn strata_of(state: &State, keys: &[&str]) -> Indexed<DimsId, u32> {
    let mut ids: BTreeMap<Vec<Option<&str>>, u32> = BTreeMap::new();
    state
        .tables
        .dims
        .ids()
        .map(|dims| {
            let values = keys.iter().map(|key| state.tables.value(dims, key)).collect();
            let next = u32::try_from(ids.len()).unwrap_or(0);
            *ids.entry(values).or_insert(next)
        })
        .collect()
}
