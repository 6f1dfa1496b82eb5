//! `firstbad backup` while a collector is written to, and `firstbad gate` against it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

use firstbad_tests::capture::{Fault, Fleet, hash_of};
use firstbad_tests::collector::{Collector, wait_for};
use firstbad_tests::command::{argument, errors, run};
use std::path::Path;

fn export(directory: &Path) -> Vec<u8> {
    let output = run(&["export", "--format", "ndjson", "--data-dir", argument(directory)]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    output.stdout
}

/// Names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("directory").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_backup_made_while_reports_come_is_a_whole_store_that_a_collector_starts_from() {
    let directory = tempfile::tempdir().expect("directory");
    let (store, copies) = (directory.path().join("store"), directory.path().join("copies"));
    std::fs::create_dir(&copies).expect("directory");
    let restored = directory.path().join("restored");
    std::fs::create_dir(&restored).expect("directory");
    let lines = Fleet::OVERSIZED.lines();
    let lines: Vec<&str> = lines.lines().collect();
    let (before, meanwhile) = lines.split_at(lines.len() / 2);
    let mut collector = Collector::start(&store);
    collector.send(before.iter().copied());
    let acknowledged = run(&["export", "--format", "ndjson", "--collector", &collector.api_url()]).stdout;
    let file = copies.join("a.db");
    let made = std::thread::scope(|scope| {
        scope.spawn(|| collector.send(meanwhile.iter().copied()));
        run(&["backup", argument(&file), "--collector", &collector.api_url()])
    });
    assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
    assert_eq!(names(&copies), ["a.db"], "nothing else is left");
    collector.kill();

    std::fs::copy(&file, restored.join("firstbad.db")).expect("restore");
    let copied = export(&restored);
    assert!(copied.starts_with(&acknowledged), "what was acknowledged before it began is in it");
    assert!(export(&store).starts_with(&copied), "and nothing that was not stored");
    let collector = Collector::start(&restored);
    collector.send(meanwhile.iter().copied());
    let whole = run(&["export", "--format", "ndjson", "--collector", &collector.api_url()]).stdout;
    let kinds = |text: &[u8]| String::from_utf8_lossy(text).matches(r#""kind":"row""#).count();
    assert_eq!(kinds(&whole), kinds(&export(&store)), "it goes on where the copy ends, and repeats count once");
}

#[test]
fn a_backup_that_cannot_be_made_leaves_nothing() {
    let directory = tempfile::tempdir().expect("directory");
    let (store, kept) = (directory.path().join("store"), directory.path().join("kept"));
    drop(Collector::start(&store));
    std::fs::write(&kept, "precious").expect("write");
    let nowhere = directory.path().join("no/such/place");
    let cases = [
        (argument(&kept), argument(&store), "is there already", "hint: name another file"),
        (argument(&nowhere), argument(&store), "cannot write the backup", "hint: name a file in a directory"),
        ("x.db", argument(directory.path()), "there is no store in", "hint: run it on the collector's machine"),
    ];
    for (file, data, wanted, hint) in cases {
        let output = run(&["backup", file, "--data-dir", data]);
        assert_eq!(output.status.code(), Some(2), "{file}");
        assert!(errors(&output).contains(wanted) && errors(&output).contains(hint), "{file}: {}", errors(&output));
    }
    assert_eq!(std::fs::read_to_string(&kept).expect("kept"), "precious");
    let damaged = directory.path().join("damaged");
    std::fs::create_dir(&damaged).expect("directory");
    std::fs::write(damaged.join("firstbad.db"), vec![7; 8192]).expect("write");
    let output = run(&["backup", argument(&directory.path().join("y.db")), "--data-dir", argument(&damaged)]);
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    let mut left = names(directory.path());
    left.sort();
    assert_eq!(left, ["damaged", "kept", "store"], "neither a file nor a part of one");
}

#[test]
fn a_gate_stops_a_bad_version_lets_a_good_one_go_and_says_what_it_cannot_know() {
    let now_s =
        std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let start_s = i64::try_from(now_s).expect("before 2262") - 240;
    let fleet = Fleet { start_s, hosts: 18, interval_s: 2, intervals: 120, fault_at: 70, ..Fleet::OVERSIZED };
    let gate = |collector: &str, hash: &str| {
        let output =
            run(&["gate", "--config", "bot-features", "--hash", hash, "--for", "2s", "--collector", collector]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let [broken, calm] = [Fault::Oversized, Fault::None].map(|fault| {
        let directory = tempfile::tempdir().expect("directory");
        let collector = Collector::start(directory.path());
        collector.send(Fleet { fault, ..fleet }.lines().lines());
        (directory, collector)
    });
    wait_for("an incident", || broken.1.incidents().into_iter().find(|incident| incident["verdict"] == "cause"));
    let (code, text) = gate(&broken.1.api_url(), &hash_of("pushed"));
    assert!(code == Some(1) && text.starts_with("BAD: bot-features"), "{code:?}: {text}");
    let (code, text) = gate(&calm.1.api_url(), &hash_of("good"));
    assert!(code == Some(0) && text.starts_with("GO: ") && text.contains("on 18 hosts"), "{code:?}: {text}");
    let (code, text) = gate(&calm.1.api_url(), &hash_of("never"));
    assert!(code == Some(2) && text.contains("none of 18 reporting hosts has it active"), "{code:?}: {text}");
    let (code, text) = gate("http://127.0.0.1:1", &hash_of("good"));
    assert!(code == Some(2) && text.starts_with("NOT KNOWN: ") && text.contains("127.0.0.1:1"), "{code:?}: {text}");
}
