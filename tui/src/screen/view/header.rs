//! The first line (where the data come from, who reports, how old they are) and the last one (screens and keys, or what
//! is being typed). Both are there on every screen, so that an empty page is never taken for "all calm".

use super::super::model::{Link, Model, Origin, Screen};
use super::super::text;
use super::super::theme::Role;
use firstbad_protocol::sentence::clock;
use ratatui::text::Line;

/// Columns of a replayed file's name: beside it, hosts, time and position fit into 80.
const REPLAY_NAME: usize = 15;

/// The last part of a path.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first line.
pub(crate) fn line(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let origin = match &model.origin {
        Origin::Embedded { .. } => "EMBEDDED".to_owned(),
        Origin::Attached(url) => text::cut(&text::safe(url.trim_start_matches("http://"), theme.ascii), 30),
        Origin::Replay(path) => format!("REPLAY {}", text::cut(&text::safe(file_name(path), theme.ascii), REPLAY_NAME)),
    };
    // A replay needs the room for where in time it stands.
    let title = if model.replay.is_some() { "" } else { "firstbad " };
    let mut spans = vec![theme.span(Role::Title, title), theme.span(Role::Warn, origin)];
    if let Some(snapshot) = &model.snapshot {
        let fleet = snapshot.fleet;
        spans.push(theme.span(Role::Plain, format!(" | {} hosts report", text::count(fleet.hosts_reporting))));
        let silent = if fleet.hosts_silent > 0 { Role::Bad } else { Role::Plain };
        spans.push(theme.span(silent, format!(", {} silent", text::count(fleet.hosts_silent))));
        spans.push(theme.span(Role::Plain, format!(" | {}", moment(model))));
    } else {
        spans.push(theme.span(Role::Plain, " | no data yet"));
    }
    let mut left = columns;
    for span in &mut spans {
        let shown = text::cut(&span.content, left);
        left -= text::width(&shown);
        span.content = shown.into();
    }
    Line::from(spans)
}

fn moment(model: &Model) -> String {
    let at = model.snapshot.as_ref().and_then(|snapshot| snapshot.at);
    let clock = at.map_or_else(|| "before any data".to_owned(), |at| format!("{}Z", clock(at)));
    if let Some(replay) = model.replay {
        let state = if replay.playing { "playing" } else { "stopped" };
        return format!("{clock} {state} {}/{}", replay.index + 1, replay.count);
    }
    let age = match (&model.link, model.data_age_s()) {
        (Link::Lost { .. }, _) => format!("STALE {}", text::duration(model.silence_s())),
        (_, None) => "no data".to_owned(),
        (_, Some(age)) => format!("data {} old", text::duration(age)),
    };
    if model.paused { format!("PAUSED at {clock}, {age}") } else { format!("{clock}, {age}") }
}

/// The last line.
pub(crate) fn last_line(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    if model.filter.editing {
        let typed = format!("/{}_  (enter keeps it, esc clears it)", text::safe(&model.filter.text, theme.ascii));
        return Line::from(theme.span(Role::Warn, text::cut(&typed, columns)));
    }
    if let Some(remark) = &model.remark {
        return Line::from(theme.span(Role::Warn, text::cut(&text::safe(remark, theme.ascii), columns)));
    }
    let mut spans = Vec::new();
    for (index, screen) in Screen::NUMBERED.into_iter().enumerate() {
        let here = screen == model.screen;
        let (open, close) = if here { ("[", "]") } else { ("", "") };
        let role = if here { Role::Selected } else { Role::Dim };
        spans.push(theme.span(role, format!("{open}{} {}{close}", index + 1, screen.title())));
        spans.push(theme.span(Role::Plain, " "));
    }
    let help = if model.screen == Screen::Help { "[?]" } else { "? q" };
    spans.push(theme.span(Role::Dim, help));
    Line::from(spans)
}
