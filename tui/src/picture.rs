//! A screen as text or SVG, the same bytes for the same snapshot: for the README and for tickets.

use crate::screen::model::Model;
use crate::screen::view;
use ratatui::style::{Color, Modifier, Style};
use std::fmt::Write as _;

const CELL_WIDTH: usize = 9;
const CELL_HEIGHT: usize = 19;

/// The screen as lines of text.
pub(crate) fn text(model: &Model) -> String {
    let (columns, rows) = model.size;
    let lines = view::lines(model, usize::from(columns), usize::from(rows));
    lines.iter().map(|line| line.to_string().trim_end().to_owned() + "\n").collect()
}

/// The screen as SVG: one element per run of one style, placed by column, so that no font can shift it.
pub(crate) fn svg(model: &Model) -> String {
    let (columns, rows) = (usize::from(model.size.0), usize::from(model.size.1));
    let (width, height) = ((columns + 2) * CELL_WIDTH, (rows + 1) * CELL_HEIGHT);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"#14171c\"/>\n\
         <g font-family=\"ui-monospace,SFMono-Regular,Menlo,Consolas,monospace\" font-size=\"15\" fill=\"#d5dae1\" xml:space=\"preserve\">\n"
    );
    for (row, line) in view::lines(model, columns, rows).iter().enumerate() {
        let mut column = 0;
        for span in &line.spans {
            let cells = crate::screen::text::width(&span.content);
            if !span.content.trim().is_empty() || span.style.add_modifier.contains(Modifier::REVERSED) {
                run(&mut svg, Place { row, column, cells }, &span.content, span.style);
            }
            column += cells;
        }
    }
    svg + "</g>\n</svg>\n"
}

/// Where a run of one style stands, in cells.
#[derive(Clone, Copy)]
struct Place {
    /// Row from the top, the first being 0.
    row: usize,
    /// Column of its first cell, the leftmost being 0.
    column: usize,
    /// Its length.
    cells: usize,
}

fn run(svg: &mut String, place: Place, text: &str, style: Style) {
    let Place { row, column, cells } = place;
    let (x, y) = ((column + 1) * CELL_WIDTH, row * CELL_HEIGHT + CELL_HEIGHT);
    let reversed = style.add_modifier.contains(Modifier::REVERSED);
    let colour = match style.fg {
        _ if reversed => "#14171c",
        Some(Color::LightRed) => "#ff7b72",
        Some(Color::LightYellow) => "#e3b341",
        Some(Color::Green) => "#7ee787",
        _ if style.add_modifier.contains(Modifier::DIM) => "#8b949e",
        _ => "#d5dae1",
    };
    let weight = if style.add_modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    let length = cells * CELL_WIDTH;
    // Writing to a String cannot fail.
    if reversed {
        let top = y.saturating_sub(CELL_HEIGHT * 3 / 4);
        let _ =
            writeln!(svg, "<rect x=\"{x}\" y=\"{top}\" width=\"{length}\" height=\"{CELL_HEIGHT}\" fill=\"#d5dae1\"/>");
    }
    let _ = writeln!(
        svg,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{length}\" fill=\"{colour}\"{weight}>{}</text>",
        xml(text)
    );
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use crate::screen::message::Message;
    use crate::screen::model::Origin;
    use crate::screen::theme::{Background, Theme};
    use crate::screen::update::update;
    use std::sync::Arc;

    #[test]
    fn the_picture_is_the_screen_and_well_formed_whatever_the_text() {
        for snapshot in [fixture::named(), fixture::hostile()] {
            let mut model = Model::new(
                Origin::Attached("x<y>&".into()),
                Theme { colour: true, ascii: false, background: Background::Dark },
            );
            update(&mut model, Message::Snapshot(Arc::new(snapshot)));
            let (drawn, again) = (svg(&model), svg(&model));
            assert_eq!(drawn, again);
            let outside: String =
                drawn.split('<').map(|part| part.split_once('>').map_or("", |(_, text)| text)).collect();
            assert!(!outside.contains('>') && outside.contains("48.2% of requests failed"), "{outside}");
            assert_eq!(text(&model).lines().count(), 24);
        }
    }
}
