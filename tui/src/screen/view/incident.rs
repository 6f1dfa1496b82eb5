//! The first screen of signatures section 4: what broke, since when, where, which input, what to do; whole at 80x24. Which
//! section gives way on a smaller terminal is decided by its [`Section`], not by chance.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::chart;
use super::page::{LABEL, Page, heading, labelled};
use crate::advice;
use crate::facts;
use firstbad_protocol::sentence::sentence;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, State, Verdict};
use ratatui::text::Line;

/// Part of the screen: draws itself in at most so many lines, never gets fewer than `least` while others can give, and on a
/// terminal below 80x24 not fewer than `floor` before others are at theirs.
struct Section<'a> {
    draw: Box<dyn Fn(usize) -> Vec<Line<'static>> + 'a>,
    floor: usize,
    least: usize,
    most: usize,
}

impl<'a> Section<'a> {
    fn new([floor, least, most]: [usize; 3], draw: impl Fn(usize) -> Vec<Line<'static>> + 'a) -> Self {
        Self { draw: Box::new(draw), floor, least, most }
    }
}

/// What every section reads.
#[derive(Clone, Copy)]
struct Context<'a> {
    model: &'a Model,
    snapshot: &'a Snapshot,
    incident: &'a Incident,
    columns: usize,
    /// Whether the terminal is tall enough to say more than the shortest form.
    tall: bool,
}

/// The page.
pub(crate) fn page(model: &Model, incident: &Incident, columns: usize, rows: usize) -> Page {
    let Some(snapshot) = &model.snapshot else { return Page::default() };
    let context = Context { model, snapshot, incident, columns, tall: rows > 30 };
    let most = |short: usize, tall: usize| if context.tall { tall } else { short };
    let sections = vec![
        Section::new([2, 2, 3], move |lines| verdict(context, lines)),
        Section::new([1, 2, 2], move |lines| impact(context, lines)),
        Section::new([0, 5, most(5, 9)], move |lines| chart::chart(model, snapshot, Some(incident), (columns, lines))),
        Section::new([1, 2, most(2, 4)], move |lines| first_error(context, lines)),
        Section::new([1, 2, most(3, 6)], move |lines| {
            labelled(model, "WHY", &facts::why(snapshot, incident), (columns, lines))
        }),
        Section::new([1, 2, most(3, 8)], move |lines| ruled_out(context, lines)),
        Section::new([2, 4, most(5, 15)], move |lines| actions(context, lines)),
        Section::new([1, 2, 2], move |lines| good(context, lines)),
        Section::new([1, 1, most(2, 5)], move |lines| blind(context, lines)),
    ];
    Page { copied: Some(copied(context)), ..Page::text(fitted(&sections, rows)) }
}

