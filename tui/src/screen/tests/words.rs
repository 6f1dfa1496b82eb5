//! Words of engineers: typed into a form, sent to the collector, refused, taken back; and the screen of an earlier session.

use super::{PLAIN, embedded, on, picture, press, showing};
use crate::fixture;
use crate::screen::memory::Memory;
use crate::screen::message::{Effect, Message};
use crate::screen::model::{Model, Origin, Screen};
use crate::screen::update::update;
use crate::screen::word_form::WordRequest;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Incident, WordKind};
use std::sync::Arc;

const ID: &str = "20251118-112804-errors";

fn sized(columns: u16, rows: u16, snapshot: Snapshot) -> Model {
    let mut model = showing(snapshot);
    model.author = "anna".into();
    update(&mut model, Message::Resize(columns, rows));
    model
}

fn sent(effects: &[Effect]) -> WordRequest {
    match effects {
        [Effect::Say(request)] => request.clone(),
        other => panic!("one request: {other:?}"),
    }
}

fn word(kind: WordKind, text: &str) -> WordRequest {
    let incident = Some(ID.to_owned());
    WordRequest::Say { kind, incident, text: text.to_owned(), hold_s: None, host: None, config: None }
}

#[test]
fn an_incident_is_acknowledged_or_disputed_with_a_reason() {
    for (key, kind) in [("a", WordKind::Ack), ("X", WordKind::Dispute)] {
        let mut model = sized(80, 24, fixture::named());
        assert!(press(&mut model, key).is_empty(), "nothing is sent before it is confirmed");
        // Letters that are keys elsewhere are text here.
        assert!(press(&mut model, "quiet 4 now").is_empty());
        assert_eq!(model.screen, Screen::Incident);
        let request = sent(&press(&mut model, "\n"));
        assert_eq!(request, word(kind, "quiet 4 now"));
        assert!(press(&mut model, "more\n").is_empty(), "it is sent once");
        update(&mut model, Message::Said(request, Ok(format!("incident {ID} said"))));
        assert_eq!(model.word_form, None);
        assert!(picture(&model, 80, 24).contains(&format!("incident {ID} said")));
    }
}

#[test]
fn the_forms_as_they_look() {
    for (name, key) in [("ack", "a"), ("dispute", "X"), ("quiet", "Q")] {
        for (columns, rows, width) in [(80, 24, ""), (120, 40, "_wide")] {
            let mut model = sized(columns, rows, fixture::named());
            press(&mut model, key);
            insta::assert_snapshot!(format!("form_{name}{width}"), picture(&model, columns, rows));
        }
    }
}

#[test]
fn a_quiet_time_proposes_no_more_than_the_incident_shown() {
    let mut model = sized(80, 24, fixture::named());
    press(&mut model, "Q");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("QUIET: pages of config bot-features are held for 1h; as anna"), "{shown}");
    press(&mut model, "\u{8}\u{8}2h\t");
    press(&mut model, &"\u{8}".repeat(12));
    assert!(picture(&model, 80, 24).contains("pages of ALL incidents are held for 2h"), "{}", picture(&model, 80, 24));
    press(&mut model, "routes\n\n");
    let request = sent(&press(&mut model, "maintenance\n"));
    let config = Some("routes".to_owned());
    let text = "maintenance".to_owned();
    assert_eq!(
        request,
        WordRequest::Say { kind: WordKind::Quiet, incident: None, text, hold_s: Some(7_200), host: None, config }
    );
}

#[test]
fn a_wrong_time_is_not_sent_and_says_what_is_right() {
    for (typed, told) in [("soon", "`soon` is not a duration: write 10s, 5m, 12h or 7d"), ("31d", "held for 1s to 30d")]
    {
        let mut model = sized(80, 24, fixture::calm());
        press(&mut model, "Q");
        press(&mut model, "\u{8}\u{8}");
        assert!(press(&mut model, &format!("{typed}\n\n\n\n")).is_empty());
        let shown = picture(&model, 80, 24);
        assert!(shown.contains(told), "{shown}");
    }
}

#[test]
fn a_refusal_keeps_what_was_typed_and_says_why() {
    let mut model = sized(80, 24, fixture::named());
    press(&mut model, "Xthe deploy did it");
    let request = sent(&press(&mut model, "\n"));
    let why =
        "http://10.0.0.7:4319 answered 403: the role read may not\u{1b}[2J (it needs a credential with the role admin)";
    update(&mut model, Message::Said(request, Err(why.into())));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("the deploy did it_") && shown.contains("answered 403"), "{shown}");
    assert!(shown.contains("the role admin") && !shown.contains('\u{1b}'), "{shown}");
    assert_eq!(sent(&press(&mut model, "\n")), word(WordKind::Dispute, "the deploy did it"), "it can be sent again");
    // An answer that arrives after the form was closed is still shown.
    press(&mut model, "\u{1b}");
    update(&mut model, Message::Said(word(WordKind::Dispute, "the deploy did it"), Err("too late".into())));
    assert!(picture(&model, 80, 24).contains("too late"));
}

