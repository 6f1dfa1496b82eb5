//! What the screen may never do: say something false for want of room, hand on part of a list as the whole, hide what is open, or
//! ask for what is done. The number in a test's name is that of the fault in an on-call engineer's review. H5 is tested in
//! `course`, H10 and H23 in `tests/cli.rs`, H22 in `firstbad-demo`.

use super::{PLAIN, on, picture, press, showing};
use crate::fixture;
use crate::screen::message::{Copied, Effect, Message};
use crate::screen::model::{Model, Origin, Screen};
use crate::screen::update::update;
use firstbad_protocol::snapshot::Snapshot;
use firstbad_protocol::verdict::{Arm, Excluded, Incident, RuledOut, State, Verdict};
use std::sync::Arc;

fn copied(model: &mut Model) -> Option<String> {
    match press(model, "y").pop() {
        Some(Effect::Copy(text)) => Some(text),
        _ => None,
    }
}

/// The named incident, over, beside one that is open.
fn over_beside_an_open_one() -> Snapshot {
    let over = Incident { state: State::Resolved, resolved_at: Some(fixture::ONSET), ..fixture::incident() };
    let open = Incident { id: "20251118-113000-errors".into(), ..fixture::external() };
    let mut snapshot = fixture::named();
    snapshot.diagnosis.incidents = vec![over, open];
    snapshot
}

#[test]
fn h01_a_list_of_hosts_that_is_cut_is_neither_shown_nor_copied_as_the_whole() {
    let mut model = on(Screen::Hosts, fixture::large(1_678));
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("512 of 1,678 listed; 1,678 to repair (y copies)"), "{shown}");
    assert_eq!(copied(&mut model).expect("copied").lines().count(), 1_678);
    let mut unnamed = fixture::large(1_678);
    unnamed.census.as_mut().expect("counted").restart_names.clear();
    let mut model = on(Screen::Hosts, unnamed);
    assert_eq!(copied(&mut model), None);
    assert!(picture(&model, 80, 24).contains("not copied: 1,678 hosts are to restart"));
    let mut earlier = fixture::large(1_678);
    earlier.census = None;
    let mut model = on(Screen::Hosts, earlier);
    assert_eq!(copied(&mut model), None, "of a collector that does not count");
    press(&mut model, "/no such host\n");
    assert!(picture(&model, 80, 24).contains("no row matches /no such host (512 of more listed)"));
}

#[test]
fn h02_no_room_is_not_no_data() {
    for columns in [40, 60, 80, 120] {
        for rows in 3..40 {
            let shown = picture(&showing(fixture::named()), columns, rows);
            assert!(!shown.contains("No request") && !shown.contains("there is no rate"), "{columns}x{rows}:\n{shown}");
        }
    }
    let mut nothing = fixture::named();
    nothing.lines.clear();
    assert!(picture(&showing(nothing), 80, 24).contains("No request or score was reported yet"), "control");
}

#[test]
fn h03_a_filter_in_force_is_seen_and_the_first_screen_takes_none() {
    let mut model = showing(fixture::named());
    press(&mut model, "/edge-eu\n");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("/ filters the lists"), "{shown}");
    assert!(shown.contains("DO NOW") && shown.contains("GOOD"), "{shown}");
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "/edge-eu\n");
    assert!(picture(&model, 80, 24).contains("/edge-eu: 8 of 24 (esc clears)"), "{}", picture(&model, 80, 24));
    press(&mut model, "1");
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("DO NOW") && !shown.contains("/edge-eu"), "{shown}");
    press(&mut model, "4");
    assert!(picture(&model, 80, 24).contains("/edge-eu: 8 of 24"), "the filter is there again, and seen");
}

#[test]
fn h04_a_chosen_incident_does_not_hide_one_that_is_open() {
    let mut model = showing(over_beside_an_open_one());
    press(&mut model, "n");
    for screen in [Screen::Incident, Screen::Suspects, Screen::Rows, Screen::Playbook] {
        model.screen = screen;
        let shown = picture(&model, 80, 24);
        assert!(shown.contains("1 MORE OPEN (n): ONE PLACE, not a change: cloud.region=eu"), "{screen:?}\n{shown}");
    }
    model.screen = Screen::Incident;
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("RESOLVED"), "{shown}");
    assert!(
        !shown.contains("% of requests fail;") && !shown.contains("need a restart"),
        "of the other incident:\n{shown}"
    );
    press(&mut model, "n");
    assert!(!picture(&model, 80, 24).contains("MORE OPEN"), "what is over needs no line");
}

