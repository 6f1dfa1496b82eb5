//! The first line (where the data come from, who reports, how old they are) and the last one (screens and keys, or what
//! is being typed). Both are there on every screen, so that an empty page is never taken for "all calm".

use super::super::model::{Link, Model, Origin, Screen};
use super::super::palette;
use super::super::text;
use super::super::theme::Role;
use super::super::update::speed_told;
use super::Kept;
use firstbad_protocol::sentence::{clock, clock_as_of};
use ratatui::text::{Line, Span};

/// Columns of a replayed file's name, at most and at least.
const REPLAY_NAME_MAX: usize = 24;
const REPLAY_NAME_MIN: usize = 8;

/// The first line.
pub(crate) fn line(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let known = known(model);
    let taken: usize = known.iter().map(|span| text::width(&span.content)).sum();
    // The position in a replay matters more than the whole name of its file.
    let room = columns.saturating_sub(taken + "REPLAY ".len()).clamp(REPLAY_NAME_MIN, REPLAY_NAME_MAX);
    let origin = match &model.origin {
        Origin::Embedded { .. } => "EMBEDDED".to_owned(),
        Origin::Demo => "DEMO".to_owned(),
        Origin::Attached(url) => {
            let address = url.trim_start_matches("http://").trim_start_matches("https://");
            text::cut(&text::safe(address, theme.ascii), 30)
        }
        Origin::Replay(path) => format!("REPLAY {}", text::cut(&text::safe(file_name(path), theme.ascii), room)),
    };
    // A replay needs the room for where in time it stands, a warning for itself.
    let title = if matches!(model.origin, Origin::Replay(_)) || model.insecure { "" } else { "firstbad " };
    let mut spans = vec![theme.span(Role::Title, title), theme.span(Role::Warn, origin)];
    if model.insecure {
        spans.push(theme.span(Role::Bad, " INSECURE"));
    }
    spans.extend(known);
    let mut left = columns;
    for span in &mut spans {
        let shown = text::cut(&span.content, left);
        left -= text::width(&shown);
        span.content = shown.into();
    }
    Line::from(spans)
}

/// The last part of a path, without the endings that every capture has.
fn file_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    let endings = [".zst", ".gz", ".jsonl", ".json", ".tar"];
    endings.into_iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name))
}

/// Who reports, and which moment this is.
fn known(model: &Model) -> Vec<Span<'static>> {
    let theme = model.theme;
    let Some(snapshot) = &model.snapshot else {
        let reading = model.reading.map(|percent| format!(" | reading {percent}%"));
        return vec![theme.span(Role::Plain, reading.unwrap_or_else(|| " | no data yet".to_owned()))];
    };
    let fleet = snapshot.fleet;
    let hosts = if matches!(model.origin, Origin::Replay(_)) || model.is_past() { "report" } else { "hosts report" };
    let silent = if fleet.hosts_silent > 0 { Role::Bad } else { Role::Plain };
    vec![
        theme.span(Role::Plain, format!(" | {} {hosts}", text::count(fleet.hosts_reporting))),
        theme.span(silent, format!(", {} silent", text::count(fleet.hosts_silent))),
        theme.span(Role::Plain, format!(" | {}", moment(model))),
    ]
}

fn moment(model: &Model) -> String {
    let at = model.now();
    let clock = at.map_or_else(|| "before any data".to_owned(), |at| format!("{}Z", clock(at)));
    if let Some(replay) = model.replay {
        // A capture is of any day.
        let day = at.map(|at| at.to_string().chars().take(10).collect::<String>() + " ").unwrap_or_default();
        let speed = if model.speed == 0 { String::new() } else { format!(" {}", speed_told(model.speed)) };
        let state = if replay.playing { format!(" playing{speed}") } else { String::new() };
        if model.is_past() {
            let newest = model.held.as_ref().and_then(|held| held.at);
            let clock = at.map_or(clock, |at| format!("{}Z", clock_as_of(at, newest)));
            return format!("PAST {clock}{state} {}/{} (esc: now)", replay.index + 1, replay.count);
        }
        let reading = model.reading.map_or_else(String::new, |percent| format!(", reading {percent}%"));
        return format!("{day}{clock}{state} {}/{}{reading}", replay.index + 1, replay.count);
    }
    let age = match (&model.link, model.data_age_s()) {
        (Link::Lost { .. }, _) => format!("STALE {}", text::duration(model.silence_s())),
        (_, None) => "no data".to_owned(),
        (_, Some(age)) => format!("data {} old", text::duration(age)),
    };
    if model.paused { format!("PAUSED at {clock}, {age}") } else { format!("{clock}, {age}") }
}

