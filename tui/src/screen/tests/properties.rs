//! What must hold on every screen, at every size, whatever the data.

use super::{PLAIN, buffer, embedded, on, picture, press, showing};
use crate::fixture;
use crate::screen::keys::Key;
use crate::screen::message::{Effect, Message};
use crate::screen::model::{Comparison, Model, Origin, Screen};
use crate::screen::theme::Theme;
use crate::screen::update::update;
use firstbad_protocol::snapshot::Snapshot;
use ratatui::style::Color;
use std::sync::Arc;

fn all_screens() -> impl Iterator<Item = Screen> {
    Screen::LISTED.into_iter().chain([Screen::Help])
}

fn snapshots() -> Vec<Snapshot> {
    vec![
        fixture::empty(),
        fixture::calm(),
        fixture::named(),
        fixture::recovering(),
        fixture::hostile(),
        fixture::with(fixture::insufficient()),
        fixture::with(fixture::external()),
    ]
}

#[test]
fn nothing_that_acts_on_a_terminal_reaches_a_cell() {
    for screen in all_screens() {
        let mut model = on(screen, fixture::hostile());
        model.origin = Origin::Attached("http://x\u{1b}[2J\u{202e}".into());
        update(&mut model, Message::Lost("\u{1b}]0;x\u{7}".into()));
        let shown = picture(&model, 120, 60);
        let acts = |c: char| {
            c != '\n'
                && (c.is_control()
                    || matches!(c, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}' | '\u{300}'..='\u{36f}'))
        };
        assert!(!shown.contains(acts), "{screen:?}\n{shown}");
        if let Some(Effect::Copy(copied)) = press(&mut model, "y").first() {
            assert!(!copied.contains(acts), "{screen:?} copied {copied:?}");
        }
    }
    // Positive control: the attack is in the data.
    assert!(fixture::hostile().hosts[0].host.contains('\u{1b}'));
}

#[test]
fn every_screen_draws_at_every_size() {
    for snapshot in snapshots() {
        for screen in all_screens() {
            for (columns, rows) in [(1, 1), (2, 2), (7, 3), (20, 5), (40, 12), (79, 23), (80, 24), (200, 60)] {
                let mut model = on(screen, snapshot.clone());
                update(&mut model, Message::Resize(columns, rows));
                update(&mut model, Message::Key(Key::End));
                assert_eq!(picture(&model, columns, rows).lines().count(), usize::from(rows));
            }
        }
    }
}

#[test]
fn without_colour_no_cell_has_one_and_with_colour_the_words_are_the_same() {
    for screen in all_screens() {
        let plain = on(screen, fixture::named());
        let mut coloured = plain.clone();
        coloured.theme = Theme { colour: true, ..PLAIN };
        let has_colour = |model: &Model| {
            buffer(model, 80, 24).content().iter().any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset)
        };
        assert!(!has_colour(&plain), "{screen:?}");
        assert!(has_colour(&coloured), "{screen:?}");
        assert_eq!(picture(&plain, 80, 24), picture(&coloured, 80, 24));
    }
}

#[test]
fn the_first_screen_holds_everything_at_80x24() {
    let shown = picture(&showing(fixture::named()), 80, 24);
    let short = fixture::bad().short();
    let wanted = [
        format!("NAMED: bot-features {short} (rows > 200) since 11:28:04 (96% confident). 16").as_str().to_owned(),
        "FLAPPING, period 1 min".into(),
        "48.2% of requests failed".into(),
        "TooManyFeatures".into(),
        "src/bot/features.rs:71:14".into(),
        "rows 240 > limit 200".into(),
        "120 duplicate rows".into(),
        "traffic: requests x1.02".into(),
        "(and 1 more)".into(),
        "^".into(),
        "1 Stop the publisher of bot-features".into(),
        fixture::good().to_string(),
        "served 3 d 4 h".into(),
        "BLIND".into(),
        "EMBEDDED".into(),
        "23 hosts report, 1 silent".into(),
        "data 2 s old".into(),
    ];
    for text in wanted {
        assert!(shown.contains(&text), "`{text}` is missing in\n{shown}");
    }
}

