//! The whole line with a real server: processes with the crate get bad files under real requests, are killed and restarted; real
//! agents report; a real collector draws the first screen. What is sent must be complete and right, and the screen must come to
//! say what `screens` holds. `FIRSTBAD_WRITE_GOLDEN=1` writes those files after twenty further reports.
//!
//! `./test` plays it with the server on axum, `.ci/pingora` with the one on Pingora (`FIRSTBAD_LINE_SERVER`). A lone `cargo test
//! -p firstbad-tests --test whole_line` needs `cargo build -p firstbad` and `cargo build -p firstbad-tests --example line-server`
//! first. `FIRSTBAD_LINE_KEEP=DIR` keeps what was sent, as captures for `firstbad diagnose`.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test may fail loudly")]

mod driver;
mod expected;
mod fault;
mod fleet;
mod ledger;
mod screen;
mod tap;

use fault::{Fault, SECRETS};
use fleet::{Fleet, Life, PATIENCE, Shape};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// Reports of each process before the fault. Chosen.
const HEALTHY: u32 = 15;
/// Reports between the faults of two hosts. Chosen: their own moments of load can be told apart.
const STAGGER: u32 = 3;
/// Reports after a fault that is none, through which the screen must stay calm. Chosen.
const CALM: u32 = 20;

/// Plays every fault in fleets of this shape, all at once: most of the time they wait for reports.
fn play_all(shape: Shape) {
    std::thread::scope(|scope| {
        let plays = Fault::ALL.map(|fault| (fault, scope.spawn(move || play(fault, shape))));
        let failed: Vec<Fault> =
            plays.into_iter().filter_map(|(fault, play)| play.join().is_err().then_some(fault)).collect();
        assert!(failed.is_empty(), "{failed:?} with {}; what each of them says is above", shape.name);
    });
}

#[test]
fn one_process() {
    play_all(Shape { name: "one-process", hosts: 1, processes_of_a_host: 1, hit: 1 });
}

#[test]
fn three_processes_of_one_host() {
    play_all(Shape { name: "three-processes", hosts: 1, processes_of_a_host: 3, hit: 2 });
}

#[test]
fn four_hosts() {
    play_all(Shape { name: "four-hosts", hosts: 4, processes_of_a_host: 1, hit: 3 });
}

fn play(fault: Fault, shape: Shape) {
    let mut fleet = Fleet::start(shape);
    fleet.wait_for_reports(HEALTHY);
    let before = screen::same_in_every_run(&screen::drawn(&fleet), fault, shape);
    assert!(before.contains("NO INCIDENT"), "{fault:?}, {}, before the fault: {before}", shape.name);
    for server in 0..shape.hit {
        // A rollout reaches hosts one after the other.
        if server > 0 && shape.hosts > 1 {
            fleet.wait_for_reports(STAGGER);
        }
        fault.strike(&mut fleet, server);
    }
    await_screen(&fleet, fault, shape);
    let lives = fleet.stop_clients();
    await_facts(&fleet, fault, shape, &lives);
    if let Some(directory) = std::env::var_os("FIRSTBAD_LINE_KEEP") {
        let path = Path::new(&directory).join(format!("{}-{}.jsonl", fault.name(), shape.name));
        fleet.tap.look(|taken| std::fs::write(path, &taken.capture)).expect("write");
    }
}

/// Waits until the screen says what it should. Where nothing is wrong, it must be calm all the time.
fn await_screen(fleet: &Fleet, fault: Fault, shape: Shape) {
    let look = || screen::same_in_every_run(&screen::drawn(fleet), fault, shape);
    let path = screen::expected(fault, shape);
    if std::env::var_os("FIRSTBAD_WRITE_GOLDEN").is_some() {
        fleet.wait_for_reports_of_any(CALM);
        std::fs::write(path, look()).expect("write");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("FIRSTBAD_WRITE_GOLDEN=1 writes it");
    let calm = if fault.is_none() { CALM } else { 0 };
    for _ in 0..calm {
        fleet.wait_for_reports(1);
        let seen = look();
        assert!(seen.contains("NO INCIDENT"), "{fault:?}, {}: {seen}", shape.name);
    }
    let start = Instant::now();
    let mut seen = look();
    while seen != expected {
        assert!(start.elapsed() < PATIENCE, "{}: the screen says\n{seen}and should say\n{expected}", path.display());
        std::thread::sleep(Duration::from_millis(300));
        seen = look();
    }
}

/// Waits until what was sent is complete and right.
fn await_facts(fleet: &Fleet, fault: Fault, shape: Shape, lives: &[Life]) {
    let start = Instant::now();
    loop {
        let found = faults(fleet, fault, shape, lives);
        if found.is_empty() {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{fault:?}, {}: {found:#?}", shape.name);
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What does not hold for what was sent.
fn faults(fleet: &Fleet, fault: Fault, shape: Shape, lives: &[Life]) -> Vec<String> {
    fleet.tap.look(|taken| {
        let mut found: Vec<String> = taken.refused.iter().map(|request| format!("refused: {request}")).collect();
        let processes = &taken.ledger.processes;
        let pids: BTreeSet<u32> = lives.iter().map(|life| life.pid).collect();
        if !processes.keys().eq(&pids) {
            found.push(format!("processes {:?}, expected {pids:?}", processes.keys()));
        }
        let identity = |life: &Life| processes.get(&life.pid)?.resource.get("service.instance.id");
        let identities: BTreeSet<_> = lives.iter().filter_map(identity).collect();
        if identities.len() != lives.len() {
            found.push(format!("{} processes with {} identities", lives.len(), identities.len()));
        }
        for life in lives {
            let expected = fault.expected(life, shape);
            found.extend(processes.get(&life.pid).into_iter().flat_map(|process| expected.faults(process)));
        }
        for secret in SECRETS.map(str::as_bytes) {
            if taken.bytes.windows(secret.len()).any(|window| window == secret) {
                found.push(format!("the secret {} was sent", String::from_utf8_lossy(secret)));
            }
        }
        found
    })
}