#[test]
fn a_replay_says_that_it_is_one() {
    for keys in ["a", "X", "Q", ":ack\n", ":dispute undo\n"] {
        let mut model = Model::new(Origin::Replay("x.jsonl".into()), PLAIN);
        let snapshot = Arc::new(fixture::named());
        update(&mut model, Message::Frame { index: 0, count: 1, snapshot });
        assert!(press(&mut model, keys).is_empty());
        assert_eq!(model.word_form, None);
        assert!(picture(&model, 80, 24).contains("this is a replay"), "{keys}: {}", picture(&model, 80, 24));
    }
}

#[test]
fn without_an_incident_only_pages_can_be_held() {
    let mut model = sized(80, 24, fixture::calm());
    press(&mut model, "a");
    assert!(picture(&model, 80, 24).contains("no incident is shown: there is nothing to ack"));
    press(&mut model, "Q");
    assert!(picture(&model, 80, 24).contains("pages of ALL incidents are held for 1h"));
}

#[test]
fn what_was_said_is_taken_back_by_an_order() {
    let mut model = sized(80, 24, fixture::with(fixture::said()));
    let about =
        |kind, id, incident: Option<&str>| WordRequest::TakeBack { kind, incident: incident.map(Into::into), id };
    assert_eq!(sent(&press(&mut model, ":ack undo\n")), about(WordKind::Ack, 1, Some(ID)));
    assert_eq!(sent(&press(&mut model, ":dispute undo\n")), about(WordKind::Dispute, 1, Some(ID)));
    assert_eq!(sent(&press(&mut model, ":quiet undo\n")), about(WordKind::Quiet, 3, None));
    let mut model = sized(80, 24, fixture::named());
    assert!(press(&mut model, ":ack undo\n").is_empty());
    assert!(picture(&model, 80, 24).contains("nothing to take back"));
}

#[test]
fn what_was_said_of_another_open_incident_stands_in_its_line() {
    let mut snapshot = fixture::named();
    let disputed =
        Incident { id: "20251118-113000-errors".into(), words: vec![fixture::disputed()], ..fixture::external() };
    snapshot.diagnosis.incidents.push(disputed);
    let shown = picture(&sized(80, 24, snapshot), 80, 24);
    assert!(shown.contains("1 MORE OPEN (n): DISPUTED ONE PLACE"), "{shown}");
}

#[test]
fn an_order_that_is_whole_is_not_completed_to_its_opposite() {
    let mut model = sized(80, 24, fixture::with(fixture::said()));
    assert!(press(&mut model, ":ack \n").is_empty(), "`ack ` opens the form, and takes nothing back");
    assert_eq!(model.word_form.as_ref().map(|form| form.kind), Some(WordKind::Ack));
    press(&mut model, "\u{1b}");
    assert_eq!(press(&mut model, ":q\n"), [Effect::Quit]);
}

#[test]
fn a_paste_types_a_reason_and_sends_nothing() {
    let mut model = sized(80, 24, fixture::named());
    press(&mut model, "a");
    assert!(update(&mut model, Message::Paste("rollback at\n12:40 \u{1b}q\n".into())).is_empty());
    assert!(picture(&model, 80, 24).contains("why     rollback at 12:40 q_"), "{}", picture(&model, 80, 24));
    update(&mut model, Message::Paste("x".repeat(5_000)));
    assert!(model.word_form.as_ref().is_some_and(|form| form.fields[0].text.len() == 1_024), "what the API takes");
    assert!(picture(&model, 80, 24).contains("xx_"), "of a long text the end is shown");
}

#[test]
fn a_form_has_its_field_in_sight_in_a_low_window() {
    for rows in 6..24 {
        let mut model = sized(50, rows, fixture::named());
        press(&mut model, "Q");
        let shown = picture(&model, 50, rows);
        assert!(shown.contains(">for"), "50x{rows}\n{shown}");
    }
}

#[test]
fn the_screen_of_an_earlier_session_gives_way_to_an_open_incident() {
    let mut earlier = on(Screen::Hosts, fixture::named());
    press(&mut earlier, "/edge-eu\n");
    let memory = Memory::of(&earlier);
    let mut model = Model::new(embedded(), PLAIN);
    memory.clone().recall(&mut model);
    update(&mut model, Message::Snapshot(Arc::new(fixture::calm())));
    let shown = picture(&model, 80, 24);
    assert!(model.screen == Screen::Hosts && shown.contains("/edge-eu: 8 of 24 (esc clears)"), "{shown}");
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    let shown = picture(&model, 80, 24);
    assert!(model.screen == Screen::Incident && shown.contains("4 hosts is as you left it"), "{shown}");
    press(&mut model, "4");
    assert!(picture(&model, 80, 24).contains("/edge-eu: 8 of 24 (esc clears)"), "{}", picture(&model, 80, 24));
    // Whoever pressed a key chose the screen.
    let mut model = Model::new(embedded(), PLAIN);
    memory.recall(&mut model);
    press(&mut model, "j");
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    assert_eq!(model.screen, Screen::Hosts);
}
