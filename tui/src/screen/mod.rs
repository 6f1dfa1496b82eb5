//! The terminal UI in the Elm style: `update` is the only writer of the [`model::Model`], `view` only reads it, `runtime`
//! is the only part that touches the terminal, and threads talk to it by messages.

mod clipboard;
pub(crate) mod keys;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod model;
pub(crate) mod moments;
pub(crate) mod palette;
pub(crate) mod runtime;
pub(crate) mod screens;
pub(crate) mod site_history;
mod sixteen;
mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod theme;
pub(crate) mod update;
pub(crate) mod view;
pub(crate) mod word_form;
