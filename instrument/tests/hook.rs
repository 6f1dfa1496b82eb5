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

/// A message from which the hook hides what a name, a form and the content of a version tell.
const SECRETS: &str = "password=hunter2 at https://web:pw@host, got Zebra77quagga";

/// Allocations of one panic whose hooks are those installed.
fn allocations_of_a_panic(text: &'static str) -> u64 {
    allocations::of(|| panic_here(text))
}

#[test]
fn a_panic_storm_is_counted_exactly_and_costs_no_allocation() {
    const THREADS: u64 = 4;
    const PANICS: u64 = 2_000;
    // The control: what a panic allocates under an empty hook.
    std::panic::set_hook(Box::new(|_| {}));
    allocations_of_a_panic("counted");
    let bare = allocations_of_a_panic("counted");
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
    FEATURES.load_bytes(b"token: Zebra77quagga\n", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
    FEATURES.load_bytes(b"x", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
    allocations_of_a_panic("counted");
    assert_eq!(allocations_of_a_panic("counted"), bare, "the hook allocates");
    assert_eq!(allocations_of_a_panic(SECRETS), bare, "the hook allocates where it hides secrets");
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
    let total = THREADS * PANICS + 3;
    assert_eq!(image.panics, total);
    assert_eq!(image.sites.iter().map(|site| site.count).sum::<u64>(), total);
    let version = image.versions.iter().find(|version| version.hash == Some(Hash::of(b"x"))).unwrap();
    let counted: u64 = image.panic_pairs.iter().filter(|pair| pair.uid == version.uid).map(|pair| pair.count).sum();
    assert_eq!(counted, total);
    let masked = "password=*** at https://***@host, got ***";
    let known = |message: &str| ["counted", "storm", masked].contains(&message);
    assert!(image.panic_texts.iter().all(|panic| known(&panic.message)), "{:#?}", image.panic_texts);
    let bytes = std::fs::read(recorder.path().unwrap()).unwrap();
    assert!(!String::from_utf8_lossy(&bytes).contains("hunter2"), "the recorder holds a secret");
    let ran = PREVIOUS_RAN.load(Relaxed);
    assert!((1..=4).contains(&ran), "the previous hook ran {ran} times for one site within seconds");
    assert_eq!(image.hook_held_back, total - ran, "what was held back is counted");
}
