//! The kind of end that a recorder shows: on purpose, on request, with a failing status, or by a death.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may fail loudly"
)]

mod common;

use firstbad_instrument::{Config, Origin, Recorder};
use firstbad_protocol::recorder::Ending;
use std::ffi::c_void;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::SystemTime;

static ROUTES: Config = Config::new("routes");

/// Whether the process's own handler ran.
static HANDLED: AtomicBool = AtomicBool::new(false);
/// The previous handler. The process's own handler calls it first, as signal registries do.
static BEFORE: AtomicUsize = AtomicUsize::new(0);

const CLEAN: bool = true;
const DEATH: bool = false;
/// The expected reading where the C library reports the status.
const fn known(status: i32) -> Option<i32> {
    if cfg!(target_env = "gnu") { Some(status) } else { None }
}

/// For each mode of the child: whether it ended on purpose, the signal, the status.
const ENDINGS: [(&str, bool, Option<u8>, Option<i32>); 17] = [
    ("goodbye", CLEAN, None, known(0)),
    ("exit-0", CLEAN, None, known(0)),
    ("exit-3", DEATH, None, known(3)),
    ("goodbye-then-exit-1", DEATH, None, known(1)),
    ("declares-4", DEATH, None, Some(4)),
    ("declares-0", CLEAN, None, Some(0)),
    ("killed", DEATH, None, None),
    ("terminated", CLEAN, Some(15), None),
    ("interrupted", CLEAN, Some(2), None),
    ("hung-up", CLEAN, Some(1), None),
    ("drains", CLEAN, Some(15), known(0)),
    ("drains-with-an-earlier-handler", CLEAN, Some(15), known(0)),
    ("drains-and-exits-143", CLEAN, Some(15), known(143)),
    ("drains-and-fails", DEATH, None, known(1)),
    ("drains-and-aborts", DEATH, Some(6), None),
    ("reloads-on-hangup-and-is-killed", DEATH, None, None),
    ("ignores-and-exits-3", DEATH, None, known(3)),
];

extern "C" fn handler(signal: i32, info: *mut libc::siginfo_t, context: *mut c_void) {
    let before = BEFORE.load(SeqCst);
    if before != 0 && before != libc::SIG_IGN {
        // SAFETY: the handler before this one was installed with SA_SIGINFO and so has this signature.
        #[expect(unsafe_code, reason = "handlers are called by address")]
        let before: extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) = unsafe { std::mem::transmute(before) };
        before(signal, info, context);
    }
    HANDLED.store(true, SeqCst);
}

#[expect(unsafe_code, reason = "signals have no safe form in the standard library")]
fn handle(signal: i32, action: usize) {
    // SAFETY: the structures are valid; the handler calls only what may be called in one.
    unsafe {
        let mut new: libc::sigaction = std::mem::zeroed();
        let mut old: libc::sigaction = std::mem::zeroed();
        new.sa_sigaction = action;
        new.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(signal, &raw const new, &raw mut old), 0);
        BEFORE.store(old.sa_sigaction, SeqCst);
    }
}

#[expect(unsafe_code, reason = "signals have no safe form in the standard library")]
fn send(signal: i32) {
    // SAFETY: a system call that touches no memory.
    unsafe { libc::kill(libc::getpid(), signal) };
}

/// Sends the signal and waits for the process's own handler, or for the end.
fn send_and_wait(signal: i32) {
    send(signal);
    while !HANDLED.load(SeqCst) {
        std::thread::yield_now();
    }
}

fn install() -> Recorder {
    let recorder = firstbad_instrument::init().service("edge").install().unwrap();
    ROUTES.loading(b"/\n", &Origin::new()).applied();
    recorder
}

/// Runs only in children: ends in the way of its mode.
#[test]
fn child() {
    let Some(mode) = common::mode() else { return };
    let own = handler as extern "C" fn(i32, *mut libc::siginfo_t, *mut c_void) as usize;
    match mode.as_str() {
        "drains-with-an-earlier-handler" => handle(libc::SIGTERM, own),
        "ignores-and-exits-3" => handle(libc::SIGTERM, libc::SIG_IGN),
        // Under nohup, or in the background of a script, it would be ignored, and the process would wait for its end for ever.
        "hung-up" => handle(libc::SIGHUP, libc::SIG_DFL),
        "interrupted" => handle(libc::SIGINT, libc::SIG_DFL),
        _ => {}
    }
    let recorder = install();
    match mode.as_str() {
        "goodbye" => drop(recorder),
        "exit-0" => std::mem::forget(recorder),
        "exit-3" => std::process::exit(3),
        "goodbye-then-exit-1" => {
            drop(recorder);
            std::process::exit(1);
        }
        "declares-4" | "declares-0" => {
            recorder.ends_with(if mode == "declares-4" { 4 } else { 0 });
            send_and_wait(libc::SIGKILL);
        }
        "killed" => send_and_wait(libc::SIGKILL),
        "terminated" => send_and_wait(libc::SIGTERM),
        "interrupted" => send_and_wait(libc::SIGINT),
        "hung-up" => send_and_wait(libc::SIGHUP),
        "reloads-on-hangup-and-is-killed" => {
            handle(libc::SIGHUP, own);
            send_and_wait(libc::SIGHUP);
            send(libc::SIGKILL);
        }
        "ignores-and-exits-3" => {
            send(libc::SIGTERM);
            std::process::exit(3);
        }
        _ => drain(&mode, recorder, own),
    }
    // Exits directly: the test harness has threads and a status of its own.
    std::process::exit(0);
}

/// Finishes its work after a request to end.
fn drain(mode: &str, recorder: Recorder, own: usize) {
    if mode != "drains-with-an-earlier-handler" {
        handle(libc::SIGTERM, own);
    }
    send_and_wait(libc::SIGTERM);
    match mode {
        "drains-and-exits-143" => std::process::exit(143),
        "drains-and-fails" => std::process::exit(1),
        "drains-and-aborts" => std::process::abort(),
        _ => drop(recorder),
    }
}

fn now_ns() -> u64 {
    u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

#[test]
fn each_ending_is_recorded_correctly_and_the_next_process_reports_only_deaths() {
    if common::mode().is_some() {
        return;
    }
    for (mode, clean, signal, status) in ENDINGS {
        let directory = tempfile::tempdir().unwrap();
        let before = now_ns();
        let output = common::finish(common::child("child", mode, directory.path()));
        let image = common::image(directory.path());
        assert_eq!(image.ending(), Ending { clean, signal, status }, "{mode}: {output:?}");
        let sees_its_end = !matches!(mode, "killed" | "reloads-on-hangup-and-is-killed");
        assert_eq!(image.exited_ns.is_some(), sees_its_end, "{mode}");
        assert!(image.exited_ns.is_none_or(|at| (before..=now_ns()).contains(&at)), "{mode}: {:?}", image.exited_ns);
        let next = common::finish(common::child("next", "next", directory.path()));
        let told = String::from_utf8_lossy(&next.stdout).lines().filter(|line| line.contains("told: ")).count();
        assert_eq!(told, usize::from(!clean), "{mode}: {next:?}");
        if let (false, Some(status)) = (clean, status) {
            let said = format!("with status {status}");
            assert!(String::from_utf8_lossy(&next.stdout).contains(&said), "{mode}: {next:?}");
        }
    }
}

/// Runs only in children: the next process of the service.
#[test]
fn next() {
    if common::mode().as_deref() == Some("next") {
        for death in install().deaths() {
            println!("told: {death}");
        }
    }
}
