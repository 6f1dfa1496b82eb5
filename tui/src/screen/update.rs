//! The only writer of the model: one message in, the model changed, effects out. It reads no clock, terminal or socket, so
//! a recorded list of messages gives the same screen again.

use super::keys::{self, Action, Key};
use super::message::{Copied, Effect, Message};
use super::model::{Comparison, Link, Model, Opened, Replay, Screen};
use super::view;
use firstbad_protocol::snapshot::Snapshot;
use std::sync::Arc;

/// Bytes of a filter: what fits a line.
const FILTER_BYTES_MAX: usize = 64;
/// Screens that `esc` remembers.
const TRAIL_MAX: usize = 16;
/// A replay that plays moves on by one frame in this time.
pub(crate) const FRAME_MS: u64 = 250;

/// Takes `message` into `model`.
pub(crate) fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(key) => on_key(model, key),
        Message::Paste(text) => {
            on_paste(model, &text);
            Vec::new()
        }
        Message::Story(line) => {
            model.story = Some(line);
            Vec::new()
        }
        Message::Reading(percent) => {
            model.reading = percent;
            vec![if model.follows { Effect::Seek(usize::MAX) } else { Effect::FindAgain }]
        }
        Message::Resize(columns, rows) => {
            model.size = (columns, rows);
            Vec::new()
        }
        Message::Clock(now_ms) => on_clock(model, now_ms),
        Message::Snapshot(snapshot) => {
            on_snapshot(model, snapshot);
            Vec::new()
        }
        Message::Lost(error) => {
            on_lost(model, error);
            Vec::new()
        }
        Message::Insecure(insecure) => {
            model.insecure = insecure;
            Vec::new()
        }
        Message::Frame { index, count, snapshot } => {
            let playing = model.replay.is_some_and(|replay| replay.playing) && index + 1 < count;
            model.replay = Some(Replay { index, count, playing });
            model.link = Link::Live;
            model.snapshot = Some(snapshot);
            Vec::new()
        }
        Message::Difference(pair, result) => {
            if matches!(model.comparison, Comparison::Asked(asked) if asked == pair) {
                model.comparison = match result {
                    Ok(rows) => Comparison::Here(pair, rows),
                    Err(error) => Comparison::Failed(pair, error),
                };
            }
            Vec::new()
        }
        Message::Copied(result) => {
            model.remark = Some(match result {
                Ok(Copied::Sent(bytes)) => {
                    format!("sent {bytes} bytes to the terminal's clipboard; one that lacks OSC 52 ignores it")
                }
                Ok(Copied::Tmux(bytes)) => {
                    format!("copied {bytes} bytes by tmux load-buffer -w; in tmux: prefix ] pastes")
                }
                Ok(Copied::File(path)) => format!("too much for a clipboard; written to {path}"),
                Err(error) => format!("could not copy: {error}"),
            });
            Vec::new()
        }
        Message::Suspend => vec![Effect::Suspend],
        Message::Stop => vec![Effect::Quit],
    };
    effects.extend(ask_for_rows(model));
    keep_cursor_inside(model);
    effects
}

fn on_snapshot(model: &mut Model, snapshot: Arc<Snapshot>) {
    model.link = Link::Live;
    model.received_ms = model.now_ms;
    if model.paused {
        model.held = Some(snapshot);
    } else {
        model.snapshot = Some(snapshot);
    }
}

fn on_lost(model: &mut Model, error: String) {
    model.link = match &model.link {
        Link::Lost { since_ms, attempts, .. } => {
            Link::Lost { since_ms: *since_ms, attempts: attempts.saturating_add(1), error }
        }
        Link::Connecting | Link::Live => Link::Lost { since_ms: model.now_ms, attempts: 1, error },
    };
}

fn on_clock(model: &mut Model, now_ms: u64) -> Vec<Effect> {
    let before = model.now_ms;
    model.now_ms = now_ms;
    match model.replay {
        Some(replay) if replay.playing && now_ms / FRAME_MS > before / FRAME_MS => vec![Effect::Seek(replay.index + 1)],
        _ => Vec::new(),
    }
}

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    model.remark = None;
    if model.filter.editing && !matches!(key, Key::Control('c' | 'z')) {
        edit_filter(model, key);
        return Vec::new();
    }
    match keys::action(key) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

