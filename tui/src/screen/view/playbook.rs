//! The playbook of the incident: its actions with facts filled in, risk, whether they can be undone, how to see that they
//! worked; then its text. Nothing here runs anything.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading, labelled};
use crate::advice;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::Incident;
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, incident: &Incident, columns: usize) -> Page {
    let Some(playbook) = advice::playbook(incident) else {
        return Page { nothing: "No playbook fits this incident.".to_owned(), ..Page::default() };
    };
    let mut lines = Vec::new();
    lines.extend(advice::when_over(incident).iter().flat_map(|over| labelled(model, "NOW", over, (columns, 2))));
    for (index, action) in advice::actions(snapshot, incident).into_iter().enumerate() {
        lines.extend(labelled(model, &format!("{}", index + 1), &action.what, (columns, 4)));
        lines.extend(action.needless.iter().flat_map(|why| labelled(model, "  not due", why, (columns, 2))));
        lines.extend(labelled(model, "  risk", &action.risk_alone(), (columns, 3)));
        lines.extend(labelled(model, "  verify", &text::unmarked(&action.verify), (columns, 3)));
        lines.push(Line::default());
    }
    for paragraph in paragraphs(&playbook.body) {
        let wrapped = text::wrap(&text::safe(&paragraph, model.theme.ascii), columns, 40);
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

/// Markdown as plain text: lines of one paragraph joined, so that the terminal's width decides where they break, and without
/// marks. Items of a list stay apart; empty lines stand between paragraphs.
fn paragraphs(markdown: &str) -> Vec<String> {
    let mut paragraphs: Vec<String> = vec![String::new()];
    for line in markdown.lines() {
        let starts_anew = line.starts_with(['#', '-', '*', '|']) && !line.starts_with("**");
        let plain = line.trim_start_matches('#').replace("**", "");
        let plain = text::unmarked(&plain);
        match paragraphs.last_mut() {
            Some(last) if !starts_anew && !plain.trim().is_empty() && !last.is_empty() => {
                *last += " ";
                *last += plain.trim();
            }
            _ => paragraphs.push(plain.trim().to_owned()),
        }
    }
    paragraphs
}
