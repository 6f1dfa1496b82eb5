//! The form that all pages share: fixed lines above, rows that scroll (with a cursor, if they can be chosen), fixed lines
//! below. What the lines say is decided by the pages.

use super::super::model::{Filter, Model};
use super::super::text;
use super::super::theme::Role;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};

/// One row of a page.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What it shows.
    pub(crate) line: Line<'static>,
    /// Its place in the list that the page shows, whatever the filter leaves out.
    pub(crate) index: usize,
    /// What a filter finds beside the text of the line: parts that have no column on a narrow screen.
    pub(crate) also: String,
}

impl Row {
    /// A row that a filter finds by its line alone.
    pub(crate) const fn new(index: usize, line: Line<'static>) -> Self {
        Self { line, index, also: String::new() }
    }

    fn is_kept(&self, filter: &Filter) -> bool {
        filter.keeps(&format!("{} {}", plain(&self.line), self.also))
    }
}

/// How much of something is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Columns of the screen.
    pub(crate) columns: usize,
    /// Whether nothing may be cut.
    pub(crate) is_whole: bool,
}

impl Extent {
    /// Columns, and the lines that a text may take which gets `brief` of them below a list.
    pub(crate) const fn size(self, brief: usize) -> (usize, usize) {
        (self.columns, if self.is_whole { usize::MAX } else { brief })
    }
}

/// One screen's content between header and last line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Page {
    /// Above the rows.
    pub(crate) head: Vec<Line<'static>>,
    /// The rows.
    pub(crate) rows: Vec<Row>,
    /// Whether one of them is under a cursor.
    pub(crate) selectable: bool,
    /// Below the rows.
    pub(crate) detail: Vec<Line<'static>>,
    /// Shown instead of rows where there are none: never an empty place.
    pub(crate) nothing: String,
    /// What `y` copies.
    pub(crate) copied: Copied,
    /// How much of a list with a bound the rows are, where it is not whole: `512 of 1,678 listed`.
    pub(crate) cut: Option<String>,
    /// How many of how many rows the filter keeps, where one is in force.
    pub(crate) kept: Option<Kept>,
}

/// What `y` puts on the clipboard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Copied {
    /// The rows as shown.
    #[default]
    Page,
    /// This text.
    Text(String),
    /// Names of the hosts that need a restart, or why not. They may be many, so the text is made when somebody asks.
    Restarts,
}

/// The effect of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Rows that it keeps.
    pub(crate) rows: usize,
    /// Rows in all.
    pub(crate) of: usize,
}

impl Page {
    /// A page of text without a cursor.
    pub(crate) fn text(lines: impl IntoIterator<Item = Line<'static>>) -> Self {
        let rows = lines.into_iter().enumerate().map(|(index, line)| Row::new(index, line)).collect();
        Self { rows, ..Self::default() }
    }

    /// A page of rows of which one is under the cursor.
    pub(crate) fn list(lines: impl IntoIterator<Item = Line<'static>>) -> Self {
        Self { selectable: true, ..Self::text(lines) }
    }

    /// The same of rows in another order than that of the list.
    pub(crate) fn ordered(rows: Vec<Row>) -> Self {
        Self { selectable: true, rows, ..Self::default() }
    }

    /// The page with the rows that `filter` keeps.
    pub(crate) fn filtered(mut self, filter: &Filter) -> Self {
        if !filter.text.is_empty() {
            let of = self.rows.len();
            self.rows.retain(|row| row.is_kept(filter));
            self.kept = Some(Kept { rows: self.rows.len(), of });
            let cut = self.cut.as_ref().map_or_else(String::new, |told| format!(" ({told})"));
            self.nothing = format!("no row matches /{}{cut}; esc clears the filter", filter.text);
        }
        self
    }

    /// Lines left for rows when the page has `lines` lines.
    pub(crate) fn room_for_rows(&self, lines: usize) -> usize {
        lines.saturating_sub(self.head.len() + self.detail.len()).max(usize::from(lines > 0))
    }

