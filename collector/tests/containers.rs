//! A container without a volume that the host sees: its recorder is read through its mount namespace, and its death is told
//! when nothing of it is left.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::recorder::{Export, RecorderSource};
use firstbad_instrument::{Live, Origin, Outcome};
use firstbad_protocol::time::Timestamp;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

static FEATURES: Live<usize> = Live::new("bot-features");

/// Runs only in children: lives until it is killed.
#[test]
fn child() {
    let Ok(directory) = std::env::var("FIRSTBAD_TEST_CHILD") else { return };
    let _recorder = firstbad_instrument::init().service("edge").recorder_dir(directory).install().unwrap();
    let parse = |bytes: &[u8]| Ok::<_, String>(bytes.len());
    FEATURES.load_bytes(b"a\n", &Origin::new(), parse).applied().unwrap();
    FEATURES.pin().unwrap().record(Outcome::Ok);
    println!("\nready");
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// A process in a mount namespace of its own, after it ran `prepare` there.
fn contained(prepare: &str, directory: &Path) -> Child {
    let run = format!("{prepare} && exec \"$0\" child --exact --nocapture --test-threads=1");
    let mut child = Command::new("unshare")
        .args(["--mount", "sh", "-c", &run])
        .arg(std::env::current_exe().unwrap())
        .env("FIRSTBAD_TEST_CHILD", directory)
        .env("DIRECTORY", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "ready"), "it ended too early");
    child
}

/// Names of the events that each recorder told.
fn poll(source: &mut RecorderSource) -> Vec<Vec<String>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let names = |export: Export| {
        assert!(export.metrics.is_some());
        let resources = export.logs.into_iter().flat_map(|logs| logs.resource_logs);
        let records = resources.flat_map(|resource| resource.scope_logs).flat_map(|scope| scope.log_records);
        let mut names: Vec<String> = records.map(|record| record.event_name).collect();
        names.sort();
        names
    };
    source.poll(Timestamp(i64::try_from(since.as_nanos()).unwrap())).into_iter().map(names).collect()
}

/// One after the other: descriptors are counted.
static ONE: Mutex<()> = Mutex::new(());

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn a_container_without_a_volume_is_read_and_its_death_is_told_when_it_is_gone() {
    if std::env::var("FIRSTBAD_TEST_CHILD").is_ok() {
        return;
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let private = "mount -t tmpfs tmpfs \"$DIRECTORY\"";
    let mut possible = Command::new("unshare");
    possible.args(["--mount", "sh", "-c", private]).env("DIRECTORY", directory.path());
    if !possible.output().is_ok_and(|output| output.status.success()) {
        eprintln!("not run: making a mount namespace needs root");
        return;
    }
    let before = descriptors();
    let mut child = contained(private, directory.path());
    let here = vec![directory.path().to_owned()];
    assert!(poll(&mut RecorderSource::new(here.clone())).is_empty(), "the control: the host does not see it");
    let mut source = RecorderSource::new(here).with_containers();
    let told = poll(&mut source);
    assert_eq!(told, [["firstbad.config.content", "firstbad.config.load", "firstbad.process.start"]]);
    source.commit();
    assert_eq!(poll(&mut source), [[""; 0]], "alive, and nothing new");

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(poll(&mut source), [["firstbad.process.exit"]], "its namespace is gone, and its file is not");
    source.commit();
    assert!(poll(&mut source).is_empty());
    drop(source);
    assert_eq!(descriptors(), before, "nothing of it is held any longer");
}

#[test]
fn a_volume_that_containers_and_host_share_is_read_once() {
    if std::env::var("FIRSTBAD_TEST_CHILD").is_ok() {
        return;
    }
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|output| output.status.success()) {
        eprintln!("not run: making a mount namespace needs root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut children = [contained("true", directory.path()), contained("true", directory.path())];
    let mut source = RecorderSource::new(vec![directory.path().to_owned()]).with_containers();
    assert_eq!(poll(&mut source).len(), 2, "each of the two recorders once");
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(poll(&mut source).len(), 2);
}
