//! Draws the model: a header that says where the data come from and how old they are, the page of one screen, and the
//! keys. Every span passes [`scrub`] on its way to the terminal, whatever a page forgot to make safe.

mod changes;
mod chart;
mod deaths;
mod header;
mod health;
mod help;
mod hosts;
mod incident;
mod incidents;
mod page;
mod panics;
mod playbook;
mod quiet;
mod rollout;
mod rows;
mod scores;
mod suspects;
mod whole;
mod word_form;

use super::message::MouseEvent;
use super::model::{Link, Model, Opened, Screen};
use super::text;
use super::theme::Role;
use crate::facts;
use firstbad_protocol::sentence::headline;
use firstbad_protocol::verdict::State;
use page::Extent;
pub(crate) use page::{Copied, Kept, Page};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
pub(crate) use rollout::group_under_cursor;

/// Draws `model` into `frame`.
pub(crate) fn draw(model: &Model, frame: &mut Frame<'_>) {
    let area = frame.area();
    let picture = lines(model, usize::from(area.width), usize::from(area.height));
    for (row, line) in (area.y..area.bottom()).zip(picture) {
        frame.render_widget(line, Rect { y: row, height: 1, ..area });
    }
}

/// The whole screen as at most `rows` lines of at most `columns` columns.
pub(crate) fn lines(model: &Model, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let mut picture = vec![header::line(model, columns)];
    picture.extend(story_line(model, columns));
    let room = room(model, rows);
    let page = page_of(model, columns, room);
    let kept = page.kept;
    picture.extend(page.lines(model, columns, room));
    let form = word_form::lines(model, columns);
    picture.resize(rows.saturating_sub(1 + form.len()).max(1), Line::default());
    picture.extend(form);
    picture.truncate(rows.saturating_sub(1).max(1));
    if rows > 1 {
        picture.push(header::last_line(model, kept, columns));
    }
    picture.truncate(rows);
    picture.into_iter().map(|line| scrub(line, columns)).collect()
}

/// The text that `y` puts on the clipboard, or why there is none.
///
/// # Errors
/// The reason, for the person who asked.
pub(crate) fn copied_text(model: &Model) -> Result<String, String> {
    let page = page_of(model, usize::from(model.size.0), room(model, usize::from(model.size.1)));
    match page.copied {
        Copied::Text(text) => Ok(text),
        Copied::Restarts => {
            model.snapshot.as_ref().map_or_else(|| Ok(String::new()), |snapshot| hosts::restarts(snapshot))
        }
        Copied::Page => {
            let all = page.head.iter().chain(page.rows.iter().map(|row| &row.line));
            let cut = page.cut.map_or_else(String::new, |told| format!("({told})\n"));
            Ok(all.map(|line| page::plain(line).trim_end().to_owned() + "\n").collect::<String>() + &cut)
        }
    }
}

/// Lines of a page on a screen of `rows` lines: without the first, the last, the demo's, and those of a form.
fn room(model: &Model, rows: usize) -> usize {
    let form = word_form::lines(model, usize::from(model.size.0)).len();
    rows.saturating_sub(2 + usize::from(model.story.is_some()) + form)
}

/// What happened last on the demo's stage. It is what only a demo knows, so it stands apart from what is seen.
fn story_line(model: &Model, columns: usize) -> Option<Line<'static>> {
    let told = format!("STAGE {}", text::safe(model.story.as_ref()?.trim(), model.theme.ascii));
    Some(Line::from(model.theme.span(Role::Title, text::cut(&told, columns))))
}

/// The greatest useful cursor of the screen shown: the last row, or the first line of the last page.
pub(crate) fn last_cursor(model: &Model) -> usize {
    let room = room(model, usize::from(model.size.1));
    let page = page_of(model, usize::from(model.size.0), room);
    if page.selectable {
        page.rows.len().saturating_sub(1)
    } else {
        page.rows.len().saturating_sub(page.room_for_rows(room))
    }
}

/// What stands at a place of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The name of a screen, in the last line.
    Screen(Screen),
    /// A row of the list, counted as the cursor counts.
    Row(usize),
}

/// What the mouse points to.
pub(crate) fn place_at(model: &Model, event: MouseEvent) -> Option<Place> {
    let (columns, rows) = (usize::from(model.size.0), usize::from(model.size.1));
    let (column, row) = (usize::from(event.column), usize::from(event.row));
    let room = room(model, rows);
    let page = page_of(model, columns, room);
    if row + 1 == rows {
        // The last line names screens only where it has nothing else to say.
        let names_screens = model.remark.is_none() && page.kept.is_none();
        return header::screen_at(model, columns, column).filter(|_| names_screens).map(Place::Screen);
    }
    let above = 1 + usize::from(model.story.is_some()) + page.head.len();
    let shown = row.checked_sub(above)?;
    let room_for_rows = page.room_for_rows(room);
    let place = page.first_row(model, room_for_rows) + shown;
    (page.selectable && shown < room_for_rows && place < page.rows.len()).then_some(Place::Row(place))
}

/// The sections of the first screen that it has room for.
pub(crate) fn sections(model: &Model) -> Vec<&'static str> {
    let (columns, rows) = (usize::from(model.size.0), usize::from(model.size.1));
    let lost = usize::from(matches!(model.link, Link::Lost { .. }));
    incident::section_names(model, columns, room(model, rows).saturating_sub(lost))
}

/// The line at which a section begins where the first screen is opened whole.
pub(crate) fn section_line(model: &Model, section: &str) -> usize {
    incident::section_line(model, section, usize::from(model.size.0))
}

