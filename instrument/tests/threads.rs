//! Threads come and go: places are used again, memory follows the stated formula, and more threads than there is room for lose
//! nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Live, Origin, Outcome, Score, memory_bytes, record_request};
use firstbad_protocol::recorder::layout::{self, header};
use std::path::Path;
use std::sync::Barrier;

static BOT: Score = Score::new("bot");
static RISK: Score = Score::new("risk");
static FEATURES: Live<u8> = Live::new("bot-features").score(&BOT).score(&RISK);
static ROUTES: Live<u8> = Live::new("routes");

/// `FEATURES` has two scores, `ROUTES` counts as one.
const SCORES: usize = 3;

/// Lets `threads` live at the same time, each recording `requests`.
fn serve(threads: usize, requests: u8) {
    let barrier = Barrier::new(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let served = || {
                barrier.wait();
                for number in 0..requests {
                    let tag = FEATURES.tag();
                    tag.score(&BOT, number);
                    tag.score(&RISK, 100 - number);
                    record_request(Outcome::Ok, &[tag, ROUTES.tag()]);
                }
                barrier.wait();
            };
            std::thread::Builder::new().stack_size(64 << 10).spawn_scoped(scope, served).unwrap();
        }
    });
}

fn used(path: &Path) -> usize {
    let bytes = std::fs::read(path).unwrap();
    let word = bytes[header::USED * 8..][..8].try_into().unwrap();
    usize::try_from(u64::from_ne_bytes(word)).unwrap() * 8
}

#[test]
fn memory_follows_the_formula_is_used_again_and_nothing_is_lost_beyond_it() {
    let directory = tempfile::tempdir().unwrap();
    let init = firstbad_instrument::init().service("threads").recorder_dir(directory.path()).capture_content(false);
    let recorder = init.install().unwrap();
    let path = recorder.path().unwrap();
    for live in [&FEATURES, &ROUTES] {
        live.load_bytes(b"x", &Origin::new(), |_| Ok::<u8, String>(1)).applied().unwrap();
    }
    let mut requests = 0;
    let mut serve = |threads: usize| {
        serve(threads, 10);
        requests += threads as u64 * 10;
    };
    let size = || usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap();
    for threads in [8, 64, 250] {
        serve(threads);
        let exact = (layout::DATA + layout::TOTAL_LANE_WORDS) * 8 + threads * (128 + 7168 * SCORES) + 2 * SCORES * 896;
        assert_eq!(used(path), exact, "{threads} threads");
        assert_eq!(size(), memory_bytes(threads, SCORES, 1), "{threads} threads");
    }
    // Two thousand more, in turns: they use what the others left.
    let before = used(path);
    for _ in 0..20 {
        serve(100);
    }
    assert_eq!(used(path), before);
    // More at once than there is room for.
    serve(2500);
    assert_eq!(size(), layout::WORDS_MAX * 8, "the cap");
    assert!(memory_bytes(2500, SCORES, 1) > 6 * size(), "the control: they would need more");
    let image = common::image_of(path);
    assert_eq!(image.totals.ok, requests);
    for version in image.versions.iter().filter(|version| version.hash.is_some()) {
        assert_eq!(version.outcomes.ok, requests);
        for counts in &version.scores {
            assert_eq!(counts.buckets.iter().sum::<u64>(), requests);
        }
    }
    assert!(image.dropped.is_empty(), "{:?}", image.dropped);
}
