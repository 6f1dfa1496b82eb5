//! Two readers of one host's recorders, an agent and an embedded collector: the second leaves them to the first and says so, so
//! that no panic is lost; it takes over when the first has ended.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

use firstbad_collector::recorder::{Export, RecorderError, RecorderSource};
use firstbad_instrument::PreviousHook;
use firstbad_protocol::time::Timestamp;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::SystemTime;

/// Processes that live one after another, as in a crash loop.
const LIVES: u64 = 12;
/// Panics of each.
const PANICS: u64 = 27;

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_nanos()).unwrap())
}

fn mode() -> Option<(String, PathBuf)> {
    let mode = std::env::var("FIRSTBAD_TEST_CHILD").ok()?;
    let (mode, directory) = mode.split_once(' ')?;
    Some((mode.to_owned(), PathBuf::from(directory)))
}

/// The panics of each process, as cumulative points count them.
#[derive(Default)]
struct Counted(BTreeMap<u64, i64>);

impl Counted {
    fn take(&mut self, exports: &[Export]) {
        let resources = exports.iter().flat_map(|export| export.metrics.iter().flat_map(|all| &all.resource_metrics));
        let metrics = resources.flat_map(|resource| resource.scope_metrics.iter().flat_map(|scope| &scope.metrics));
        for metric in metrics.filter(|metric| metric.name == "firstbad.panics") {
            let Some(Data::Sum(sum)) = &metric.data else { continue };
            for point in &sum.data_points {
                let Some(Value::AsInt(count)) = point.value else { continue };
                let of_life = self.0.entry(point.start_time_unix_nano).or_default();
                *of_life = count.max(*of_life);
            }
        }
    }

    fn panics(&self) -> i64 {
        self.0.values().sum()
    }
}

/// Runs only in children: a proxy that panics and dies, or a reader that obeys its parent.
#[test]
fn child() {
    match mode() {
        Some((mode, directory)) if mode == "proxy" => {
            let init = firstbad_instrument::init().service("edge").recorder_dir(directory);
            let _recorder = init.previous_hook(PreviousHook::Never).install().unwrap();
            for _ in 0..PANICS {
                assert!(std::panic::catch_unwind(|| panic!("in a request")).is_err());
            }
            std::process::abort();
        }
        Some((mode, directory)) if mode == "reader" => {
            let mut source = RecorderSource::new(vec![directory]);
            let mut counted = Counted::default();
            println!("ready");
            for _ in std::io::stdin().lines() {
                counted.take(&source.poll(now()));
                source.commit();
                println!("counted {}", counted.panics());
            }
        }
        _ => {}
    }
}

fn start(mode: &str, directory: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env("FIRSTBAD_TEST_CHILD", format!("{mode} {}", directory.display()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

struct Reader {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Reader {
    fn start(directory: &Path) -> Self {
        let mut child = start("reader", directory);
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut reader = Self { child, output };
        reader.line_with("ready");
        reader
    }

    fn line_with(&mut self, word: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the reader ended");
            if line.contains(word) {
                return line;
            }
        }
    }

    /// Lets it read once. Gives the panics that it has counted so far.
    fn poll(&mut self) -> i64 {
        writeln!(self.child.stdin.as_mut().unwrap()).unwrap();
        self.line_with("counted ").trim().rsplit(' ').next().unwrap().parse().unwrap()
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        self.child.wait().unwrap();
    }
}

#[test]
fn the_second_of_two_readers_leaves_all_panics_to_the_first_and_says_who_that_is() {
    if mode().is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut agent = Reader::start(directory.path());
    agent.poll();
    let mut second = RecorderSource::new(vec![directory.path().to_owned()]);
    let mut of_second = Counted::default();
    let mut of_agent = 0;
    for life in 0..LIVES {
        start("proxy", directory.path()).wait().unwrap();
        // Whoever comes first would claim the death.
        if life % 2 == 0 {
            of_agent = agent.poll();
        }
        of_second.take(&second.poll(now()));
        second.commit();
    }
    let expected = i64::try_from(LIVES * PANICS).unwrap();
    assert_eq!((agent.poll(), of_second.panics()), (expected, 0), "{of_agent} before the last look");
    let reader = i32::try_from(agent.child.id()).unwrap();
    let refused: Vec<RecorderError> = second.problems().cloned().collect();
    assert_eq!(
        refused,
        [RecorderError::ReadByAnother { directory: directory.path().to_owned(), process: Some(reader) }]
    );
    assert!(refused[0].to_string().contains(&format!("process {reader}")), "{}", refused[0]);
    // When the first has ended, the second takes over.
    agent.end();
    start("proxy", directory.path()).wait().unwrap();
    of_second.take(&second.poll(now()));
    assert_eq!((of_second.panics(), second.problems().count()), (i64::try_from(PANICS).unwrap(), 0));
}
