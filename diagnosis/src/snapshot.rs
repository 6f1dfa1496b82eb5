//! What a screen gets of the state.

pub(crate) mod hosts;
pub(crate) mod view;
