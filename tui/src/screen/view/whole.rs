//! Something of another screen, whole: of the first screen every section, of a list all that is known of one row. It scrolls,
//! and nothing in it is cut.

use super::super::model::{Model, Screen};
use super::super::text;
use super::page::{Extent, Page, heading};
use super::{detail_of, incident};
use firstbad_protocol::verdict::Incident;

/// The page.
pub(crate) fn page(model: &Model, shown: Option<&Incident>, columns: usize) -> Page {
    let Some(opened) = model.opened else { return Page::default() };
    let mut page = match (opened.screen, shown) {
        (Screen::Incident, Some(shown)) => Page::text(incident::whole(model, shown, columns)),
        _ => Page::text(detail_of(model, opened, Extent { columns, is_whole: true })),
    };
    let next = if opened.screen == Screen::Suspects { "   enter: the rows" } else { "" };
    let title = format!("{}, whole   j k scroll   esc goes back{next}", opened.screen.title().to_uppercase());
    page.head = vec![heading(model, &text::cut(&title, columns), columns)];
    page.nothing = "It is not in the data any more.".to_owned();
    page
}