/// Index, in the list that the screen shows, of the row under the cursor.
pub(crate) fn row_under_cursor(model: &Model) -> Option<usize> {
    let page = page_of(model, usize::from(model.size.0), usize::from(model.size.1));
    page.rows.get(model.cursor()).map(|row| row.index)
}

/// The page of the screen shown: the rows that the filter keeps, and the detail of the one under the cursor.
fn page_of(model: &Model, columns: usize, rows: usize) -> Page {
    let mut page = whole_page(model, columns, rows);
    // The rollout filters hosts, before it groups them.
    if model.screen.takes_filter() && model.screen != Screen::Rollout {
        page = page.filtered(&model.filter);
    }
    let cursor = model.cursor().min(page.rows.len().saturating_sub(1));
    if let Some(index) = page.rows.get(cursor).map(|row| row.index).filter(|_| page.selectable) {
        let opened = Opened { screen: model.screen, index };
        let detail = detail_of(model, opened, Extent { columns, is_whole: false });
        page.detail = at_most_half(model, detail, rows.saturating_sub(page.head.len()));
    }
    page
}

/// Detail never takes more than half of the room, so that the cursor stays in sight.
fn at_most_half(model: &Model, mut detail: Vec<Line<'static>>, rows: usize) -> Vec<Line<'static>> {
    let room = rows / 2;
    if detail.len() > room {
        detail.truncate(room.saturating_sub(1));
        if room > 0 {
            detail.push(Line::from(model.theme.span(Role::Dim, ".. enter opens the whole")));
        }
    }
    detail
}

/// What is known of one row of a list.
fn detail_of(model: &Model, opened: Opened, extent: Extent) -> Vec<Line<'static>> {
    let Some(snapshot) = &model.snapshot else { return Vec::new() };
    let index = opened.index;
    let detail = match opened.screen {
        Screen::Incidents => incidents::detail(model, index, extent.columns),
        Screen::Hosts => hosts::detail(model, snapshot, index, extent),
        Screen::Changes => changes::detail(model, snapshot, index, extent),
        Screen::Panics => panics::detail(model, snapshot, index, extent),
        Screen::Deaths => deaths::detail(model, snapshot, index, extent),
        Screen::Suspects => model.incident().and_then(|incident| suspects::detail(model, incident, index, extent)),
        _ => None,
    };
    detail.unwrap_or_default()
}

fn whole_page(model: &Model, columns: usize, rows: usize) -> Page {
    if model.screen == Screen::Help {
        return help::page(model, columns);
    }
    let Some(snapshot) = &model.snapshot else { return quiet::waiting(model, columns) };
    let mut page = match (model.screen, model.incident()) {
        (Screen::Incidents, _) => incidents::page(model, columns),
        (Screen::Hosts, _) => hosts::page(model, snapshot, columns),
        (Screen::Changes, _) => changes::page(model, snapshot, columns),
        (Screen::Rollout, _) => rollout::page(model, snapshot, columns),
        (Screen::Panics, _) => panics::page(model, snapshot, columns),
        (Screen::Deaths, _) => deaths::page(model, snapshot, columns),
        (Screen::Health, _) => health::page(model, snapshot, columns),
        (Screen::Whole, incident) => whole::page(model, incident, columns),
        (Screen::Scores, incident) => scores::page(model, snapshot, incident, columns),
        (_, None) => quiet::page(model, snapshot, (columns, rows)),
        (Screen::Suspects, Some(incident)) => suspects::page(model, incident, columns),
        (Screen::Rows, Some(incident)) => rows::page(model, incident, columns),
        (Screen::Playbook, Some(incident)) => playbook::page(model, snapshot, incident, columns),
        (Screen::Incident | Screen::Help, Some(incident)) => incident::page(model, incident, columns, rows),
    };
    if takes_incident(model.screen)
        && let Some(line) = open_line(model, columns)
    {
        page.head.insert(0, line);
    }
    if let Link::Lost { attempts, error, .. } = &model.link {
        page.head.insert(0, lost_line(model, *attempts, error, columns));
    }
    page
}

/// Whether the screen speaks of one incident, so that it could hide that there are others.
const fn takes_incident(screen: Screen) -> bool {
    matches!(screen, Screen::Suspects | Screen::Rows | Screen::Playbook | Screen::Whole)
}

/// The line above an incident that counts the other open ones and names the most urgent of them.
fn open_line(model: &Model, columns: usize) -> Option<Line<'static>> {
    let shown = model.incident()?;
    let incidents = model.incidents();
    let others = || incidents.iter().filter(|other| other.id != shown.id && other.state != State::Resolved);
    let first = others().next()?;
    let count = others().count();
    let told = format!("{count} MORE OPEN (n): {}{}", facts::said_in_brief(first), headline(first));
    Some(Line::from(model.theme.span(Role::Bad, text::cut(&text::safe(&told, model.theme.ascii), columns))))
}

fn lost_line(model: &Model, attempts: u32, error: &str, columns: usize) -> Line<'static> {
    let told = format!(
        "STALE {}: connection lost, attempt {attempts}: {}",
        text::duration(model.silence_s()),
        text::safe(error, model.theme.ascii)
    );
    Line::from(model.theme.span(Role::Bad, text::cut(&told, columns)))
}

/// What leaves for the terminal: no control or hidden character, no line longer than the screen.
fn scrub(line: Line<'static>, columns: usize) -> Line<'static> {
    let mut left = columns;
    let mut spans = Vec::with_capacity(line.spans.len());
    for span in line.spans {
        let shown = text::cut(&text::safe(&span.content, false), left);
        left -= text::width(&shown);
        spans.push(Span::styled(shown, span.style));
    }
    Line::from(spans)
}