#[test]
fn h06_the_right_edge_of_the_chart_is_now() {
    let mut snapshot = fixture::recovering();
    for line in snapshot.lines.iter_mut().filter(|line| !line.hashes.is_empty()) {
        let length = line.points.len();
        line.points[length - 10..].fill(None);
    }
    let shown = picture(&showing(snapshot), 80, 24);
    assert!(!shown.contains("71.0%") && shown.contains("gone 11:29"), "{shown}");
    assert!(picture(&showing(fixture::named()), 80, 24).contains("71.0%"), "control: a value of now is shown");
}

#[test]
fn h15_times_of_another_day_have_their_date() {
    let mut model = Model::new(Origin::Replay("/somewhere/X29.jsonl.zst".into()), PLAIN);
    let frame = |snapshot| Message::Frame { index: 597, count: 598, snapshot: Arc::new(snapshot) };
    update(&mut model, frame(fixture::large(1_678)));
    let shown = picture(&model, 80, 24);
    assert!(shown.starts_with("|REPLAY X29 | 1,678 report, 0 silent | 2025-11-18 11:31:24Z 598/598 "), "{shown}");
    let mut later = fixture::named();
    later.at = later.at.map(|at| at + 86_400_000_000_000);
    let shown = picture(&showing(later.clone()), 80, 24);
    assert!(shown.contains("since 2025-11-18 11:28:04"), "{shown}");
    let shown = picture(&on(Screen::Changes, later), 80, 24);
    assert!(shown.contains(" 2025-11-18 10:28:04 load"), "{shown}");
}

#[test]
fn h16_a_warning_is_not_what_is_cut() {
    let mut snapshot = fixture::named();
    let good = snapshot.diagnosis.incidents[0].last_known_good.as_mut().expect("a good version");
    (good.contaminated, good.bake_time_s) = (true, 16);
    let shown = picture(&showing(snapshot), 80, 24);
    assert!(shown.contains("CONTAMINATED: the producer's own last-good mark points at the BAD"), "{shown}");
    let mut model = showing(fixture::named());
    model.snapshot = Some(Arc::new({
        let mut snapshot = fixture::named();
        snapshot.diagnosis.incidents[0].last_known_good.as_mut().expect("a good version").bake_time_s = 16;
        snapshot
    }));
    assert!(picture(&model, 80, 24).contains("served only 16 s"), "{}", picture(&model, 80, 24));
}

#[test]
fn h11_the_first_screen_is_opened_whole_by_enter_and_by_scrolling() {
    for key in ["\n", "j\n", "G"] {
        let mut snapshot = fixture::named();
        let incident = &mut snapshot.diagnosis.incidents[0];
        incident.blind_spots = (0..18).map(|index| format!("blind spot number {index}").into()).collect();
        let mut model = showing(snapshot);
        update(&mut model, Message::Resize(80, 24));
        assert!(!picture(&model, 80, 24).contains("blind spot number 17"));
        press(&mut model, key);
        let mut seen = String::new();
        for _ in 0..60 {
            seen += &picture(&model, 80, 24);
            press(&mut model, "j");
        }
        for part in ["blind spot number 17", "binary: fl2 and fl ran for 9 d before; neither changed", "Verify:"] {
            assert!(seen.contains(part), "{part} after {key:?}:\n{seen}");
        }
        press(&mut model, "\u{1b}");
        assert_eq!(model.screen, Screen::Incident);
    }
}

#[test]
fn steps_that_have_no_room_are_counted() {
    for rows in 12..30 {
        let shown = picture(&showing(fixture::named()), 80, rows);
        let listed = (1..=4).filter(|number| shown.contains(&format!(" {number} {}", BEGINS[*number - 1]))).count();
        let told = shown.contains(&format!("(and {} more)", 4 - listed));
        assert!(listed == 4 || told, "{listed} of 4 steps at 80x{rows}\n{shown}");
    }
}

/// How the steps of the playbook begin.
const BEGINS: [&str; 4] = ["Stop the", "Publish the", "If not", "Restart hosts"];

#[test]
fn h12_what_is_done_is_not_asked_for() {
    let mut snapshot = fixture::recovering();
    snapshot.versions.iter_mut().filter(|version| version.accused).for_each(|version| version.hosts_active = 0);
    snapshot.hosts.iter_mut().for_each(|host| host.needs_restart = false);
    let shown = picture(&showing(snapshot.clone()), 80, 24);
    assert!(shown.contains("2 NOT DUE: no host runs the bad version, 24 run another"), "{shown}");
    assert!(shown.contains("4 NOT DUE: no host needs a restart any more"), "{shown}");
    snapshot.diagnosis.incidents[0].state = State::Resolved;
    let mut model = showing(snapshot);
    assert!(picture(&model, 80, 24).contains("DO NOW   No step is due"), "{}", picture(&model, 80, 24));
    assert!(copied(&mut model).expect("copied").contains("next: No step is due"));
}

