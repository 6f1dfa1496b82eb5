//! The stage alone, with real processes: it serves and alternates, a killed process is replaced in the count, and nothing
//! outlives the parent, however it ends. A binary of its own, because the processes are this program started again.

#![expect(clippy::unwrap_used, reason = "a test; `harness = false` hides that from clippy")]

use firstbad_demo::{CHILD_COMMAND, Home, Phase, Scenario, Settings, Stage};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// First argument of the program when it plays a parent that will be killed.
const PARENT: &str = "parent-to-be-killed";
/// Longest wait for something that takes a second or two on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some(CHILD_COMMAND) => return firstbad_demo::child(arguments.get(1..).unwrap_or_default()),
        Some(PARENT) => {
            play_until_killed();
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    the_fleet_serves_and_everything_ends_with_the_stage();
    nothing_outlives_a_parent_that_is_killed();
    println!("test result: ok. 2 passed");
    ExitCode::SUCCESS
}

fn home() -> Arc<Home> {
    Arc::new(Home::create(&std::env::current_exe().unwrap(), false).unwrap())
}

fn start(home: &Arc<Home>) -> Stage {
    let settings = Settings { scenario: Scenario::November, seed: 1, otlp_http: None };
    Stage::start(Arc::clone(home), settings).unwrap()
}

/// Waits until `what` holds; the condition is asked again and again, no time is assumed.
fn wait_until(claim: &str, mut what: impl FnMut() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < PATIENCE, "not so after {PATIENCE:?}: {claim}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes of this machine that were started with `directory` in their arguments.
fn processes_of(directory: &Path) -> usize {
    let name = directory.to_string_lossy().into_owned();
    let of = |path: PathBuf| std::fs::read(path.join("cmdline")).unwrap_or_default();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    processes.filter(|process| String::from_utf8_lossy(&of(process.path())).contains(&name)).count()
}

fn the_fleet_serves_and_everything_ends_with_the_stage() {
    let home = home();
    let directory = home.path().to_owned();
    let stage = start(&home);
    wait_until("every host answers and has loaded both configs", || {
        let truth = stage.truth();
        truth.served.len() == 24 && truth.served.values().all(|served| served.ok > 20) && !truth.good.is_empty()
    });
    assert_eq!(stage.phase(), Phase::Calm);
    assert_eq!(processes_of(&directory), 25, "24 proxies and the janitor");
    let recorders = std::fs::read_dir(home.recorders()).unwrap().filter_map(Result::ok);
    let recorders = recorders.filter(|file| file.path().extension().is_some_and(|kind| kind == "rec")).count();
    assert_eq!(recorders, 24, "a recorder for each process");
    let truth = stage.stop();
    assert_eq!(truth.trouble, None);
    assert!(truth.bad.is_empty() && truth.served.values().all(|served| served.panicked == 0), "{truth:?}");
    drop(home);
    assert!(!directory.exists(), "{} is still there", directory.display());
    assert_eq!(processes_of(&directory), 0);
}

fn play_until_killed() {
    let home = home();
    let stage = start(&home);
    wait_until("the fleet serves", || stage.phase() != Phase::Starting);
    println!("{}", home.path().display());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn nothing_outlives_a_parent_that_is_killed() {
    let mut parent: Child = Command::new(std::env::current_exe().unwrap())
        .arg(PARENT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let directory = PathBuf::from(line.trim());
    assert!(directory.is_absolute() && processes_of(&directory) == 25, "{line}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("every process is gone", || processes_of(&directory) == 0);
    assert!(!directory.exists(), "{} is still there", directory.display());
}
