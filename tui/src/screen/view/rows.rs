//! The row-level difference of the accused version and the good one: duplicates with counts, rows added and removed,
//! limits. It is text for reading and copying; who fetches the contents is the runtime's business.

use super::super::model::{Comparison, Model, RowDifference};
use super::super::text;
use super::super::theme::Role;
use super::page::{Page, heading};
use crate::difference;
use firstbad_protocol::verdict::Incident;
use ratatui::text::Line;

/// The page.
pub(crate) fn page(model: &Model, incident: &Incident, columns: usize) -> Page {
    let config = incident.cause.as_ref().and_then(|cause| cause.config.clone()).unwrap_or_else(|| "input".to_owned());
    let Some(pair) = model.pair() else {
        let mut page = Page::text([]);
        page.nothing =
            "There are no two versions to compare: no input is suspected, or no good version is known.".into();
        return page;
    };
    let title = format!("ROWS of {config}: {} (good) -> {} (bad)", pair.old.short(), pair.new.short());
    let mut page = match &model.comparison {
        Comparison::Here(_, rows) => Page::text(lines(model, incident, rows, columns)),
        Comparison::Failed(_, error) => failed(model, error, columns),
        Comparison::None | Comparison::Asked(_) => {
            Page { nothing: "The two contents are being fetched and compared.".to_owned(), ..Page::default() }
        }
    };
    page.head = vec![heading(model, &title, columns)];
    page
}

fn failed(model: &Model, error: &str, columns: usize) -> Page {
    let told = text::safe(error, model.theme.ascii);
    let hint = "Contents are kept where capture is on, or sent as firstbad.config.content; with both files at hand: firstbad diff OLD NEW";
    let lines = text::wrap(&told, columns, 6).into_iter().chain(text::wrap(hint, columns, 3));
    Page::text(lines.map(|line| Line::from(model.theme.span(Role::Warn, line))).collect::<Vec<_>>())
}

fn lines(model: &Model, incident: &Incident, rows: &RowDifference, columns: usize) -> Vec<Line<'static>> {
    let limits = incident.input.as_ref().map(|input| input.limits.as_slice()).unwrap_or_default();
    difference::told(rows, limits)
        .into_iter()
        .map(|(mark, told)| {
            let role = match mark {
                '+' | '!' => Role::Bad,
                '-' => Role::Good,
                '=' => Role::Title,
                _ => Role::Plain,
            };
            let shown = text::safe(&told, model.theme.ascii);
            Line::from(model.theme.span(role, text::cut(&format!("{mark} {shown}"), columns)))
        })
        .collect()
}
