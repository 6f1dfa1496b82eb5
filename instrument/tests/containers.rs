//! Processes that share a directory: containers whose processes are all number 1, an old one that drains while the new one
//! serves, files that are no recorders. The living are left alone, each death is told once, junk harms nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Hash, Live, Origin};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

static FEATURES: Live<String> = Live::new("bot-features");

/// Tells whom it found dead, and lives until it is told how to end.
#[test]
fn child() {
    if common::mode().is_none() {
        return;
    }
    let init = firstbad_instrument::init().service("edge").capture_content(false);
    let recorder = init.recorder_dir(std::env::var("FIRSTBAD_RECORDER_DIR").unwrap()).install().unwrap();
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned);
    FEATURES.load_bytes(b"a\n", &Origin::new(), parse).applied().unwrap();
    // The harness has begun a line.
    println!();
    for death in recorder.deaths() {
        println!("told: {death}");
    }
    println!("fallback {:?}", recorder.fallback());
    println!("number {}", std::process::id());
    let mut word = String::new();
    std::io::stdin().read_line(&mut word).unwrap();
    if word.trim() == "abort" {
        std::process::abort();
    }
}

struct Proxy {
    child: Child,
    output: BufReader<ChildStdout>,
    /// What it said until it served.
    said: Vec<String>,
}

impl Proxy {
    fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut proxy = Self { child, output, said: Vec::new() };
        while !proxy.said.last().is_some_and(|line| line.starts_with("number")) {
            let mut line = String::new();
            assert_ne!(proxy.output.read_line(&mut line).unwrap(), 0, "it ended too early: {:?}", proxy.said);
            proxy.said.push(line.trim().to_owned());
        }
        proxy
    }

    fn told(&self) -> Vec<&String> {
        self.said.iter().filter(|line| line.starts_with("told:")).collect()
    }

    fn end(mut self, word: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{word}").unwrap();
        self.child.wait().unwrap();
    }
}

fn plain(directory: &Path) -> Command {
    common::child("child", "live", directory)
}

/// The same in a PID namespace of its own, as a container has.
fn contained(directory: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(["--pid", "--fork"])
        .arg(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture", "--test-threads=1"])
        .env("FIRSTBAD_TEST_CHILD", "live")
        .env("FIRSTBAD_RECORDER_DIR", directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

#[test]
fn two_containers_share_a_volume() {
    if common::mode().is_some() {
        return;
    }
    let possible = Command::new("unshare").args(["--pid", "--fork", "true"]).output();
    if !possible.is_ok_and(|output| output.status.success()) {
        eprintln!("not run: making a PID namespace needs root");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (Proxy::start(contained(directory.path())), Proxy::start(contained(directory.path())));
    for proxy in [&first, &second] {
        assert!(proxy.said.contains(&"number 1".to_owned()), "{:?}", proxy.said);
        assert!(proxy.told().is_empty(), "the other lives, though it has the same number: {:?}", proxy.said);
    }
    first.end("abort");
    let third = Proxy::start(contained(directory.path()));
    let told = third.told();
    let expected = format!("process 1 ended without a word on signal 6; active: bot-features={}", Hash::of(b"a\n"));
    assert!(told.len() == 1 && told[0].contains(&expected), "{told:?}");
    second.end("");
    third.end("");
}

#[test]
fn while_the_old_one_drains_the_new_one_tells_nothing() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let old = Proxy::start(plain(directory.path()));
    let new = Proxy::start(plain(directory.path()));
    assert!(new.told().is_empty());
    old.end("");
    let next = Proxy::start(plain(directory.path()));
    assert!(next.told().is_empty(), "the old one said goodbye: {:?}", next.said);
    new.end("abort");
    let last = Proxy::start(plain(directory.path()));
    assert_eq!(last.told().len(), 1, "the control: a death is told");
    next.end("");
    last.end("");
}

#[test]
fn files_that_are_no_recorders_are_left_alone() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = |number: u8| directory.path().join(format!("edge.{number:032x}.rec"));
    let mut foreign = b"FIRSTBAD".to_vec();
    foreign.extend_from_slice(&7_u64.to_ne_bytes());
    let kinds: [&[u8]; 4] = [b"", b"\x1b]52;c;junk", b"FIRSTBAD", &foreign];
    for (number, bytes) in (0..).zip(kinds) {
        std::fs::write(path(number), bytes).unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", path(9)).unwrap();
    // A recorder that was cut off, also within its tables.
    Proxy::start(plain(directory.path())).end("abort");
    let real =
        common::recorders(directory.path()).into_iter().find(|path| path.metadata().unwrap().len() > 4096).unwrap();
    let cut = std::fs::OpenOptions::new().write(true).open(&real).unwrap();
    cut.set_len(5000).unwrap();
    let proxy = Proxy::start(plain(directory.path()));
    assert!(proxy.told().is_empty() && proxy.said.contains(&"fallback None".to_owned()), "{:?}", proxy.said);
    proxy.end("");
    assert!((0..4).all(|number| path(number).exists()) && path(9).is_symlink() && real.exists());
}

#[test]
fn a_directory_that_cannot_be_used_is_said_and_harms_nothing() {
    if common::mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let open = directory.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    for (path, reason) in [(file, "is not a directory"), (open, "can be written by everybody")] {
        let proxy = Proxy::start(plain(&path));
        assert!(
            proxy.said.iter().any(|line| line.starts_with("fallback Some(") && line.contains(reason)),
            "{:?}",
            proxy.said
        );
        proxy.end("");
    }
    let proxy = Proxy::start(plain(directory.path()));
    assert!(proxy.said.contains(&"fallback None".to_owned()), "the control: {:?}", proxy.said);
    proxy.end("");
}