#[test]
fn h13_there_is_no_ratio_without_anything_to_compare() {
    let mut incident = fixture::incident();
    incident.suspects[0].control = Arm::default();
    let shown = picture(&on(Screen::Suspects, fixture::with(incident)), 80, 24);
    assert!(shown.contains("; no others") && !shown.contains("rate ratio"), "{shown}");
    let shown = picture(&on(Screen::Suspects, fixture::named()), 80, 24);
    assert!(shown.contains("rate ratio 2774.1"), "control\n{shown}");
}

#[test]
fn h14_what_is_copied_can_be_acted_on() {
    let text = copied(&mut showing(fixture::named())).expect("copied");
    assert!(text.contains(&format!("last known good: {}", fixture::good())), "{text}");
    assert!(text.contains("next: Stop the publisher of bot-features"), "{text}");
    let text = copied(&mut on(Screen::Suspects, fixture::named())).expect("copied");
    for part in
        ["16 of 16 hosts fail within 1 s after their own load of it; standard deviation of the delay 0.4 s", "AGAINST"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn h14_where_a_copy_went_is_said() {
    let mut model = showing(fixture::named());
    for (copied, told) in [
        (Copied::Sent(216), "one that lacks OSC 52 ignores it"),
        (Copied::Tmux(216), "tmux load-buffer -w"),
        (Copied::File("/tmp/firstbad-1-0.txt".into()), "written to /tmp/firstbad-1-0.txt"),
    ] {
        update(&mut model, Message::Copied(Ok(copied)));
        assert!(picture(&model, 80, 24).contains(told), "{}", picture(&model, 80, 24));
    }
}

#[test]
fn h18_a_paste_presses_no_keys() {
    let mut model = showing(fixture::named());
    assert!(update(&mut model, Message::Paste("quit\nq4".into())).is_empty());
    assert_eq!(model.screen, Screen::Incident);
    assert!(picture(&model, 80, 24).contains("a paste of 7 characters was ignored"));
    let mut model = on(Screen::Hosts, fixture::named());
    press(&mut model, "/");
    update(&mut model, Message::Paste("edge-eu-00\n\u{1b}".into()));
    assert_eq!((model.filter.text.as_str(), model.filter.editing), ("edge-eu-00", true));
}

#[test]
fn h20_the_cursor_stays_in_sight_in_a_low_window() {
    for screen in [Screen::Suspects, Screen::Hosts, Screen::Changes, Screen::Incidents] {
        for rows in 6..24 {
            let mut model = on(screen, fixture::named());
            model.size = (50, rows);
            let shown = picture(&model, 50, rows);
            assert!(shown.lines().any(|line| line.starts_with("|>")), "{screen:?} at 50x{rows}\n{shown}");
        }
    }
}

#[test]
fn h25_enter_opens_what_is_under_the_cursor_or_says_why_not() {
    // As much of the full hash as one line holds; a list shows twelve digits.
    let hash: String = fixture::bad().to_string().chars().take(50).collect();
    for (screen, part) in [(Screen::Hosts, hash.as_str()), (Screen::Changes, "ONSET"), (Screen::Suspects, "AGAINST")] {
        let mut model = on(screen, fixture::named());
        press(&mut model, "j\n");
        let shown = picture(&model, 80, 24);
        assert!(model.screen == Screen::Whole && shown.contains(part), "{screen:?}\n{shown}");
        press(&mut model, "\u{1b}");
        assert_eq!(model.screen, screen);
    }
    for screen in [Screen::Rows, Screen::Scores, Screen::Playbook] {
        let mut model = on(screen, fixture::named());
        press(&mut model, "\n");
        assert!(picture(&model, 80, 24).contains("nothing to open"), "{screen:?}");
    }
}

#[test]
fn h19_how_much_of_a_replay_is_read_is_shown_and_time_travel_works_meanwhile() {
    let mut model = Model::new(Origin::Replay("x.jsonl".into()), PLAIN);
    assert_eq!(update(&mut model, Message::Reading(Some(7))), [Effect::Seek(usize::MAX)], "the newest frame is shown");
    assert!(picture(&model, 80, 24).contains("reading 7%"), "{}", picture(&model, 80, 24));
    let frame = Message::Frame { index: 9, count: 10, snapshot: Arc::new(fixture::named()) };
    update(&mut model, frame);
    press(&mut model, "[");
    assert_eq!(
        update(&mut model, Message::Reading(Some(45))),
        [Effect::FindAgain],
        "the moment stays that was asked for"
    );
    assert!(picture(&model, 80, 24).contains("reading 45%"));
    update(&mut model, Message::Reading(None));
    assert!(!picture(&model, 80, 24).contains("reading"));
}

#[test]
fn h25_every_sign_has_its_meaning_in_the_help() {
    let mut model = on(Screen::Help, fixture::named());
    update(&mut model, Message::Resize(80, 24));
    press(&mut model, "G");
    let shown = picture(&model, 80, 24);
    for sign in ["|^ ", "|' ", "|BAD", "|gone 12:45", "|NOT DUE", "|.. "] {
        assert!(shown.contains(sign), "{sign}\n{shown}");
    }
}

#[test]
fn h07_a_tie_is_on_the_first_screen_with_every_name() {
    let shown = picture(&showing(fixture::with(fixture::tied())), 80, 24);
    let verdict: String = shown.lines().skip(1).take(3).collect::<String>().replace('|', " ");
    let verdict = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["A tie:", "bot-features", "waf-rules", "cannot be told apart"] {
        assert!(verdict.contains(part), "{part}\n{shown}");
    }
    assert!(!shown.contains("NAMED"), "{shown}");
}

#[test]
fn h09_a_way_back_is_a_line_of_its_own_and_changes_no_earlier_one() {
    let lines = |snapshot: Snapshot| -> Vec<String> {
        let shown = picture(&on(Screen::Changes, snapshot), 120, 40);
        shown.lines().filter(|line| line.contains(" load ") || line.contains(" BACK ")).map(str::to_owned).collect()
    };
    let published = |way_back: u32| {
        let mut snapshot = fixture::named();
        snapshot.lines[0].config = Some("bot-features".into());
        let (mut others, mut accused) = (vec![0; 60], vec![0; 60]);
        (others[5], accused[10], others[20]) = (24, 24, way_back);
        (snapshot.lines[0].loads, snapshot.lines[1].loads) = (others, accused);
        snapshot
    };
    let (before, after) = (published(0), published(24));
    let (before, after) = (lines(before), lines(after));
    assert_eq!(after.len(), before.len() + 1, "{after:#?}");
    let loads = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| line.contains(" load ")).map(|line| line.replace('>', " ")).collect()
    };
    assert_eq!(loads(&after), loads(&before));
}

