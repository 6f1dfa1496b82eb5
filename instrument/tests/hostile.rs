//! A recorder file is whatever somebody put there: any bytes decode to an image or an error, never to a panic or a hang.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Live, Origin, Outcome, Score};
use firstbad_protocol::recorder::{DecodeError, decode, layout};
use proptest::prelude::*;
use std::sync::OnceLock;

static BOT: Score = Score::new("bot");
static FEATURES: Live<u8> = Live::new("bot-features").limit("rows", 200).score(&BOT);

/// A real recorder with something of everything.
fn real() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let recorder = firstbad_instrument::init().service("hostile").recorder_dir(directory.path()).install().unwrap();
        for version in 0..20_u8 {
            FEATURES.load_bytes(&[version], &Origin::new(), |_| Ok::<u8, String>(version)).applied().unwrap();
            let pin = FEATURES.pin().unwrap();
            pin.record(Outcome::Ok);
            pin.score(&BOT, version);
        }
        let _ = std::panic::catch_unwind(|| panic!("something"));
        std::fs::read(recorder.path().unwrap()).unwrap()
    })
}

/// Words that tell the decoder where to look, and those around them.
fn telling_words() -> impl Strategy<Value = usize> {
    prop_oneof![
        0_usize..128,
        layout::JOURNAL..layout::CONFIGS + 512,
        layout::VERSIONS..layout::VERSIONS + 20 * layout::VERSION_WORDS,
        layout::SITES..layout::EVENTS + 2048,
        layout::PANICS..layout::PANICS + layout::PANIC_WORDS,
        layout::DIRECTORY..layout::DIRECTORY + 64,
    ]
}

fn telling_values() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        Just(u64::MAX),
        Just(u64::MAX >> 3),
        0_u64..1 << 21,
        (0_u64..1 << 20, 0_u64..70).prop_map(|(offset, lane)| lane << 32 | offset),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn mutated_recorders_decode_or_are_refused(
        changes in prop::collection::vec((telling_words(), telling_values()), 1..40),
        cut in prop::option::of(0_usize..1 << 20),
    ) {
        let mut bytes = real().to_vec();
        for (word, value) in changes {
            if let Some(target) = bytes.get_mut(word * 8..word * 8 + 8) {
                target.copy_from_slice(&value.to_ne_bytes());
            }
        }
        bytes.truncate(cut.unwrap_or(usize::MAX));
        if let Ok(image) = decode(&bytes, real()) {
            prop_assert!(image.versions.len() <= layout::VERSIONS_MAX && image.events.len() <= layout::EVENTS_MAX);
        }
        let _ = decode(real(), &bytes);
        let _ = decode(&bytes, &bytes);
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(decode(&bytes, &bytes).is_err());
    }
}

#[test]
fn the_unchanged_recorder_decodes() {
    // The control of the tests above.
    let image = decode(real(), real()).unwrap();
    assert_eq!(image.versions.iter().map(|version| version.outcomes.ok).sum::<u64>(), 20);
    assert_eq!((image.panics, image.torn, image.damaged), (1, 0, 0));
}

#[test]
fn other_layouts_and_lengths_are_named() {
    let mut other = real().to_vec();
    other[8] = 9;
    let error = decode(&other, &other).unwrap_err();
    assert!(matches!(error, DecodeError::ForeignLayout { .. }) && error.to_string().contains("offset 8"), "{error}");
    let short = &real()[..5000];
    assert!(decode(short, short).unwrap_err().to_string().contains("ends at offset 5000"));
    assert_eq!(decode(b"", b"").unwrap_err(), DecodeError::NotARecorder);
}
