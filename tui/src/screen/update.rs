//! The only writer of the model: one message in, the model changed, effects out. It reads no clock, terminal or socket, so
//! a recorded list of messages gives the same screen again.

mod answers;
mod asking;
mod input;
mod mouse;
mod saying;
mod travel;

pub(crate) use travel::{FRAME_MS, speed_told};

use super::keys::{self, Action, Key};
use super::message::{Effect, Message};
use super::model::{Filter, Link, Model, Opened, Replay, Screen};
use super::palette::{Form, Order};
use super::view;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::State;
use std::sync::Arc;

/// Screens that `esc` remembers.
const TRAIL_MAX: usize = 16;

/// Takes `message` into `model`.
pub(crate) fn update(model: &mut Model, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(key) => on_key(model, key),
        Message::Paste(text) => {
            input::on_paste(model, &text);
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
        Message::Clock(now_ms) => travel::on_clock(model, now_ms),
        Message::Snapshot(snapshot) => on_snapshot(model, snapshot),
        Message::Lost(error) => {
            on_lost(model, error);
            Vec::new()
        }
        Message::Insecure(insecure) => {
            model.insecure = insecure;
            Vec::new()
        }
        Message::Frame { index, count, snapshot } => {
            travel::on_frame(model, Replay { index, count, playing: false }, snapshot);
            Vec::new()
        }
        Message::Remark(remark) => {
            model.remark = Some(remark);
            Vec::new()
        }
        Message::Said(request, result) => {
            saying::answered(model, &request, result);
            Vec::new()
        }
        Message::Mouse(event) => mouse::on_mouse(model, event),
        answer @ (Message::Difference(..)
        | Message::Backtrace(..)
        | Message::SiteHistory(_)
        | Message::Health(_)
        | Message::Copied(_)) => {
            answers::take(model, answer);
            Vec::new()
        }
        Message::Suspend => vec![Effect::Suspend],
        Message::Stop => vec![Effect::Quit],
    };
    give_way_to_an_incident(model);
    effects.extend(asking::ask(model));
    keep_cursor_inside(model);
    effects
}

fn on_snapshot(model: &mut Model, snapshot: Arc<Snapshot>) -> Vec<Effect> {
    model.link = Link::Live;
    model.received_ms = model.now_ms;
    if model.is_past() {
        model.held = Some(snapshot);
        // There is one more frame, and earlier ones may have been thinned out.
        return vec![Effect::FindAgain];
    }
    if model.paused {
        model.held = Some(snapshot);
    } else {
        model.snapshot = Some(snapshot);
    }
    Vec::new()
}

/// A screen that was kept from an earlier session must not hide an open incident: nobody asked for it today.
fn give_way_to_an_incident(model: &mut Model) {
    let is_open = model.incidents().iter().any(|incident| incident.state != State::Resolved);
    if model.restored && is_open {
        model.restored = false;
        let left = model.screen;
        show(model, Screen::Incident);
        model.remark = Some(format!("an incident is open; {} {} is as you left it", left.key(), left.title()));
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

fn on_key(model: &mut Model, key: Key) -> Vec<Effect> {
    model.remark = None;
    model.restored = false;
    if !matches!(key, Key::Control('c' | 'z')) {
        if model.word_form.is_some() {
            return saying::edit(model, key);
        }
        if model.palette.is_some() {
            return input::edit_palette(model, key);
        }
        if model.filter.editing {
            input::edit_filter(model, key);
            return Vec::new();
        }
    }
    match keys::action(key) {
        Some(action) => act(model, action),
        None => Vec::new(),
    }
}

fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Quit => return vec![Effect::Quit],
        Action::Suspend => return vec![Effect::Suspend],
        Action::Copy => return copy(model),
        Action::Pause
        | Action::Earlier
        | Action::Later
        | Action::MuchEarlier
        | Action::MuchLater
        | Action::EarlierMoment
        | Action::LaterMoment
        | Action::Faster
        | Action::Slower
        | Action::Now => return travel::act(model, action),
        Action::Export => return export(model, Form::Markdown),
        Action::Say(kind) => saying::open(model, kind),
        Action::Palette => model.palette = Some(String::new()),
        // The first screen does not scroll: it is whole, or opened whole; its sections are chosen.
        Action::Down if on_first_screen(model) => choose_section(model, 1),
        Action::Up if on_first_screen(model) => choose_section(model, -1),
        Action::PageDown | Action::Last if on_first_screen(model) => open_whole(model, 0),
        Action::Down => move_cursor(model, 1),
        Action::Up => move_cursor(model, -1),
        Action::PageDown => move_cursor(model, page(model)),
        Action::PageUp => move_cursor(model, -page(model)),
        Action::First => move_cursor(model, i64::MIN),
        Action::Last => move_cursor(model, i64::MAX),
        Action::Open => open(model),
        Action::Back => back(model),
        Action::NextScreen => turn(model, 1),
        Action::PreviousScreen => turn(model, Screen::LISTED.len() - 1),
        Action::ShowScreen(number) => {
            if let Some(screen) = Screen::LISTED.get(number) {
                show(model, *screen);
            }
        }
        Action::NextIncident => choose_by(model, 1),
        Action::PreviousIncident => choose_by(model, -1),
        Action::Help => show(model, Screen::Help),
        Action::Sort => sort(model),
        Action::Group if model.screen == Screen::Rollout => model.grouping = model.grouping.wrapping_add(1),
        Action::NextConfig if model.screen == Screen::Rollout => model.rollout = model.rollout.wrapping_add(1),
        Action::Group | Action::NextConfig => {
            model.remark = Some("b and v group the hosts, and choose the config, of the rollout (9)".into());
        }
        // Also where there is no list: letters that are meant for a filter must not act as keys.
        Action::Filter => model.filter.editing = true,
    }
    Vec::new()
}

