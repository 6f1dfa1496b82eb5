//! Every death, with panics that unwind and with panics that abort: what was recorded stays under its hash, the death is
//! attributed to the version that was active or being loaded, and the next process tells it, once.
//! `FIRSTBAD_RUNS=100 cargo test -p firstbad-instrument --test deaths -- --nocapture` lets each die a hundred times.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::Hash;
use firstbad_protocol::recorder::{RecorderImage, State};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const GOOD: &[u8] = b"a\nb\nc\n";
const BAD: &[u8] = b"a\nb\nc\na\nb\nc\n";

/// What is left of a process: fatal signal seen by itself, panics counted.
struct Left(Option<u8>, u64);

const SEGV: Option<u8> = Some(11);
const ABORT: Option<u8> = Some(6);
const BUS: Option<u8> = Some(7);

/// Death, what it leaves where panics unwind, and where they abort.
const DEATHS: [(&str, Left, Left); 18] = [
    ("panic", Left(None, 1), Left(ABORT, 1)),
    ("panic-in-a-guard", Left(None, 1), Left(ABORT, 1)),
    ("panic-in-a-poll", Left(None, 1), Left(ABORT, 1)),
    ("panic-in-a-drop", Left(None, 1), Left(ABORT, 1)),
    // The runtime panics a third time, to say that it cannot unwind.
    ("double-panic", Left(ABORT, 3), Left(ABORT, 1)),
    ("long-message", Left(None, 1), Left(ABORT, 1)),
    ("resume-unwind", Left(None, 0), Left(ABORT, 0)),
    ("abort", Left(ABORT, 0), Left(ABORT, 0)),
    ("exit", Left(None, 0), Left(None, 0)),
    ("stack-overflow", Left(SEGV, 0), Left(SEGV, 0)),
    ("stack-overflow-in-a-thread", Left(SEGV, 0), Left(SEGV, 0)),
    ("allocation-failure", Left(ABORT, 0), Left(ABORT, 0)),
    ("sigkill", Left(None, 0), Left(None, 0)),
    ("sigsegv", Left(SEGV, 0), Left(SEGV, 0)),
    ("sigbus", Left(BUS, 0), Left(BUS, 0)),
    ("loading", Left(ABORT, 0), Left(ABORT, 0)),
    // Those two say goodbye where a panic in a thread is no death.
    ("panic-in-a-thread", Left(None, 1), Left(ABORT, 1)),
    ("clean", Left(None, 0), Left(None, 0)),
];

