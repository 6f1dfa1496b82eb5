//! Time travel: through a replay, and live through what the screen has seen since it was opened. Live data go on meanwhile and
//! are held.

use super::super::keys::Action;
use super::super::message::Effect;
use super::super::model::{Link, Model, Replay};
use super::super::moments::Goal;
use firstbad_protocol::snapshot::Snapshot;
use std::sync::Arc;

/// Time between two steps while playing, in milliseconds.
pub(crate) const FRAME_MS: u64 = 250;
/// Bounds of [`Model::speed`]: from a quarter to sixteen times.
const SPEED_MIN: i8 = -2;
const SPEED_MAX: i8 = 4;
/// Steps of a leap in live data, whose number of frames is not known here.
const LEAP_LIVE: usize = 5;

/// Carries out an action in time.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match action {
        Action::Pause => return pause(model),
        Action::Earlier => return seek(model, -1),
        Action::Later => return seek(model, 1),
        Action::MuchEarlier => return seek(model, -leap(model)),
        Action::MuchLater => return seek(model, leap(model)),
        Action::EarlierMoment => return vec![Effect::Jump(Goal::Previous)],
        Action::LaterMoment => return vec![Effect::Jump(Goal::Next)],
        Action::Faster => set_speed(model, 1),
        Action::Slower => set_speed(model, -1),
        Action::Now if model.is_past() => go_live(model),
        Action::Now if model.replay.is_some() => return vec![Effect::Seek(usize::MAX)],
        _ => {}
    }
    Vec::new()
}

/// Takes a frame of a replay, or of the updates since the screen was opened.
pub(super) fn on_frame(model: &mut Model, frame: Replay, snapshot: Arc<Snapshot>) {
    let playing = model.replay.is_some_and(|replay| replay.playing) && frame.index + 1 < frame.count;
    let was_live = model.replay.is_none();
    model.replay = Some(Replay { playing, ..frame });
    if model.is_past() {
        if was_live && model.held.is_none() {
            model.held = model.snapshot.take();
        }
        model.paused = false;
    } else {
        model.link = Link::Live;
    }
    model.snapshot = Some(snapshot);
}

pub(super) fn on_clock(model: &mut Model, now_ms: u64) -> Vec<Effect> {
    let before = model.now_ms;
    model.now_ms = now_ms;
    let Some(replay) = model.replay.filter(|replay| replay.playing) else { return Vec::new() };
    let (frames, steps) = pace(model.speed);
    let period_ms = FRAME_MS * steps;
    if now_ms / period_ms <= before / period_ms {
        return Vec::new();
    }
    if model.is_past() && replay.index + frames >= replay.count {
        go_live(model);
        return Vec::new();
    }
    vec![Effect::Seek(replay.index + frames)]
}

/// Frames for each step, and steps for each frame.
fn pace(speed: i8) -> (usize, u64) {
    match speed {
        0.. => (1 << speed.clamp(0, SPEED_MAX), 1),
        _ => (1, 1 << speed.clamp(SPEED_MIN, 0).unsigned_abs()),
    }
}

/// The speed in words: `x4`, `x1/2`.
pub(crate) fn speed_told(speed: i8) -> String {
    match pace(speed) {
        (frames, 1) => format!("x{frames}"),
        (_, steps) => format!("x1/{steps}"),
    }
}

fn set_speed(model: &mut Model, by: i8) {
    model.speed = (model.speed + by).clamp(SPEED_MIN, SPEED_MAX);
    model.remark = Some(format!("space plays at {}", speed_told(model.speed)));
}

/// Back from the past to what is known now.
pub(super) fn go_live(model: &mut Model) {
    model.replay = None;
    model.paused = false;
    if let Some(held) = model.held.take() {
        model.snapshot = Some(held);
    }
}

fn pause(model: &mut Model) -> Vec<Effect> {
    if let Some(replay) = &mut model.replay {
        model.follows = false;
        replay.playing = !replay.playing;
        let at_the_end = replay.index + 1 >= replay.count;
        if replay.playing && at_the_end && model.is_past() {
            go_live(model);
            return Vec::new();
        }
        let starts_over = model.replay.is_some_and(|replay| replay.playing) && at_the_end;
        return if starts_over { vec![Effect::Seek(0)] } else { Vec::new() };
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
    let frames = model.replay.map_or(LEAP_LIVE, |replay| replay.count / 20);
    i64::try_from(frames).unwrap_or(1).max(1)
}

fn seek(model: &mut Model, by: i64) -> Vec<Effect> {
    let Some(replay) = &mut model.replay else {
        if by > 0 {
            model.remark = Some("this is now; [ goes back in time, < to the last moment of an incident".into());
            return Vec::new();
        }
        return vec![Effect::Rewind(usize::try_from(by.unsigned_abs()).unwrap_or(1))];
    };
    replay.playing = false;
    let (index, last) = (replay.index, replay.count.saturating_sub(1));
    model.follows = false;
    if by > 0 && index >= last && model.is_past() {
        go_live(model);
        return Vec::new();
    }
    let wanted = i64::try_from(index).unwrap_or(i64::MAX).saturating_add(by).max(0);
    vec![Effect::Seek(usize::try_from(wanted).unwrap_or(last).min(last))]
}