#[test]
fn an_empty_screen_is_never_taken_for_all_calm() {
    for snapshot in [fixture::empty(), fixture::calm()] {
        let shown = picture(&showing(snapshot), 80, 24).to_lowercase();
        for word in ["healthy", "all calm", "all good", "no problem"] {
            assert!(!shown.contains(word));
        }
        assert!(shown.contains("embedded") && shown.contains("hosts report"));
    }
}

#[test]
fn age_counts_from_the_collectors_clock_and_goes_on_when_it_falls_silent() {
    let mut model = showing(fixture::named());
    assert_eq!(model.data_age_s(), Some(2));
    update(&mut model, Message::Clock(30_000));
    assert_eq!(model.data_age_s(), Some(32));
    update(&mut model, Message::Lost("gone".into()));
    assert!(picture(&model, 80, 24).contains("STALE 30 s"));
}

#[test]
fn pause_holds_the_picture_and_then_catches_up() {
    let mut model = showing(fixture::calm());
    press(&mut model, " ");
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    assert!(picture(&model, 80, 24).contains("PAUSED") && !picture(&model, 80, 24).contains("NAMED"));
    press(&mut model, " ");
    assert!(picture(&model, 80, 24).contains("NAMED"));
}

#[test]
fn a_filter_keeps_rows_and_an_exclamation_mark_inverts_it() {
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "/edge-eu\n");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("edge-eu-00") && !shown.contains("edge-us-01"));
    press(&mut model, "\u{1b}/!edge-eu\n");
    let shown = picture(&model, 80, 24);
    assert!(!shown.contains("edge-eu-00") && shown.contains("edge-us-01"));
    press(&mut model, "\u{1b}/nothing like it\n");
    assert!(picture(&model, 80, 24).contains("no row matches"));
    press(&mut model, "\u{1b}");
    assert!(picture(&model, 80, 24).contains("edge-us-01"));
}

#[test]
fn the_cursor_stays_inside_and_enter_opens_what_is_under_it() {
    let mut two = fixture::named();
    let mut older = fixture::external();
    older.id = "20251118-100000-errors".into();
    older.onset = fixture::ONSET - 5_000_000_000_000;
    older.impact.requests_failed = 1;
    two.diagnosis.incidents.push(older);
    let mut model = on(Screen::Incidents, two);
    press(&mut model, "jjjjj\n");
    assert_eq!(model.screen, Screen::Incident);
    assert!(picture(&model, 80, 24).contains("ONE PLACE, not a change: cloud.region=eu"));
    press(&mut model, "n");
    assert!(picture(&model, 80, 24).contains("NAMED"));
    press(&mut model, "\u{1b}");
    assert_eq!(model.screen, Screen::Incidents);
}

#[test]
fn time_travel_moves_inside_a_replay() {
    let mut model = Model::new(Origin::Replay("x.jsonl".into()), PLAIN);
    let frame = |index| Message::Frame { index, count: 40, snapshot: Arc::new(fixture::named()) };
    update(&mut model, frame(39));
    assert_eq!(press(&mut model, "]"), [Effect::Seek(39)]);
    assert_eq!(press(&mut model, "["), [Effect::Seek(38)]);
    assert_eq!(press(&mut model, "{"), [Effect::Seek(37)]);
    assert_eq!(press(&mut model, " "), [Effect::Seek(0)], "playing at the end starts over");
    update(&mut model, frame(0));
    assert_eq!(update(&mut model, Message::Clock(250)), [Effect::Seek(1)]);
}

#[test]
fn a_comparison_that_fails_says_why_and_what_else_can_be_done() {
    let mut model = showing(fixture::named());
    let effects = press(&mut model, "6");
    let [Effect::Compare(pair)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(matches!(model.comparison, Comparison::Asked(asked) if asked == *pair));
    update(&mut model, Message::Difference(*pair, Err("its content was not kept".into())));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("not kept") && shown.contains("firstbad diff OLD NEW"), "{shown}");
}