    /// The first row that is shown where there is room for so many.
    pub(crate) fn first_row(&self, model: &Model, room: usize) -> usize {
        let cursor = model.cursor().min(self.rows.len().saturating_sub(1));
        // Rows without a cursor scroll by line; rows with one keep it in the middle.
        let last_start = self.rows.len().saturating_sub(room);
        if self.selectable { cursor.saturating_sub(room / 2).min(last_start) } else { cursor.min(last_start) }
    }

    /// The page in at most `lines_max` lines.
    pub(crate) fn lines(self, model: &Model, columns: usize, lines_max: usize) -> Vec<Line<'static>> {
        let room = self.room_for_rows(lines_max);
        let cursor = model.cursor().min(self.rows.len().saturating_sub(1));
        let start = self.first_row(model, room);
        let mut picture = self.head;
        if self.rows.is_empty() && !self.nothing.is_empty() {
            picture.push(Line::from(model.theme.span(Role::Warn, text::safe(&self.nothing, model.theme.ascii))));
        }
        for (place, row) in self.rows.into_iter().enumerate().skip(start).take(room) {
            let line = found(model, row.line);
            picture.push(if self.selectable { marked(model, &line, place == cursor, columns) } else { line });
        }
        let below = self.detail.len().min(lines_max.saturating_sub(1));
        picture.truncate(lines_max.saturating_sub(below));
        picture.resize(lines_max.saturating_sub(below), Line::default());
        picture.extend(self.detail.into_iter().take(below));
        picture
    }
}

/// The row with what the filter found in it underlined.
fn found(model: &Model, line: Line<'static>) -> Line<'static> {
    let wanted = model.filter.text.to_ascii_lowercase();
    if wanted.is_empty() || wanted.starts_with('!') || !model.screen.takes_filter() {
        return line;
    }
    let mut spans = Vec::new();
    for span in line.spans {
        let (text, mut from) = (span.content.to_string(), 0);
        let small = text.to_ascii_lowercase();
        for (at, part) in small.match_indices(&wanted) {
            // A change of ASCII letters alone moves no byte.
            spans.extend(text.get(from..at).map(|before| Span::styled(before.to_owned(), span.style)));
            from = at + part.len();
            let style = span.style.add_modifier(Modifier::UNDERLINED | Modifier::BOLD);
            spans.extend(text.get(at..from).map(|found| Span::styled(found.to_owned(), style)));
        }
        spans.extend(text.get(from..).map(|rest| Span::styled(rest.to_owned(), span.style)));
    }
    Line::from(spans)
}

/// A row with the mark that says whether it is under the cursor; reversal alone is lost in a copied screen.
fn marked(model: &Model, line: &Line<'static>, selected: bool, columns: usize) -> Line<'static> {
    if selected {
        return Line::from(model.theme.span(Role::Selected, text::pad(&format!(">{}", plain(line)), columns)));
    }
    let mut spans = vec![model.theme.span(Role::Plain, " ")];
    spans.extend(line.spans.iter().cloned());
    Line::from(spans)
}

/// A line's text.
pub(crate) fn plain(line: &Line<'_>) -> String {
    line.spans.iter().map(|span| span.content.as_ref()).collect()
}

/// A heading of a page.
pub(crate) fn heading(model: &Model, text: &str, columns: usize) -> Line<'static> {
    Line::from(model.theme.span(Role::Title, text::cut(&text::safe(text, model.theme.ascii), columns)))
}

/// `label` in a column of its own, then `content` wrapped beside it.
pub(crate) fn labelled(model: &Model, label: &str, content: &str, size: (usize, usize)) -> Vec<Line<'static>> {
    let (columns, lines_max) = size;
    let safe = text::safe(content, model.theme.ascii);
    text::wrap(&safe, columns.saturating_sub(LABEL), lines_max)
        .into_iter()
        .enumerate()
        .map(|(index, line)| {
            let label = if index == 0 { label } else { "" };
            Line::from(vec![
                model.theme.span(Role::Title, text::pad(label, LABEL)),
                model.theme.span(Role::Plain, line),
            ])
        })
        .collect()
}

/// Columns from which on lists have more columns.
pub(crate) const WIDE: usize = 110;

/// Columns of a label.
pub(crate) const LABEL: usize = 9;
