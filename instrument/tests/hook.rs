//! The panic hook in a storm: exact counts, no allocation, no second entry, the previous hook held back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

#[path = "common/allocations.rs"]
mod allocations;
mod common;

use firstbad_instrument::{Hash, Live, Origin, PreviousHook};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

static FEATURES: Live<u8> = Live::new("bot-features");
static PREVIOUS_RAN: AtomicU64 = AtomicU64::new(0);

fn panic_here(text: &'static str) {
    let _ = std::panic::catch_unwind(|| panic!("{text}"));
}

/// Allocations of one panic whose hooks are those installed.
fn allocations_of_a_panic() -> u64 {
    allocations::of(|| panic_here("counted"))
}

#[test]
fn a_panic_storm_is_counted_exactly_and_costs_no_allocation() {
    const THREADS: u64 = 4;
    const PANICS: u64 = 2_000;
    // The control: what a panic allocates under an empty hook.
    std::panic::set_hook(Box::new(|_| {}));
    allocations_of_a_panic();
    let bare = allocations_of_a_panic();
    std::panic::set_hook(Box::new(|_| {
        PREVIOUS_RAN.fetch_add(1, Relaxed);
    }));
    let directory = tempfile::tempdir().unwrap();
    let recorder = firstbad_instrument::init()
        .service("hook")
        .recorder_dir(directory.path())
        .previous_hook(PreviousHook::Limited)
        .install()
        .unwrap();
    FEATURES.load_bytes(b"x", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
    allocations_of_a_panic();
    assert_eq!(allocations_of_a_panic(), bare, "the hook allocates");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..PANICS {
                    panic_here("storm");
                }
            });
        }
    });
    let image = common::image_of(recorder.path().unwrap());
    let total = THREADS * PANICS + 2;
    assert_eq!(image.panics, total);
    assert_eq!(image.sites.iter().map(|site| site.count).sum::<u64>(), total);
    let version = image.versions.iter().find(|version| version.hash == Some(Hash::of(b"x"))).unwrap();
    let counted: u64 = image.panic_pairs.iter().filter(|pair| pair.uid == version.uid).map(|pair| pair.count).sum();
    assert_eq!(counted, total);
    assert!(image.panic_texts.iter().all(|panic| panic.message == "counted" || panic.message == "storm"));
    let ran = PREVIOUS_RAN.load(Relaxed);
    assert!((1..=4).contains(&ran), "the previous hook ran {ran} times for one site within seconds");
    assert_eq!(image.hook_held_back, total - ran, "what was held back is counted");
}
