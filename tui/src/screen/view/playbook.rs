//! The playbook of the incident: its actions with facts filled in, risk, whether they can be undone, how to see that they
//! worked; then its text. Nothing here runs anything.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading, labelled};
use crate::advice;
use firstbad_protocol::verdict::Incident;
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, incident: &Incident, columns: usize) -> Page {
    let Some(playbook) = advice::playbook(incident) else {
        return Page { nothing: "No playbook fits this incident.".to_owned(), ..Page::default() };
    };
    let mut lines = Vec::new();
    for (index, action) in advice::actions(incident).into_iter().enumerate() {
        lines.extend(labelled(model, &format!("{}", index + 1), &action.what, (columns, 4)));
        lines.extend(labelled(model, "  risk", &action.risk_said(), (columns, 3)));
        lines.extend(labelled(model, "  verify", &action.verify, (columns, 3)));
        lines.push(Line::default());
    }
    for paragraph in playbook.body.lines() {
        let wrapped = text::wrap(&text::safe(paragraph, model.theme.ascii), columns, 20);
        if wrapped.is_empty() {
            lines.push(Line::default());
        }
        lines.extend(wrapped.into_iter().map(|line| Line::from(model.theme.span(Role::Plain, line))));
    }
    let mut page = Page::text(lines);
    page.head = vec![heading(
        model,
        &format!("PLAYBOOK {}: {} (never runs a command)", playbook.name, playbook.title),
        columns,
    )];
    page
}
