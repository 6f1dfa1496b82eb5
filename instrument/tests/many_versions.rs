//! A proxy that lives long loads more versions than the recorder has places for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin, Outcome, Tag};

static CONFIG: Live<String> = Live::new("many-versions");

fn parse(bytes: &[u8]) -> Result<String, std::str::Utf8Error> {
    std::str::from_utf8(bytes).map(str::to_owned)
}

#[test]
fn more_versions_than_places_are_told_apart_or_counted() {
    let directory = tempfile::tempdir().unwrap();
    let recorder = firstbad_instrument::init().service("many").recorder_dir(directory.path()).install().unwrap();
    let tags: Vec<Tag> = (0..600)
        .map(|number| {
            let tag = CONFIG.load_bytes(format!("{number}").as_bytes(), &Origin::new(), parse).tag();
            tag.record(Outcome::Ok);
            tag
        })
        .collect();
    assert_eq!(tags.last().unwrap().hash(), Some(Hash::of(b"599")));
    assert_eq!(tags[0].hash(), None, "its place was taken");
    tags[0].record(Outcome::Error);
    let image = common::image_of(recorder.path().unwrap());
    assert!(image.versions.iter().all(|version| version.outcomes.error == 0), "under none of the others");
    assert!(image.versions.iter().all(|version| version.first_failed_ns.is_none()), "nor is its time");
    let dropped: Vec<_> = image.dropped.iter().map(|dropped| (dropped.reason, dropped.count)).collect();
    assert_eq!(dropped, [("versions_full", 1)]);
    let newest = image.versions.iter().find(|version| version.hash == Some(Hash::of(b"599"))).unwrap();
    assert_eq!(newest.outcomes.ok, 1);
    // Contents are kept within their bound.
    let kept = std::fs::read_dir(directory.path().join("content")).unwrap().count();
    assert!((200..=256).contains(&kept), "{kept}");
}
