//! The first screen of signatures section 4: what broke, since when, where, which input, what to do; whole at 80x24. Which
//! section gives way on a smaller terminal is decided by its [`Section`], not by chance.

use super::super::model::Model;
use super::super::text;
use super::super::theme::Role;
use super::chart;
use super::page::{Copied, LABEL, Page, heading, labelled};
use crate::advice;
use crate::{course, facts};
use firstbad_protocol::sentence::sentence_as_of;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, State, Verdict};
use ratatui::text::Line;

/// Part of the screen: draws itself in at most so many lines, never gets fewer than `least` while others can give, and on a
/// terminal below 80x24 not fewer than `floor` before others are at theirs.
struct Section<'a> {
    name: &'static str,
    draw: Box<dyn Fn(usize) -> Vec<Line<'static>> + 'a>,
    floor: usize,
    least: usize,
    most: usize,
}

impl<'a> Section<'a> {
    fn new(
        name: &'static str,
        [floor, least, most]: [usize; 3],
        draw: impl Fn(usize) -> Vec<Line<'static>> + 'a,
    ) -> Self {
        Self { name, draw: Box::new(draw), floor, least, most }
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
    let lines = fitted(&sections(context), rows);
    let lines = lines.into_iter().map(|drawn| match drawn.begins {
        Some(name) if model.section == Some(name) => chosen(model, drawn.line),
        _ => drawn.line,
    });
    Page { copied: Copied::Text(copied(context)), ..Page::text(lines) }
}

/// Names of the sections that have room on a screen of so many columns and rows, in their order.
pub(crate) fn section_names(model: &Model, columns: usize, rows: usize) -> Vec<&'static str> {
    let (Some(snapshot), Some(incident)) = (&model.snapshot, model.incident()) else { return Vec::new() };
    let context = Context { model, snapshot, incident, columns, tall: rows > 30 };
    fitted(&sections(context), rows).into_iter().filter_map(|drawn| drawn.begins).collect()
}

/// The line of the whole page at which a section begins.
pub(crate) fn section_line(model: &Model, name: &str, columns: usize) -> usize {
    let Some(incident) = model.incident() else { return 0 };
    let mark = match name {
        VERDICT => return 0,
        CHART => chart::TITLE.to_owned(),
        label => text::pad(label, LABEL),
    };
    let lines = whole(model, incident, columns);
    lines.iter().position(|line| super::page::plain(line).starts_with(&mark)).unwrap_or(0)
}

/// Sections that have no label of their own on the screen.
const OPEN: &str = "OPEN";
const VERDICT: &str = "VERDICT";
const CHART: &str = "CHART";

