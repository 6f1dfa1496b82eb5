//! Everything that changed in the world, newest first: loads of new versions, deploys, flags; with the moments at which
//! incidents began, were named and ended between them.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Extent, Page, heading, labelled};
use crate::rollouts;
use firstbad_protocol::sentence::{clock, clock_as_of, moment};
use firstbad_protocol::snapshot::{ChangeView, Snapshot};
use firstbad_protocol::time::Timestamp;
use ratatui::text::Line;

/// One line of the timeline: when, whether it is about an incident, what.
struct Event {
    at: Timestamp,
    incident: bool,
    text: String,
    whole: String,
}

/// The page.
pub(crate) fn page(model: &Model, snapshot: &Snapshot, columns: usize) -> Page {
    let events = events(snapshot);
    let title = format!("CHANGES, newest first: {} in all   times are UTC   / filters", events.len());
    // One date in the list asks for all: without it a line would be read as of the day above.
    let dated = events.iter().any(|event| clock_as_of(event.at, snapshot.at) != clock(event.at));
    let lines = events.iter().map(|event| {
        let role = if event.incident { Role::Bad } else { Role::Plain };
        let at = if dated { moment(event.at).replace('T', " ").chars().take(19).collect() } else { clock(event.at) };
        let told = format!("{at} {}", text::safe(&event.text, model.theme.ascii));
        Line::from(model.theme.span(role, told))
    });
    let mut page = Page::list(lines.collect::<Vec<_>>());
    page.head = vec![heading(model, &title, columns)];
    page.nothing = "No load and no change event was reported yet.".into();
    page
}

/// One event, whole.
pub(crate) fn detail(model: &Model, snapshot: &Snapshot, index: usize, extent: Extent) -> Option<Vec<Line<'static>>> {
    let events = events(snapshot);
    let event = events.get(index)?;
    Some(labelled(model, "WHOLE", &format!("{} {}", moment(event.at), event.whole), extent.size(4)))
}

fn events(snapshot: &Snapshot) -> Vec<Event> {
    let mut events: Vec<Event> = snapshot.changes.iter().map(|change| changed(snapshot, change)).collect();
    for incident in &snapshot.diagnosis.incidents {
        let moments =
            [(Some(incident.onset), "ONSET"), (incident.named_at, "NAMED"), (incident.resolved_at, "RESOLVED")];
        for (at, word) in moments {
            if let Some(at) = at {
                let text = format!("*** {word} incident {}", incident.id);
                events.push(Event { at, incident: true, whole: text.clone(), text });
            }
        }
    }
    events.extend(rollouts::turns(snapshot).into_iter().map(|turn| {
        let text = turn.told();
        Event { at: turn.at, incident: turn.is_accused, whole: text.clone(), text }
    }));
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    events
}

fn changed(snapshot: &Snapshot, change: &ChangeView) -> Event {
    let reach = change.hosts.map_or_else(|| "everywhere at once".to_owned(), |hosts| format!("{hosts} hosts"));
    let version = snapshot.versions.iter().find(|version| version.hash.to_string() == change.id);
    let id = version.map_or_else(|| change.id.clone(), |version| version.hash.short());
    let mark = if version.is_some_and(|version| version.accused) { " ACCUSED" } else { "" };
    let text = format!("{:<8} {} {id}{mark}, {reach} {}", change.kind, change.target, change.description);
    let whole = format!("{} {} {} {} ({reach})", change.kind, change.target, change.id, change.description);
    Event { at: change.at, incident: false, text, whole }
}
