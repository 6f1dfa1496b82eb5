//! Every key with what it does, from the one list of keys, and what the marks mean.

use super::super::keys::BINDINGS;
use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading};
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, columns: usize) -> Page {
    let listed = BINDINGS.iter().filter(|binding| !binding.help.is_empty());
    let mut page = Page::text(listed.map(|binding| {
        Line::from(vec![
            model.theme.span(Role::Title, text::pad(binding.label, 17)),
            model.theme.span(Role::Plain, binding.help),
        ])
    }));
    page.head = vec![heading(model, "KEYS   (esc goes back)", columns)];
    page
}
