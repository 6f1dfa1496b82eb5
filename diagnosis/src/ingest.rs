//! What an observation changes in the state. What follows from it is decided in the rooms below.

pub(crate) mod config_use;
pub(crate) mod divided;
pub(crate) mod samples;
pub(crate) mod take;
pub(crate) mod take_load;
pub(crate) mod take_row;
pub(crate) mod unit_of;
pub(crate) mod version_shares;
pub(crate) mod waiting;
