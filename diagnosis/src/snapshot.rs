//! What a screen gets of the state.

pub(crate) mod harm;
pub(crate) mod hosts;
pub(crate) mod rollouts;
pub(crate) mod view;
