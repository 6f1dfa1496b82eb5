//! What a screen gets of the state.

pub(crate) mod view;