#[test]
fn q_and_ctrl_c_quit_also_while_typing_a_filter() {
    assert_eq!(press(&mut showing(fixture::calm()), "q"), [Effect::Quit]);
    assert_eq!(update(&mut showing(fixture::calm()), Message::Key(Key::Control('z'))), [Effect::Suspend]);
    let mut typing = Model::new(embedded(), PLAIN);
    press(&mut typing, "/q");
    assert_eq!(typing.screen, Screen::Incident, "also where there is nothing to filter");
    assert_eq!(typing.filter.text, "q");
    assert_eq!(update(&mut typing, Message::Key(Key::Control('c'))), [Effect::Quit]);
}

/// Texts of all kinds of characters: plain, wide, combining, control, bidirectional, invisible.
pub(super) fn noise(state: &mut u64) -> String {
    const KINDS: [char; 16] = [
        'a',
        ' ',
        '-',
        '\u{e9}',
        '\u{65e5}',
        '\u{1f600}',
        '\u{301}',
        '\u{1b}',
        '\u{9b}',
        '\u{7}',
        '\n',
        '\u{202e}',
        '\u{200b}',
        '\u{fe0f}',
        '\u{1f1e9}',
        '\u{1100}',
    ];
    let mut next = || {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        *state
    };
    let length = next() % 120;
    (0..length).map(|_| KINDS[(next() % 16) as usize]).collect()
}

fn noisy(state: &mut u64) -> Snapshot {
    let mut snapshot = fixture::named();
    let incident = &mut snapshot.diagnosis.incidents[0];
    incident.id = noise(state);
    incident.cause.as_mut().unwrap().config = Some(noise(state));
    incident.suspects[0].evidence = vec![noise(state), noise(state)];
    incident.ruled_out[0].reason = noise(state);
    incident.first_error.as_mut().unwrap().message = noise(state);
    incident.blind_spots = vec![noise(state).into()];
    snapshot.hosts[0].host = noise(state);
    snapshot.hosts[0].dimensions.insert(noise(state), noise(state));
    snapshot.versions[0].config = noise(state);
    snapshot.lines[0].label = noise(state);
    snapshot.changes[0].description = noise(state);
    snapshot
}

#[test]
fn no_text_breaks_a_line_or_acts_at_any_size() {
    let seed = 0x5eed_0018_1125_0001;
    println!("seed {seed:#x}");
    let mut state = seed;
    for round in 0..150_u16 {
        let snapshot = noisy(&mut state);
        let (columns, rows) = (1 + (round * 7) % 130, 1 + (round * 3) % 50);
        for screen in all_screens() {
            let mut model = on(screen, snapshot.clone());
            model.size = (columns, rows);
            let lines = crate::screen::view::lines(&model, usize::from(columns), usize::from(rows));
            assert!(lines.len() <= usize::from(rows));
            for line in &lines {
                let text = line.to_string();
                assert!(
                    crate::screen::text::width(&text) <= usize::from(columns),
                    "{screen:?} {columns}x{rows}: {text}"
                );
                assert!(
                    !text.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{200b}' | '\u{301}')),
                    "{text:?}"
                );
            }
            picture(&model, columns, rows);
        }
    }
}

/// Nothing may push the safe action off the first screen, also where it is smaller than it should be; and no key is below the
/// last line of the help.
#[test]
fn what_to_do_is_on_a_small_screen_and_every_key_on_the_help() {
    for (columns, rows) in [(80, 24), (60, 15), (40, 12)] {
        let shown = picture(&showing(fixture::named()), columns, rows);
        for part in ["NAMED", "ERROR", "WHY", "NOT IT", "DO NOW", "GOOD", "BLIND"] {
            assert!(shown.contains(part), "{part} at {columns}x{rows}:\n{shown}");
        }
    }
    let help = picture(&on(Screen::Help, fixture::calm()), 80, 24);
    for binding in crate::screen::keys::BINDINGS.iter().filter(|binding| !binding.help.is_empty()) {
        assert!(help.contains(binding.help), "{}:\n{help}", binding.label);
    }
}
