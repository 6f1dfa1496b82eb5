//! Draws the model: a header that says where the data come from and how old they are, the page of one screen, and the
//! keys. Every span passes [`scrub`] on its way to the terminal, whatever a page forgot to make safe.

mod changes;
mod chart;
mod header;
mod help;
mod hosts;
mod incident;
mod incidents;
mod page;
mod playbook;
mod quiet;
mod rows;
mod scores;
mod suspects;

use super::model::{Link, Model, Screen};
use super::text;
use super::theme::Role;
pub(crate) use page::Page;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

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
    picture.extend(body(model, columns, rows.saturating_sub(2)));
    picture.resize(rows.saturating_sub(1).max(1), Line::default());
    if rows > 1 {
        picture.push(header::last_line(model, columns));
    }
    picture.truncate(rows);
    picture.into_iter().map(|line| scrub(line, columns)).collect()
}

/// The text that `y` puts on the clipboard.
pub(crate) fn copied_text(model: &Model) -> String {
    let page = page_of(model, usize::from(model.size.0), usize::from(model.size.1).saturating_sub(2));
    if let Some(text) = page.copied {
        return text;
    }
    let all = page.head.iter().chain(page.rows.iter().map(|row| &row.line));
    all.map(|line| page::plain(line).trim_end().to_owned() + "\n").collect()
}

/// The greatest useful cursor of the screen shown: the last row, or the first line of the last page.
pub(crate) fn last_cursor(model: &Model) -> usize {
    let room = usize::from(model.size.1).saturating_sub(2);
    let page = page_of(model, usize::from(model.size.0), room);
    if page.selectable {
        page.rows.len().saturating_sub(1)
    } else {
        page.rows.len().saturating_sub(page.room_for_rows(room))
    }
}

/// Index, in the list that the screen shows, of the row under the cursor.
pub(crate) fn row_under_cursor(model: &Model) -> Option<usize> {
    let page = page_of(model, usize::from(model.size.0), usize::from(model.size.1));
    page.rows.get(model.cursor()).map(|row| row.index)
}

fn body(model: &Model, columns: usize, rows: usize) -> Vec<Line<'static>> {
    page_of(model, columns, rows).lines(model, columns, rows)
}

/// The page of the screen shown: the rows that the filter keeps, and the detail of the one under the cursor.
fn page_of(model: &Model, columns: usize, rows: usize) -> Page {
    let mut page = whole_page(model, columns, rows).filtered(&model.filter);
    let cursor = model.cursor().min(page.rows.len().saturating_sub(1));
    if let Some(index) = page.rows.get(cursor).map(|row| row.index).filter(|_| page.selectable) {
        page.detail = detail_of(model, index, columns);
    }
    page
}

fn detail_of(model: &Model, index: usize, columns: usize) -> Vec<Line<'static>> {
    let Some(snapshot) = &model.snapshot else { return Vec::new() };
    let detail = match model.screen {
        Screen::Incidents => incidents::detail(model, index, columns),
        Screen::Hosts => hosts::detail(model, snapshot, index, columns),
        Screen::Changes => changes::detail(model, snapshot, index, columns),
        Screen::Suspects => model.incident().and_then(|incident| suspects::detail(model, incident, index, columns)),
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
        (Screen::Scores, incident) => scores::page(model, snapshot, incident, columns),
        (_, None) => quiet::page(model, snapshot, (columns, rows)),
        (Screen::Suspects, Some(incident)) => suspects::page(model, incident, columns),
        (Screen::Rows, Some(incident)) => rows::page(model, incident, columns),
        (Screen::Playbook, Some(incident)) => playbook::page(model, incident, columns),
        (Screen::Incident | Screen::Help, Some(incident)) => incident::page(model, incident, columns, rows),
    };
    if let Link::Lost { attempts, error, .. } = &model.link {
        page.head.insert(0, lost_line(model, *attempts, error, columns));
    }
    page
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
