//! A bundle gives the live verdict again, byte for byte; a malformed one is refused with entry and offset.

use super::fleet::{BAD_AT, bad};
use super::restart::Line;
use crate::bundle::{Bundle, BundleError, BundleRequest, build};
use crate::diagnosis_json;
use crate::normalise::Content;
use crate::store::{Batch, Commit, Store};
use std::path::Path;

fn live_bundle(directory: &Path) -> (Bundle, String) {
    let mut line = Line::begin(directory);
    line.run(1..=BAD_AT + 45);
    let published = line.publisher.latest();
    let incident = published
        .snapshot
        .diagnosis
        .incidents
        .iter()
        .find(|i| i.verdict.accuses())
        .expect("the trouble is named")
        .id
        .clone();
    put_content(line.store.as_mut(), published.batch + 1, published.snapshot.at.unwrap());
    let live = diagnosis_json(&published.snapshot.diagnosis);
    let request = BundleRequest {
        incident,
        data_dir: directory.to_owned(),
        settings: firstbad_diagnosis::Settings::default(),
        latest: published,
    };
    (build(&request).unwrap(), live)
}

fn put_content(store: &mut dyn Store, seq: u64, tick: firstbad_protocol::time::Timestamp) {
    let content = Content { hash: bad(), config: "bot-features".into(), format: "csv".into(), body: b"bad".to_vec() };
    let batch = Batch { seq, tick, observations: Vec::new(), words: Vec::new() };
    store
        .commit(&Commit { batch: &batch, records: &[], journal: &[], contents: &[content], normaliser: None })
        .unwrap();
}

#[test]
fn a_bundle_gives_the_live_verdict_byte_for_byte() {
    let directory = tempfile::tempdir().unwrap();
    let (bundle, live) = live_bundle(directory.path());
    let mut bytes = Vec::new();
    bundle.write(&mut bytes).unwrap();
    let mut again = Vec::new();
    bundle.write(&mut again).unwrap();
    assert!(bytes == again, "the same bundle is the same bytes");

    let read = Bundle::read(bytes.as_slice()).unwrap();
    assert!(read == bundle, "what was written is read");
    assert_eq!(read.verdict, live);
    assert_eq!(diagnosis_json(&read.diagnose().unwrap()), live);
    assert_eq!(read.batches.last().map(|batch| Some(batch.tick)), Some(read.manifest.at));
    assert!(read.contents.iter().any(|content| content.hash == bad() && content.body == b"bad"), "{:?}", read.manifest);

    // Control: a bundle that lacks its last batches gives another verdict.
    let mut short = read.clone();
    short.batches.truncate(short.batches.len() - 40);
    assert_ne!(diagnosis_json(&short.diagnose().unwrap()), live);
}

#[test]
fn an_incident_that_is_not_there_is_not_bundled() {
    let directory = tempfile::tempdir().unwrap();
    let line = Line::begin(directory.path());
    let request = BundleRequest {
        incident: "20251118-112804-errors".to_owned(),
        data_dir: directory.path().to_owned(),
        settings: firstbad_diagnosis::Settings::default(),
        latest: line.publisher.latest(),
    };
    assert!(matches!(build(&request), Err(BundleError::NoIncident(_))));
}

/// The entries of `bytes`, changed by `change`, as an archive again.
fn changed(bytes: &[u8], change: impl Fn(&str, Vec<u8>) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(bytes).unwrap());
    let mut builder = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut body = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut body).unwrap();
        if let Some(body) = change(&name, body) {
            let mut header = tar::Header::new_gnu();
            header.set_size(body.len() as u64);
            builder.append_data(&mut header, &name, body.as_slice()).unwrap();
        }
    }
    builder.into_inner().unwrap().finish().unwrap()
}

#[test]
fn a_malformed_bundle_is_refused_with_entry_and_offset() {
    let directory = tempfile::tempdir().unwrap();
    let (bundle, _) = live_bundle(directory.path());
    let mut bytes = Vec::new();
    bundle.write(&mut bytes).unwrap();
    let without = |missing: &'static str| changed(&bytes, move |name, body| (name != missing).then_some(body));
    let with = |target: &'static str, make: fn(Vec<u8>) -> Vec<u8>| {
        changed(&bytes, move |name, body| Some(if name == target { make(body) } else { body }))
    };
    let cut = |mut body: Vec<u8>| {
        body.truncate(body.len() - 3);
        body
    };
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("empty", Vec::new(), &["no bundle"]),
        ("no archive", b"hello".to_vec(), &["no bundle"]),
        ("no archive inside", zstd::bulk::compress(&[b'x'; 2048], 3).unwrap(), &["no bundle"]),
        ("half of it", bytes[..bytes.len() / 2].to_vec(), &["bundle"]),
        ("no manifest", without("manifest.json"), &["manifest.json"]),
        ("no batches", without("batches.postcard"), &["batches.postcard"]),
        ("manifest of nonsense", with("manifest.json", |_| b"{\"schema\":".to_vec()), &["manifest.json", "byte 9"]),
        (
            "later schema",
            with("manifest.json", |body| {
                String::from_utf8(body).unwrap().replace("\"schema\": 2", "\"schema\": 9").into_bytes()
            }),
            &["schema 9"],
        ),
        ("cut batches", with("batches.postcard", cut), &["batches.postcard", "byte"]),
        ("nonsense batches", with("batches.postcard", |_| vec![255; 64]), &["batches.postcard", "byte 0"]),
        (
            "one batch twice",
            with("batches.postcard", |mut body| {
                body.extend_from_within(..);
                body
            }),
            &["batches.postcard", "follows batch"],
        ),
        ("verdict of bytes", with("verdict.json", |_| vec![b'{', 0xff]), &["verdict.json", "byte 1"]),
        ("no content", changed(&bytes, |name, body| (!name.starts_with("contents/")).then_some(body)), &["contents/"]),
    ];
    for (case, bytes, names) in cases {
        let error = Bundle::read(bytes.as_slice()).map(drop).expect_err(case).to_string();
        for name in *names {
            assert!(error.contains(name), "{case}: `{name}` is not in: {error}");
        }
    }
    let damaged_state = Bundle { checkpoint: vec![1, 2, 3], ..bundle };
    assert!(matches!(damaged_state.diagnose(), Err(BundleError::Engine(_))));
}
