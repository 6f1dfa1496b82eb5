//! A watched file: replaced, a symbolic link swapped, written in place, missing, too large, half-written. The hash is that of
//! the bytes parsed, and what serves goes on serving.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_instrument::{Generation, Hash, Live, LoadOutcome, Origin, RowReader, Watched};
use std::fs::{File, FileTimes};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

fn parse(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if text.contains("broken") { Err("broken".into()) } else { Ok(text.to_owned()) }
}

/// Writes `path` as if a minute ago.
fn write_long_ago(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
    let then = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(path).unwrap().set_times(FileTimes::new().set_modified(then)).unwrap();
}

const SETTLE: Duration = Duration::from_secs(10);

fn hash(outcome: Option<LoadOutcome>) -> Option<Hash> {
    outcome.and_then(|outcome| outcome.hash())
}

#[test]
fn a_file_replaced_or_a_link_swapped_is_loaded_once() {
    static CONFIG: Live<String> = Live::new("replaced");
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("1"), directory.path().join("2"));
    let path = directory.path().join("current");
    write_long_ago(&one, b"one");
    write_long_ago(&two, b"two");
    std::os::unix::fs::symlink(&one, &path).unwrap();
    let mut watched = Watched::new(&CONFIG, &path, SETTLE);
    assert_eq!(hash(watched.poll(parse)), Some(Hash::of(b"one")));
    assert!(watched.poll(parse).is_none(), "nothing changed");
    // The link is swapped the way `ln -sfn` does it: a new one over the old.
    let other = directory.path().join("other");
    std::os::unix::fs::symlink(&two, &other).unwrap();
    std::fs::rename(&other, &path).unwrap();
    assert_eq!(hash(watched.poll(parse)), Some(Hash::of(b"two")));
    // The target is replaced by a file of the same length that was written long ago.
    let three = directory.path().join("3");
    write_long_ago(&three, b"owt");
    std::fs::rename(&three, &two).unwrap();
    assert_eq!(hash(watched.poll(parse)), Some(Hash::of(b"owt")));
    assert_eq!(CONFIG.pin().unwrap().as_str(), "owt");
}

#[test]
fn what_is_being_written_is_read_when_it_has_settled() {
    static CONFIG: Live<String> = Live::new("in-place");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("features.csv");
    write_long_ago(&path, b"a,1\n");
    let mut watched = Watched::new(&CONFIG, &path, SETTLE);
    assert!(watched.poll(parse).is_some());
    let mut file = File::create(&path).unwrap();
    file.write_all(b"a,1\nb,").unwrap();
    assert!(watched.poll(parse).is_none(), "just written to: perhaps not finished");
    file.write_all(b"2\n").unwrap();
    assert!(watched.poll(parse).is_none(), "written to again");
    drop(file);
    assert_eq!(hash(watched.poll(parse)), Some(Hash::of(b"a,1\nb,2\n")), "twice the same");
    // What never settles is loaded all the same, and then found whole.
    for round in 0..12_u8 {
        std::fs::write(&path, [b'a' + round]).unwrap();
        if let Some(outcome) = watched.poll(parse) {
            assert_eq!((outcome.hash(), round), (Some(Hash::of(&[b'a' + round])), 10));
            return;
        }
    }
    panic!("a file that is written to for ever was never loaded");
}

#[test]
fn a_file_that_goes_away_is_told_once_and_what_serves_stays() {
    static CONFIG: Live<String> = Live::new("missing");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("features.csv");
    write_long_ago(&path, b"good");
    let mut watched = Watched::new(&CONFIG, &path, SETTLE);
    assert!(matches!(watched.poll(parse), Some(LoadOutcome::Applied(_))));
    std::fs::remove_file(&path).unwrap();
    let Some(LoadOutcome::KeptLastGood(refusal)) = watched.poll(parse) else { panic!("told") };
    assert!(refusal.reason == "io" && refusal.error.contains("features.csv"), "{refusal:?}");
    assert!(watched.poll(parse).is_none(), "told once");
    assert_eq!(CONFIG.pin().unwrap().as_str(), "good");
    write_long_ago(&path, b"good");
    assert!(matches!(watched.poll(parse), Some(LoadOutcome::Unchanged(_))), "the same is back");
    write_long_ago(&path, b"broken");
    assert!(matches!(watched.poll(parse), Some(LoadOutcome::KeptLastGood(_))));
    assert!(watched.poll(parse).is_none(), "a bad version is tried once, not at every look");
    std::fs::create_dir(directory.path().join("d")).unwrap();
    let mut watched = Watched::new(&CONFIG, directory.path().join("d"), SETTLE);
    assert!(watched.poll(parse).is_none(), "just made");
    assert!(matches!(watched.poll(parse), Some(LoadOutcome::KeptLastGood(_))), "a directory is no file");
}