/// Carries out what was typed after `:`.
fn carry_out(model: &mut Model, order: Order) -> Vec<Effect> {
    match order {
        Order::Show(screen) => show(model, screen),
        Order::Act(action) => return act(model, action),
        Order::Jump(goal) => return vec![Effect::Jump(goal)],
        Order::Export(form) => return export(model, form),
        Order::Choose(id) if model.incidents().iter().any(|incident| incident.id == id) => {
            model.chosen = Some(id);
            show(model, Screen::Incident);
        }
        Order::Choose(id) => model.remark = Some(format!("no incident `{id}` is in the data; 2 lists them")),
        Order::TakeBack(kind) => return saying::take_back(model, kind),
        Order::Mouse(is_on) => return vec![Effect::Mouse(is_on)],
    }
    Vec::new()
}

fn export(model: &mut Model, form: Form) -> Vec<Effect> {
    if model.incident().is_none() {
        model.remark = Some("there is no incident to report; firstbad export writes what is stored".into());
        return Vec::new();
    }
    vec![Effect::Export(form)]
}

/// Chooses the next or previous section that the first screen shows.
fn choose_section(model: &mut Model, by: i64) {
    let shown = view::sections(model);
    let here = model.section.and_then(|section| shown.iter().position(|shown| *shown == section));
    let next = match here {
        None => 0,
        Some(here) => i64::try_from(here).unwrap_or(0).saturating_add(by).max(0),
    };
    let next = usize::try_from(next).unwrap_or(0).min(shown.len().saturating_sub(1));
    model.section = shown.get(next).copied();
}

/// The next order of the rows of the screen shown.
fn sort(model: &mut Model) {
    let orders = model.screen.orders();
    if orders.is_empty() {
        model.remark = Some(format!("{} has one order alone", model.screen.title()));
        return;
    }
    let next = (model.order() + 1) % orders.len();
    model.orders.insert(model.screen, next);
    model.cursors.remove(&model.screen);
    model.remark = orders.get(next).map(|order| format!("sorted: {order}"));
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
    if model.section.take().is_some() && on_first_screen(model) {
        return;
    }
    if !model.filter.text.is_empty() && model.screen.takes_filter() {
        model.filter = Filter::default();
        return;
    }
    if model.is_past() {
        travel::go_live(model);
        return;
    }
    let screen = model.trail.pop().unwrap_or(Screen::Incident);
    change_screen(model, screen);
}

fn turn(model: &mut Model, by: usize) {
    let here = Screen::LISTED.iter().position(|screen| *screen == model.screen).unwrap_or(0);
    if let Some(screen) = Screen::LISTED.get((here + by) % Screen::LISTED.len()) {
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
        Screen::Incident if on_first_screen(model) => {
            let line = model.section.map_or(0, |section| view::section_line(model, section));
            open_whole(model, 0);
            model.cursors.insert(Screen::Whole, line);
        }
        Screen::Rollout => {
            if let Some(filter) = view::group_under_cursor(model) {
                show(model, Screen::Hosts);
                model.filter = Filter { text: filter, editing: false };
            }
        }
        Screen::Suspects | Screen::Hosts | Screen::Changes | Screen::Panics | Screen::Deaths => {
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
