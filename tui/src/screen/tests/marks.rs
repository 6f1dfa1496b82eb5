//! What the screen promises in numbers: time of a frame, keys to the rows and to a safe step, and that no hostile text gets through.

use super::{on, press, showing};
use crate::fixture;
use crate::report::{html, markdown};
use crate::screen::message::{Effect, Message};
use crate::screen::model::{Model, Screen};
use crate::screen::update::update;
use crate::screen::view;
use std::sync::Arc;
use unicode_width::UnicodeWidthChar as _;

/// CPU time that a frame may take, ns.
const FRAME_NS_MAX: u64 = 5_000_000;
/// Frames over which the time is taken.
const FRAMES: u64 = 40;

/// CPU time of this thread, ns; elapsed time on kernels that do not report it.
fn cpu_ns(began: std::time::Instant) -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let of_thread = stat.and_then(|stat| stat.split_whitespace().next()?.parse().ok());
    of_thread.unwrap_or_else(|| u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

fn frame_ns(model: &mut Model) -> u64 {
    let began = std::time::Instant::now();
    let before = cpu_ns(began);
    press(model, "jj");
    for _ in 0..FRAMES {
        assert!(!view::lines(model, 200, 50).is_empty());
    }
    (cpu_ns(began) - before) / FRAMES
}

#[test]
fn a_frame_of_100_000_hosts_takes_at_most_5_ms_of_cpu() {
    // Of 16,000 hosts all names are known that need a restart, of 100,000 none.
    for hosts in [16_000, 100_000] {
        let snapshot = fixture::large(hosts);
        for screen in Screen::LISTED {
            let mut model = on(screen, snapshot.clone());
            update(&mut model, Message::Resize(200, 50));
            let took = frame_ns(&mut model);
            println!("{hosts} hosts, {}: {} us for a frame of 200x50", screen.title(), took / 1_000);
            assert!(took <= FRAME_NS_MAX, "{hosts} hosts, {}: {took} ns", screen.title());
        }
    }
}

#[test]
fn the_offending_rows_are_3_keys_away_and_a_safe_step_is_copied_with_5() {
    let mut model = showing(fixture::named());
    let effects = press(&mut model, "d");
    assert!(matches!(effects.as_slice(), [Effect::Compare(_)]) && model.screen == Screen::Rows);
    let mut model = on(Screen::Hosts, fixture::named());
    let effects = press(&mut model, "1y");
    let [Effect::Copy(copied)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(copied.contains("next: Stop the publisher of bot-features"), "{copied}");
}

/// Hostile texts in one snapshot: a host's name and a blind spot each.
const IN_ONE: usize = 500;

#[test]
fn of_50_000_hostile_texts_nothing_reaches_the_terminal_or_the_page() {
    let mut state = 0x5eed_0016_0000_0001;
    let mut attacks = 0_usize;
    let hidden = |c: char| c != '\n' && (c.is_control() || c.width().unwrap_or(0) == 0);
    for _ in 0..100 {
        let texts: Vec<String> = (0..IN_ONE).map(|_| super::properties::noise(&mut state)).collect();
        attacks += texts.iter().filter(|text| text.contains(hidden)).count();
        let mut snapshot = fixture::large(IN_ONE as u64);
        for (host, text) in snapshot.hosts.iter_mut().zip(&texts) {
            host.host.clone_from(text);
        }
        snapshot.diagnosis.incidents[0].blind_spots = texts.iter().map(|text| text.clone().into()).collect();
        let hosts = on(Screen::Hosts, snapshot.clone());
        let shown = view::lines(&hosts, 120, IN_ONE + 20).iter().map(ToString::to_string).collect::<String>();
        assert!(!shown.contains(hidden), "{shown:?}");
        let page = html::live(&snapshot);
        assert!(!page.contains(hidden), "{:?}", page.chars().find(|c| hidden(*c)));
        let report = markdown::diagnosis(&snapshot, &snapshot.diagnosis, None);
        assert!(!report.contains(|c: char| c != '\n' && c.is_control()));
    }
    println!("{attacks} of 50000 texts hold what acts or hides");
    assert!(attacks > 40_000, "control: {attacks}");
}

#[test]
fn no_order_and_no_key_draws_what_is_hidden() {
    let mut model = on(Screen::Rollout, fixture::hostile());
    for keys in [
        "b",
        "v",
        "S",
        "b",
        "9",
        "0",
        "\n",
        "\u{1b}",
        "D",
        "\n",
        "\u{1b}",
        "F",
        ":incident \t",
        "\u{1b}",
        "a",
        "\u{1b}",
        "Q",
        "\u{1b}",
        "2",
        "1jjjj\n",
    ] {
        press(&mut model, keys);
        let shown: String = view::lines(&model, 120, 60).iter().map(ToString::to_string).collect();
        assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}' || c == '\u{200b}'), "{keys:?}: {shown}");
    }
    update(&mut model, Message::Health(Err("\u{1b}[2J".into())));
    update(&mut model, Message::Snapshot(Arc::new(fixture::hostile())));
    press(&mut model, "F");
    let shown: String = view::lines(&model, 120, 60).iter().map(ToString::to_string).collect();
    assert!(shown.contains("\\u{1b}[2J"), "{shown}");
}
