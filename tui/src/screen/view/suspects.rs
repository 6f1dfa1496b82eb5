//! Explanations by rank, and for the one under the cursor what speaks for it, what against, and both arms.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::page::{Copied, Extent, Page, WIDE, heading, labelled, plain};
use crate::facts;
use firstbad_protocol::sentence::{clock_as_of, percent, what_suspect};
use firstbad_protocol::verdict::{Arm, Incident, Suspect};
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, incident: &Incident, columns: usize) -> Page {
    let wide = if columns >= WIDE { "   rate ratio  explains" } else { "" };
    let title = format!(
        "SUSPECTS of {} ({})   conf  exposed failing  others failing{wide}",
        incident.id,
        incident.suspects.len()
    );
    let mut page = Page::list(incident.suspects.iter().map(|suspect| line(model, suspect, columns)));
    page.head = vec![heading(model, &title, columns)];
    page.nothing = "No explanation was ranked.".into();
    page.copied = Copied::Text(copied(model, incident));
    page
}

fn line(model: &Model, suspect: &Suspect, columns: usize) -> Line<'static> {
    // There is no ratio where there is nothing to compare with.
    let ratio = match suspect.control.hosts {
        0 => "-".to_owned(),
        _ => format!("{:.1}", suspect.rate_ratio),
    };
    let wide = if columns >= WIDE {
        format!(" {ratio:>12} {:>9}", text::share(suspect.explained_share))
    } else {
        String::new()
    };
    let numbers = format!(
        "{:>5} {:>11} {:>11}{wide}",
        percent(suspect.confidence),
        format!("{}/{}", suspect.exposed.hosts_failing, suspect.exposed.hosts),
        format!("{}/{}", suspect.control.hosts_failing, suspect.control.hosts)
    );
    let what = text::safe(&format!("#{} {}", suspect.rank, what_suspect(suspect)), model.theme.ascii);
    let room = columns.saturating_sub(text::width(&numbers) + 2);
    Line::from(model.theme.span(Role::Plain, text::pad(&what, room) + &numbers))
}

/// What speaks for and against one suspect.
pub(crate) fn detail(model: &Model, incident: &Incident, index: usize, extent: Extent) -> Option<Vec<Line<'static>>> {
    let suspect = incident.suspects.get(index)?;
    let mut lines = labelled(model, "WHAT", &what_suspect(suspect), extent.size(2));
    lines.extend(labelled(model, "NUMBERS", &numbers(suspect), extent.size(2)));
    let against: Vec<&String> = facts::against(incident, suspect).collect();
    for (label, sentences) in [("FOR", suspect.evidence.iter().collect()), ("AGAINST", against)] {
        if sentences.is_empty() {
            lines.extend(labelled(model, label, "nothing", extent.size(1)));
        }
        for (index, sentence) in sentences.into_iter().enumerate() {
            lines.extend(labelled(model, if index == 0 { label } else { "" }, sentence, extent.size(2)));
        }
    }
    for (index, entry) in incident.history.iter().enumerate() {
        let what = entry.cause.as_ref().map_or_else(|| "no cause".to_owned(), firstbad_protocol::sentence::what);
        let told = format!("{}: {} {what}", clock_as_of(entry.at, model.now()), entry.verdict.as_str());
        lines.extend(labelled(model, if index == 0 { "EARLIER" } else { "" }, &told, extent.size(1)));
    }
    Some(lines)
}

/// Both arms. Where there is nothing to compare with, there is no ratio either.
fn numbers(suspect: &Suspect) -> String {
    let compared = match suspect.control.hosts {
        0 => "no others to compare".to_owned(),
        _ => format!("others {}; rate ratio {:.1}", arm(&suspect.control), suspect.rate_ratio),
    };
    format!("exposed {}; {compared}; explains {}", arm(&suspect.exposed), text::share(suspect.explained_share))
}

fn arm(arm: &Arm) -> String {
    format!(
        "{} of {} fail ({:.0} seen, {:.1} expected)",
        arm.hosts_failing,
        facts::counted(arm.hosts, "host"),
        arm.observed,
        arm.expected
    )
}

/// Every explanation with its evidence: what somebody needs who is asked whether it is true.
fn copied(model: &Model, incident: &Incident) -> String {
    let mut text = format!("suspects of {}\n", text::safe(&incident.id, true));
    for (index, suspect) in incident.suspects.iter().enumerate() {
        let what = text::safe(&what_suspect(suspect), true);
        text += &format!("#{} {what} ({} confident)\n", suspect.rank, percent(suspect.confidence));
        let whole = Extent { columns: usize::MAX, is_whole: true };
        let lines = detail(model, incident, index, whole).unwrap_or_default();
        text.extend(lines.iter().skip(1).map(|line| format!("  {}\n", plain(line).trim_end())));
    }
    text
}