#[test]
fn the_thread_loads_what_comes_and_ends_when_told() {
    static CONFIG: Live<String> = Live::new("thread");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("features.csv");
    std::fs::write(&path, "one").unwrap();
    let watcher = CONFIG.watch(&path, Duration::from_millis(1), parse).unwrap();
    let wait_for = |text: &str| {
        let begun = Instant::now();
        while CONFIG.pin().is_none_or(|pin| pin.as_str() != text) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{text} was never loaded");
            std::thread::yield_now();
        }
    };
    wait_for("one");
    std::fs::write(&path, "two").unwrap();
    wait_for("two");
    drop(watcher);
    std::fs::write(&path, "three").unwrap();
    assert_eq!(CONFIG.pin().unwrap().as_str(), "two");
}

#[test]
fn more_than_the_bound_is_refused_unread() {
    static CONFIG: Live<String> = Live::new("large").read_bytes_max(1 << 20);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("large.csv");
    // A gibibyte that takes no room on disk.
    File::create(&path).unwrap().set_len(1 << 30).unwrap();
    let LoadOutcome::Rejected(refusal) = CONFIG.load_file(&path, parse) else { panic!("refused") };
    assert_eq!(refusal.reason, "limit");
    assert!(refusal.error.contains("1073741824") && refusal.hash.is_none(), "{refusal:?}");
    // What has no length ends at the bound.
    let LoadOutcome::Rejected(refusal) = CONFIG.load_file("/dev/zero", parse) else { panic!("refused") };
    assert_eq!(refusal.reason, "limit");
    File::create(&path).unwrap().set_len(1 << 20).unwrap();
    assert!(matches!(CONFIG.load_file(&path, parse), LoadOutcome::Applied(_)), "the control: what fits is read");
}

#[test]
fn one_can_go_back_to_a_version_that_served_long_enough() {
    static CONFIG: Live<String> = Live::new("back");
    let load = |text: &str| CONFIG.load_bytes(text.as_bytes(), &Origin::new(), parse);
    assert!(CONFIG.roll_back(Duration::ZERO).is_none());
    let (good, _bad) = (load("good"), load("bad"));
    assert!(CONFIG.roll_back(Duration::from_secs(3600)).is_none(), "it served for a moment only");
    let back = CONFIG.roll_back(Duration::ZERO).unwrap();
    assert_eq!((back.hash(), CONFIG.pin().unwrap().as_str()), (good.hash(), "good"));
    assert_ne!(back.tag(), good.tag(), "a new time of serving");
    assert_eq!((CONFIG.tag(), CONFIG.pin().unwrap().tag()), (back.tag(), back.tag()));
    let hashes: Vec<(Hash, bool)> =
        CONFIG.generations().iter().map(|Generation { hash, active, .. }| (*hash, *active)).collect();
    assert_eq!(hashes, [(Hash::of(b"good"), true), (Hash::of(b"bad"), false)]);
    // The same content once more is no new generation; the bad one again is.
    assert!(matches!(load("good"), LoadOutcome::Unchanged(_)));
    assert!(matches!(load("bad"), LoadOutcome::Applied(_)));
    assert_eq!(CONFIG.roll_back(Duration::ZERO).unwrap().hash(), good.hash());
}

#[test]
fn growth_against_what_serves_is_said() {
    static CONFIG: Live<String> = Live::new("growth");
    let load = |rows: usize| match CONFIG.load_bytes("a\n".repeat(rows).as_bytes(), &Origin::new(), parse) {
        LoadOutcome::Applied(evidence) => {
            evidence.findings.into_iter().filter(|said| said.contains("against")).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    assert!(load(60).is_empty(), "nothing to compare with");
    assert!(load(61).is_empty());
    assert_eq!(load(240), ["rows grew from 61 to 240 against the version that serves"]);
    assert_eq!(load(10), ["rows shrank from 240 to 10 against the version that serves"]);
}

#[derive(Debug)]
struct Records;

impl RowReader for Records {
    fn rows<'a>(&self, bytes: &'a [u8], visit: &mut dyn FnMut(&'a [u8])) {
        assert!(bytes.len() % 2 == 0, "odd");
        bytes.chunks(2).for_each(visit);
    }
}

#[test]
fn a_format_of_the_proxys_own_is_inspected_and_its_reader_may_panic() {
    static CONFIG: Live<usize> = Live::new("own-format").limit("rows", 2);
    let load = |bytes: &[u8]| match CONFIG
        .load_bytes(bytes, &Origin::new().rows(&Records), |bytes| Ok::<_, String>(bytes.len()))
    {
        LoadOutcome::Applied(evidence) => evidence,
        other => panic!("{other:?}"),
    };
    let evidence = load(b"\0a\0b\0a");
    assert_eq!(
        evidence.content.as_ref().map(|content| (content.rows, content.duplicate_rows)),
        Some((Some(3), Some(1)))
    );
    assert_eq!(evidence.findings[0], "rows = 3 exceeds the declared limit of 2");
    let evidence = load(b"\0a\0");
    assert!(evidence.content.is_none() && evidence.findings[0].contains("the row reader panicked"), "{evidence:?}");
}
