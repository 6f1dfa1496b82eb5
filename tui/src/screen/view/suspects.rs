//! Explanations by rank, and for the one under the cursor what speaks for it, what against, and both arms.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading, labelled};
use firstbad_protocol::sentence::{percent, what_suspect};
use firstbad_protocol::verdict::{Arm, Incident, Suspect};
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, incident: &Incident, columns: usize) -> Page {
    let title =
        format!("SUSPECTS of {} ({})   conf  exposed failing  others failing", incident.id, incident.suspects.len());
    let mut page = Page::list(incident.suspects.iter().map(|suspect| line(model, suspect, columns)));
    page.head = vec![heading(model, &title, columns)];
    page.nothing = "No explanation was ranked.".into();
    page
}

fn line(model: &Model, suspect: &Suspect, columns: usize) -> Line<'static> {
    let numbers = format!(
        "{:>5} {:>11} {:>11}",
        percent(suspect.confidence),
        format!("{}/{}", suspect.exposed.hosts_failing, suspect.exposed.hosts),
        format!("{}/{}", suspect.control.hosts_failing, suspect.control.hosts)
    );
    let what = text::safe(&format!("#{} {}", suspect.rank, what_suspect(suspect)), model.theme.ascii);
    let room = columns.saturating_sub(text::width(&numbers) + 2);
    Line::from(model.theme.span(Role::Plain, text::pad(&what, room) + &numbers))
}

/// What speaks for and against one suspect.
pub(crate) fn detail(model: &Model, incident: &Incident, index: usize, columns: usize) -> Option<Vec<Line<'static>>> {
    let suspect = incident.suspects.get(index)?;
    let mut lines = labelled(model, "WHAT", &what_suspect(suspect), (columns, 2));
    let arms = format!(
        "exposed {}; others {}; rate ratio {:.1}; explains {}",
        arm(&suspect.exposed),
        arm(&suspect.control),
        suspect.rate_ratio,
        text::share(suspect.explained_share)
    );
    lines.extend(labelled(model, "NUMBERS", &arms, (columns, 2)));
    for (label, sentences) in [("FOR", &suspect.evidence), ("AGAINST", &suspect.against)] {
        if sentences.is_empty() {
            lines.extend(labelled(model, label, "nothing", (columns, 1)));
        }
        for (index, sentence) in sentences.iter().enumerate() {
            lines.extend(labelled(model, if index == 0 { label } else { "" }, sentence, (columns, 2)));
        }
    }
    for (index, entry) in incident.history.iter().enumerate() {
        let what = entry.cause.as_ref().map_or_else(|| "no cause".to_owned(), firstbad_protocol::sentence::what);
        let told = format!("{}: {} {what}", firstbad_protocol::sentence::clock(entry.at), entry.verdict.as_str());
        lines.extend(labelled(model, if index == 0 { "EARLIER" } else { "" }, &told, (columns, 1)));
    }
    Some(lines)
}

fn arm(arm: &Arm) -> String {
    format!(
        "{}/{} hosts, {:.0} events where {:.1} were expected",
        arm.hosts_failing, arm.hosts, arm.observed, arm.expected
    )
}
