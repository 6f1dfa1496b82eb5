//! What is typed: orders after `:` with their completion, filters with their history, and what a filter found.

use super::{buffer, on, picture, press, showing};
use crate::fixture;
use crate::screen::keys::Key;
use crate::screen::message::{Effect, Message, MouseEvent, MouseKind};
use crate::screen::model::Screen;
use crate::screen::palette::Form;
use crate::screen::update::update;
use ratatui::style::Modifier;

#[test]
fn an_order_is_completed_and_carried_out() {
    let mut model = showing(fixture::named());
    press(&mut model, ":r");
    let last = |shown: &str| shown.lines().last().unwrap_or_default().to_owned();
    assert!(last(&picture(&model, 80, 24)).contains(":r_  recovered rollout rows"), "{}", picture(&model, 80, 24));
    press(&mut model, "ol\t");
    assert!(last(&picture(&model, 80, 24)).contains(":rollout_  rollout: hosts by version over time"));
    press(&mut model, "\n");
    assert_eq!((model.screen, &model.palette), (Screen::Rollout, &None));
    press(&mut model, ":pan\n");
    assert_eq!(model.screen, Screen::Panics, "what is clear need not be typed whole");
    press(&mut model, ":frobnicate\n");
    assert!(picture(&model, 80, 24).contains("`frobnicate` is no order"));
    press(&mut model, ":q\u{1b}");
    assert_eq!(model.palette, None, "esc gives it up");
    assert_eq!(press(&mut model, ":quit\n"), [Effect::Quit]);
}

#[test]
fn a_paste_types_into_an_order_and_carries_nothing_out() {
    let mut model = showing(fixture::named());
    press(&mut model, ":");
    assert!(update(&mut model, Message::Paste("quit\n".into())).is_empty());
    assert_eq!(model.palette.as_deref(), Some("quit"));
}

#[test]
fn the_report_is_written_by_one_key_or_in_another_form_by_an_order() {
    let mut model = showing(fixture::named());
    assert_eq!(press(&mut model, "e"), [Effect::Export(Form::Markdown)]);
    assert_eq!(press(&mut model, ":export html\n"), [Effect::Export(Form::Html)]);
    let mut calm = showing(fixture::calm());
    assert!(press(&mut calm, "e").is_empty() && picture(&calm, 80, 24).contains("no incident to report"));
}

#[test]
fn earlier_filters_are_recalled() {
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "/edge-eu\n\u{1b}/edge-us\n\u{1b}/");
    for (key, text) in [(Key::Up, "edge-us"), (Key::Up, "edge-eu"), (Key::Up, "edge-eu"), (Key::Down, "edge-us")] {
        update(&mut model, Message::Key(key));
        assert_eq!(model.filter.text, text);
    }
    press(&mut model, "\n");
    assert!(picture(&model, 80, 24).contains("/edge-us: 8 of 24"));
}

#[test]
fn what_a_filter_found_is_underlined_also_without_colour() {
    let mut model = on(Screen::Hosts, fixture::named());
    let underlined = |model: &_| {
        let drawn = buffer(model, 80, 24);
        let found = drawn.content().iter().filter(|cell| cell.modifier.contains(Modifier::UNDERLINED));
        found.map(|cell| cell.symbol().to_owned()).collect::<String>()
    };
    assert_eq!(underlined(&model), "", "control");
    press(&mut model, "/EU-0\n");
    assert_eq!(underlined(&model), "eu-0".repeat(3), "of four rows one is under the cursor, in reverse");
}

#[test]
fn a_filter_finds_what_has_no_column() {
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "/cloud.region=ap\n");
    assert!(picture(&model, 80, 24).contains("/cloud.region=ap: 8 of 24"), "{}", picture(&model, 80, 24));
}

#[test]
fn sections_of_the_first_screen_are_chosen_and_opened() {
    let mut model = showing(fixture::named());
    update(&mut model, Message::Resize(80, 24));
    press(&mut model, "jjjj");
    assert_eq!(model.section, Some("ERROR"));
    let reversed: String = buffer(&model, 80, 24)
        .content()
        .iter()
        .take(80 * 23)
        .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
        .map(|cell| cell.symbol().to_owned())
        .collect();
    assert_eq!(reversed.trim(), "ERROR");
    press(&mut model, "jjj\n");
    let shown = picture(&model, 80, 24);
    assert!(shown.lines().nth(2).is_some_and(|line| line.contains("DO NOW   1 Stop the publisher")), "{shown}");
    press(&mut model, "\u{1b}\u{1b}");
    assert_eq!((model.screen, model.section), (Screen::Incident, None));
}

#[test]
fn the_mouse_chooses_opens_and_scrolls() {
    let mut model = on(Screen::Hosts, fixture::named());
    update(&mut model, Message::Resize(80, 24));
    let mut click = |column, row, kind| {
        update(&mut model, Message::Mouse(MouseEvent { column, row, kind }));
        (model.screen, model.cursor())
    };
    // One line for the header, two for the titles.
    assert_eq!(click(3, 3 + 4, MouseKind::Click), (Screen::Hosts, 4));
    assert_eq!(click(3, 3, MouseKind::WheelDown), (Screen::Hosts, 7));
    assert_eq!(click(3, 3, MouseKind::WheelUp), (Screen::Hosts, 4));
    assert_eq!(click(3, 3 + 4, MouseKind::Click).0, Screen::Whole, "a click on the chosen row opens it");
    assert_eq!(click(2, 23, MouseKind::Click).0, Screen::Incident, "the last line names screens");
    assert_eq!(press(&mut model, ":mouse on\n"), [Effect::Mouse(true)]);
}

#[test]
fn the_mouse_chooses_no_screen_whose_name_is_not_shown() {
    let at_first_name = MouseEvent { column: 2, row: 23, kind: MouseKind::Click };
    let clicked = |keys: &str| {
        let mut model = on(Screen::Hosts, fixture::named());
        update(&mut model, Message::Resize(80, 24));
        press(&mut model, keys);
        update(&mut model, Message::Mouse(at_first_name));
        model
    };
    assert_eq!(clicked("").screen, Screen::Incident, "control");
    assert_eq!(clicked("/edge\n").screen, Screen::Hosts, "the filter stands there");
    assert_eq!(clicked("b").screen, Screen::Hosts, "a remark stands there");
    assert_eq!(clicked("b").remark, None, "and is read");
    let typing = clicked("aseen");
    assert!(typing.screen == Screen::Hosts && typing.word_form.is_some(), "what is typed is not lost");
}
