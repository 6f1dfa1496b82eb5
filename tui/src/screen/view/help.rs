//! Every key with what it does, from the one list of keys, and what the marks mean.

use super::super::keys::BINDINGS;
use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading};
use ratatui::text::Line;

/// Every sign of the screens, with its meaning.
const SIGNS: [[&str; 2]; 11] = [
    ["!", "chart: a line of the accused versions"],
    ["?", "chart: a line of the nearest suspect; with --ascii, an interval without data"],
    ["·", "chart: an interval without data, which is not zero"],
    ["^", "chart: loads of the accused versions"],
    ["'", "chart: loads of other versions"],
    ["gone 12:45", "chart: no host has reported under it since then; else the value is of now"],
    ["BAD", "hosts: this host runs an accused version"],
    ["seen, starts", "hosts: time since its last report; starts of its process"],
    ["NOT DUE", "a step that telemetry shows as done, or needless"],
    ["..", "something is cut here; enter opens it whole"],
    ["+ - ~ x ! =", "rows: added, removed, changed, repeated, finding, heading"],
];

/// The page.
pub(crate) fn page(model: &Model, columns: usize) -> Page {
    let row = |label: &'static str, help: &str| {
        Line::from(vec![
            model.theme.span(Role::Title, text::pad(&text::safe(label, model.theme.ascii), 17)),
            model.theme.span(Role::Plain, text::cut(help, columns.saturating_sub(17))),
        ])
    };
    let listed = BINDINGS.iter().filter(|binding| !binding.help.is_empty());
    let keys = listed.map(|binding| row(binding.label, binding.help));
    let signs = SIGNS.iter().map(|[sign, meaning]| row(sign, meaning));
    let between = [Line::default(), heading(model, "SIGNS", columns)];
    let mut page = Page::text(keys.chain(between).chain(signs).collect::<Vec<_>>());
    page.head = vec![heading(model, "KEYS   (j: also the signs; esc goes back)", columns)];
    if model.insecure {
        let told = "INSECURE: other machines need neither TLS nor credentials; docs/security.md";
        page.head.push(Line::from(model.theme.span(Role::Bad, text::cut(told, columns))));
    }
    page
}
