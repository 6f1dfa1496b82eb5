//! `firstbad recorder dump` shows everything that a recorder holds, and how the content of each version is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::recorder::{RecorderDump, dump};
use firstbad_instrument::{Config, Hash, Live, Origin, Outcome, PreviousHook};

const LIST: &[u8] = b"a\nb\nb\n";
const SECRET: &[u8] = b"rows: 2\npassword: hunter2\n";
/// Bytes of a panic's message, more than the recorder keeps.
const MESSAGE_BYTES: usize = 5_000;

fn record(zone: &Live<usize>) {
    let parse = |bytes: &[u8]| if bytes == b"!" { Err("no rule at line 1".to_owned()) } else { Ok(bytes.len()) };
    let origin = Origin::new().label("g\t7").source("generator").revision("9f2c1e7").generation(7).name("list.txt");
    zone.load_bytes(LIST, &origin, parse).applied().unwrap();
    zone.load_bytes(SECRET, &Origin::new().name("secret.yaml"), parse).applied().unwrap();
    zone.pin().unwrap().record(Outcome::Denied);
    let _ = std::panic::catch_unwind(|| panic!("{}", "x".repeat(MESSAGE_BYTES)));
    let _ = zone.load_bytes(b"!", &Origin::new(), parse);
    let _ = zone.load_file("/no/such/file", parse);
}

fn has(dumped: &RecorderDump, parts: &[&str]) {
    let found = dumped.lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(found, "no line has {parts:?}: {:#?}", dumped.lines);
}

#[test]
fn everything_that_a_recorder_holds_is_in_its_dump() {
    let directory = tempfile::tempdir().unwrap();
    let init = firstbad_instrument::init().service("edge").version("2.1").previous_hook(PreviousHook::Never);
    let recorder = init.recorder_dir(directory.path()).install().unwrap();
    let zone = Live::of(Config::keyed("zone", "eu-1").limit("rows", 2));
    record(&zone);
    let path = recorder.path().unwrap().to_owned();
    recorder.ends_with(3);

    let dumped = dump(&path).unwrap();
    let (list, secret) = (Hash::of(LIST).to_string(), Hash::of(SECRET).to_string());
    has(&dumped, &["exited with status 3"]);
    has(&dumped, &["end noted at"]);
    has(&dumped, &["config zone", "eu-1", ", rows <= 2, last load refused"]);
    has(&dumped, &["loads of which nothing could be read: 1 kept_last_good, 0 rejected"]);
    has(
        &dumped,
        &["6 bytes, 3 rows, 1 duplicate rows", "generation 7, row set sha256:", "format lines", "source generator"],
    );
    has(&dumped, &["limit rows: 3 of 2"]);
    has(&dumped, &["loads: 1 kept_last_good (parse)"]);
    has(&dumped, &["loads: 1 applied, first applied 20"]);
    has(&dumped, &[&secret, "(active): 0 ok, 1 denied"]);
    has(&dumped, &["kept: the whole content"]);
    has(&dumped, &["kept: the content with secrets hidden"]);
    has(&dumped, &[&list, "applied", "label g\t7", "revision 9f2c1e7"]);
    has(&dumped, &["applied", &format!("previous {list}")]);
    has(&dumped, &["kept_last_good (parse): no rule at line 1"]);
    has(&dumped, &["nothing readable", "kept_last_good (io)"]);
    has(
        &dumped,
        &["collector/tests/dump.rs", "on thread everything_that", &format!("(of {MESSAGE_BYTES} bytes)"), &secret],
    );
    has(&dumped, &["  under zone", "eu-1", &secret, ": 1 panics"]);
    has(&dumped, &["calls of the previous panic hook that were held back: 1"]);
    assert!(!dumped.lines.iter().any(|line| line.contains("hunter2")), "the dump shows no secret");

    // After the content is deleted, the dump must not say that it is kept.
    std::fs::remove_dir_all(directory.path().join("content")).unwrap();
    assert!(!dump(&path).unwrap().lines.iter().any(|line| line.contains("kept: ")));
}