#[test]
fn h17_hosts_that_refused_an_input_are_not_said_to_fail() {
    let mut incident = fixture::refused();
    incident.verdict = Verdict::InsufficientEvidence;
    incident.cause = None;
    incident.input = None;
    incident.suspects[0].against = vec!["no host without it was seen while the fleet failed".into()];
    let region = "hosts failing by cloud.region: eu 8/8, us 8/16";
    incident.ruled_out = vec![RuledOut::new(Excluded::Region, region.to_owned())];
    for incident in [incident, fixture::refused()] {
        let shown = picture(&showing(fixture::with(incident)), 120, 40);
        assert!(shown.contains("refused it and kept the last good"), "{shown}");
        assert!(!shown.contains("hosts failing") && !shown.contains("the fleet failed"), "{shown}");
        assert!(!shown.contains("exposed to it fail"), "{shown}");
    }
}

#[test]
fn h21_an_empty_screen_names_the_directory_that_is_looked_at() {
    let mut model = showing(fixture::empty());
    assert!(picture(&model, 80, 24).contains("recorders are looked for in /run/firstbad"));
    if let Origin::Embedded { recorders, .. } = &mut model.origin {
        "/x/of-my-own".clone_into(recorders);
    }
    let shown = picture(&model, 80, 24);
    assert!(shown.contains("/x/of-my-own") && !shown.contains("/run/firstbad"), "{shown}");
    model.origin = Origin::Demo;
    let shown = picture(&model, 80, 24);
    assert!(!shown.contains("recorders") && !shown.contains("SEE IT"), "the demo needs neither\n{shown}");
}

#[test]
fn h22_the_stage_tells_its_story_on_the_screen_to_the_end() {
    let mut model = Model::new(Origin::Demo, PLAIN);
    update(&mut model, Message::Snapshot(Arc::new(fixture::named())));
    for line in [
        " 15.7 s  generation 4 from node-4: 244 rows, BAD",
        " 62.7 s  the play is over: q prints what was right and what was not",
    ] {
        update(&mut model, Message::Story(line.into()));
        let shown = picture(&model, 80, 24);
        assert!(shown.contains(&format!("|STAGE {}", line.trim())), "{shown}");
        for part in ["96% confident", "another", "version", "DO NOW", "GOOD"] {
            assert!(shown.contains(part), "{part} beside the story\n{shown}");
        }
    }
}

#[test]
fn h24_a_playbook_is_text_and_not_markdown() {
    let mut model = on(Screen::Playbook, fixture::named());
    model.size = (80, 200);
    let shown = picture(&model, 80, 200);
    assert!(shown.contains("Confirm") && shown.contains("risk"), "control\n{shown}");
    assert!(!shown.contains("**") && !shown.contains("|#") && !shown.contains('`'), "{shown}");
    let lone = |line: &str| line.trim_matches('|').trim() == ".";
    assert!(!shown.lines().any(lone), "{shown}");
}
