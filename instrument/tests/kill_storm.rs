//! Processes killed in the middle of writing events and panics: no cell that does not belong together is believed, and the torn
//! ones are seen. `FIRSTBAD_PUSHES=5000000 cargo test --release -p firstbad-instrument --test kill_storm -- --nocapture` is the
//! long run.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Hash, Origin};
use firstbad_protocol::recorder::layout::{self, event, facts};
use firstbad_protocol::recorder::{EventKind, RecorderImage};

static CONFIG: Config = Config::new("storm");

/// Versions that come and go: few, so that the storm writes events and not tables.
const VERSIONS: u64 = 8;
/// Pushes of one process before it is killed, about.
const PUSHES_OF_ONE: u64 = 40_000;

fn content(number: u64) -> Vec<u8> {
    (number % VERSIONS).to_ne_bytes().to_vec()
}

/// Texts of load `number`: each tells the number, over and over.
fn said(number: u64) -> String {
    format!("{number:020}").repeat(6)
}

#[test]
fn child() {
    if common::mode().is_none() {
        return;
    }
    let init = firstbad_instrument::init().service("storm").capture_content(false);
    let _recorder = init.previous_hook(firstbad_instrument::PreviousHook::Never).install().unwrap();
    std::thread::spawn(|| {
        for number in 0_u64.. {
            let _ = std::panic::catch_unwind(|| panic!("{}", said(number)));
        }
    });
    for number in 0_u64.. {
        let generation = i64::try_from(number).unwrap();
        let origin = Origin::new().label(said(number)).source(said(number)).generation(generation);
        CONFIG.loading(&content(number), &origin).applied();
        if number == PUSHES_OF_ONE / 2 {
            println!("pushed");
        }
    }
}

/// Checks every cell that was believed. Gives how many there are.
fn check(image: &RecorderImage) -> u64 {
    let mut believed = 0;
    for found in &image.events {
        let EventKind::Load(load) = &found.kind else { continue };
        let number = u64::try_from(load.facts.generation.unwrap()).unwrap();
        let text = Some(said(number));
        assert_eq!((&load.label, &load.source, load.hash), (&text, &text, Some(Hash::of(&content(number)))));
        // Each load is two events, after the one that says that the process started.
        assert_eq!((found.number - 1) / 2, number, "an event of another round");
        believed += 1;
    }
    for panic in &image.panic_texts {
        let number = panic.message.get(..20).and_then(|digits| digits.parse().ok()).expect("a number");
        assert_eq!(panic.message, said(number));
        believed += 1;
    }
    believed
}

/// Whether there is an event cell whose two texts are of different loads: what a reader without checks would believe.
fn has_a_cell_that_does_not_belong_together(bytes: &[u8]) -> bool {
    (0..layout::EVENTS_MAX).any(|index| {
        let cell = &bytes[(layout::EVENTS + index * layout::EVENT_WORDS) * 8..][..layout::EVENT_WORDS * 8];
        let word = |place: usize| u64::from_ne_bytes(cell[place * 8..][..8].try_into().unwrap());
        let text = |place: usize| &cell[(place + 1) * 8..][..120];
        let loaded = matches!(word(event::KIND), 3 | 4);
        let generation = said(word(event::FACTS + facts::NUMBERS + 5));
        let written = word(event::SEQUENCE) != 0;
        written
            && !(loaded && text(event::LABEL) == text(event::SOURCE) && text(event::LABEL) == generation.as_bytes())
            && word(event::KIND) != 1
    })
}

#[test]
fn a_storm_of_kills_leaves_no_cell_that_is_wrongly_believed() {
    if common::mode().is_some() {
        return;
    }
    let wanted: u64 = std::env::var("FIRSTBAD_PUSHES").ok().and_then(|count| count.parse().ok()).unwrap_or(800_000);
    let (mut pushes, mut kills, mut torn, mut naive, mut believed) = (0, 0_u64, 0, 0, 0);
    // A kill that meets no push proves nothing: a few more, until one does.
    while pushes < wanted || (torn == 0 || naive == 0) && kills < 300 {
        let directory = tempfile::tempdir().unwrap();
        let mut child = common::child("child", "storm", directory.path()).spawn().unwrap();
        common::wait_for(&mut child, "pushed");
        // The moment of the fault; nothing waits for it.
        std::thread::sleep(std::time::Duration::from_micros(kills * 37 % 900));
        child.kill().unwrap();
        child.wait().unwrap();
        let path = &common::recorders(directory.path())[0];
        let image = common::image_of(path);
        believed += check(&image);
        torn += image.torn;
        naive += u64::from(has_a_cell_that_does_not_belong_together(&std::fs::read(path).unwrap()));
        pushes += image.event_head + image.panic_head;
        kills += 1;
    }
    println!(
        "{kills} kills, {pushes} pushes: {believed} cells believed, 0 of them wrong, {torn} torn ones seen; without checks {naive} would be wrong"
    );
    assert!(torn > 0, "no kill met a push: the storm proves nothing");
    assert!(naive > 0, "the control: no cell would have been wrong without checks");
}
