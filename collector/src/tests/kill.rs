//! An acknowledgement means "on disk": a collector is killed with SIGKILL in mid-load, again and again, and everything
//! that it acknowledged must be there. The control acknowledges before the commit, and must be caught.
//!
//! SIGKILL tests the process's own buffers. What a power cut takes from the database is in `faults`: the journal is what is
//! synced before an acknowledgement.

use super::support::{JSON, log_request, try_post};
use crate::export::{Form, Options, export_alone};
use crate::store::{SqliteStore, Store};
use crate::{Collector, Settings};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const DIRECTORY: &str = "FIRSTBAD_TEST_KILL_DIRECTORY";
const FAULT: &str = "FIRSTBAD_TEST_KILL_FAULT";
const SENDERS: usize = 4;
const ROUNDS: usize = 10;

/// What is different about the child.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    None,
    /// It acknowledges before the commit.
    EarlyAcknowledgement,
    /// Its time is what the file `now` in its directory says.
    WoundClock,
}

/// Where the child listens.
pub(super) struct Urls {
    pub(super) otlp: String,
    pub(super) api: String,
}

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let mut settings = Settings::on_free_ports(directory);
    match std::env::var(FAULT).unwrap().as_str() {
        "EarlyAcknowledgement" => settings.acknowledge_early = true,
        "WoundClock" => settings.clock = super::outage::wound_clock(settings.data_dir.join("now")),
        _ => {}
    }
    let collector = Collector::start(settings).unwrap();
    // Past the test harness, which keeps standard output to itself.
    writeln!(std::io::stderr(), "listening {} {}", collector.otlp_url(), collector.api_url()).unwrap();
    let mut line = String::new();
    let _ = std::io::stdin().read_line(&mut line);
}

pub(super) fn start_child(directory: &Path, fault: Fault) -> (Child, Urls) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::kill::child", "--nocapture"]);
    command.env(DIRECTORY, directory).env(FAULT, format!("{fault:?}"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("listening ").map(str::to_owned));
    let line = line.expect("the child says where it listens");
    let (otlp, api) = line.split_once(' ').unwrap();
    (child, Urls { otlp: otlp.to_owned(), api: api.to_owned() })
}

/// Sends from several threads, kills the child after `kill_after` acknowledgements, and returns what was acknowledged.
fn load_and_kill(directory: &Path, fault: Fault, round: usize, kill_after: usize) -> Vec<String> {
    let (mut child, Urls { otlp: url, .. }) = start_child(directory, fault);
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let (count, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| {
            let (url, acknowledged) = (format!("{url}/v1/logs"), Arc::clone(&acknowledged));
            let (count, stop) = (Arc::clone(&count), Arc::clone(&stop));
            std::thread::spawn(move || {
                for n in 0.. {
                    let id = format!("id-{round}-{sender}-{n}-");
                    // A connection that broke off is a request that was not acknowledged.
                    match try_post(&url, JSON, &log_request(&id)) {
                        Ok(answer) if answer.status == 200 => acknowledged.lock().unwrap().push(id),
                        _ => return,
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                }
            })
        })
        .collect();
    while count.load(Ordering::SeqCst) < kill_after {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.join().unwrap();
    }
    Arc::try_unwrap(acknowledged).unwrap().into_inner().unwrap()
}

/// How often each id stands in the journal of the store, whether or not the database had its commit.
fn stored(directory: &Path) -> BTreeMap<String, usize> {
    let (mut store, notices) = SqliteStore::open(directory, crate::settings::Clock::default().now()).unwrap();
    assert!(notices.is_empty(), "{notices:?}");
    let state = store.normaliser_state().unwrap();
    let ahead = state.ahead.into_iter().flat_map(|commit| commit.requests);
    let mut found = BTreeMap::new();
    for request in state.journal.into_iter().chain(ahead) {
        let text = String::from_utf8(request.body).unwrap();
        let id = text.split('"').find(|part| part.starts_with("id-")).unwrap();
        *found.entry(id.to_owned()).or_default() += 1;
    }
    found
}

/// How often each id stands in an export of the store that nobody has opened since.
fn exported(directory: &Path) -> BTreeMap<String, usize> {
    let (mut text, options) = (Vec::new(), Options { format: Form::Ndjson, ..Options::default() });
    export_alone(directory, &options, &mut |chunk| {
        text.extend(chunk);
        Ok(())
    })
    .unwrap();
    let mut found = BTreeMap::new();
    for line in String::from_utf8(text).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(id) = line["attributes"]["firstbad.change.id"].as_str() {
            *found.entry(id.to_owned()).or_default() += 1;
        }
    }
    found
}

fn lost(fault: Fault) -> (usize, usize) {
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let (mut lost, mut total) = (0, 0);
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let kill_after =
            20 + usize::try_from((seed.wrapping_mul(6_364_136_223_846_793_005) >> (round + 3)) % 150).unwrap();
        let acknowledged = load_and_kill(directory.path(), fault, round, kill_after);
        let shown = exported(directory.path());
        let found = stored(directory.path());
        assert_eq!(shown, found, "round {round}: an export has what the journal has");
        assert!(acknowledged.len() >= kill_after, "round {round} must have had a load");
        assert!(found.values().all(|n| *n == 1), "round {round}: something is there twice");
        total += acknowledged.len();
        lost += acknowledged.iter().filter(|id| !found.contains_key(*id)).count();
    }
    eprintln!("{ROUNDS} kills, {total} acknowledged, {lost} lost");
    (lost, total)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let (lost, total) = lost(Fault::None);
    assert_eq!(lost, 0, "of {total}");
}

#[test]
fn the_kill_test_would_notice_an_early_acknowledgement() {
    let (lost, total) = lost(Fault::EarlyAcknowledgement);
    assert!(lost > 0, "of {total} acknowledged before their commit none was lost: the test above proves nothing");
}
