//! Requests that outlive several swaps, many threads, more swaps than there are slots: nothing is lost and nothing is
//! counted under a version that did not produce it. The naive way, to ask for the current version when recording, is run
//! beside it and must fail: else the storm would prove nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Live, Origin, Outcome, Score, Tag};
use firstbad_protocol::Hash;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};

static BOT: Score = Score::new("bot");
static FEATURES: Live<u8> = Live::new("bot-features").score(&BOT);
static NAIVE_SCORE: Score = Score::new("naive");
static NAIVE: Config = Config::new("naive").score(&NAIVE_SCORE);

const THREADS: usize = 4;
const SWAPS: u32 = 10_000;

/// Version `number`'s content. There are 40, so that versions come back and slots (8) are taken over all the time.
fn content(number: u32) -> Vec<u8> {
    vec![u8::try_from(number % 40).unwrap()]
}

/// Requests per content, as the workers know them.
type Truth = BTreeMap<u8, u64>;

fn work(stop: &AtomicBool, served: &AtomicU64) -> Truth {
    let mut truth = Truth::new();
    let mut turn = 0_u32;
    while !stop.load(Relaxed) {
        let pin = FEATURES.pin().unwrap();
        let value = *pin;
        let tag: Tag = pin.tag();
        drop(pin);
        // Requests last from nothing to several swaps.
        turn += 1;
        for _ in 0..(turn % 7) * 40 {
            std::hint::spin_loop();
        }
        if turn % 64 == 0 {
            std::thread::yield_now();
        }
        tag.score(&BOT, value);
        tag.record(Outcome::Ok);
        NAIVE.active().score(&NAIVE_SCORE, value);
        *truth.entry(value).or_default() += 1;
        served.fetch_add(1, Relaxed);
    }
    truth
}

fn swap_all(stop: &AtomicBool, served: &AtomicU64) {
    for number in 1..=SWAPS {
        // On a busy machine too, requests are served between any two swaps.
        while served.load(Relaxed) < u64::from(number) * 2 {
            std::thread::yield_now();
        }
        let bytes = content(number);
        NAIVE.loading(&bytes, &Origin::new()).applied();
        FEATURES.load_bytes(&bytes, &Origin::new(), |bytes| Ok::<u8, String>(bytes[0])).applied().unwrap();
    }
    stop.store(true, Relaxed);
}

#[test]
fn ten_thousand_swaps_lose_nothing_and_mistag_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = firstbad_instrument::init()
        .service("storm")
        .recorder_dir(directory.path())
        .capture_content(false)
        .install()
        .unwrap();
    NAIVE.loading(&content(0), &Origin::new()).applied();
    FEATURES.load_bytes(&content(0), &Origin::new(), |bytes| Ok::<u8, String>(bytes[0])).applied().unwrap();
    let (stop, served, truth) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Truth::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for (value, requests) in work(&stop, &served) {
                    *truth.lock().unwrap().entry(value).or_default() += requests;
                }
            });
        }
        swap_all(&stop, &served);
    });
    let image = common::image_of(recorder.path().unwrap());
    assert!(image.dropped.is_empty(), "{:?}", image.dropped);
    let truth = truth.into_inner().unwrap();
    let config = |name: &str| image.configs.iter().find(|config| config.name == name).unwrap().place;
    let (ours, naive) = (config("bot-features"), config("naive"));
    let (mut requests, mut mistagged, mut naively_mistagged) = (0, 0, 0);
    for version in image.versions.iter().filter(|version| version.hash.is_some()) {
        let value = (0..40_u8).find(|value| Some(Hash::of(&[*value])) == version.hash).unwrap();
        let buckets = &version.scores[0].buckets;
        let wrong = buckets.iter().sum::<u64>() - buckets[usize::from(value)];
        if version.config == naive {
            naively_mistagged += wrong;
            continue;
        }
        assert_eq!(version.config, ours);
        let expected = truth.get(&value).copied().unwrap_or(0);
        assert_eq!((version.outcomes.ok, buckets[usize::from(value)]), (expected, expected), "version {value}");
        requests += expected;
        mistagged += wrong;
    }
    println!(
        "{SWAPS} swaps, {THREADS} threads, {requests} requests: {mistagged} mis-tagged; naive: {naively_mistagged}"
    );
    assert_eq!(mistagged, 0);
    assert!(naively_mistagged > 0, "the storm is too weak to prove anything");
    assert!(requests > u64::from(SWAPS), "the workers hardly worked: {requests}");
}
