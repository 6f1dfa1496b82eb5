//! Time travel, live and in a replay: the moments to jump to, speed, and the way back to what is known now.

use super::{PLAIN, picture, press, showing};
use crate::film::Seen;
use crate::fixture::{self, ONSET};
use crate::screen::message::{Effect, Message};
use crate::screen::model::{Model, Origin};
use crate::screen::moments::Goal;
use crate::screen::runtime::Frames;
use crate::screen::update::update;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::time::SECOND_NS;
use std::sync::Arc;

fn at(second: i64, snapshot: Snapshot) -> Arc<Snapshot> {
    Arc::new(Snapshot { at: Some(ONSET + second * SECOND_NS), ..snapshot })
}

fn frame(index: usize, count: usize, snapshot: Arc<Snapshot>) -> Message {
    Message::Frame { index, count, snapshot }
}

/// A live screen that has gone back by one frame of three.
fn in_the_past() -> Model {
    let mut model = showing(fixture::named());
    assert_eq!(press(&mut model, "["), [Effect::Rewind(1)]);
    update(&mut model, frame(1, 3, at(-10, fixture::calm())));
    model
}

#[test]
fn live_time_travel_shows_the_past_and_holds_what_comes_meanwhile() {
    let mut model = in_the_past();
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("PAST 11:27:54Z 2/3 (esc: now)") && !shown.contains("NAMED"), "{shown}");
    let newer = at(300, fixture::recovering());
    assert_eq!(update(&mut model, Message::Snapshot(newer)), [Effect::FindAgain]);
    assert!(picture(&model, 80, 24).contains("PAST"), "live data do not move the picture");
    assert!(press(&mut model, "\u{1b}").is_empty());
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("RECOVERING") && !shown.contains("PAST"), "the newest data are shown\n{shown}");
}

#[test]
fn the_past_ends_where_now_begins() {
    let mut model = in_the_past();
    assert_eq!(press(&mut model, "]"), [Effect::Seek(2)]);
    update(&mut model, frame(2, 3, at(190, fixture::named())));
    assert!(press(&mut model, "]").is_empty() && !model.is_past());
    let mut model = in_the_past();
    press(&mut model, " ");
    assert_eq!(update(&mut model, Message::Clock(250)), [Effect::Seek(2)], "it plays");
    update(&mut model, frame(2, 3, at(190, fixture::named())));
    press(&mut model, " ");
    assert!(!model.is_past(), "playing at the end is being live");
    assert!(press(&mut showing(fixture::named()), "]").is_empty(), "there is no later than now");
}

#[test]
fn speed_is_a_number_of_frames_for_each_step_or_of_steps_for_each_frame() {
    let mut model = Model::new(Origin::Replay("x.jsonl".into()), PLAIN);
    update(&mut model, frame(0, 100, at(0, fixture::named())));
    press(&mut model, "++ ");
    assert!(picture(&model, 80, 24).contains("playing x4 1/100"), "{}", picture(&model, 80, 24));
    assert_eq!(update(&mut model, Message::Clock(250)), [Effect::Seek(4)]);
    press(&mut model, "---");
    assert!(picture(&model, 80, 24).contains("plays at x1/2"), "{}", picture(&model, 80, 24));
    assert!(update(&mut model, Message::Clock(499)).is_empty());
    assert_eq!(update(&mut model, Message::Clock(500)), [Effect::Seek(1)]);
    press(&mut model, "+++++++++");
    assert_eq!(update(&mut model, Message::Clock(750)), [Effect::Seek(16)], "there is a greatest speed");
}

#[test]
fn every_moment_is_one_order_away() {
    let mut model = showing(fixture::named());
    for (keys, goal) in [
        ("<", Goal::Previous),
        (">", Goal::Next),
        (":onset\n", Goal::Onset),
        (":load\n", Goal::Load),
        (":named\n", Goal::Named),
        (":recovered\n", Goal::Recovered),
    ] {
        assert_eq!(press(&mut model, keys), [Effect::Jump(goal)], "{keys}");
    }
}

#[test]
fn what_was_seen_live_is_kept_and_found_by_its_time() {
    let mut seen = Seen::default();
    for second in 0..20 {
        seen.note(&at(second * 10, fixture::named()));
    }
    assert_eq!(seen.count(), 20);
    assert_eq!(seen.place_of(Some(ONSET + 45 * SECOND_NS)), 5);
    let found = seen.frame(5).expect("kept");
    assert_eq!((found.at, &found.sites), (Some(ONSET + 50 * SECOND_NS), &fixture::named().sites));
}
