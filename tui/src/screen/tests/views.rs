//! Rollout, panics, deaths and health: what they count, how they are sorted, filtered and opened.

use super::{on, picture, press, showing};
use crate::fixture;
use crate::screen::message::{Effect, Message};
use crate::screen::model::Screen;
use crate::screen::update::update;
use std::sync::Arc;

#[test]
fn the_rollout_groups_hosts_and_opens_a_group_on_the_screen_of_hosts() {
    let mut model = on(Screen::Rollout, fixture::recovering());
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("3 of 24 hosts fail   XXX....................."), "{shown}");
    press(&mut model, "b");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("HOSTS by cloud.region") && shown.contains("1 of 8 hosts fail    X......."), "{shown}");
    press(&mut model, "j\n");
    assert_eq!((model.screen, model.filter.text.as_str()), (Screen::Hosts, "cloud.region=eu"));
    assert!(picture(&model, 80, 24).contains("/cloud.region=eu: 8 of 24"), "{}", picture(&model, 80, 24));
}

#[test]
fn a_filter_of_the_rollout_is_one_of_hosts() {
    let mut model = on(Screen::Rollout, fixture::named());
    press(&mut model, "/service.version=fl2\n");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("16 of 16 hosts fail") && shown.contains("/service.version=fl2: 16 of 24"), "{shown}");
}

#[test]
fn the_next_config_is_one_key_away_and_each_version_says_what_it_has() {
    let mut model = on(Screen::Rollout, fixture::named());
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("ROLLOUT of bot-features (1 of 2, v: next)") && shown.contains("24 of 24, 100%"), "{shown}");
    press(&mut model, "v");
    assert!(picture(&model, 80, 24).contains("ROLLOUT of waf-rules (2 of 2, v: next)"));
}

#[test]
fn more_hosts_than_cells_share_signs_and_none_that_fails_vanishes() {
    let mut snapshot = fixture::large(1_678);
    snapshot.hosts.iter_mut().skip(1).for_each(|host| (host.failing, host.needs_restart) = (false, false));
    let shown = picture(&on(Screen::Rollout, snapshot), 80, 24);
    assert!(shown.contains("512 of 1,678 listed"), "{shown}");
    assert!(shown.contains("1 of 512 hosts fail  X....") && shown.contains(" 1:"), "{shown}");
}

#[test]
fn rows_are_sorted_by_one_key_and_the_title_says_how() {
    let mut model = on(Screen::Deaths, fixture::named());
    let first = |shown: &str| shown.lines().find(|line| line.starts_with("|>")).unwrap_or_default().to_owned();
    assert!(first(&picture(&model, 80, 24)).contains("edge-ap-05"));
    press(&mut model, "SS");
    let shown = picture(&model, 80, 24);
    assert!(first(&shown).contains("edge-ap-02") && shown.contains("sorted: name (S)"), "{shown}");
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "SSSSS");
    assert!(picture(&model, 80, 24).contains("sorted: panics"), "{}", picture(&model, 80, 24));
    assert!(first(&picture(&model, 80, 24)).contains("7188"));
    let mut model = on(Screen::Scores, fixture::named());
    press(&mut model, "S");
    assert!(picture(&model, 80, 24).contains("one order alone"));
}

#[test]
fn a_place_of_panics_is_opened_with_its_backtrace() {
    let mut model = on(Screen::Panics, fixture::named());
    let effects = press(&mut model, "\n");
    let [Effect::FindBacktrace(place), Effect::FindSiteHistory(_)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(place.site, "src/bot/features.rs:71:14");
    assert!(picture(&model, 80, 24).contains("STACK    it is being fetched"));
    assert!(press(&mut model, "jk").is_empty(), "it is looked for once");
    let frames = vec!["0: firstbad_demo::features::load".to_owned(), "1: main\u{1b}[2J".to_owned()];
    update(&mut model, Message::Backtrace(place.clone(), Ok(frames)));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("STACK    0: firstbad_demo::features::load") && shown.contains("1: main\\u{1b}"), "{shown}");
    press(&mut model, "\u{1b}j\n");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("no event names this place") && !shown.contains("firstbad_demo"), "{shown}");
}

#[test]
fn the_collector_is_asked_while_somebody_looks_at_its_health() {
    let mut model = showing(fixture::named());
    assert_eq!(press(&mut model, "F"), [Effect::AskHealth]);
    assert!(update(&mut model, Message::Clock(4_000)).is_empty(), "not each second");
    assert_eq!(update(&mut model, Message::Clock(5_000)), [Effect::AskHealth]);
    update(&mut model, Message::Health(Err("connection refused".into())));
    assert!(picture(&model, 80, 24).contains("the collector was asked: connection refused"));
    let mut status = firstbad_collector::Status { degraded: Some("the disk is full".into()), ..Default::default() };
    status.refused.insert("too_large".into(), 7);
    update(&mut model, Message::Health(Ok(Arc::new(status))));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("nothing can be stored: the disk is full") && shown.contains("7 too_large"), "{shown}");
    press(&mut model, "1");
    assert!(update(&mut model, Message::Clock(90_000)).is_empty(), "nobody looks");
}