fn sections(context: Context<'_>) -> Vec<Section<'_>> {
    let Context { model, snapshot, incident, columns, tall } = context;
    let most = |short: usize, when_tall: usize| if tall { when_tall } else { short };
    vec![
        Section::new(OPEN, [1, 1, 1], move |lines| super::open_line(model, columns).into_iter().take(lines).collect()),
        Section::new(VERDICT, [2, 3, 4], move |lines| verdict(context, lines)),
        Section::new("SAID", [1, 1, most(2, 4)], move |lines| said(context, lines)),
        Section::new("STATE", [1, 2, 2], move |lines| impact(context, lines)),
        Section::new(CHART, [0, 5, most(5, 9)], move |lines| {
            chart::chart(model, snapshot, Some(incident), (columns, lines))
        }),
        Section::new("ERROR", [1, 2, most(2, 4)], move |lines| first_error(context, lines)),
        Section::new("WHY", [1, 2, most(3, 6)], move |lines| why(context, lines)),
        Section::new("NOT IT", [1, 2, most(3, 8)], move |lines| ruled_out(context, lines)),
        Section::new("DO NOW", [2, 4, most(5, 15)], move |lines| actions(context, lines)),
        Section::new("GOOD", [1, 2, 3], move |lines| good(context, lines)),
        Section::new("BLIND", [1, 1, most(2, 5)], move |lines| blind(context, lines)),
    ]
}

/// The first line of the section that enter opens.
fn chosen(model: &Model, line: Line<'static>) -> Line<'static> {
    let mut spans = line.spans;
    if let Some(first) = spans.first_mut() {
        *first = model.theme.span(Role::Selected, first.content.to_string());
    }
    Line::from(spans)
}

/// One line of the screen.
struct Drawn {
    line: Line<'static>,
    /// The section that begins with it; none for the other lines.
    begins: Option<&'static str>,
}

/// Takes a line from whichever section has most to give until all fit, then parts them by empty lines while there is room.
fn fitted(sections: &[Section<'_>], lines_max: usize) -> Vec<Drawn> {
    let mut given: Vec<usize> = sections.iter().map(|section| (section.draw)(section.most).len()).collect();
    shrink(sections, &mut given, lines_max, |section| section.least);
    // What to do matters more than a picture of what happened.
    shrink(sections, &mut given, lines_max, |section| section.floor);
    grow(sections, &mut given, lines_max);
    let mut gaps = lines_max.saturating_sub(given.iter().sum());
    let mut lines: Vec<Drawn> = Vec::new();
    for (section, given) in sections.iter().zip(given).filter(|(_, given)| *given > 0) {
        if gaps > 0 && !lines.is_empty() {
            lines.push(Drawn { line: Line::default(), begins: None });
            gaps -= 1;
        }
        let begins = |index: usize| (index == 0 && section.name != OPEN).then_some(section.name);
        let drawn = (section.draw)(given).into_iter().enumerate();
        lines.extend(drawn.map(|(index, line)| Drawn { line, begins: begins(index) }));
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

/// Hands on the lines that a section was given and cannot use: a chart needs three or none.
fn grow(sections: &[Section<'_>], given: &mut [usize], lines_max: usize) {
    for (section, given) in sections.iter().zip(given.iter_mut()) {
        *given = (section.draw)(*given).len();
    }
    for (index, section) in sections.iter().enumerate() {
        let room = lines_max.saturating_sub(given.iter().sum());
        if let Some(given) = given.get_mut(index) {
            *given = (section.draw)((*given + room).min(section.most)).len().min(*given + room);
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
    let told = text::safe(&sentence_as_of(context.incident, context.snapshot.at), theme.ascii);
    text::wrap(&told, context.columns, lines_max).into_iter().map(|line| Line::from(theme.span(role, line))).collect()
}

/// What engineers said: a sentence each, or all of it in brief where there is no room, so that no kind of word hides another.
fn said(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let sentences = facts::said(context.incident);
    if sentences.len() <= lines_max {
        return clauses(context, "SAID", &sentences, lines_max);
    }
    labelled(context.model, "SAID", &facts::said_in_one_line(context.incident), (context.columns, lines_max.min(1)))
}

fn impact(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Context { model, snapshot, incident, columns, .. } = context;
    let place = match model.incident_place() {
        // First in the line: that there are others must not be what a narrow terminal cuts.
        Some((place, count)) if count > 1 => format!("{place} of {count} (n: next) | "),
        _ => String::new(),
    };
    let first = format!("{place}{} | {}", course::state_word(snapshot, incident), facts::impact(incident));
    let second = facts::reach(snapshot, incident);
    let line = |role: Role, told: &str| {
        Line::from(model.theme.span(role, text::cut(&text::safe(told, model.theme.ascii), columns)))
    };
    let mut lines = vec![line(Role::Warn, &first)];
    if !second.is_empty() {
        lines.push(line(Role::Plain, &second));
    }
    lines.truncate(lines_max);
    lines
}

fn first_error(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Some(error) = &context.incident.first_error else { return Vec::new() };
    labelled(context.model, "ERROR", &facts::error_text(error), (context.columns, lines_max))
}

/// One short clause a line; the last line says how many are left out. Where there is room, clauses are whole.
fn clauses(context: Context<'_>, label: &str, clauses: &[String], lines_max: usize) -> Vec<Line<'static>> {
    let hidden = clauses.len().saturating_sub(lines_max);
    let mut spare = lines_max.saturating_sub(clauses.len());
    let mut lines = Vec::new();
    for (index, clause) in clauses.iter().take(lines_max).enumerate() {
        let label = if index == 0 { label } else { "" };
        let more = if index + 1 == lines_max && hidden > 0 { format!(" (and {hidden} more)") } else { String::new() };
        let told = text::safe(clause, context.model.theme.ascii);
        let room = context.columns.saturating_sub(LABEL + more.len());
        if more.is_empty() {
            let wrapped = labelled(context.model, label, &told, (context.columns, 1 + spare));
            spare -= wrapped.len().saturating_sub(1);
            lines.extend(wrapped);
        } else {
            lines.extend(labelled(context.model, label, &(text::cut(&told, room) + &more), (context.columns, 1)));
        }
    }
    lines
}

fn why(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    clauses(context, "WHY", &facts::reasons(context.snapshot, context.incident), lines_max)
}

fn ruled_out(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    clauses(context, "NOT IT", &excluded(context.incident), lines_max)
}

fn excluded(incident: &Incident) -> Vec<String> {
    facts::ruled_out(incident).into_iter().map(facts::ruled_out_told).collect()
}

fn actions(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Context { model, columns, incident, .. } = context;
    if let Some(over) = advice::when_over(incident) {
        return labelled(model, "DO NOW", &over, (columns, lines_max));
    }
    let mut lines = Vec::new();
    let actions = advice::actions(context.snapshot, incident);
    let all = actions.len();
    for (index, action) in actions.into_iter().enumerate() {
        let number = index + 1;
        let (label, left_out) = (if index == 0 { "DO NOW" } else { "" }, all - number);
        let (told, most) = match &action.needless {
            Some(why) => (format!("{number} NOT DUE: {why} ({})", action.brief), 1),
            None if context.tall => (format!("{number} {} {}", action.what, action.risk_said()), 3),
            None => (format!("{number} {} | {}", action.brief, action.risk_in_brief()), 1),
        };
        let room = lines_max.saturating_sub(lines.len());
        if room <= 1 && left_out > 0 {
            // The last line that there is room for says how many steps it leaves out.
            let more = format!(" (and {left_out} more)");
            let told = text::cut(&text::safe(&told, model.theme.ascii), columns.saturating_sub(LABEL + more.len()));
            lines.extend(labelled(model, label, &(told + &more), (columns, room)));
            break;
        }
        lines.extend(labelled(
            model,
            label,
            &told,
            (columns, most.min(room.saturating_sub(usize::from(left_out > 0)))),
        ));
    }
    lines
}

fn good(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let Some(good) = &context.incident.last_known_good else { return Vec::new() };
    let (role, told) = facts::last_known_good(context.snapshot, context.incident, good);
    let theme = context.model.theme;
    let room = context.columns.saturating_sub(LABEL);
    let line = |label: &str, told: String| {
        Line::from(vec![theme.span(Role::Title, text::pad(label, LABEL)), theme.span(role, text::cut(&told, room))])
    };
    let mut lines = vec![line("GOOD", good.hash.to_string())];
    // A warning takes a second line rather than be cut.
    lines.extend(text::wrap(&told, room, lines_max.saturating_sub(1)).into_iter().map(|told| line("", told)));
    lines.truncate(lines_max);
    lines
}

fn blind(context: Context<'_>, lines_max: usize) -> Vec<Line<'static>> {
    let spots = facts::blind_spots(context.snapshot, Some(context.incident));
    if spots.is_empty() {
        return labelled(context.model, "BLIND", "none known", (context.columns, lines_max));
    }
    clauses(context, "BLIND", &spots, lines_max)
}

/// Every section without a bound, each clause by itself.
pub(crate) fn whole(model: &Model, incident: &Incident, columns: usize) -> Vec<Line<'static>> {
    let Some(snapshot) = &model.snapshot else { return Vec::new() };
    let context = Context { model, snapshot, incident, columns, tall: true };
    let size = (columns, usize::MAX);
    let listed = |label: &str, clauses: &[String]| -> Vec<Line<'static>> {
        let label = |index: usize| if index == 0 { label } else { "" };
        clauses.iter().enumerate().flat_map(|(index, clause)| labelled(model, label(index), clause, size)).collect()
    };
    let mut lines = verdict(context, usize::MAX);
    lines.extend(labelled(model, "ID", &facts::identity(incident), size));
    lines.extend(listed("SAID", &facts::said(incident)));
    let course = course::state_word(snapshot, incident);
    lines.extend(labelled(model, "STATE", &format!("{course} | {}", facts::impact(incident)), size));
    lines.extend(labelled(model, "REACH", &facts::reach(snapshot, incident), size));
    lines.extend(first_error(context, usize::MAX));
    lines.extend(listed("WHY", &facts::reasons(snapshot, incident)));
    lines.extend(listed("NOT IT", &excluded(incident)));
    lines.extend(steps(context));
    if let Some(good) = &incident.last_known_good {
        lines.extend(listed("GOOD", &[good.hash.to_string(), facts::last_known_good(snapshot, incident, good).1]));
    }
    lines.extend(listed("BLIND", &facts::blind_spots(snapshot, Some(incident))));
    lines.extend(chart::chart(model, snapshot, Some(incident), (columns, 14)));
    lines
}

/// Every step whole, with its risk and how to see that it worked.
fn steps(context: Context<'_>) -> Vec<Line<'static>> {
    let Context { model, snapshot, incident, columns, .. } = context;
    if let Some(over) = advice::when_over(incident) {
        return labelled(model, "DO NOW", &over, (columns, usize::MAX));
    }
    let mut lines = Vec::new();
    for (index, action) in advice::actions(snapshot, incident).into_iter().enumerate() {
        let needless = action.needless.as_ref().map_or_else(String::new, |why| format!("NOT DUE: {why}. "));
        let verify = text::unmarked(&action.verify);
        let told = format!("{} {needless}{} {} Verify: {verify}", index + 1, action.what, action.risk_said());
        lines.extend(labelled(model, if index == 0 { "DO NOW" } else { "" }, &told, (columns, usize::MAX)));
    }
    lines
}

/// What a person pastes into a chat: the sentence, the state, the next safe step, the version to go back to, and how to get the
/// whole report.
fn copied(context: Context<'_>) -> String {
    let Context { model, snapshot, incident, .. } = context;
    let told = sentence_as_of(incident, snapshot.at);
    let heading = super::page::plain(&heading(model, &told, usize::MAX));
    let safe = |told: &str| text::safe(told, true);
    let mut text = format!("{heading}\n{} | {}\n", course::state_word(snapshot, incident), facts::impact(incident));
    text.extend(facts::said(incident).iter().map(|said| safe(said) + "\n"));
    let due = advice::actions(snapshot, incident).into_iter().find(|action| action.needless.is_none());
    match (advice::when_over(incident), due) {
        (Some(over), _) => text += &format!("next: {}\n", safe(&over)),
        (None, Some(action)) => text += &format!("next: {} {}\n", safe(&action.what), safe(&action.risk_said())),
        (None, None) => {}
    }
    if let Some(good) = &incident.last_known_good {
        let told = facts::last_known_good(snapshot, incident, good).1;
        text += &format!("last known good: {} ({})\n", good.hash, safe(&told));
    }
    text + &format!("firstbad report {}\n", safe(&incident.id))
}
