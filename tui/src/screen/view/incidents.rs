//! The list of incidents: those that go on first.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, WIDE, heading};
use crate::facts;
use firstbad_protocol::sentence::sentence_as_of;
use firstbad_protocol::verdict::{Incident, State};
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, columns: usize) -> Page {
    let incidents = model.incidents();
    let open = incidents.iter().filter(|incident| incident.state != State::Resolved).count();
    let wide = if columns >= WIDE { ": onset, state, hosts affected, requests failed" } else { "" };
    let title = format!("INCIDENTS: {} ({open} not over)   enter opens one{wide}", incidents.len());
    let lines = incidents.iter().map(|incident| line(model, incident, columns));
    let mut page = Page::list(lines);
    page.head = vec![heading(model, &title, columns)];
    page.nothing = "No incident in what is seen. Look at the first line: who reports, and how old the data are.".into();
    page
}

/// The whole sentence and the id of one incident.
pub(crate) fn detail(model: &Model, index: usize, columns: usize) -> Option<Vec<Line<'static>>> {
    let incidents = model.incidents();
    let incident = incidents.get(index)?;
    let id = text::wrap(&text::safe(&incident.id, model.theme.ascii), columns, 1);
    let told = text::wrap(&text::safe(&sentence_as_of(incident, model.now()), model.theme.ascii), columns, 3);
    let said = facts::said(incident)
        .into_iter()
        .flat_map(|said| text::wrap(&text::safe(&format!("said: {said}"), model.theme.ascii), columns, 2));
    Some(id.into_iter().chain(told).chain(said).map(|line| Line::from(model.theme.span(Role::Plain, line))).collect())
}

fn line(model: &Model, incident: &Incident, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let (word, role) = match incident.state {
        State::Open => ("open", Role::Bad),
        State::Recovering => ("recovering", Role::Warn),
        State::Resolved => ("resolved", Role::Good),
    };
    // Month to minute: the sentence has the time too, but is cut before it where the terminal is narrow.
    let onset = incident.onset.to_string();
    let year = |at: &str| at.get(..4).map(str::to_owned);
    let now = model.now().map(|now| now.to_string());
    // The year too, where it is another.
    let skipped = if now.as_deref().and_then(year) == year(&onset) { 5 } else { 0 };
    let onset: String = onset.chars().take(16).skip(skipped).collect();
    let impact = incident.impact;
    let numbers = if columns >= WIDE {
        format!("{:>7} {:>11}  ", text::count(impact.hosts_affected), text::count(impact.requests_failed))
    } else {
        String::new()
    };
    Line::from(vec![
        theme.span(Role::Plain, onset.replace('T', " ") + " "),
        theme.span(role, text::pad(word, 11)),
        theme.span(Role::Plain, numbers),
        theme.span(Role::Title, facts::said_in_brief(incident)),
        theme.span(Role::Plain, text::safe(&sentence_as_of(incident, model.now()), theme.ascii)),
    ])
}