/// Takes a line from whichever section has most to give until all fit, then parts them by empty lines while there is room.
fn fitted(sections: &[Section<'_>], lines_max: usize) -> Vec<Line<'static>> {
    let mut given: Vec<usize> = sections.iter().map(|section| (section.draw)(section.most).len()).collect();
    shrink(sections, &mut given, lines_max, |section| section.least);
    // What to do matters more than a picture of what happened.
    shrink(sections, &mut given, lines_max, |section| section.floor);
    let mut gaps = lines_max.saturating_sub(given.iter().sum());
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (section, given) in sections.iter().zip(given).filter(|(_, given)| *given > 0) {
        if gaps > 0 && !lines.is_empty() {
            lines.push(Line::default());
            gaps -= 1;
        }
        lines.extend((section.draw)(given));
    }
    lines
}

fn shrink(sections: &[Section<'_>], given: &mut [usize], lines_max: usize, least: fn(&Section<'_>) -> usize) {
    while given.iter().sum::<usize>() > lines_max {
        let slack = |(section, given): (&Section<'_>, &usize)| given.saturating_sub(least(section));
        let most = sections.iter().zip(given.iter()).map(slack).max().unwrap_or(0);
        let giver = sections.iter().zip(given.iter()).position(|pair| slack(pair) == most);
        match giver.and_then(|giver| given.get_mut(giver)) {
            Some(lines) if most > 0 => *lines -= 1,
            _ => return,
        }
    }
}

fn verdict(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let theme = context.model.theme;
    let role = match context.incident.verdict {
        _ if context.incident.state == State::Resolved => Role::Good,
        _ if context.incident.is_refusal_only() => Role::Warn,
        Verdict::Cause | Verdict::Suspect => Role::Bad,
        Verdict::External | Verdict::InsufficientEvidence => Role::Warn,
    };
    let told = text::safe(&sentence(context.incident), theme.ascii);
    text::wrap(&told, context.columns, lines_max).into_iter().map(|line| Line::from(theme.span(role, line))).collect()
}

fn impact(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Context { model, snapshot, incident, columns, .. } = context;
    let place = match model.incident_place() {
        // First in the line: that there are others must not be what a narrow terminal cuts.
        Some((place, count)) if count > 1 => format!("{place} of {count} (n: next) | "),
        _ => String::new(),
    };
    let first = format!("{place}{} | {}", state_word(context), facts::impact(incident));
    let second = facts::reach(snapshot, incident);
    let line = |(role, told): (Role, String)| {
        Line::from(model.theme.span(role, text::cut(&text::safe(&told, model.theme.ascii), columns)))
    };
    [(Role::Warn, first), (Role::Plain, second)].into_iter().map(line).take(lines_max).collect()
}

fn state_word(context: Context<'_>) -> String {
    facts::state_word(context.snapshot, context.incident)
}

fn first_error(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Some(error) = &context.incident.first_error else { return Vec::new() };
    labelled(context.model, "ERROR", &facts::error_text(error), (context.columns, lines_max))
}

fn ruled_out(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let reasons = facts::ruled_out(context.incident);
    let hidden = reasons.len().saturating_sub(lines_max);
    let mut lines = Vec::new();
    for (index, out) in reasons.iter().take(lines_max).enumerate() {
        let label = if index == 0 { "NOT IT" } else { "" };
        let more = if index + 1 == lines_max && hidden > 0 { format!(" (and {hidden} more)") } else { String::new() };
        let told = text::safe(&format!("{}: {}", out.what.as_str(), out.reason), context.model.theme.ascii);
        let room = context.columns.saturating_sub(LABEL + more.len());
        lines.extend(labelled(context.model, label, &(text::cut(&told, room) + &more), (context.columns, 1)));
    }
    lines
}

fn actions(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Context { model, columns, .. } = context;
    let mut lines = Vec::new();
    for (index, action) in advice::actions(context.incident).into_iter().enumerate() {
        let label = if index == 0 { "DO NOW" } else { "" };
        if context.tall {
            let told = format!("{} {} {}", index + 1, action.what, action.risk_said());
            lines.extend(labelled(model, label, &told, (columns, 3)));
        } else {
            let told = format!("{} {} | {}", index + 1, action.brief, action.risk_in_brief());
            lines.extend(labelled(model, label, &told, (columns, 1)));
        }
    }
    lines.truncate(lines_max);
    lines
}

fn good(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Some(good) = &context.incident.last_known_good else { return Vec::new() };
    let (role, told) = facts::last_known_good(good);
    let line = |label: &str, told: String| {
        let theme = context.model.theme;
        let room = context.columns.saturating_sub(LABEL);
        Line::from(vec![theme.span(Role::Title, text::pad(label, LABEL)), theme.span(role, text::cut(&told, room))])
    };
    [line("GOOD", good.hash.to_string()), line("", told)].into_iter().take(lines_max).collect()
}

fn blind(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let spots = facts::blind_spots(context.snapshot, Some(context.incident));
    let told = match spots.len() {
        0 => "none known".to_owned(),
        1 => spots.concat(),
        count => format!("({count}) {}", spots.join("; ")),
    };
    labelled(context.model, "BLIND", &told, (context.columns, lines_max))
}

/// What a person pastes into a chat: the sentence, the state, and how to get the whole report.
fn copied(context: Context<'_>) -> String {
    let heading = super::page::plain(&heading(context.model, &sentence(context.incident), usize::MAX));
    let command = format!("firstbad report {}", text::safe(&context.incident.id, true));
    format!("{heading}\n{} | {}\n{command}\n", state_word(context), facts::impact(context.incident))
}