/// A paste types into a filter and does nothing else: a `q` in it would close the screen.
fn on_paste(model: &mut Model, text: &str) {
    if !model.filter.editing {
        let letters = text.chars().count();
        model.remark = Some(format!("a paste of {letters} characters was ignored; keys act one by one"));
        return;
    }
    for character in text.chars().filter(|character| !character.is_control()) {
        edit_filter(model, Key::Char(character));
    }
}

fn edit_filter(model: &mut Model, key: Key) {
    match key {
        Key::Char(character) if model.filter.text.len() < FILTER_BYTES_MAX => model.filter.text.push(character),
        Key::Backspace => {
            model.filter.text.pop();
        }
        Key::Enter if !view::takes_filter(model.screen) => {
            model.filter = super::model::Filter::default();
            model.remark = Some("/ filters the lists: incidents, suspects, hosts, changes and rows".into());
        }
        Key::Enter => model.filter.editing = false,
        Key::Escape => model.filter = super::model::Filter::default(),
        _ => {}
    }
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Copy => return copy(model),
        Action::Pause => return pause(model),
        Action::Earlier => return seek(model, -1),
        Action::Later => return seek(model, 1),
        Action::MuchEarlier => return seek(model, -leap(model)),
        Action::MuchLater => return seek(model, leap(model)),
        // The first screen does not scroll: it is whole, or opened whole.
        Action::Down | Action::PageDown | Action::Last if on_first_screen(model) => open(model),
        Action::Down => move_cursor(model, 1),
        Action::Up => move_cursor(model, -1),
        Action::PageDown => move_cursor(model, page(model)),
        Action::PageUp => move_cursor(model, -page(model)),
        Action::First => move_cursor(model, i64::MIN),
        Action::Last => move_cursor(model, i64::MAX),
        Action::Open => open(model),
        Action::Back => back(model),
        Action::NextScreen => turn(model, 1),
        Action::PreviousScreen => turn(model, Screen::NUMBERED.len() - 1),
        Action::ShowScreen(number) => {
            if let Some(screen) = Screen::NUMBERED.get(number) {
                show(model, *screen);
            }
        }
        Action::NextIncident => choose_by(model, 1),
        Action::PreviousIncident => choose_by(model, -1),
        Action::Help => show(model, Screen::Help),
        // Also where there is no list: letters that are meant for a filter must not act as keys.
        Action::Filter => model.filter.editing = true,
    }
    Vec::new()
}

fn copy(model: &mut Model) -> Vec<Effect> {
    match view::copied_text(model) {
        Ok(text) => vec![Effect::Copy(text)],
        Err(why) => {
            model.remark = Some(why);
            Vec::new()
        }
    }
}

fn pause(model: &mut Model) -> Vec<Effect> {
    if let Some(replay) = &mut model.replay {
        model.follows = false;
        replay.playing = !replay.playing;
        let at_the_end = replay.index + 1 >= replay.count;
        return if replay.playing && at_the_end { vec![Effect::Seek(0)] } else { Vec::new() };
    }
    model.paused = !model.paused;
    if !model.paused
        && let Some(held) = model.held.take()
    {
        model.snapshot = Some(held);
    }
    Vec::new()
}

fn leap(model: &Model) -> i64 {
    model.replay.map_or(1, |replay| i64::try_from(replay.count / 20).unwrap_or(1).max(1))
}

fn seek(model: &mut Model, by: i64) -> Vec<Effect> {
    let Some(replay) = &mut model.replay else {
        model.remark =
            Some("time travel works in a replay: firstbad replay PATH, or the file of firstbad bundle".into());
        return Vec::new();
    };
    replay.playing = false;
    let last = replay.count.saturating_sub(1);
    model.follows = false;
    let wanted = i64::try_from(replay.index).unwrap_or(i64::MAX).saturating_add(by).max(0);
    vec![Effect::Seek(usize::try_from(wanted).unwrap_or(last).min(last))]
}