fn runs() -> u32 {
    std::env::var("FIRSTBAD_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1)
}

/// The example `death`, built with panics that unwind or abort.
fn program(aborts: bool) -> &'static Path {
    static PROGRAMS: [OnceLock<PathBuf>; 2] = [const { OnceLock::new() }; 2];
    PROGRAMS[usize::from(aborts)].get_or_init(|| {
        let profile = if aborts { "abort" } else { "dev" };
        let output = Command::new(env!("CARGO"))
            .args(["build", "--package", "firstbad-instrument", "--example", "death", "--profile", profile])
            .args(["--message-format", "json"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let built = text.lines().find_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
        PathBuf::from(built.expect("an executable"))
    })
}

fn run(aborts: bool, how: &str, directory: &Path) -> Output {
    let mut command = Command::new(program(aborts));
    command.arg(how).env("FIRSTBAD_RECORDER_DIR", directory).env("RUST_BACKTRACE", "0");
    let output = common::finish(command);
    assert!(String::from_utf8_lossy(&output.stdout).contains("recorded"), "{how}: {output:?}");
    output
}

/// Lines in which the next process tells deaths.
fn told(directory: &Path) -> Vec<String> {
    let output = run(false, "tell", directory);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("told: ")).map(str::to_owned).collect()
}

fn check_counts(image: &RecorderImage, what: &str) {
    let of = |bytes: &[u8]| image.versions.iter().find(|version| version.hash == Some(Hash::of(bytes))).unwrap();
    let (good, bad) = (of(GOOD), of(BAD));
    assert_eq!((good.outcomes.ok, image.totals.ok), (100, 100), "{what}");
    assert_eq!(good.scores[0].buckets.iter().sum::<u64>(), 100, "{what}");
    assert_eq!(image.configs[0].active, Some(bad.uid), "{what}");
    assert_eq!((image.torn, image.damaged, image.dropped.len()), (0, 0, 0), "{what}");
    let under_bad: u64 = image.panic_pairs.iter().filter(|pair| pair.uid == bad.uid).map(|pair| pair.count).sum();
    assert_eq!(under_bad, image.panics, "{what}: every panic under the version that was active");
    if what.contains("guard") && what.contains("unwind") {
        assert_eq!(bad.outcomes.panic, 1, "{what}");
    }
    for panic in &image.panic_texts {
        assert!(panic.active.contains(&bad.uid) && !panic.message.is_empty(), "{what}: {panic:?}");
    }
}

fn check(aborts: bool, how: &str, left: &Left) {
    let what = format!("{how}, {}", if aborts { "abort" } else { "unwind" });
    let directory = tempfile::tempdir().unwrap();
    run(aborts, how, directory.path());
    let image = common::image(directory.path());
    check_counts(&image, &what);
    assert_eq!((image.signal, image.panics), (left.0, left.1), "{what}");
    let said_goodbye = how == "clean" || how == "panic-in-a-thread" && !aborts;
    assert_eq!(matches!(image.state, State::Clean(_)), said_goodbye, "{what}");
    let lines = told(directory.path());
    assert_eq!(lines.len(), usize::from(!said_goodbye), "{what}: {lines:?}");
    for line in lines {
        assert!(line.contains(&format!("active: bot-features={}", Hash::of(BAD))), "{what}: {line}");
        assert_eq!(line.contains("on signal"), left.0.is_some(), "{what}: {line}");
        let loading = format!("while loading bot-features {}", Hash::of(b"killer\n"));
        assert_eq!(line.contains(&loading), how == "loading", "{what}: {line}");
        assert_eq!(line.contains("the last:"), left.1 > 0, "{what}: {line}");
    }
    assert!(told(directory.path()).is_empty(), "{what}: told twice");
}

#[test]
fn every_death_is_attributed_to_the_right_version_and_told_once() {
    let runs = runs();
    for (how, unwinding, aborting) in &DEATHS {
        for (aborts, left) in [(false, unwinding), (true, aborting)] {
            for _ in 0..runs {
                check(aborts, how, left);
            }
        }
    }
    println!("{} deaths x unwind and abort x {runs} runs: all attributed", DEATHS.len());
}

#[test]
fn a_long_message_keeps_its_head_and_its_length() {
    let directory = tempfile::tempdir().unwrap();
    run(true, "long-message", directory.path());
    let image = common::image(directory.path());
    assert_eq!((image.panic_texts[0].message.len(), image.panic_texts[0].message_bytes), (4096, 5000));
}

#[test]
fn a_kill_for_memory_in_a_cgroup_leaves_everything() {
    let Some(cgroup) = Cgroup::make(64 << 20) else {
        eprintln!("not run: a memory cgroup cannot be made here");
        return;
    };
    for aborts in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > \"$0\"/cgroup.procs && exec \"$1\" out-of-memory"]).arg(&cgroup.0);
        command.arg(program(aborts)).env("FIRSTBAD_RECORDER_DIR", directory.path());
        let output = common::finish(command);
        let killed = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(killed, Some(9), "the kernel killed it: {output:?}");
        let image = common::image(directory.path());
        check_counts(&image, "out of memory");
        assert_eq!((image.signal, image.state), (None, State::Running));
        assert_eq!(told(directory.path()).len(), 1);
    }
}

/// A memory cgroup (version 1 or 2) of its own.
struct Cgroup(PathBuf);

impl Cgroup {
    fn make(bytes_max: u64) -> Option<Self> {
        let name = format!("firstbad-test-{}", std::process::id());
        for (root, limit) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let path = Path::new(root).join(&name);
            if std::fs::create_dir(&path).is_ok() {
                let made = Self(path);
                if std::fs::write(made.0.join(limit), bytes_max.to_string()).is_ok() {
                    return Some(made);
                }
            }
        }
        None
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_process_that_calls_exec_has_not_died() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(false, "exec", directory.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("told:"), "{text}");
    let states: Vec<State> =
        common::recorders(directory.path()).iter().map(|path| common::image_of(path).state).collect();
    assert!(states.len() == 2 && states.iter().all(|state| matches!(state, State::Clean(_))), "{states:?}");
}

#[test]
fn while_an_agent_lives_deaths_are_left_to_it() {
    let directory = tempfile::tempdir().unwrap();
    run(false, "abort", directory.path());
    let mark = directory.path().join(firstbad_protocol::recorder::AGENT_LOCK);
    std::fs::write(&mark, "").unwrap();
    let mut agent = Command::new("python3")
        .args(["-c", "import fcntl,sys\nf=open(sys.argv[1],'r+')\nfcntl.lockf(f,fcntl.LOCK_EX)\nprint('held',flush=True)\nsys.stdin.read()"])
        .arg(&mark)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    common::wait_for(&mut agent, "held");
    assert!(told(directory.path()).is_empty());
    agent.kill().unwrap();
    agent.wait().unwrap();
    assert_eq!(told(directory.path()).len(), 1, "the agent is gone");
}
