//! Golden screens at 80x24, and what must hold on every screen at every size. Expected screens stand in `snapshots/` and
//! are reviewed like code (`INSTA_UPDATE=always cargo test -p firstbad screen` rewrites them).

mod golden;
mod marks;
mod orders;
mod properties;
mod review;
mod travel;
mod views;
mod words;

use super::keys::Key;
use super::message::{Effect, Message};
use super::model::{Model, Origin, Screen};
use super::theme::{Background, Theme};
use super::update::update;
use super::view;
use firstbad_protocol::snapshot::Snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use std::sync::Arc;

pub(super) const PLAIN: Theme = Theme { colour: false, ascii: false, background: Background::Unknown };

pub(super) fn embedded() -> Origin {
    Origin::Embedded {
        otlp_grpc: "127.0.0.1:4317".into(),
        otlp_http: "127.0.0.1:4318".into(),
        recorders: "/run/firstbad".into(),
        not_seen: Vec::new(),
    }
}

pub(super) fn showing(snapshot: Snapshot) -> Model {
    let mut model = Model::new(embedded(), PLAIN);
    update(&mut model, Message::Snapshot(Arc::new(snapshot)));
    model
}

pub(super) fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.chars()
        .flat_map(|key| {
            let key = match key {
                '\n' => Key::Enter,
                '\u{1b}' => Key::Escape,
                '\t' => Key::Tab,
                '\u{8}' => Key::Backspace,
                other => Key::Char(other),
            };
            update(model, Message::Key(key))
        })
        .collect()
}

pub(super) fn buffer(model: &Model, columns: u16, rows: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("test backend");
    terminal.draw(|frame| view::draw(model, frame)).expect("draw");
    terminal.backend().buffer().clone()
}

pub(super) fn picture(model: &Model, columns: u16, rows: u16) -> String {
    let buffer = buffer(model, columns, rows);
    let lines = (0..rows).map(|row| {
        let line: String = (0..columns).map(|column| buffer[(column, row)].symbol().to_owned()).collect();
        format!("|{}|\n", line)
    });
    lines.collect()
}

pub(super) fn on(screen: Screen, snapshot: Snapshot) -> Model {
    let mut model = showing(snapshot);
    model.screen = screen;
    model
}