fn page(model: &Model) -> i64 {
    i64::from(model.size.1.saturating_sub(4)).max(1)
}

fn move_cursor(model: &mut Model, by: i64) {
    let cursor = i64::try_from(model.cursor()).unwrap_or(i64::MAX).saturating_add(by).max(0);
    model.cursors.insert(model.screen, usize::try_from(cursor).unwrap_or(usize::MAX));
}

fn keep_cursor_inside(model: &mut Model) {
    if model.cursor() > 0 {
        let last = view::last_cursor(model);
        model.cursors.entry(model.screen).and_modify(|cursor| *cursor = (*cursor).min(last));
    }
}

fn show(model: &mut Model, screen: Screen) {
    if screen == model.screen {
        return;
    }
    model.trail.retain(|seen| *seen != model.screen);
    model.trail.push(model.screen);
    if model.trail.len() > TRAIL_MAX {
        model.trail.remove(0);
    }
    change_screen(model, screen);
}

/// Each screen keeps its filter.
fn change_screen(model: &mut Model, screen: Screen) {
    let left = std::mem::take(&mut model.filter);
    model.filters.insert(model.screen, left);
    model.screen = screen;
    model.filter = model.filters.remove(&screen).unwrap_or_default();
}

/// Whether an incident is on the first screen.
fn on_first_screen(model: &Model) -> bool {
    model.screen == Screen::Incident && model.incident().is_some()
}

fn back(model: &mut Model) {
    if !model.filter.text.is_empty() && view::takes_filter(model.screen) {
        model.filter = super::model::Filter::default();
        return;
    }
    let screen = model.trail.pop().unwrap_or(Screen::Incident);
    change_screen(model, screen);
}

fn turn(model: &mut Model, by: usize) {
    let here = Screen::NUMBERED.iter().position(|screen| *screen == model.screen).unwrap_or(0);
    if let Some(screen) = Screen::NUMBERED.get((here + by) % Screen::NUMBERED.len()) {
        show(model, *screen);
    }
}

fn open(model: &mut Model) {
    match model.screen {
        Screen::Incidents => {
            let chosen = view::row_under_cursor(model)
                .and_then(|index| model.incidents().get(index).map(|incident| incident.id.clone()));
            model.chosen = chosen.or_else(|| model.chosen.take());
            show(model, Screen::Incident);
        }
        Screen::Incident if on_first_screen(model) => open_whole(model, 0),
        Screen::Suspects | Screen::Hosts | Screen::Changes => {
            if let Some(index) = view::row_under_cursor(model) {
                open_whole(model, index);
            }
        }
        Screen::Whole if model.opened.is_some_and(|opened| opened.screen == Screen::Suspects) => {
            show(model, Screen::Rows);
        }
        screen => model.remark = Some(format!("nothing to open on {}: it shows all there is", screen.title())),
    }
}

fn open_whole(model: &mut Model, index: usize) {
    model.opened = Some(Opened { screen: model.screen, index });
    model.cursors.remove(&Screen::Whole);
    show(model, Screen::Whole);
}

fn choose_by(model: &mut Model, by: i64) {
    let Some((place, count)) = model.incident_place() else { return };
    let (place, count) = (i64::try_from(place).unwrap_or(1) - 1, i64::try_from(count).unwrap_or(1));
    let next = usize::try_from((place + by).rem_euclid(count.max(1))).unwrap_or(0);
    model.chosen = model.incidents().get(next).map(|incident| incident.id.clone());
    for screen in [Screen::Suspects, Screen::Rows, Screen::Playbook] {
        model.cursors.remove(&screen);
    }
}

/// The rows are compared only when somebody looks at them, and once for each pair.
fn ask_for_rows(model: &mut Model) -> Option<Effect> {
    if model.screen != Screen::Rows {
        return None;
    }
    let pair = model.pair()?;
    let known = match &model.comparison {
        Comparison::None => None,
        Comparison::Asked(pair) | Comparison::Here(pair, _) | Comparison::Failed(pair, _) => Some(*pair),
    };
    if known == Some(pair) {
        return None;
    }
    model.comparison = Comparison::Asked(pair);
    Some(Effect::Compare(pair))
}