/// The last line.
pub(crate) fn last_line(model: &Model, kept: Option<Kept>, columns: usize) -> Line<'static> {
    let theme = model.theme;
    if let Some(typed) = &model.palette {
        return palette_line(model, typed, columns);
    }
    if model.filter.editing {
        let hint =
            if model.screen.takes_filter() { "enter keeps it, esc clears it" } else { "no list here to filter; esc" };
        let typed = format!("/{}_  ({hint})", text::safe(&model.filter.text, theme.ascii));
        return Line::from(theme.span(Role::Warn, text::cut(&typed, columns)));
    }
    if let Some(remark) = &model.remark {
        return Line::from(theme.span(Role::Warn, text::cut(&text::safe(remark, theme.ascii), columns)));
    }
    if let Some(Kept { rows, of }) = kept {
        let typed = text::safe(&model.filter.text, theme.ascii);
        let told = format!("/{typed}: {} of {} (esc clears)  ? q", text::count(rows as u64), text::count(of as u64));
        return Line::from(theme.span(Role::Warn, text::cut(&told, columns)));
    }
    screens(model, columns)
}

/// What is typed after `:`, and what it can become.
fn palette_line(model: &Model, typed: &str, columns: usize) -> Line<'static> {
    let all = palette::completions(model, typed);
    let told = match all.as_slice() {
        [] => "no order begins so; esc".to_owned(),
        [one] => palette::help(one).map_or_else(String::new, |help| format!("{one}: {help}")),
        several => several.join(" "),
    };
    let line = format!(":{typed}_  {told}");
    Line::from(model.theme.span(Role::Warn, text::cut(&text::safe(&line, model.theme.ascii), columns)))
}

/// The screen whose name stands at `column` of the last line.
pub(crate) fn screen_at(model: &Model, columns: usize, column: usize) -> Option<Screen> {
    let mut from = 0;
    for span in screens(model, columns).spans {
        let to = from + text::width(&span.content);
        if (from..to).contains(&column) {
            let title = span.content.trim_matches(['[', ']']).rsplit(' ').next().unwrap_or_default().to_owned();
            return Screen::LISTED.into_iter().find(|screen| screen.title() == title);
        }
        from = to;
    }
    None
}

/// As many screens as fit, the one that is shown among them; how to get to the others; the keys of help and end.
fn screens(model: &Model, columns: usize) -> Line<'static> {
    let theme = model.theme;
    let label = |screen: Screen| {
        let (open, close) = if screen == model.screen { ("[", "]") } else { ("", "") };
        format!("{open}{} {}{close} ", screen.key(), screen.title())
    };
    let help = if model.screen == Screen::Help { "[?]" } else { "? q" };
    let all: usize = Screen::LISTED.iter().map(|screen| text::width(&label(*screen))).sum();
    let more = if all + help.len() > columns { ": more " } else { "" };
    let here = if Screen::LISTED.contains(&model.screen) { text::width(&label(model.screen)) } else { 0 };
    let mut left = columns.saturating_sub(more.len() + help.len() + here);
    let mut spans = Vec::new();
    let mut is_full = false;
    for screen in Screen::LISTED {
        let (is_here, label) = (screen == model.screen, label(screen));
        let width = text::width(&label);
        is_full |= !is_here && width > left;
        if is_full && !is_here {
            continue;
        }
        if !is_here {
            left -= width;
        }
        let role = if is_here { Role::Selected } else { Role::Dim };
        spans.push(theme.span(role, label.trim_end().to_owned()));
        spans.push(theme.span(Role::Plain, " "));
    }
    spans.push(theme.span(Role::Dim, more));
    spans.push(theme.span(Role::Dim, help));
    Line::from(spans)
}
