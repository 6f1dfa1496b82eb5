//! A reader in another process, while the proxy swaps without pause: whatever moment its copies meet, no count is under a
//! version that did not produce it, and none is there twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Hash, Live, Origin, Outcome, Score, record_request};
use firstbad_protocol::recorder::{RecorderImage, decode, discard_moved, moved_between};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

static BOT: Score = Score::new("bot");
static FEATURES: Live<u8> = Live::new("bot-features").score(&BOT);
static NAIVE_SCORE: Score = Score::new("naive");
static NAIVE: Config = Config::new("naive").score(&NAIVE_SCORE);

const VERSIONS: u8 = 40;
const SWAPS: u32 = 10_000;

fn load(value: u8) {
    NAIVE.loading(&[value], &Origin::new()).applied();
    FEATURES.load_bytes(&[value], &Origin::new(), |bytes| Ok::<u8, String>(bytes[0])).applied().unwrap();
}

/// The proxy: two threads serve, one swaps.
#[test]
fn child() {
    if common::mode().is_none() {
        return;
    }
    let _recorder = firstbad_instrument::init().service("stress").capture_content(false).install().unwrap();
    load(0);
    println!("serving");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    let (value, tag) = FEATURES.pin().map(|pin| (*pin, pin.tag())).unwrap();
                    for _ in 0..20 {
                        tag.score(&BOT, value);
                        record_request(Outcome::Ok, &[tag]);
                        NAIVE.active().score(&NAIVE_SCORE, value);
                    }
                }
            });
        }
        for number in 0..SWAPS {
            load(u8::try_from(number % u32::from(VERSIONS)).unwrap());
            if number % 16 == 0 {
                std::thread::yield_now();
            }
        }
        stop.store(true, Relaxed);
    });
}

/// As the agent reads: tables, then lanes, then once more if a slot was moved meanwhile.
fn read(path: &Path) -> Option<RecorderImage> {
    let tables = std::fs::read(path).ok()?;
    let mut lanes = std::fs::read(path).ok()?;
    let after = std::fs::read(path).ok()?;
    if moved_between(&tables, &after) {
        discard_moved(&tables, &mut lanes, &after);
    }
    decode(&tables, &lanes).ok()
}

/// Scores of each version of `config` by value, and how many stand under a version of another value.
fn scores(image: &RecorderImage, config: &str) -> (BTreeMap<u8, u64>, u64) {
    let place = image.configs.iter().find(|known| known.name == config).map(|known| known.place);
    let (mut found, mut wrong) = (BTreeMap::new(), 0);
    for version in image.versions.iter().filter(|version| Some(version.config) == place) {
        let value = (0..VERSIONS).find(|value| version.hash == Some(Hash::of(&[*value])));
        let (Some(value), Some(counts)) = (value, version.scores.first()) else { continue };
        let own = counts.buckets[usize::from(value)];
        wrong += counts.buckets.iter().sum::<u64>() - own;
        found.insert(value, own);
    }
    (found, wrong)
}

#[test]
fn a_reader_of_a_storm_sees_nothing_mistagged_and_nothing_twice() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut child = common::child("child", "stress", directory.path()).spawn().unwrap();
    common::wait_for(&mut child, "serving");
    let path = common::recorders(directory.path()).remove(0);
    let (mut reads, mut greatest) = (0_u64, BTreeMap::<u8, u64>::new());
    while child.try_wait().unwrap().is_none() {
        let Some(image) = read(&path) else { continue };
        let (found, wrong) = scores(&image, "bot-features");
        assert_eq!(wrong, 0, "mis-tagged, in read {reads}");
        for (value, count) in found {
            let known = greatest.entry(value).or_default();
            *known = (*known).max(count);
        }
        reads += 1;
    }
    assert!(child.wait().unwrap().success());
    let image = read(&path).unwrap();
    let (last, wrong) = scores(&image, "bot-features");
    assert_eq!(wrong, 0);
    assert_eq!(last.values().sum::<u64>(), image.totals.ok, "nothing lost");
    for (value, count) in &greatest {
        assert!(*count <= last[value], "version {value}: {count} were seen of {}", last[value]);
    }
    let (_, naive) = scores(&image, "naive");
    println!("{SWAPS} swaps, {reads} reads, {} scores: 0 mis-tagged; naive: {naive}", image.totals.ok);
    assert!(reads > 10, "the reader hardly looked: {reads}");
    assert!(naive > 0, "the control: the storm is too weak to prove anything");
}
